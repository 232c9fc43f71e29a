"""The screen a window opens on: the machine's own, or an Xvfb that we start and end.

Linux without a display (a server, a container, continuous integration) gets one
virtual screen a process, on a free display number, ended when the process ends,
however it ends. Windows and macOS always have a screen of their own.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fechner.errors import MissingPartError
from fechner.experiment.window.monitors import remote_session, shown_by_monitor

START_LIMIT_S = 20.0
"""Seconds within which Xvfb must name its display."""

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a child gets when its parent dies."""


@dataclass
class ScreenServer:
    """A display to open windows on; `process` is the Xvfb that is ours, or None."""

    display: str
    process: subprocess.Popen[bytes] | None = None
    without_monitor: bool = False

    @property
    def virtual(self) -> bool:
        """Whether no monitor of this machine shows it: our own Xvfb, or any other such server."""
        return self.process is not None or self.without_monitor

    def end(self) -> None:
        """End the Xvfb if it is ours; calling it twice does no harm."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


_server: ScreenServer | None = None
_lock = threading.Lock()


def screen_server(size: tuple[int, int] = (1600, 1200)) -> ScreenServer:
    """Return the process's screen, starting an Xvfb of `size` pixels where there is none.

    A window library holds on to the display it first connected to, so one process
    keeps one screen until it ends; ``DISPLAY`` is set for it.

    Raises
    ------
    MissingPartError
        If there is neither a display nor an Xvfb that starts.
    """
    global _server
    with _lock:
        if _server is None or (_server.process and _server.process.poll() is not None):
            _server = own_display() or start_xvfb(size)
            if _server.process is not None:
                os.environ["DISPLAY"] = _server.display
                os.environ.pop("WAYLAND_DISPLAY", None)
                atexit.register(_server.end)
        return _server


def own_display() -> ScreenServer | None:
    """Return the display that this process was started in; None where there is none."""
    if not sys.platform.startswith("linux"):
        return ScreenServer("native", without_monitor=remote_session())
    name = os.environ.get("DISPLAY", "")
    monitor = shown_by_monitor(name) if name else None
    return None if monitor is None else ScreenServer(name, without_monitor=not monitor)


def start_xvfb(size: tuple[int, int]) -> ScreenServer:
    """Start an Xvfb of `size` (width, height) pixels on a free display number.

    Raises
    ------
    MissingPartError
        If Xvfb is not installed or does not start.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise MissingPartError(
            "no display was found and Xvfb is not installed; run from a desktop, or install the "
            "packages xvfb libgl1 libegl1 libglu1-mesa libgl1-mesa-dri, or use --no-window"
        )
    read_end, write_end = os.pipe()
    width, height = size
    arguments = [program, "-displayfd", str(write_end), "-screen", "0", f"{width}x{height}x24"]
    try:
        process = subprocess.Popen(
            [*arguments, "-nolisten", "tcp", "-noreset"],
            pass_fds=(write_end,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )
        os.close(write_end)
        write_end = -1
        number = _read_line(read_end, START_LIMIT_S)
    finally:
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)
    server = ScreenServer(f":{number}", process)
    if not number:
        server.end()
        raise MissingPartError(
            f"Xvfb was started but named no display within {START_LIMIT_S:.0f} s; "
            "try it by hand: Xvfb -displayfd 1"
        )
    return server


def _end_with_parent() -> Callable[[], None]:
    """Return a function, run in the child, that ties its life to ours even on kill -9."""
    libc = ctypes.CDLL(None, use_errno=True)

    def tie() -> None:
        with suppress(Exception):
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return tie


def _read_line(descriptor: int, limit_s: float) -> str:
    """Read one line from a pipe; empty when nothing comes within the limit."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], limit_s)
        piece = os.read(descriptor, 64) if ready else b""
        if not piece:
            return ""
        line += piece
    return line.decode().strip()
