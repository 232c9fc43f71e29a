"""What the predicted rating loses, place by place, when detail is removed.

The second way to an importance map, beside the contributions of `importance`. With ``p``
the rating that a selection predicts, ``I`` an image and ``B`` the same image degraded
everywhere, the loss ``p(I) - p(B)`` is shared out over the pixels by integrated gradients
(Sundararajan, Taly and Yan 2017, ICML) along the straight path from ``B`` to ``I``; with a
blurred ``B`` this is close to blur integrated gradients (Xu, Venugopalan and Sundararajan
2020, CVPR)::

    raw(y, x) = sum_rgb (I - B) * integral_0^1 dp/dx (B + a (I - B)) da

The map is scaled so that its mean over the image is the loss, ``p(I) - p(B)``, up to the
error of the integral: the paper's axiom of completeness. The integral is a sum of trapezoids;
between two points the prediction changes by a known amount, so that it is known where the sum is
wrong, and points are added there until the remaining error is below `TOLERANCE`. Equal steps would
need ten times as many: nearly all of the error lies where the degraded image begins to clear. So
zero means zero, a uniform image has a map of zeros, and a negative place is one that the model
would rather see degraded. What the network sees is told in `predicting`.

A cell of a last convolution sees most of the image, so that a contribution says little
about what happens when its place is degraded; these maps say it for one way of degrading,
and for that way only (docs/howto-maps.md has measurements).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input
from fechner.analysis.network.maps.enlarging import smoothed_map
from fechner.analysis.network.maps.predicting import seen, slope_at
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    import torch


Degraded = Callable[[np.ndarray], np.ndarray]
"""A uint8 image ``(height, width, 3)`` degraded everywhere, same shape."""

STEPS = 8
"""Equal steps in which the path is first walked."""

MOST_POINTS = 256
"""Points of both paths at which the search for a smaller error ends. Read-outs of quality need 30
to 90 on photographs; what remains is in the record of the map."""

TOLERANCE = 0.02
"""Remaining error of the integral, as a share of the loss."""

SMOOTH = 0.035
"""SD of the Gaussian that smooths the map, as a share of the side: a quarter of a 7x7 cell."""

BLUR = 0.0105
"""SD of the default blur as a share of the image's short side: 4 pixels of 384."""


def blurred(image: np.ndarray) -> np.ndarray:
    """Return `image` blurred by a Gaussian of SD `BLUR` times its short side."""
    import cv2

    return cv2.GaussianBlur(image, (0, 0), BLUR * min(image.shape[:2]))


@dataclass(frozen=True)
class Degradation:
    """A way to remove detail, and how a record names it."""

    words: str
    apply: Degraded


BLURRED = Degradation("Gaussian blur, SD 1.05 % of the short side", blurred)


@dataclass(frozen=True, eq=False)
class Removal:
    """What an image loses place by place, and how exactly that is known.

    Attributes
    ----------
    values
        float32 ``(height, width)``; the mean is the loss.
    loss
        What the prediction loses when the image is degraded everywhere.
    remaining_error
        Difference between the mean of the map and the loss, as a share of the loss.
    points
        How many gradients were taken, on the paths of the image and of its mirror image.
    """

    values: np.ndarray
    loss: float
    remaining_error: float
    points: int


def removal(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selection: ChannelSelection,
    *,
    steps: int = STEPS,
    most_points: int = MOST_POINTS,
    enough: float = 0.0,
    smooth: float = SMOOTH,
) -> Removal:
    """Share out what the prediction loses between `image` and `worse` over the places.

    Parameters
    ----------
    network
        The network that the selection was made with.
    image, worse
        uint8 ``(height, width, 3)``, sRGB, of one size.
    selection
        What predicts.
    steps
        Equal steps of each path to begin with.
    most_points
        Gradients after which no more are taken, whatever error remains.
    enough
        Error, in units of the prediction, that is small enough whatever the loss: that of another
        map that this one is held against. A loss that is 0 by chance has no share to be exact to.
    smooth
        SD of the smoothing as a share of the side.

    Returns
    -------
    Removal
        The mean of the image's map and of its mirror image's mirrored back.
    """
    straight = _path(network, image, worse, selection, steps)
    mirrored = _path(network, image[:, ::-1], worse[:, ::-1], selection, steps)
    loss = (straight.loss + mirrored.loss) / 2
    while True:
        error = (straight.errors().sum() + mirrored.errors().sum()) / 2
        points = len(straight.points) + len(mirrored.points)
        # A share of nothing is no number: where no loss is, none may be shared out.
        remaining = float(abs(error) / abs(loss)) if loss else float(error != 0)
        if remaining < TOLERANCE or abs(error) < enough or points >= most_points:
            break
        max(straight, mirrored, key=lambda path: np.abs(path.errors()).max()).refine()
    share = (straight.shares() + mirrored.shares()[:, ::-1]) / 2
    return Removal(_at_resolution(share, image.shape[:2], smooth), loss, remaining, points)


