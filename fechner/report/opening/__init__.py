"""What a report begins with: the numbers that say something, and what was rated."""
