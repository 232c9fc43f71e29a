"""Every file that passes between rooms: one reader, one writer, one check for each."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
