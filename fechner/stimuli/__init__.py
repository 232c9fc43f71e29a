"""Stimulus sets: building, verifying, contact sheets, and the records a session reads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
