"""Contribution maps: where the channels of a selection respond, for better or worse.

After class activation maps (Zhou et al. 2016, CVPR) and Grad-CAM (Selvaraju et al. 2017,
ICCV), with the signed relevance ``w_c`` of the selection in place of gradients of a class, and
without their ReLU and per-image stretching, which hide the sign, the zero and the differences
between images::

    raw(y, x) = sum_c w_c A_c(y, x)

``A_c`` is the activation of channel ``c``; joined layers are summed at the image's
resolution. Where the selection
is a read-out of channels pooled by their mean, the mean of ``raw`` over the image is its
prediction up to a constant: the map says which places the prediction comes from, no
more. Where channels were pooled by mean and SD, the SD of a channel is shared out over
places by ``(A_c - mean A_c)^2 / SD A_c``, whose mean over the image is that SD. For
channels pooled by their maximum the formula above stands in; a maximum has no exact
share in places.

The image is passed whole, at its own aspect ratio, its short side `SHORT_SIDE` pixels;
the selection was made on squares of 224 by default, so things appear about twice as large
to the network as there, and the grid is twice as fine in both directions. Precautions keep the
network's own geometry out of the map: the image is continued by reflection before the
pass, so that zero padding lies far outside (`geometry`); the map is the mean of the
image's and of its mirror image's mirrored back, so that left and right are treated
alike; and the grid is enlarged by a cubic B-spline, which stays between the values of
the cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.maps.checks import check_image, check_selection, check_short_side
from fechner.analysis.network.maps.enlarging import enlarged
from fechner.analysis.network.maps.geometry import ReflectedView, reflected_view
from fechner.analysis.network.maps.tiles import cells_of
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection

SHORT_SIDE = 448
"""Pixels of the image's short side in the network: twice the 224 of its training."""

MARGIN = 256
"""Least number of reflected pixels around the image. On a uniform image, the raw range
left by the padding falls from 152 (96 pixels) over 24 (224) to 1 (320); a photograph has
500 (EfficientNet-Lite0, short side 448)."""


def contribution_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    short_side: int | None = SHORT_SIDE,
    margin: int = MARGIN,
) -> np.ndarray:
    """Return the raw importance of every pixel of `image`.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``, sRGB.
    selection
        Its layer must be one of `network` and have space.
    short_side
        Pixels of the image's short side in the network; None keeps the native size.
    margin
        Least number of pixels by which the image is continued on every side.

    Returns
    -------
    float32 ``(height, width)``, in units of the selection's weights times activation;
    negative where a place speaks against a high rating.

    Raises
    ------
    InputError
        If the selection was made with another network, weights or number of channels.
    """
    return contribution_maps(network, image, [selection], short_side=short_side, margin=margin)[0]


def contribution_maps(
    network: Network,
    image: np.ndarray,
    selections: Sequence[ChannelSelection],
    *,
    short_side: int | None = SHORT_SIDE,
    margin: int = MARGIN,
) -> list[np.ndarray]:
    """Return the maps of several selections of the same layers from one pass of the network.

    Parameters
    ----------
    network, image
        As for `contribution_map`.
    selections
        All of the same layers and pool, as a selection and its rivals are.
    short_side, margin
        As for `contribution_map`.

    Returns
    -------
    list of float32 ``(height, width)``

    Raises
    ------
    InputError
        If layers or pools differ, or as for `contribution_map`.
    """
    check_image(image)
    check_short_side(short_side)
    if len({(tuple(one.layers), one.pool) for one in selections}) > 1:
        raise InputError("selections that share a pass have the same layers and pool; map them "
                         "one by one")  # fmt: skip
    for selection in selections:
        check_selection(network, selection)
    view = reflected_view(image.shape[:2], short_side=short_side, margin=margin)
    straight = _raw_once(network, image, selections, view)
    mirrored = _raw_once(network, np.ascontiguousarray(image[:, ::-1]), selections, view)
    return [(one + other[:, ::-1]) / 2 for one, other in zip(straight, mirrored, strict=True)]


def _raw_once(
    network: Network,
    image: np.ndarray,
    selections: Sequence[ChannelSelection],
    view: ReflectedView,
) -> list[np.ndarray]:
    layers = selections[0].layers
    # SDs over the whole image are needed before a cell's share is known, so that cells are kept.
    values = cells_of(network, layers, [view.show(image)], lambda _, shown: shown[0])
    return [_weighed(values, selection, view) for selection in selections]


def _weighed(
    values: Mapping[str, np.ndarray], selection: ChannelSelection, view: ReflectedView
) -> np.ndarray:
    ends = np.cumsum(selection.widths)[:-1]
    parts = np.split(np.asarray(selection.weights, dtype=np.float64), ends)
    total = np.zeros(view.shape, np.float32)
    for layer, weights in zip(selection.layers, parts, strict=True):
        cells = values[layer]
        inside = view.cells_inside(cells.shape[1:])
        raw = cell_relevance(cells, weights, pool=selection.pool, inside=inside)
        total += enlarged(raw, *view.cell_places(raw.shape))
    return total


def cell_relevance(
    cells: np.ndarray, weights: np.ndarray, *, pool: str | None, inside: np.ndarray
) -> np.ndarray:
    """Return the signed relevance of every cell.

    ``sum_c w_c A_c``, and for pool ``mean_sd``, with ``v_c`` the weights of the SDs,
    ``sum_c w_c A_c + v_c (A_c - m_c)^2 / s_c`` (0 where ``s_c`` is 0).

    Parameters
    ----------
    cells
        Activations ``(n_channels, rows, columns)``.
    weights
        ``(n_channels,)``, or ``(2 n_channels,)`` for pool ``mean_sd``.
    inside
        bool ``(rows, columns)``: the cells over which mean ``m_c`` and SD ``s_c`` are taken.

    Returns
    -------
    ``(rows, columns)``
        In units of weights times activation.

    Raises
    ------
    InputError
        If there are not as many weights as channels.
    """
    n_channels = len(cells)
    expected = 2 * n_channels if pool == "mean_sd" else n_channels
    if len(weights) != expected:
        raise InputError(
            f"the selection has {len(weights)} weights, the layer {n_channels} channels "
            f"(pool {pool}: {expected} weights expected); make the selection anew"
        )
    raw = np.tensordot(weights[:n_channels], cells, axes=1)
    if pool == "mean_sd":
        mean = cells[:, inside].mean(axis=1)[:, None, None]
        sd = cells[:, inside].std(axis=1)[:, None, None]
        share = np.divide((cells - mean) ** 2, sd, out=np.zeros_like(cells), where=sd > 0)
        raw = raw + np.tensordot(weights[n_channels:], share, axes=1)
    return raw
