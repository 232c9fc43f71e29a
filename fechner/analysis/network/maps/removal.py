"""What the predicted rating loses, place by place, when detail is removed.

The second way to an importance map, beside the contributions of `importance`. With ``p``
the rating that a selection predicts, ``I`` an image and ``B`` the same image degraded
everywhere, the loss ``p(I) - p(B)`` is shared out over the pixels by integrated gradients
(Sundararajan, Taly and Yan 2017, ICML) along the straight path from ``B`` to ``I``; with a
blurred ``B`` this is close to blur integrated gradients (Xu, Venugopalan and Sundararajan
2020, CVPR)::

    raw(y, x) = sum_rgb (I - B) * integral_0^1 dp/dx (B + a (I - B)) da

The map is scaled so that its mean over the image is the loss, ``p(I) - p(B)``, up to the
error of the integral: points of the path are added until that is below `TOLERANCE` (the sum of
integrated gradients and the loss are then equal, the paper's axiom of completeness). So zero
means zero, a uniform image has a map of zeros, and a negative place is one that the model would
rather see degraded. The network sees the image whole, at its own aspect ratio, with as many
pixels as the squares that the selection was made on; at its native size, in tiles if need be
(`tiles`), where the selection was.

A cell of a last convolution sees most of the image, so that a contribution says little
about what happens when its place is degraded; these maps say it for one way of degrading,
and for that way only (docs/howto-maps.md has the measurements).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input, capture, pooled
from fechner.analysis.network.maps.checks import SHORTEST_SIDE
from fechner.analysis.network.maps.enlarging import smoothed
from fechner.analysis.network.maps.tiles import WHOLE_PIXELS, core_cells, read_in_tiles, tiles
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    import torch


Degraded = Callable[[np.ndarray], np.ndarray]
"""A uint8 image ``(height, width, 3)`` degraded everywhere, same shape."""

STEPS = 8
"""Points of the path at which the gradient is first taken (midpoint rule)."""

MOST_STEPS = 216
"""Points at which the search for a smaller error ends, `STEPS` tripled three times: 15 s for an
image seen at 224 pixels on one core. What then remains is in the record of the map."""

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
    steps
        Points of the path at which gradients were taken.
    """

    values: np.ndarray
    loss: float
    remaining_error: float
    steps: int


