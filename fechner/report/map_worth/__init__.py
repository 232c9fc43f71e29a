"""Figures of what maps are worth beside their rivals."""
