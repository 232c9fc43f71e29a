"""Regions of high and low importance that are alike in everything else."""
