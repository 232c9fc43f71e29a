"""What the pages of all kinds of studies share: their frame, and the records that they name."""
