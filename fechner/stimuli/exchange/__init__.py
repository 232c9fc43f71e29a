"""Stimulus sets that come from elsewhere, and sets that leave."""
