"""Degradations of known family and strength, matched in what they remove."""
