"""What was claimed, and what the ratings say of it."""
