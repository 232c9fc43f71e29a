"""`fechner maps check`, `judge` and `against-people`."""
