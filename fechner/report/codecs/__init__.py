"""The report of a study that compares coded files."""
