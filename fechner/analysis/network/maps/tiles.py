"""Layers of large pictures, read in overlapping tiles.

A picture of 12 megapixels would fill gigabytes with the outputs of a first convolution. It is
therefore passed in tiles; each carries as much of its surroundings as its cells see
(`receptive`), so that the cells are those of one pass of the whole (to rounding). Tiles begin at
multiples of `GRAIN`, where every layer begins a cell, too.

A layer that sees more than twice `MOST_AROUND` is given that much and no more: what lies further
off counts next to nothing (`contribution.MARGIN` has a measurement), and the record of the map
says so (`note`). Layers that see the whole picture, as those of transformers, cannot be read in
parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.analysis.network.maps.geometry import cell_grid
from fechner.analysis.network.maps.receptive import no_space, receptive_field
from fechner.errors import InputError

if TYPE_CHECKING:
    import torch

GRAIN = 32
"""Tiles begin at multiples of it, in pixels: the step of the deepest layers."""
SHOWN = 1216
"""Longest side of a tile in pixels, with its surroundings."""
MOST_AROUND = 256
"""Most pixels of surroundings on each side."""
WHOLE_PIXELS = 1_600_000
"""A picture of no more pixels is passed whole; EfficientNet-Lite0 then takes 0.9 GB."""

PerCell = Callable[[str, Sequence["torch.Tensor"]], "torch.Tensor"]
"""Makes ``(k, rows, columns)`` of a layer's outputs ``(channels, rows, columns)``, one a view."""


@dataclass(frozen=True)
class Span:
    """One side of a tile in pixels of the picture: what is passed, and what is kept of it."""

    begin: int
    end: int
    first: int
    last: int

    @property
    def shown(self) -> slice:
        """What is passed."""
        return slice(self.begin, self.end)


def spans(side: int, *, core: int, around: int) -> list[Span]:
    """Return the tiles along one side: each keeps `core` pixels and shows `around` more.

    Every tile has as many pixels over a multiple of `GRAIN` as the whole side: how much a
    convolution pads, and where, may rest on that.

    Parameters
    ----------
    side
        Of the picture, in pixels.
    core, around
        Multiples of `GRAIN`.
    """
    starts = range(0, max(side - around, 1), core)
    return [
        Span(
            begin=max(0, first - around),
            end=side if first == starts[-1] else min(side, first + core + around + side % GRAIN),
            first=first,
            last=side if first == starts[-1] else first + core,
        )
        for first in starts
    ]


