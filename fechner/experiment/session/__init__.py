"""The session from consent to thanks."""
