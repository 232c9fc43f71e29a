"""Trial plan, journal, session loop, the PsychoPy window, simulated observers, exports."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
