"""A study from rated images to a tested claim: its file, what is done, the order of its steps."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
