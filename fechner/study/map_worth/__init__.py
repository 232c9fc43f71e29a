"""The steps of judging maps: which maps, by pairs, by marks of people, by their own model."""
