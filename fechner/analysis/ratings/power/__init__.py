"""How many images and people a study needs."""
