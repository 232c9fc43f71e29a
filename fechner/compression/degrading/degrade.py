"""Degradations of known family and strength, inside a soft mask.

`FAMILIES` names each family with its strength axis; `degrade` applies one. The
stimuli of an experiment, the distorted pictures of the demo and ``fechner degrade``
all come through here. What each family does is in `fechner.compression.degrading.families`.

Blending is done on encoded values, ``x + mask * (y - x)``, so that the squared
error at a pixel is the mask's square times that of the whole degraded image; where
the mask is 0 the picture is the original, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from fechner.compression.degrading import families
from fechner.compression.light import Image, Plane
from fechner.compression.pictures import checked_picture
from fechner.errors import InputError, nearest

SMALLEST_SIDE_PX = 16
"""Pictures with a shorter side have no room for a region, let alone for a feathered one."""


@dataclass(frozen=True)
class Family:
    """One kind of degradation and its strength axis.

    Attributes
    ----------
    apply
        Image, strength, generator -> encoded values, unrounded.
    unit
        What a strength of 1 means.
    neutral, strongest
        Range of the strength; at `neutral` the picture is unchanged.
    monotone
        ``"exactly"`` where more strength never lowers the squared error of any
        pixel (before rounding), ``"on average"`` where that holds over regions only.
    seeded
        Whether the seed matters.
    linear_light
        Whether it works on light instead of encoded values.
    """

    name: str
    apply: Callable[[Image, float, Generator], Plane]
    unit: str
    neutral: float
    strongest: float
    monotone: str
    seeded: bool
    linear_light: bool
    summary: str


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "blur", families.blur, "px (SD of the Gaussian)", 0.0, 32.0,
            "on average", False, True, "Gaussian blur",
        ),
        Family(
            "noise", families.noise, "grey levels (SD)", 0.0, 128.0,
            "exactly", True, False, "additive Gaussian noise",
        ),
        Family(
            "jpeg", families.jpeg, "times the T.81 Annex K tables", 0.0, 32.0,
            "on average", False, False, "JPEG quantisation",
        ),
        Family(
            "downsample", families.downsample, "times smaller", 1.0, 32.0,
            "on average", False, True, "downsampling and interpolation back",
        ),
        Family(
            "contrast", families.contrast, "fraction of local contrast lost", 0.0, 1.0,
            "exactly", False, False, "loss of local contrast",
        ),
        Family(
            "colour", families.colour, "fraction of saturation lost", 0.0, 1.0,
            "exactly", False, True, "loss of saturation at equal luminance",
        ),
        Family(
            "levels", families.levels, "grey levels a step", 0.0, 128.0,
            "on average", False, False, "colour quantisation",
        ),
        Family(
            "phase", families.phase, "fraction of full phase scrambling", 0.0, 1.0,
            "on average", True, False, "phase scrambling above 1/64 cycles per pixel",
        ),
    )
}  # fmt: skip


def family_named(name: str) -> Family:
    """Return the family called `name`.

    Raises
    ------
    InputError
        If there is none; the nearest names are suggested.
    """
    if name not in FAMILIES:
        raise InputError(f"unknown degradation family {name!r}; {nearest(name, FAMILIES)}")
    return FAMILIES[name]


def degrade(
    image: Image,
    family: str,
    strength: float,
    *,
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> Image:
    """Return `image` degraded, everywhere or inside a soft mask.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``, sRGB.
    family
        A key of `FAMILIES`.
    strength
        In the family's unit, from its neutral to its strongest value.
    mask
        ``(height, width)`` in [0, 1]: 1 takes the degraded value, 0 keeps the
        original bit for bit. None degrades the whole image.
    seed
        Draws the noise field or the phases of the seeded families.

    Returns
    -------
    numpy.ndarray
        uint8 ``(height, width, 3)``.

    Raises
    ------
    InputError
        If the family is unknown, the strength is out of range, or the mask does
        not fit the image.

    Examples
    --------
    >>> grey = np.full((32, 32, 3), 99, np.uint8)
    >>> bool((degrade(grey, "blur", 2.0) == grey).all())
    True
    """
    kind = family_named(family)
    image = checked_picture(image, smallest=SMALLEST_SIDE_PX)
    return blended(image, degraded_codes(image, kind, strength, seed=seed), mask)


def degraded_codes(image: Image, family: Family, strength: float, *, seed: int = 0) -> Plane:
    """Return the unrounded encoded values of the whole degraded image.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``, sRGB.
    family, strength
        What is done to it, and how strongly, in the family's unit.
    seed
        Of the seeded families.

    Returns
    -------
    numpy.ndarray
        float32 ``(height, width, 3)``, about [0, 255].

    Raises
    ------
    InputError
        If the strength is out of the family's range.
    """
    if not family.neutral <= strength <= family.strongest:
        raise InputError(
            f"{family.name} takes a strength from {family.neutral:g} to {family.strongest:g} "
            f"{family.unit}, got {strength!r}; choose one in that range"
        )
    if strength == family.neutral:
        return image.astype(np.float32)
    return family.apply(image, float(strength), np.random.default_rng(seed))


def blended(image: Image, codes: Plane, mask: np.ndarray | None) -> Image:
    """Return ``image + mask * (codes - image)``, rounded to 8 bits; `mask` 0 keeps `image`.

    Raises
    ------
    InputError
        If the mask has another size, or values outside [0, 1].
    """
    if mask is None:
        return np.round(np.clip(codes, 0, 255)).astype(np.uint8)
    mask = check_mask(mask, image)
    mixed = image + mask[..., None] * (np.clip(codes, 0, 255) - image)
    rounded = np.round(mixed).astype(np.uint8)
    return np.where(mask[..., None] == 0, image, rounded)


def check_mask(mask: np.ndarray, image: Image) -> Plane:
    """Return `mask` as float32 if it fits `image` and lies in [0, 1].

    Raises
    ------
    InputError
        If it does not.
    """
    mask = np.asarray(mask)
    if mask.shape != image.shape[:2]:
        raise InputError(
            f"expected a mask of {image.shape[1]} x {image.shape[0]} pixels like the image, got "
            f"shape {mask.shape}; resize it first"
        )
    mask = mask.astype(np.float32)
    if not (np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1):
        raise InputError("expected mask values in [0, 1]; divide an 8-bit mask by 255")
    return mask


def cutoff_cycles_per_degree(sigma: float, pixels_per_degree: float) -> float:
    """Return the frequency at which a Gaussian blur halves contrast, in cycles per degree.

    The transfer function of a Gaussian is ``exp(-2 pi^2 sigma^2 f^2)``; it is 1/2 at
    ``f = sqrt(ln(2) / 2) / (pi sigma)`` cycles per pixel.
    """
    return float(np.sqrt(np.log(2) / 2) / (np.pi * sigma) * pixels_per_degree)


def sigma_for_cutoff(cycles_per_degree: float, pixels_per_degree: float) -> float:
    """Return the blur in pixels whose contrast is halved at `cycles_per_degree`."""
    return cutoff_cycles_per_degree(1.0, pixels_per_degree) / cycles_per_degree
