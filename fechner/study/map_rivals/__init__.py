"""The maps that a study's map has to predict better than: made with its network, or brought."""
