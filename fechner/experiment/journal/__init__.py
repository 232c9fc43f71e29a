"""The journal as it is written: one line a trial, on the disk before the next."""
