"""The importance-driven JPEG encoder."""
