"""Stimulus sets: building, verifying, contact sheets, and the records a session reads."""
