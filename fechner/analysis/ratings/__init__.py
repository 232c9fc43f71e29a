"""Screening, MOS, mixed models, power, predicted against observed harm."""
