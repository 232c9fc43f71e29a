"""The verdict on the claim."""
