"""Differences between conditions, by every model that a design allows."""
