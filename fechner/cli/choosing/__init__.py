"""What the commands for channels share: their words, their evidence, and pairs."""
