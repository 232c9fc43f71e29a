"""fechner finds out which parts of an image matter for how good it looks, and proves it on people.

The rooms, from the ground up: ``data`` and ``protocols``, then ``analysis`` and
``compression``, then ``stimuli``, then ``experiment`` and ``report``, then
``study`` (the order of the steps) and ``cli``. A room imports only from below.
"""

__version__ = "0.1.0"