def removal(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selection: ChannelSelection,
    *,
    steps: int = STEPS,
    most_steps: int = MOST_STEPS,
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
    steps, most_steps
        Points of the path to begin with; they are tripled until the remaining error is below
        `TOLERANCE`, or they would be more than the most.
    smooth
        SD of the smoothing as a share of the side.

    Returns
    -------
    Removal
        The mean of the image's map and of its mirror image's mirrored back.
    """
    paths = [
        _path(network, image, worse, selection),
        _path(network, image[:, ::-1], worse[:, ::-1], selection),
    ]
    loss = (paths[0].loss + paths[1].loss) / 2
    count = steps
    while True:
        straight, mirrored = (path.shares(count) for path in paths)
        share = (straight + mirrored[:, ::-1]) / 2
        error = abs(float(share.mean(dtype=np.float64)) - loss)
        # Where nothing is lost, the sum of magnitudes says whether anything moves at all.
        remaining = error / (abs(loss) or float(np.abs(share).mean()) or 1.0)
        if remaining < TOLERANCE or 3 * count > most_steps:
            break
        count *= 3
    return Removal(_at_resolution(share, image.shape[:2], smooth), loss, remaining, count)


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
        Points of the path to begin with; more are taken where the error needs it.
    smooth
        SD of the smoothing as a share of the side.

    Returns
    -------
    float32 ``(height, width)``; its mean is the loss for the image degraded everywhere, in
    units of the selection's prediction. Positive where degrading harms.
    """
    return removal(network, image, degraded(image), selection, steps=steps, smooth=smooth).values


def predicted(
    network: Network, images: list[np.ndarray], selection: ChannelSelection
) -> np.ndarray:
    """Return the rating that `selection` predicts for uint8 images, up to a constant, ``(n,)``.

    Images are seen whole at their own aspect ratio, as for the maps.
    """
    import torch

    views = [_seen(image, selection.size) for image in images]
    alike = len({view.shape for view in views}) == 1 and views[0][..., 0].size < WHOLE_PIXELS
    # Images may differ in shape, and then no batch holds them.
    batches = [np.stack(views)] if alike else [view[None] for view in views]
    with torch.no_grad():
        scores = [_score(network, as_input(network, batch), selection) for batch in batches]
    return torch.cat(scores).cpu().numpy()


def _score(network: Network, batch: torch.Tensor, selection: ChannelSelection) -> torch.Tensor:
    """Return ``sum_c w_c pool(A_c)`` for a batch; channels without a pool are averaged."""
    if batch[0, 0].numel() > WHOLE_PIXELS:
        return _of_cells(_cells_in_tiles(network, batch, selection), selection)
    return _of_cells(capture(network, selection.layers, batch), selection)


def _of_cells(values: Mapping[str, torch.Tensor], selection: ChannelSelection) -> torch.Tensor:
    import torch

    pool: Any = selection.pool or "mean"
    units = torch.cat([pooled(values[layer], pool) for layer in selection.layers], dim=1)
    return units @ torch.tensor(selection.weights, dtype=units.dtype, device=units.device)


def _gradient(network: Network, point: torch.Tensor, selection: ChannelSelection) -> torch.Tensor:
    """Return the derivative of the score with respect to the input ``(1, 3, h, w)``."""
    import torch

    if point[0, 0].numel() > WHOLE_PIXELS:
        return _gradient_in_tiles(network, point, selection)
    point = point.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(_score(network, point, selection).sum(), point)
    return gradient


def _gradient_in_tiles(
    network: Network, point: torch.Tensor, selection: ChannelSelection
) -> torch.Tensor:
    """Return the same for a large input: first what each cell counts, then tile by tile."""
    import torch

    cells = _cells_in_tiles(network, point, selection)
    cells = {layer: values.requires_grad_(True) for layer, values in cells.items()}
    score = _of_cells(cells, selection).sum()
    counts = dict(zip(cells, torch.autograd.grad(score, list(cells.values())), strict=True))
    total = torch.zeros_like(point)
    for tile in tiles(network, selection.layers, (point.shape[2], point.shape[3])):
        place = (..., tile[0].shown, tile[1].shown)
        shown = point[place].detach().requires_grad_(True)
        values = capture(network, selection.layers, shown)
        own, wanted = [], []
        for layer, one in values.items():
            at, kept = core_cells(tile, tuple(one.shape[2:]))
            own.append(one[:, :, kept[0], kept[1]])
            wanted.append(counts[layer][:, :, at[0], at[1]])
        total[place] += torch.autograd.grad(own, shown, wanted)[0]
    return total


def _cells_in_tiles(
    network: Network, batch: torch.Tensor, selection: ChannelSelection
) -> dict[str, torch.Tensor]:
    """Return the outputs of the selection's layers for one large input, without gradients."""
    found = read_in_tiles(
        network,
        selection.layers,
        (batch.shape[2], batch.shape[3]),
        lambda rows, columns: [batch[:, :, rows, columns]],
        lambda _, shown: shown[0],
    )
    # What was made without gradients takes part in none until it is copied.
    return {layer: values.clone()[None] for layer, values in found.items()}


@dataclass(eq=False)
class _Path:
    """The straight path from the degraded view of an image to the view itself.

    Attributes
    ----------
    base, apart
        Input of the degraded image ``(1, 3, h, w)``, and the way from it to that of the image.
    loss
        What the score loses on the way back.
    total, count
        Sum of the gradients at the midpoints of `count` equal steps.
    """

    network: Network
    selection: ChannelSelection
    base: torch.Tensor
    apart: torch.Tensor
    loss: float
    total: torch.Tensor
    count: int = 0

    def shares(self, count: int) -> np.ndarray:
        """Return integrated gradients ``(h, w)`` over `count` steps; their mean is the loss.

        Three times as many steps as before take two new gradients for each old one: the middle
        of a step is the middle of the middle third of it.
        """
        new: Iterable[int] = range(count)
        if self.count:
            new = [step for step in range(count) if step % 3 != 1]
        for step in new:
            point = self.base + self.apart * ((step + 0.5) / count)
            self.total += _gradient(self.network, point, self.selection)
        self.count = count
        # Integrated gradients add up to the loss; times the number of pixels, their mean is the
        # loss, whatever size the map is enlarged to.
        share: Any = (self.total * self.apart).sum(dim=1)[0] / count
        return share.cpu().numpy() * share.numel()


def _path(
    network: Network, image: np.ndarray, worse: np.ndarray, selection: ChannelSelection
) -> _Path:
    import torch

    better, base = (as_input(network, _seen(view, selection.size)[None]) for view in (image, worse))
    with torch.no_grad():
        high, low = (float(_score(network, one, selection).item()) for one in (better, base))
    return _Path(network, selection, base, better - base, high - low, torch.zeros_like(base))


def seen_size(shape: tuple[int, ...], side: int | None) -> tuple[int, int]:
    """Return height and width at which the network sees an image of `shape`.

    As many pixels as a square of `side` has, at the image's own aspect ratio; its own size where
    `side` is None. The short side of a very long picture still has to be a picture to the network.
    """
    height, width = shape[:2]
    if side is None:
        return height, width
    scale = max(side / np.sqrt(height * width), SHORTEST_SIDE / min(height, width))
    return round(height * scale), round(width * scale)


def _seen(image: np.ndarray, side: int | None) -> np.ndarray:
    """Return `image` at `seen_size`."""
    from PIL import Image

    image = np.ascontiguousarray(image)
    height, width = seen_size(image.shape, side)
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def _at_resolution(share: np.ndarray, shape: tuple[int, ...], smooth: float) -> np.ndarray:
    """Return `share` smoothed, keeping its mean, and enlarged to ``(height, width)``."""
    import cv2

    soft = smoothed(share.astype(np.float32), smooth * float(np.sqrt(share.size)))
    return cv2.resize(soft, shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
