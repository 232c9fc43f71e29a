"""``fechner data import``: public sets, and ratings from anybody's table."""
