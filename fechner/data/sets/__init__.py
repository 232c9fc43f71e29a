"""Public rated sets, read from their folders as published."""
