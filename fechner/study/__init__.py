"""A study from rated images to a tested claim: its file, what is done, the order of its steps."""
