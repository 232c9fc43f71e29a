"""Where a layer sees the difference between an image and its degraded version.

The third way to an importance map, and the one that needs no ratings: the distance
within a network (`analysis.network.distances`), taken at each place instead of over all. With
``x_p`` and ``y_p`` the channel vectors of image and degraded image at a place p of P, ``w_c``
the weight of channel c (1 where none are given), and all lengths and products weighed by them::

    cosine    P/2 |y_p / |y| - x_p / |x||^2      lengths |x|, |y| over all channels and places
    unit      sum_c w_c (y_pc / |y_p| - x_pc / |x_p|)^2             lengths at the place: LPIPS
    rms       sum_c w_c (y_pc - x_pc)^2 / sum_c w_c

The mean over places is the distance of the whole pair, ``1 - cos``, LPIPS and the square of
the root of mean squares: so the map shares out, over the picture, a number that is known to
agree with people (docs/what-maps-are-worth.md has the figures). Several layers are joined as there,
as if their channels stood side by side.

Such a map is **damage**: high where the layer sees much of the change, because much changed
there or because the layer cares. **Damage per error** divides it by the squared error of the
pixels, both smoothed alike: how much the layer sees of each unit of error. The first weighs
errors that were made; the second is what differs between regions that lose equally much, and
so is the map for choosing such regions.

Images are passed at their native size or, where asked, scaled, always whole and at their own
aspect ratio; a margin of reflection keeps the zero padding of the network off (`geometry`), and
large ones go in tiles (`tiles`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.maps.checks import check_pair
from fechner.analysis.network.maps.enlarging import enlarged, smoothed_map
from fechner.analysis.network.maps.geometry import ReflectedView, reflected_view
from fechner.analysis.network.maps.tiles import cells_of
from fechner.errors import InputError, nearest
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    import torch

DISTANCE_MARGIN = 32
"""Least number of reflected pixels around the image: padding troubles both images alike, so that
their difference hardly shows it."""

SMOOTH_SHARE = 0.016
"""SD of the smoothing as a share of the image's short side: 8 pixels of 512."""

ERROR_FLOOR = 1.0
"""Squared grey levels added to the error before damage is divided by it: an error below one grey
level is that of rounding."""

CELL_SD = (1 / 12 + 1 / 3) ** 0.5
"""SD, in cells, of what one cell spreads over: a box of one cell under a cubic B-spline."""

LOCAL_READOUTS = ("cosine", "unit", "rms")
"""Read-outs of `analysis.network.distances` that are means over places."""

DEFAULT_LAYERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"), ("blocks.3",)
    ),
    "alexnet": ("features.9",),
    "squeezenet1_1": ("features.4",),
}
"""Where the difference is read if nothing else is asked; other networks are read at their default
layer. Chosen on LIVE pairs (docs/what-maps-are-worth.md)."""

DEFAULT_READOUT = "cosine"

_LEAST = 1e-12
"""Keeps a quotient of nothing by nothing at 0."""

Cells = NDArray[np.float64]


@dataclass(frozen=True)
class LocalDistance:
    """What is compared at each place, and how it becomes a map.

    Attributes
    ----------
    layers
        One, or several that are joined.
    readout
        One of `LOCAL_READOUTS`.
    weights
        For each layer one number of 0 or more a channel; None weighs all alike.
    smooth
        SD of the Gaussian that smooths the map, as a share of the image's short side.
    short_side
        Pixels of the image's short side in the network; None keeps the native size.
    margin
        Least number of pixels by which the image is continued by reflection.
    """

    layers: tuple[str, ...]
    readout: str = DEFAULT_READOUT
    weights: tuple[tuple[float, ...], ...] | None = None
    smooth: float = SMOOTH_SHARE
    short_side: int | None = None
    margin: int = DISTANCE_MARGIN

    def __post_init__(self) -> None:
        if self.readout not in LOCAL_READOUTS:
            raise InputError(
                f"no local read-out {self.readout!r}; {nearest(self.readout, LOCAL_READOUTS)}"
            )

    @property
    def words(self) -> str:
        """What a value of the map is, for records and colour bars."""
        what = {"cosine": "1 - cosine", "unit": "of unit vectors", "rms": "mean squared"}
        return f"distance in {'+'.join(self.layers)}, {what[self.readout]}"


