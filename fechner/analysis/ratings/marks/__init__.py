"""Marks of many people made into importance maps, and how far people agree on them."""
