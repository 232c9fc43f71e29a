"""Regions, degradations, matching, importance-driven coding, quality metrics."""
