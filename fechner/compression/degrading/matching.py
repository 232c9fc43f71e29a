"""The strength at which a degradation removes a wanted amount of information.

Two regions can be compared only if the same amount was removed in both. Given one
soft mask an arm, `match_strengths` searches, by bisection, the strength of each arm
at which one measure of the whole picture reaches one target, and refuses pictures
whose arms would need very different strengths: their regions are not alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from fechner.compression.degrading.degrade import (
    Family,
    blended,
    check_mask,
    degraded_codes,
    family_named,
)
from fechner.compression.light import Image
from fechner.compression.metrics.quality import mse, ssim
from fechner.compression.pictures import checked_picture
from fechner.errors import InputError, RefusedError, nearest

TOLERANCE = 0.005
"""Largest relative distance from the target; two arms then differ by at most 1 %."""

MAX_STRENGTH_RATIO = 1.5
"""Beyond this ratio of strengths two regions are too different to be compared."""

CODEC_QUALITY = 85
"""Quality of the JPEG files whose sizes the measure ``bytes`` compares (4:2:0, optimised)."""

STEPS = 48
"""Pictures tried before the search gives up; a third of them at least are halvings."""

Measure = Callable[[Image], float]
MeasureOf = Callable[[Image], Measure]
"""From the intact picture to what measures degraded ones."""

LAYER_DISTANCE = "layer distance"
"""The measure whose network the caller brings, because nothing here knows one."""


def _bytes_saved(image: Image) -> Measure:
    intact = _jpeg_bytes(image)
    return lambda degraded: float(intact - _jpeg_bytes(degraded))


def _jpeg_bytes(image: Image) -> int:
    file = io.BytesIO()
    PillowImage.fromarray(image).save(file, "JPEG", quality=CODEC_QUALITY, optimize=True)
    return file.tell()


def _ss2_drop(image: Image) -> Measure:
    from fechner.compression.metrics.ssimulacra2 import Ss2Reference

    reference = Ss2Reference(image)
    return lambda degraded: 100.0 - reference.score(degraded)


def _of_no_network(image: Image) -> Measure:
    raise InputError(
        f"the measure {LAYER_DISTANCE!r} needs a network, which stimulus sets bring; use fechner "
        "stimuli build, or another measure"
    )


MEASURES: dict[str, tuple[MeasureOf, str]] = {
    "mse": (lambda image: lambda degraded: mse(image, degraded), "squared grey levels"),
    "ssim": (lambda image: lambda degraded: 1.0 - ssim(image, degraded), "1 - SSIM"),
    "ss2": (_ss2_drop, "SSIMULACRA2 points below 100"),
    "bytes": (_bytes_saved, f"bytes saved in a JPEG of quality {CODEC_QUALITY}"),
    LAYER_DISTANCE: (_of_no_network, "of distance within the network"),
}
"""What a target can be stated in: how it is measured on the whole picture, and its unit."""


@dataclass(frozen=True)
class Loss:
    """How much information each arm loses, over the whole picture."""

    measure: str
    value: float

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            known = nearest(self.measure, MEASURES)
            raise InputError(f"unknown measure {self.measure!r} for a target; {known}")
        if not (np.isfinite(self.value) and self.value > 0):
            raise InputError(f"a target expects a number above 0, got {self.value!r}")

    @property
    def unit(self) -> str:
        """Unit of `value`."""
        return MEASURES[self.measure][1]

    def __str__(self) -> str:
        return f"{self.measure}={self.value:g}"


def parse_loss(text: str) -> Loss:
    """Return the target written as ``mse=25``.

    Raises
    ------
    InputError
        If the text is not MEASURE=NUMBER, or the measure is unknown.
    """
    measure, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        equals = ""
    if not equals:
        raise InputError(f"a target is written MEASURE=NUMBER such as mse=25, got {text!r}")
    # "layer_distance=0.1" needs no quotes in a shell.
    return Loss(measure.strip().replace("_", " "), number)


@dataclass(frozen=True)
class Matched:
    """One arm at its target: strength in the family's unit, measure achieved, the picture."""

    strength: float
    achieved: float
    image: Image


