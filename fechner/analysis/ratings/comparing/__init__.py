"""Contrasts of any conditions, one by one, in families, and their interactions."""
