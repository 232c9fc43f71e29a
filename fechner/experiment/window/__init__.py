"""The real window: all that knows PsychoPy and Xvfb."""
