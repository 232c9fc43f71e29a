"""The charts of a study's page, each for wide and narrow screens and to be taken along."""
