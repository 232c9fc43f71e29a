"""SIMULATED participants: what they answer, and the hands that answer for them."""
