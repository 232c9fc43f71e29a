"""Shown frames read back from the window and compared with their files, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fechner.errors import RefusedError

if TYPE_CHECKING:
    from fechner.experiment.display import Frame
    from fechner.experiment.window.frames import UploadedFrame
    from fechner.experiment.window.window import Window

Verify = Literal["first", "all", "none"]
"""Which frames are read back."""


class ReadBack:
    """What `verify` says is read back from a window."""

    def __init__(self, window: Window, verify: Verify) -> None:
        self._window, self._verify, self._verified = window, verify, 0

    def difference(self, ready: UploadedFrame, frame: Frame) -> int | None:
        """Read a frame back while it stands; return its largest difference, None if not wanted.

        Raises
        ------
        RefusedError
            If it differs from its images by a single level.
        """
        wanted = self._verify == "all" or (self._verify == "first" and not self._verified)
        if not wanted or frame.mask:
            return None
        ready.draw()
        difference = ready.difference(self._window.read_back())
        self._window.clear()
        self._verified += 1
        if difference:
            raise RefusedError(
                f"the window shows {', '.join(p.name for p in frame.images)} changed by up to "
                f"{difference} levels of 255; switch off colour management, scaling and night "
                "light for this screen, and run the checks again"
            )
        return difference