@dataclass(frozen=True, eq=False)
class Damage:
    """Where a layer sees the difference of two images.

    Attributes
    ----------
    values
        float32 ``(height, width)``, 0 or more; its mean is `distance` but for what smoothing and
        enlarging move across the border.
    distance
        Of the whole pair: 0 for equal images.
    blur_px
        SD in pixels of the image over which one cell's value is spread: by its size, by
        enlarging, and by smoothing.
    """

    values: NDArray[np.float32]
    distance: float
    blur_px: float


def local_distance(network: Network, selection: ChannelSelection | None = None) -> LocalDistance:
    """Return what is compared: the channels of `selection`, or all of the network's usual layer.

    A selection made on reference pairs brings its read-out and weights; one made on rated images
    says which channels are kept.

    Raises
    ------
    InputError
        If the selection counts means and SDs apart, keeps no channel, or was made with a read-out
        that has no places.
    """
    if selection is None:
        return LocalDistance(DEFAULT_LAYERS.get(network.name, (network.default_layer,)))
    if selection.pool == "mean_sd":
        raise InputError(
            "the selection keeps means and SDs of channels apart, and a distance weighs channels; "
            "make one with another pooling, or ask for maps by removal"
        )
    readout = {"euclid": "rms", None: DEFAULT_READOUT}.get(selection.distance, selection.distance)
    if readout not in LOCAL_READOUTS:
        raise InputError(
            f"the selection was made with the read-out {readout!r}, which compares whole "
            f"images and has no places; make one with {', '.join(LOCAL_READOUTS)} or euclid"
        )
    scale = np.asarray(selection.channel_scale)
    if not scale.any():
        raise InputError("the selection keeps no channel; make one that does")
    parts = np.split(scale, np.cumsum(selection.widths)[:-1])
    weights = tuple(tuple(part.tolist()) for part in parts)
    return LocalDistance(tuple(selection.layers), readout or DEFAULT_READOUT, weights)


def damage(network: Network, image: np.ndarray, worse: np.ndarray, how: LocalDistance) -> Damage:
    """Return where `network` sees the difference between an image and its degraded version.

    Parameters
    ----------
    network
        What looks.
    image, worse
        uint8 ``(height, width, 3)``, sRGB, of one size.
    how
        What is compared.

    Raises
    ------
    InputError
        If the images differ in size or not at all, a layer is unknown or has no space, or the
        weights do not fit.
    """
    view = reflected_view(image.shape[:2], short_side=how.short_side, margin=how.margin)
    shares, distance = _compared(network, image, worse, how, view)
    sd_px = how.smooth * min(image.shape[:2])
    values = np.zeros(image.shape[:2], np.float32)
    for cells in shares.values():
        values += enlarged(cells, *view.cell_places(cells.shape))
    coarsest = max(view.cell_size(cells.shape) for cells in shares.values())
    return Damage(smoothed_map(values, sd_px), distance, float(np.hypot(sd_px, CELL_SD * coarsest)))


def pair_distance(
    network: Network, image: np.ndarray, worse: np.ndarray, how: LocalDistance
) -> float:
    """Return the distance of the whole pair, as `damage` has it, without drawing its map.

    Parameters and errors are those of `damage`; equal images lie at distance 0. One thread
    computes it, adding up in one order, so that what is written down is the same to the last digit
    with any number of threads.
    """
    if image.shape == worse.shape and np.array_equal(image, worse):
        return 0.0
    view = reflected_view(image.shape[:2], short_side=how.short_side, margin=how.margin)
    with _one_thread():
        return _compared(network, image, worse, how, view)[1]


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _compared(
    network: Network, image: np.ndarray, worse: np.ndarray, how: LocalDistance, view: ReflectedView
) -> tuple[dict[str, Cells], float]:
    check_pair(image, worse)
    layers = [network.checked_layer(layer) for layer in how.layers]
    sums = cells_of(network, layers, [view.show(image), view.show(worse)], _sums_of(how))
    return shares_of_places(sums, view, how.readout)


def damage_per_error(found: Damage, image: np.ndarray, worse: np.ndarray) -> NDArray[np.float32]:
    """Return damage over squared error plus `ERROR_FLOOR`, smoothed alike, ``(height, width)``.

    Parameters
    ----------
    found
        The damage of the two images.
    image, worse
        uint8 ``(height, width, 3)``, sRGB.
    """
    error = smoothed_map(_squared_error(image, worse), found.blur_px)
    return found.values / (error + np.float32(ERROR_FLOOR))


