"""What a selection predicts of an image, seen as its maps are made, and the slope of that.

The network sees the image whole, at its own aspect ratio, with as many pixels as the squares
that the selection was made on; at its native size, in tiles if need be (`tiles`), where the
selection was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input, capture, pooled
from fechner.analysis.network.maps.checks import SHORTEST_SIDE
from fechner.analysis.network.maps.tiles import WHOLE_PIXELS, core_cells, read_in_tiles, tiles
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    import torch


def predicted(
    network: Network, images: list[np.ndarray], selection: ChannelSelection
) -> np.ndarray:
    """Return the rating that `selection` predicts for uint8 images, up to a constant, ``(n,)``.

    Images are seen whole at their own aspect ratio, as for the maps.
    """
    import torch

    views = [seen(image, selection.size) for image in images]
    alike = len({view.shape for view in views}) == 1 and views[0][..., 0].size < WHOLE_PIXELS
    # Images may differ in shape, and then no batch holds them.
    batches = [np.stack(views)] if alike else [view[None] for view in views]
    with torch.no_grad():
        scores = [_score(network, as_input(network, batch), selection) for batch in batches]
    return torch.cat(scores).cpu().numpy()


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


def seen(image: np.ndarray, side: int | None) -> np.ndarray:
    """Return `image` at `seen_size`."""
    from PIL import Image

    image = np.ascontiguousarray(image)
    height, width = seen_size(image.shape, side)
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


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


def slope_at(
    network: Network, point: torch.Tensor, selection: ChannelSelection
) -> tuple[float, torch.Tensor]:
    """Return the score of an input ``(1, 3, h, w)``, and its derivative with respect to it."""
    import torch

    if point[0, 0].numel() > WHOLE_PIXELS:
        return _slope_in_tiles(network, point, selection)
    point = point.detach().requires_grad_(True)
    score = _score(network, point, selection).sum()
    (gradient,) = torch.autograd.grad(score, point)
    return float(score.item()), gradient


def _slope_in_tiles(
    network: Network, point: torch.Tensor, selection: ChannelSelection
) -> tuple[float, torch.Tensor]:
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
    return float(score.item()), total


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
