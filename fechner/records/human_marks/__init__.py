"""What people marked in images, as a table, and what models' maps are worth against it."""
