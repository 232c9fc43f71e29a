"""Tested contrasts, one by one and in families."""
