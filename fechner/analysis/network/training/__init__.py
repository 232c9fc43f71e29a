"""Fitting a network to ratings."""
