"""What networks and ratings say: `network` (channels, maps, layers) and `ratings` (statistics)."""
