"""Whole folders of pictures, and what a map is worth on them."""
