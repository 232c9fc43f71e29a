"""What importance maps are worth beside their rivals: for people, and for their own model."""
