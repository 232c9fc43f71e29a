"""One stimulus: the row that it has in the table of its set."""
