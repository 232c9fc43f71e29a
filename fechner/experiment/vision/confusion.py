"""Colours that one kind of cone tells apart and the two others do not: the confusion lines.

Two lights are the same for somebody who lacks one kind of cone where the two others catch as much
of both. So a colour is moved along its confusion line, at a luminance that leaves nothing to see
either, by adding light that only the missing cone catches.

Cone fundamentals of Smith and Pokorny (1975, Vision Research 15, 161-171), in the units of
luminance, from tristimulus values:

    L =  0.15514 X + 0.54312 Y - 0.03286 Z
    M = -0.15514 X + 0.45684 Y + 0.03286 Z
    S =                          0.00801 Z

The light that one of them alone catches has the chromaticity in which all its confusion lines
meet: xy (0.747, 0.253) for L, (1.400, -0.400) for M, (0.175, 0) for S.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fechner.protocols.vision import Axis

CONES: tuple[Axis, ...] = ("protan", "deutan", "tritan")
"""Who lacks the cones L, M and S, in the order of `CONES_OF_XYZ`'s rows."""

CONES_OF_XYZ = np.array(
    [[0.15514, 0.54312, -0.03286], [-0.15514, 0.45684, 0.03286], [0.0, 0.0, 0.00801]]
)
"""Smith and Pokorny (1975); strictly for Judd's modified tristimulus values, which differ from
those of CIE 1931 below 460 nm."""

XYZ_OF_RGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Tristimulus values of linear sRGB light, white at luminance 1 (IEC 61966-2-1)."""

WHITE = XYZ_OF_RGB.sum(axis=1)
"""Tristimulus values of neutral light of luminance 1 (D65)."""

AWAY: dict[Axis, float] = {"protan": 1.0, "deutan": -1.0, "tritan": 1.0}
"""Towards the meeting point of the lines (1) or away from it: where sRGB reaches farther."""


def chromaticity(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIE 1976 u', v' ``(..., 2)`` of tristimulus values ``(..., 3)``."""
    x, y, z = np.moveaxis(np.asarray(xyz, float), -1, 0)
    uv: NDArray[np.float64] = np.stack([4 * x, 9 * y], axis=-1) / (x + 15 * y + 3 * z)[..., None]
    return uv


def moved(axis: Axis, distance_uv: float) -> NDArray[np.float64]:
    """Return neutral light moved along a confusion line, as linear sRGB ``(3,)``.

    Of neutral light W and the light c that the missing cone alone catches, W + d c has the
    chromaticity  (s_W uv_W + d s_c uv_c) / (s_W + d s_c)  with s = X + 15 Y + 3 Z: on the line
    from uv_W to uv_c, at the share  t = d s_c / (s_W + d s_c)  of its length, which gives d for
    the share that is `distance_uv` in u', v'.

    The two other cones catch as much as of neutral light of luminance 1; times any k, as of
    neutral light of luminance k.
    """
    alone = np.linalg.inv(CONES_OF_XYZ)[:, CONES.index(axis)]
    length = float(np.linalg.norm(chromaticity(alone) - chromaticity(WHITE)))
    share = AWAY[axis] * distance_uv / length
    weight = np.array([1.0, 15.0, 3.0])
    added = share / (1 - share) * (weight @ WHITE) / (weight @ alone)
    rgb: NDArray[np.float64] = np.linalg.solve(XYZ_OF_RGB, WHITE + added * alone)
    return rgb
