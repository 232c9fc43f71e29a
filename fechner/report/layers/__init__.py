"""The page of a layer study and its figures."""
