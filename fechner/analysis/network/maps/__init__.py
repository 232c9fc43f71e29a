"""Importance maps: what is kept of a network, projected back onto the image."""
