"""Image files: every reader of fechner sees the same sRGB pixels, or a refusal."""
