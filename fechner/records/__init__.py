"""Every file that passes between rooms: one reader, one writer, one check for each."""