def match_strengths(
    image: Image,
    masks: Mapping[str, np.ndarray],
    family: str,
    target: Loss,
    *,
    tolerance: float = TOLERANCE,
    max_strength_ratio: float = MAX_STRENGTH_RATIO,
    measure_of: MeasureOf | None = None,
    seed: int = 0,
) -> dict[str, Matched]:
    """Return each arm degraded inside its mask until `target` is met.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``.
    masks
        Arm -> soft mask ``(height, width)`` in [0, 1].
    family
        A key of `fechner.compression.degrading.degrade.FAMILIES`.
    target
        What each arm loses, measured on the whole picture.
    tolerance
        Largest relative distance of an arm from the target.
    max_strength_ratio
        Largest ratio of strengths between two arms.
    measure_of
        What measures the loss; left out, that of `MEASURES`. Only "layer distance" needs it.
    seed
        Of the seeded families; the same for every arm.

    Returns
    -------
    dict
        Arm -> its picture, strength and loss, in the order of `masks`.

    Raises
    ------
    InputError
        If the family is unknown or a mask does not fit.
    RefusedError
        If an arm cannot reach the target (the reachable range is named), or the
        strengths differ too much.
    """
    kind = family_named(family)
    image = checked_picture(image, smallest=16)
    measure = (measure_of or MEASURES[target.measure][0])(image)
    matched = {
        arm: _search(image, arm, check_mask(mask, image), kind, target, measure, tolerance, seed)
        for arm, mask in masks.items()
    }
    check_ratio(matched, max_strength_ratio, kind)
    return matched


def strength_ratio(matched: Mapping[str, Matched]) -> float:
    """Return the largest strength divided by the smallest."""
    strengths = [arm.strength for arm in matched.values()]
    return max(strengths) / max(min(strengths), 1e-9)


def check_ratio(matched: Mapping[str, Matched], largest: float, family: Family) -> None:
    """Refuse arms whose strengths differ by more than `largest` times.

    Raises
    ------
    RefusedError
        With the strengths.
    """
    ratio = strength_ratio(matched)
    if ratio > largest:
        found = ", ".join(f"{arm} {one.strength:.3g}" for arm, one in matched.items())
        raise RefusedError(
            f"the arms need strengths {ratio:.2f} times apart ({found} {family.unit}), at most "
            f"{largest:g} is comparable; leave the picture out or choose another target"
        )


def _search(
    image: Image,
    arm: str,
    mask: np.ndarray,
    family: Family,
    target: Loss,
    measure: Measure,
    tolerance: float,
    seed: int,
) -> Matched:
    """Narrow the strength down between a weak and a strong end until the loss is the target's."""

    def at(strength: float) -> Matched:
        picture = blended(image, degraded_codes(image, family, strength, seed=seed), mask)
        return Matched(strength, measure(picture), picture)

    weak, strong = Matched(family.neutral, 0.0, image), _strongest(at, family, target.value)
    if strong.achieved < target.value:
        raise RefusedError(_unreachable(arm, family, target, strong.achieved))
    for step in range(STEPS):
        tried = at(_between(weak, strong, target.value, step))
        if abs(tried.achieved - target.value) <= tolerance * target.value:
            return tried
        if tried.achieved < target.value:
            weak = tried
        else:
            strong = tried
    raise RefusedError(
        f"{family.name} in region {arm!r} jumps from {weak.achieved:.4g} to {strong.achieved:.4g} "
        f"{target.unit} at a strength of {strong.strength:.4g}: it cannot meet {target} within "
        f"{100 * tolerance:.1f} %; choose a target outside that jump"
    )


def _strongest(at: Callable[[float], Matched], family: Family, wanted: float) -> Matched:
    """Return the first strength, doubling from a 32nd of the range, that reaches `wanted`.

    Losses level off toward the strongest end: straight lines from there would try strengths far
    too large, step after step, and large blurs take longest to compute.
    """
    span = family.strongest - family.neutral
    for part in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0):
        tried = at(family.neutral + part * span)
        if tried.achieved >= wanted:
            return tried
    return tried


def _between(weak: Matched, strong: Matched, wanted: float, step: int) -> float:
    """Return the strength to try next: where the straight line between the ends meets `wanted`."""
    part = (wanted - weak.achieved) / (strong.achieved - weak.achieved)
    # On a bent curve the line moves one end only, ever less: every third step halves instead,
    # as does one that the line would put next to an end.
    if step % 3 == 2 or not 0.02 < part < 0.98:
        part = 0.5
    return weak.strength + part * (strong.strength - weak.strength)


def _unreachable(arm: str, family: Family, target: Loss, most: float) -> str:
    return (
        f"{family.name} in region {arm!r} cannot reach {target}: it reaches 0 to {most:.4g} "
        f"{target.unit} there; choose a target in that range, a larger region or another family"
    )
