"""How a network's similarities agree with people's, and what each channel does for it."""
