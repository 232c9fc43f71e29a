"""SIMULATED participants: what they answer, and who presses keys and clicks for them."""
