"""Sets of channels and every way of choosing among them."""
