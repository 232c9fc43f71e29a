"""What the commands of `fechner stats` share, and the commands themselves."""
