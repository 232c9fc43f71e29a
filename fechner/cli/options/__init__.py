"""Options that several rooms of the command line share."""
