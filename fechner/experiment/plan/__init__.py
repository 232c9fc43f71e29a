"""What is shown to whom in which order, known before the session begins."""
