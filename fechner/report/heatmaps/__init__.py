"""How one map is drawn beside its image."""
