"""Predicted against observed harm."""
