"""Ratings from anybody's table: files, layouts, columns and answers become `Ratings`."""
