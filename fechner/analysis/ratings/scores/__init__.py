"""One number a stimulus, with its interval."""
