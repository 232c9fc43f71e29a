"""What maps were found to be worth, and the maps and marks of others that they are held against."""