def removal_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    degraded: Degraded = blurred,
    steps: int = STEPS,
    smooth: float = SMOOTH,
) -> np.ndarray:
    """Return the loss of predicted rating that each place brings when it is degraded.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``, sRGB.
    degraded
        How detail is removed.
    steps
        Equal steps of the path to begin with; points are added where the error needs it.
    smooth
        SD of the smoothing as a share of the side.

    Returns
    -------
    float32 ``(height, width)``; its mean is the loss for the image degraded everywhere, in
    units of the selection's prediction. Positive where degrading harms.
    """
    return removal(network, image, degraded(image), selection, steps=steps, smooth=smooth).values


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of a path: where it lies (0 to 1), the score, and what each place adds to its slope.

    ``slopes`` is ``(h, w)``, the product of gradient and way, summed over colours.
    """

    at: float
    score: float
    slopes: np.ndarray

    @property
    def slope(self) -> float:
        return float(self.slopes.sum(dtype=np.float64))


@dataclass(eq=False)
class _Path:
    """The straight path from the degraded view of an image to the view itself, and its points.

    Attributes
    ----------
    base, apart
        Input of the degraded image ``(1, 3, h, w)``, and the way from it to that of the image.
    points
        In order, from the degraded image to the image.
    """

    network: Network
    selection: ChannelSelection
    base: torch.Tensor
    apart: torch.Tensor
    points: list[_Point] = field(default_factory=list)

    @property
    def loss(self) -> float:
        """What the score loses on the way back."""
        return self.points[-1].score - self.points[0].score

    def point(self, at: float) -> _Point:
        """Return the point `at` a share of the way."""
        score, gradient = slope_at(self.network, self.base + self.apart * at, self.selection)
        return _Point(at, score, (gradient * self.apart).sum(dim=1)[0].cpu().numpy())

    def errors(self) -> np.ndarray:
        """Return by how much each trapezoid differs from the change of the score, ``(n - 1,)``."""
        at, score, slope = (
            np.array([getattr(point, name) for point in self.points])
            for name in ("at", "score", "slope")
        )
        return np.diff(at) * (slope[1:] + slope[:-1]) / 2 - np.diff(score)

    def refine(self) -> None:
        """Add a point in the middle of the worst trapezoid."""
        worst = int(np.argmax(np.abs(self.errors())))
        middle = (self.points[worst].at + self.points[worst + 1].at) / 2
        self.points.insert(worst + 1, self.point(middle))

    def shares(self) -> np.ndarray:
        """Return integrated gradients ``(h, w)``, scaled so that their mean is the loss."""
        at = np.array([point.at for point in self.points])
        counts = np.diff(at, prepend=at[0]) / 2 + np.diff(at, append=at[-1]) / 2
        total = np.zeros(self.points[0].slopes.shape)
        for count, point in zip(counts, self.points, strict=True):
            total += count * point.slopes
        # Integrated gradients add up to the loss; times the number of pixels, their mean is the
        # loss, whatever size the map is enlarged to.
        return total * total.size


def _path(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selection: ChannelSelection,
    steps: int,
) -> _Path:
    better, base = (as_input(network, seen(view, selection.size)[None]) for view in (image, worse))
    made = _Path(network, selection, base, better - base)
    made.points = [made.point(at) for at in np.linspace(0, 1, steps + 1).tolist()]
    return made


def _at_resolution(share: np.ndarray, shape: tuple[int, ...], smooth: float) -> np.ndarray:
    """Return `share` smoothed, keeping its mean, and enlarged to ``(height, width)``."""
    import cv2

    soft = smoothed_map(share.astype(np.float32), smooth * float(np.sqrt(share.size)))
    return cv2.resize(soft, shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
