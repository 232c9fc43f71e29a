"""Studies that compare coded files."""
