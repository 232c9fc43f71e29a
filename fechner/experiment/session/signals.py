"""Signals that end a session: turned into an ordinary end, never in the middle of a line."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fechner.experiment.display import SessionQuitError

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C, a request to end, a terminal that went away; on Windows the last stands for the third."""

ENDING = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))


class _Ending:
    """Whether a line is being written, and which signal came meanwhile."""

    def __init__(self) -> None:
        self.blocks = 0
        self.holding = 0
        # It stays until the session has ended: drawing code may swallow the first exception.
        self.waiting: int | None = None

    def come(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: end now, or after the line that is being written."""
        del frame
        self.waiting = number
        if self.holding:
            return
        name = signal.Signals(number).name
        raise SessionQuitError(
            f"the session was ended by {name}; everything that was answered is kept, run it again "
            "to go on"
        )


_ending = _Ending()


@contextmanager
def ending_signals() -> Iterator[None]:
    """Turn the signals of `ENDING` into `SessionQuitError` while the block runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, _ending.come) for one in ENDING}
    _ending.blocks += 1
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        _ending.blocks -= 1
        if not _ending.blocks:
            _ending.waiting = None


@contextmanager
def held() -> Iterator[None]:
    """Hold back the ending signals while the block runs; they come at its end, and again.

    A mask of the thread would not do: another thread could take the signal, and its
    Python handler would still run here.
    """
    _ending.holding += 1
    try:
        yield
    finally:
        _ending.holding -= 1
    if not _ending.holding and _ending.waiting is not None:
        _ending.come(_ending.waiting, None)
