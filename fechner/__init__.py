"""fechner finds out which parts of an image matter for how good it looks, and proves it on people.

The rooms, from the ground up: ``data`` and ``protocols``, then ``analysis`` and
``compression``, then ``stimuli``, then ``experiment`` and ``report``, then
``study`` (the order of the steps) and ``cli``. A room imports only from below.
"""

import lazy_loader

from fechner.threads import let_waiting_threads_sleep

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"

let_waiting_threads_sleep()
