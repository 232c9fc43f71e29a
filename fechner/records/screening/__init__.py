"""What screening sees of participants."""
