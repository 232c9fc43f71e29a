"""Rated image sets: table formats, public sets, label distributions, photographs."""
