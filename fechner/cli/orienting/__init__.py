"""Commands that say where one is: what to begin with, what a folder is, what a machine has."""
