"""How wide the maps of people's marks are smoothed: a Gaussian's SD in degrees or in pixels.

Half a degree of visual angle is the default, because a click is not placed more exactly than
that and eyes take in about one degree at a time. Where the screen of the sessions is not known
(simulated participants without a window) 20 pixels stand for it: half a degree at the 40 pixels
per degree that the shipped protocols ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fechner.errors import InputError

DEFAULT_DEGREES = 0.5
DEFAULT_PX = 20.0


@dataclass(frozen=True)
class Smoothing:
    """The SD of the Gaussian in pixels of the image, and in degrees where that is known."""

    sd_px: float
    sd_degrees: float | None = None

    def __str__(self) -> str:
        degrees = "" if self.sd_degrees is None else f" ({self.sd_degrees:.2g} degrees)"
        return f"Gaussian of SD {self.sd_px:.3g} px{degrees}"


def smoothing(asked: str | None, pixels_per_degree: Iterable[float | None]) -> Smoothing:
    """Return the smoothing that was asked for, or the default.

    Parameters
    ----------
    asked
        Such as ``"0.5 deg"`` or ``"20 px"``; None for the default.
    pixels_per_degree
        Of each session, None where it is not known; their mean counts, since images are shown at
        native size everywhere.

    Returns
    -------
    Smoothing

    Raises
    ------
    InputError
        If it is no such width, or degrees are asked for and no session knows its screen.

    Examples
    --------
    >>> print(smoothing("0.5 deg", [38.0, 42.0]))
    Gaussian of SD 20 px (0.5 degrees)
    >>> print(smoothing(None, [None]))
    Gaussian of SD 20 px
    """
    known = [one for one in pixels_per_degree if one]
    scale = float(np.mean(known)) if known else None
    if asked is None:
        if scale is None:
            return Smoothing(DEFAULT_PX)
        return Smoothing(DEFAULT_DEGREES * scale, DEFAULT_DEGREES)
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(px|deg)\s*", asked)
    width = float(found[1]) if found else 0.0
    if found is None or not 0 < width <= 1000:
        raise InputError(
            f"a smoothing is a width above 0 such as '0.5 deg' or '20 px', got {asked!r}"
        )
    if found[2] == "px":
        return Smoothing(width, width / scale if scale else None)
    if scale is None:
        raise InputError(
            f"{asked} cannot be told in pixels: no session knows its pixels per degree; give the "
            "smoothing in px"
        )
    return Smoothing(width * scale, width)
