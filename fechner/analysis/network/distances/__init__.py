"""How far a distorted image is from its reference, inside a network and by known metrics."""
