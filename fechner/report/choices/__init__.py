"""Pictures of answers of two kinds: scales, thresholds, detection."""
