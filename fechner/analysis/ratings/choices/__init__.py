"""Answers of one of two kinds: comparisons, thresholds, real or generated."""