def surroundings(network: Network, layers: Sequence[str]) -> int:
    """Return how many pixels around a tile its cells see on each side, a multiple of `GRAIN`.

    Raises
    ------
    InputError
        If a layer sees the whole picture.
    """
    most = 0
    for layer in layers:
        field = receptive_field(network, layer)
        if field.pixels is None:
            raise InputError(
                f"layer {layer!r} of {network.name} sees the whole picture, so that one of more "
                f"than {WHOLE_PIXELS / 1e6:g} megapixels cannot be passed in tiles; give "
                "--short-side to make it smaller, or use a layer of convolutions"
            )
        most = max(most, field.pixels // 2 + field.step)
    return min(-(-most // GRAIN) * GRAIN, MOST_AROUND)


def note(network: Network, layers: Sequence[str], whole: tuple[int, int]) -> dict[str, str]:
    """Return a ``note`` where cells see more than they are shown, or nothing.

    Parameters
    ----------
    network, layers
        What looks.
    whole
        Height and width of the network's input, or of what is passed in tiles, in pixels.
    """
    tiled = whole[0] * whole[1] > WHOLE_PIXELS
    shown = min(*whole, 2 * MOST_AROUND) if tiled else min(whole)
    wide = []
    for layer in layers:
        pixels = receptive_field(network, layer).pixels
        if pixels is None or pixels > shown:
            wide.append(f"a cell of {layer} sees {'all' if pixels is None else pixels}")
    if not wide:
        return {}
    input_ = f"{whole[1]} x {whole[0]}"
    if tiled:
        said = f"{input_} px are passed in tiles with {MOST_AROUND} px around them, and"
    else:
        said = f"the network's input has {input_} px, and"
    return {"note": f"{said} {', '.join(wide)}: places are told apart only roughly"}


def tiles(
    network: Network, layers: Sequence[str], whole: tuple[int, int]
) -> Iterator[tuple[Span, Span]]:
    """Give the tiles of a picture, rows first; one that holds all of a small picture.

    Parameters
    ----------
    network, layers
        What reads them.
    whole
        Height and width of the picture in pixels.

    Raises
    ------
    InputError
        As for `surroundings`.
    """
    if whole[0] * whole[1] <= WHOLE_PIXELS:
        yield Span(0, whole[0], 0, whole[0]), Span(0, whole[1], 0, whole[1])
        return
    around = surroundings(network, layers)
    core = SHOWN - 2 * around
    for row in spans(whole[0], core=core, around=around):
        for column in spans(whole[1], core=core, around=around):
            yield row, column


def cells_of(
    network: Network, layers: Sequence[str], views: Sequence[NDArray[np.uint8]], per_cell: PerCell
) -> dict[str, NDArray[np.float32]]:
    """Return what `per_cell` makes of each layer's outputs for `views`, ``(k, rows, columns)``.

    Parameters
    ----------
    network, layers
        What looks at the views.
    views
        Pictures of one size, uint8 ``(height, width, 3)``.
    per_cell
        Told a layer's name and its outputs, one a view; what it makes of a cell may rest on that
        cell alone, because it is asked tile by tile.

    Raises
    ------
    InputError
        If a layer has no space, or as for `layer_values` and `surroundings`.
    """

    def show(rows: slice, columns: slice) -> list[torch.Tensor]:
        return [as_input(network, view[None, rows, columns]) for view in views]

    whole = (views[0].shape[0], views[0].shape[1])
    found = read_in_tiles(network, layers, whole, show, per_cell)
    return {layer: values.float().cpu().numpy() for layer, values in found.items()}


def read_in_tiles(
    network: Network,
    layers: Sequence[str],
    whole: tuple[int, int],
    show: Callable[[slice, slice], Sequence[torch.Tensor]],
    per_cell: PerCell,
) -> dict[str, torch.Tensor]:
    """Return what `per_cell` makes of each layer's outputs, tile by tile, without gradients.

    Parameters
    ----------
    network, layers
        What looks.
    whole
        Height and width of what is seen, in pixels.
    show
        Gives the network's inputs ``(1, 3, h, w)`` for rows and columns of the whole.
    per_cell
        As for `cells_of`.

    Raises
    ------
    InputError
        As for `cells_of`.
    """
    made: dict[str, list[tuple[slice, slice, torch.Tensor]]] = {name: [] for name in layers}
    for rows, columns in tiles(network, layers, whole):
        shown = show(rows.shown, columns.shown)
        read = [layer_values(network, layers, batch) for batch in shown]
        for layer in layers:
            values = [one[layer][0] for one in read]
            if values[0].ndim != 3:
                raise no_space(network, layer)
            at, kept = core_cells((rows, columns), tuple(values[0].shape[1:]))
            found = per_cell(layer, [one[:, kept[0], kept[1]] for one in values])
            made[layer].append((*at, found))
    return {layer: _joined(parts) for layer, parts in made.items()}


def core_cells(
    tile: tuple[Span, Span], cells: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where a tile's own cells lie in the whole grid, and among those of its pass.

    Parameters
    ----------
    tile
        Its rows and columns.
    cells
        Rows and columns of cells that its pass gave.
    """
    at, kept = [], []
    for span, count in zip(tile, cells, strict=True):
        _, step = cell_grid(span.end - span.begin, count)
        before = (span.first - span.begin) // step
        own = count - before if span.last == span.end else (span.last - span.first) // step
        first = span.first // step
        at.append(slice(first, first + own))
        kept.append(slice(before, before + own))
    return (at[0], at[1]), (kept[0], kept[1])


def _joined(parts: Sequence[tuple[slice, slice, torch.Tensor]]) -> torch.Tensor:
    if len(parts) == 1:
        return parts[0][2]
    height = max(rows.stop for rows, _, _ in parts)
    width = max(columns.stop for _, columns, _ in parts)
    first = parts[0][2]
    whole = first.new_zeros((len(first), height, width))
    for rows, columns, values in parts:
        whole[:, rows, columns] = values
    return whole