def _squared_error(image: np.ndarray, worse: np.ndarray) -> NDArray[np.float32]:
    """Return the squared error of every pixel, mean over colours, ``(height, width)``."""
    total = np.zeros(image.shape[:2], np.float32)
    for colour in range(3):  # One colour at a time: 12 megapixels in float32 are 144 MB.
        total += np.square(image[..., colour].astype(np.float32) - worse[..., colour])
    return total * np.float32(1 / 3)


def _sums_of(how: LocalDistance) -> Any:
    """Return what is summed over channels at each cell."""
    of_layer = None if how.weights is None else dict(zip(how.layers, how.weights, strict=True))
    return partial(_sums, of_layer)


def _sums(
    weights: Mapping[str, Sequence[float]] | None, layer: str, values: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Return the sums over channels of ``x^2``, ``x d``, ``d^2`` and 1, with ``d = y - x``.

    ``(4, rows, columns)``; with weights the first three of all channels alike follow, ``(7, ...)``.
    """
    import torch

    x, y = values
    d = y - x
    products = (x * x, x * d, d * d)
    plain = [one.sum(dim=0) for one in products]
    if weights is None:
        return torch.stack([*plain, torch.full_like(plain[0], len(x))])
    if len(weights[layer]) != len(x):
        raise InputError(
            f"{len(weights[layer])} channel weights for the {len(x)} channels of {layer!r}; use "
            "a selection of this layer"
        )
    w = torch.tensor(weights[layer], dtype=x.dtype, device=x.device)
    weighed = [torch.tensordot(w, one, dims=1) for one in products]
    return torch.stack([*weighed, torch.full_like(plain[0], float(w.sum())), *plain])


def shares_of_places(
    sums: Mapping[str, NDArray], view: ReflectedView, readout: str
) -> tuple[dict[str, Cells], float]:
    """Return what each cell adds to the distance, and the distance.

    Parameters
    ----------
    sums
        Of each layer, from `_sums`.
    view
        How the image lies in the network's input: cells outside it add nothing.
    readout
        One of `LOCAL_READOUTS`.

    Returns
    -------
    dict and float
        Of each layer ``(rows, columns)``; the means over the cells inside the image add up to
        the distance.
    """
    inside = {layer: view.cells_inside(one.shape[1:]) for layer, one in sums.items()}
    exact = {layer: one.astype(np.float64) for layer, one in sums.items()}
    # Joined layers have unequal numbers of places: each sum is over all of their places.
    of_all = sum(one[:4, inside[layer]].sum(axis=1) for layer, one in exact.items())
    made: dict[str, Cells] = {}
    for layer, one in exact.items():
        places = inside[layer].sum()
        if readout == "unit":
            made[layer] = _turned(one[:3], _lengths(one[-3:] if len(one) == 7 else one[:3]))
        elif readout == "cosine":
            made[layer] = places / 2 * _turned(one[:3], _lengths(of_all[:3]))
        else:
            made[layer] = places * one[2] / np.maximum(of_all[3], _LEAST)
    return made, sum(float(cells[inside[layer]].mean()) for layer, cells in made.items())


def _lengths(sums: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Return ``|x|``, ``|y|`` and ``|y| - |x|`` from sums of ``x^2``, ``x d`` and ``d^2``."""
    square, along, apart = sums
    longer = 2 * along + apart
    length = np.sqrt(square)
    other = np.sqrt(np.maximum(square + longer, 0.0))
    # The difference of two lengths would lose the digits that a slight distortion lives in.
    return length, other, longer / (length + other + _LEAST)


def _turned(sums: NDArray, lengths: tuple[NDArray, NDArray, NDArray]) -> Cells:
    """Return ``|y / Y - x / X|^2`` at each cell from its sums and the lengths X, Y, Y - X."""
    square, along, apart = sums
    length, other, longer = lengths
    shrunk = -longer / (length * other + _LEAST)
    by_other = 1 / (other + _LEAST)
    turned = apart * by_other**2 + 2 * along * by_other * shrunk + square * shrunk**2
    return np.maximum(turned, 0.0)
