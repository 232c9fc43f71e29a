"""Whether a map depends on what it is said to come from: controls that need the network."""
