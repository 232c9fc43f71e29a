"""One call for every file format, and the formats other than JPEG."""
