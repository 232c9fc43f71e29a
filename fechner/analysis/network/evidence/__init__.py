"""What a choice of channels is worth on images that took no part in it."""
