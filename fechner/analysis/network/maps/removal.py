"""What the predicted rating loses, place by place, when detail is removed.

The second way to an importance map, beside the contributions of `importance`. With ``p``
the rating that a selection predicts, ``I`` an image and ``B`` the same image degraded
everywhere, the loss ``p(I) - p(B)`` is shared out over the pixels by integrated gradients
(Sundararajan, Taly and Yan 2017, ICML) along the straight path from ``B`` to ``I``; with a
blurred ``B`` this is close to blur integrated gradients (Xu, Venugopalan and Sundararajan
2020, CVPR)::

    raw(y, x) = sum_rgb (I - B) * integral_0^1 dp/dx (B + a (I - B)) da

The map is scaled so that its mean over the image is the loss, ``p(I) - p(B)``, up to the
error of the integral. So zero means zero, a uniform image has a map of zeros, and a
negative place is one that the model would rather see degraded. The network sees the image
as it saw those the selection was made on, squashed to one square.

A cell of a last convolution sees most of the image, so that a contribution says little
about what happens when its place is degraded; these maps say it for one way of degrading,
and for that way only (docs/howto-maps.md has the measurements).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input, capture, pooled
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    import torch


Degraded = Callable[[np.ndarray], np.ndarray]
"""A uint8 image ``(height, width, 3)`` degraded everywhere, same shape."""

STEPS = 8
"""Points of the path at which the gradient is taken (midpoint rule)."""

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
        Points of the path.
    smooth
        SD of the smoothing as a share of the side.

    Returns
    -------
    float32 ``(height, width)``; its mean is the loss for the image degraded everywhere, in
    units of the selection's prediction. Positive where degrading harms.
    """
    worse = degraded(image)
    straight = _shared_loss(network, image, worse, selection, steps)
    mirrored = _shared_loss(network, image[:, ::-1], worse[:, ::-1], selection, steps)
    return _at_resolution((straight + mirrored[:, ::-1]) / 2, image.shape[:2], smooth)


def predicted(
    network: Network, images: list[np.ndarray], selection: ChannelSelection
) -> np.ndarray:
    """Return the rating that `selection` predicts for uint8 images, up to a constant, ``(n,)``."""
    import torch

    views = [_squashed(image, selection.size) for image in images]
    # Images at native size may differ in size, and then no batch holds them.
    batches = [np.stack(views)] if selection.size else [view[None] for view in views]
    with torch.no_grad():
        scores = [_score(network, as_input(network, batch), selection) for batch in batches]
    return torch.cat(scores).cpu().numpy()


def _score(network: Network, batch: torch.Tensor, selection: ChannelSelection) -> torch.Tensor:
    """Return ``sum_c w_c pool(A_c)`` for a batch; channels without a pool are averaged."""
    import torch

    values = capture(network, selection.layers, batch)
    pool: Any = selection.pool or "mean"
    units = torch.cat([pooled(values[layer], pool) for layer in selection.layers], dim=1)
    return units @ torch.tensor(selection.weights, dtype=units.dtype, device=units.device)


def _shared_loss(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selection: ChannelSelection,
    steps: int,
) -> np.ndarray:
    """Return integrated gradients ``(size, size)``, scaled so that their mean is the loss."""
    import torch

    better, base = (
        as_input(network, _squashed(view, selection.size)[None]) for view in (image, worse)
    )
    total = torch.zeros_like(base)
    for step in range(steps):
        point = (base + (better - base) * (step + 0.5) / steps).requires_grad_(True)
        (gradient,) = torch.autograd.grad(_score(network, point, selection).sum(), point)
        total += gradient / steps
    # Integrated gradients add up to the loss; times the number of pixels, their mean is the loss,
    # whatever size the map is enlarged to.
    share: Any = (total * (better - base)).sum(dim=1)[0]
    return share.cpu().numpy() * share.numel()


def _squashed(image: np.ndarray, side: int | None) -> np.ndarray:
    """Return `image` as the selection saw images: squashed to a square, or as it is."""
    from PIL import Image

    if side is None:
        return np.ascontiguousarray(image)
    small = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR))


def _at_resolution(share: np.ndarray, shape: tuple[int, int], smooth: float) -> np.ndarray:
    """Return `share` smoothed, keeping its mean, and enlarged to ``(height, width)``."""
    import cv2

    # The border reflects, so that what is smoothed across it comes back and the mean stays.
    soft = cv2.GaussianBlur(share, (0, 0), smooth * len(share), borderType=cv2.BORDER_REFLECT)
    return cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
