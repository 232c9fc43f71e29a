"""Activations, similarity, alignment, channel impact, pruning, importance maps, layer studies."""
