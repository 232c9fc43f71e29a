"""Rated image sets: table formats, public sets, label distributions, photographs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
