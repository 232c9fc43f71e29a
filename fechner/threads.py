"""Threads of the numerical libraries, on machines that also do other work.

BLAS shares out every product among all cores, and its threads wait for each other by
spinning. Where a matrix is small the waiting is most of the work, and where another
program has one of the cores it is nearly all of it: fitting one mixed model (30
participants, 24 images) took 1.17 s beside two busy programs on two cores, and 0.07 s with
one thread; the inner products of 512 channels of 145 images 3.2 s and 0.26 s. One thread
also adds up in the same order on every machine, whatever its cores.

Products of large matrices (all features of all images) keep their threads.

The threads of OpenMP, which runs torch, spin as well, unless they are told to sleep before
it is loaded. Then one image through EfficientNet-Lite0 beside two busy programs takes 0.25
s instead of 2.0 s, and on two cores of which nobody wants more than one 0.04 s instead of
0.18 s.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ContextDecorator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

LARGE = 1000
"""Rows from which a product gains from several threads on a machine with nothing else to do."""

_lock = threading.Lock()
_inside = 0
_limits: Any = None


class small_matrices(ContextDecorator):  # noqa: N801 - used as a function is
    """A block, or a decorated function, in which BLAS takes one thread.

    Parameters
    ----------
    rows
        Rows of the matrices, where a caller may have large ones: from `LARGE` rows on, the
        block changes nothing.

    The number of threads belongs to the process. So blocks are counted: the first one in
    sets it, the last one out puts it back, in whatever order threads come and go (two blocks
    of `threadpoolctl` itself that overlap leave one thread behind for good). A large product
    that another thread computes meanwhile has one thread, too. Entering a block takes some
    30 microseconds, inside another one 1.
    """

    def __init__(self, rows: int = 0) -> None:
        self.small = rows < LARGE

    def __enter__(self) -> None:
        global _inside, _limits
        if not self.small:
            return
        with _lock:
            if _inside == 0:
                _limits = _controller(_blas_libraries()).limit(limits=1, user_api="blas")
                _let_any_thread_set_the_number()
            _inside += 1

    def __exit__(self, *_: object) -> None:
        global _inside, _limits
        if not self.small:
            return
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limits.restore_original_limits()
                _limits = None
                _let_any_thread_set_the_number()


def _let_any_thread_set_the_number() -> None:
    """Undo that threadpoolctl lets only the thread that set a limit lift it."""
    from threadpoolctl import OpenBLASController

    OpenBLASController.clear_controlling_thread()


def _blas_libraries() -> tuple[bool, ...]:
    """Return which of the packages that bring a BLAS of their own are loaded."""
    return tuple(name in sys.modules for name in ("numpy", "scipy.linalg"))


@cache
def _controller(loaded: tuple[bool, ...]) -> ThreadpoolController:
    """Return what sets the threads of the libraries that are `loaded`; finding them takes 8 ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def let_waiting_threads_sleep() -> None:
    """Let the threads of OpenMP sleep while they wait; it must not have been loaded yet.

    What the user's environment says of it stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def limit_threads_from_the_start(threads: int) -> None:
    """Give numerical libraries `threads` threads each, before this process first loads them."""
    for name in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{name}_THREADS", str(threads))


def share_threads(threads: int) -> None:
    """Give numerical libraries `threads` threads each, whether this process has loaded them or not.

    For processes that others started: a Dask worker begins with one thread for each library,
    whatever its cores, and OpenCV with all.
    """
    for name in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        os.environ[f"{name}_THREADS"] = str(threads)
    os.environ["OPENCV_FOR_THREADS_NUM"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)
    if "numpy" in sys.modules:
        _controller(_blas_libraries()).limit(limits=threads, user_api="blas")
