"""What a screen looks like, and the state of its questions; nothing here opens a window."""
