"""What a study gives to a paper: methods and results in words, and every table exactly."""
