"""How far participants agree, what that allows a model to reach, and how many are needed."""
