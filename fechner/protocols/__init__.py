"""Rating protocols as data: TOML files and their schema."""
