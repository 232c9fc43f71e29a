"""Layer studies: what one was told, and what it found."""
