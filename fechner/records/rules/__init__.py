"""What a study declares before its first participant."""
