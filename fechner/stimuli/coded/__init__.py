"""Stimulus sets of coded files: arms, their matching, and the set."""
