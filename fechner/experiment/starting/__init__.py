"""What happens before the first trial: checks, the first lines of the journal, the window."""
