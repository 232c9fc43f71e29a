"""Networks, their weights, and what their layers say of each image."""
