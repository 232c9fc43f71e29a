"""From a wanted size or ss2 to the setting of an encoder that comes nearest to it.

What is measured rises with the setting, but for the jumps of whole steps, so that the way from
the coarsest to the finest setting is halved. Every encoding that was tried counts: the nearest is
taken, above or below, for every arm alike, so that no arm gains by the side on which it misses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.errors import RefusedError
from fechner.stimuli.coded.arms import Encoder

NEAR = 0.001
"""Share of the wanted value within which a search ends."""
HALVINGS = 14
"""The way is halved this often: to a hundredth of a step of quality."""


@dataclass(frozen=True)
class Coded:
    """A coded picture.

    Attributes
    ----------
    content
        The file.
    setting
        Of its encoder.
    value
        What was matched: bytes, or ss2.
    pixels
        What it decodes to, uint8 (h, w, 3).
    """

    content: bytes
    setting: float
    value: float
    pixels: np.ndarray


def size(content: bytes, pixels: Callable[[], np.ndarray]) -> float:
    """Return the bytes of a file."""
    return float(len(content))


def ss2_of(reference: Ss2Reference) -> Callable[[bytes, Callable[[], np.ndarray]], float]:
    """Return the measure of a file by SSIMULACRA2 over the whole picture."""
    return lambda content, pixels: float(reference.score(pixels()))


def nearest_file(
    arm: str,
    encoder: Encoder,
    wanted: float,
    *,
    measure: Callable[[bytes, Callable[[], np.ndarray]], float] = size,
    unit: str = "bytes",
    tolerance: float = 0.03,
) -> Coded:
    """Return the file of an arm that comes nearest to a wanted value.

    Parameters
    ----------
    arm
        Its name, for the message.
    encoder
        Of the arm, from `fechner.stimuli.coded.arms.encoder`.
    wanted
        Bytes, or points of ss2.
    measure
        `size`, or what `ss2_of` returns.
    unit
        Of `wanted`, for the message.
    tolerance
        Largest difference, as a share of `wanted`.

    Returns
    -------
    Coded
        The nearest of all that were tried.

    Raises
    ------
    RefusedError
        If the nearest is further off; the range that can be reached is named.
    """
    tried: dict[float, tuple[bytes, float]] = {}

    def value(part: float) -> float:
        setting = encoder.setting.at(part)
        if setting not in tried:
            content = encoder.encode(setting)
            tried[setting] = content, measure(content, lambda: encoder.decode(content))
        return tried[setting][1]

    low, high, ends = 0.0, 1.0, (value(0.0), value(1.0))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = value(middle)
        if abs(found - wanted) <= NEAR * wanted:
            break
        low, high = (middle, high) if found < wanted else (low, middle)
    setting, (content, reached) = min(
        tried.items(), key=lambda one: (abs(one[1][1] - wanted), one[0])
    )
    if abs(reached - wanted) > tolerance * wanted:
        raise RefusedError(
            f"{arm} comes to {reached:.4g} {unit} where {wanted:.4g} are wanted, and may be off by "
            f"{100 * tolerance:.1f} %; it reaches {min(ends):.4g} to {max(ends):.4g}: "
            "choose other rates "
            "or a larger tolerance"
        )
    return Coded(content, setting, reached, encoder.decode(content))
