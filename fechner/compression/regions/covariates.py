"""What else differs between two regions of a picture, apart from importance.

Each covariate is a plane ``(height, width)`` over the picture; a region's value is
the plane's mean under its soft mask. Regions are matched on these
(`fechner.compression.regions.matched`), and those that were not matched are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np

from fechner.compression.degrading.families import gaussian
from fechner.compression.light import (
    Image,
    Plane,
    chroma,
    luminance,
)
from fechner.errors import InputError, nearest

FINE_SD_PX = 1.0
"""Scale of the fine edges, in pixels."""

MIDDLE_SD_PX = 4.0
"""Scale of the middle edges, in pixels."""


def edge_energy(image: Image, sigma: float) -> Plane:
    """Return the squared gradient of luma at scale `sigma`, in squared grey levels a pixel.

    ``|grad (G_sigma * Y')|^2``: what a blur somewhat wider than `sigma` removes.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    down, across = np.gradient(gaussian(luma, sigma))
    return np.asarray(down**2 + across**2, np.float32)


def eccentricity(height: int, width: int) -> Plane:
    """Return the distance from the picture's centre in half diagonals, in [0, 1]."""
    rows = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    columns = np.arange(width, dtype=np.float32)[None] - (width - 1) / 2
    return np.asarray(np.hypot(rows, columns) / (np.hypot(height, width) / 2), np.float32)


def edge_density(image: Image) -> Plane:
    """Return fine and middle edge energy, each scaled to mean 1 over the picture, averaged."""
    both = [edge_energy(image, sigma) for sigma in (FINE_SD_PX, MIDDLE_SD_PX)]
    return np.asarray(sum(plane / max(float(plane.mean()), 1e-9) for plane in both) / 2, np.float32)


COVARIATES: dict[str, Callable[[Image], Plane]] = {
    "edge_fine": lambda image: edge_energy(image, FINE_SD_PX),
    "edge_middle": lambda image: edge_energy(image, MIDDLE_SD_PX),
    "eccentricity": lambda image: eccentricity(*image.shape[:2]),
    "edge_eccentricity": lambda image: edge_density(image) * eccentricity(*image.shape[:2]),
    "luminance": luminance,
    "chroma": chroma,
}
"""Name of each covariate and how it is computed from an image.

``edge_eccentricity`` is the eccentricity at which edges lie, times their density: most
degradations do their damage there, so two regions equal in `eccentricity` by area only
could still lose their edges near the centre in one and far from it in the other.
"""


def covariate_planes(image: Image, names: Iterable[str] = tuple(COVARIATES)) -> dict[str, Plane]:
    """Return the planes of the covariates `names`, each ``(height, width)``.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    planes = {}
    for name in names:
        if name not in COVARIATES:
            raise InputError(f"unknown covariate {name!r}; {nearest(name, COVARIATES)}")
        planes[name] = COVARIATES[name](image)
    return planes


def covariate_means(planes: Mapping[str, Plane], mask: Plane) -> dict[str, float]:
    """Return the mean of each plane weighted by `mask` ``(height, width)`` in [0, 1]."""
    weight = mask.astype(np.float64)
    total = weight.sum()
    return {name: float((plane * weight).sum() / total) for name, plane in planes.items()}
