"""Importance maps: the channels that matter, projected back onto the image.

ChannelSelection -> **importance maps** -> matched regions. After class activation maps
(Zhou et al. 2016, CVPR) and Grad-CAM (Selvaraju et al. 2017, ICCV), with the signed
relevance ``w_c`` of the selection in place of gradients of a class, and without their
ReLU and per-image stretching, which hide the sign, the zero and the differences between
images::

    raw(y, x) = sum_c w_c A_c(y, x)         importance(y, x) = |raw(y, x)| / max |raw|

``A_c`` is the activation of channel ``c``; joined layers are summed at the image's
resolution. Importance is the magnitude of what the
prediction would lose, for better or worse, if the place fell silent; the maximum is that
of the whole set of images, and the signed values are kept beside. Where the selection
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

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input, layer_values
from fechner.analysis.network.maps.geometry import ReflectedView, reflected_view
from fechner.analysis.network.maps.removal import BLURRED, Degradation, removal_map
from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.provenance import digest, provenance, sha256_file
from fechner.records.file_names import check_file_names
from fechner.records.images.files import read_image
from fechner.records.maps import Counts, ImportanceMaps, write_maps
from fechner.records.selection import ChannelSelection

SHORT_SIDE = 448
"""Pixels of the image's short side in the network: twice the 224 of its training."""

MARGIN = 256
"""Least number of reflected pixels around the image. On a uniform image, the raw range
left by the padding falls from 152 (96 pixels) over 24 (224) to 1 (320); a photograph has
500 (EfficientNet-Lite0, short side 448)."""

Method = Literal["contribution", "removal"]
METHODS: dict[str, tuple[str, Counts]] = {
    "contribution": (
        "magnitude of the sum over channels of signed relevance times activation",
        "magnitude",
    ),
    "removal": (
        "loss of predicted rating when detail is removed, by integrated gradients",
        "positive",
    ),
}
"""How a raw map is made, in words, and which of its values count as important."""


def map_method(selection: ChannelSelection, *, asked: str = "auto") -> Method:
    """Return how maps are made: ``auto`` is removal where the selection predicts ratings.

    Raises
    ------
    InputError
        If no method is called `asked`.
    """
    if asked not in ("auto", *METHODS):
        raise InputError(f"no method {asked!r}; expected one of auto, {', '.join(METHODS)}")
    if asked == "auto":
        return "contribution" if selection.readout is None else "removal"
    return cast("Method", asked)


def contribution_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    short_side: int = SHORT_SIDE,
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
        Pixels of the image's short side in the network.
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
    _check(network, image, selection, short_side)
    view = reflected_view(image.shape[:2], short_side=short_side, margin=margin)
    straight = _raw_once(network, image, selection, view)
    mirrored = _raw_once(network, np.ascontiguousarray(image[:, ::-1]), selection, view)
    return (straight + mirrored[:, ::-1]) / 2


def _raw_once(
    network: Network, image: np.ndarray, selection: ChannelSelection, view: ReflectedView
) -> np.ndarray:
    values = layer_values(network, selection.layers, as_input(network, view.show(image)[None]))
    ends = np.cumsum(selection.widths)[:-1]
    parts = np.split(np.asarray(selection.weights, dtype=np.float64), ends)
    total = np.zeros(image.shape[:2], np.float32)
    for layer, weights in zip(selection.layers, parts, strict=True):
        cells = values[layer][0].float().cpu().numpy()
        if cells.ndim != 3:
            raise InputError(
                f"layer {layer!r} of {network.name} has no space and gives no map; "
                f"use a layer such as {network.default_layer!r}"
            )
        inside = view.cells_inside(cells.shape[1:])
        raw = cell_relevance(cells, weights, pool=selection.pool, inside=inside)
        total += _enlarged(raw, *view.cell_places(raw.shape))
    return total


def _enlarged(raw: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the cubic B-spline with control values `raw` at the places ``rows x columns``."""
    from scipy.ndimage import map_coordinates

    places = np.meshgrid(rows, columns, indexing="ij")
    smooth = map_coordinates(raw, places, order=3, prefilter=False, mode="nearest")
    return smooth.astype(np.float32)


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


def raw_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    method: Method | Literal["auto"] = "auto",
    degradation: Degradation = BLURRED,
    short_side: int = SHORT_SIDE,
    margin: int = MARGIN,
) -> np.ndarray:
    """Return the raw values of a map of one image, made by `method`.

    Parameters
    ----------
    network
        The network that the selection was made with.
    image
        uint8 ``(height, width, 3)``, sRGB.
    selection
        Whose channels count, and how much.
    method, degradation, short_side, margin
        As for `importance_maps`.

    Returns
    -------
    float32 ``(height, width)``
        In units of the selection's prediction. `records.maps.counted` says which of the
        values count as important.

    Raises
    ------
    InputError
        If the selection was made with another network, weights or number of channels.
    """
    if map_method(selection, asked=method) == "contribution":
        return contribution_map(network, image, selection, short_side=short_side, margin=margin)
    _check(network, image, selection, short_side)
    return removal_map(network, image, selection, degraded=degradation.apply)


def importance_maps(
    network: Network,
    images: Mapping[str, Path],
    selection: ChannelSelection,
    *,
    folder: Path,
    method: Method | Literal["auto"] = "auto",
    degradation: Degradation = BLURRED,
    short_side: int = SHORT_SIDE,
    margin: int = MARGIN,
    progress: Progress = silent,
) -> ImportanceMaps:
    """Write the importance maps of `images` to `folder`, all on one scale.

    Parameters
    ----------
    images
        Name of each map and path of its image.
    folder
        Gets ``NAME.png`` and ``signed/NAME.png`` (16 bit), ``NAME.json`` and ``maps.json``.
    method
        ``"contribution"`` (this module), ``"removal"`` (module `removal`), or as `map_method`
        says.
    degradation
        For ``"removal"``: how detail is removed; a map holds for that way only.
    short_side, margin
        For ``"contribution"``: size and continuation of the network's view, in pixels.

    Returns
    -------
    ImportanceMaps
        The same maps as are written, by name.

    Raises
    ------
    InputError
        If a name cannot be that of a file, an image cannot be read, the selection does not fit
        the network, or the selection tells no place from another.

    Examples
    --------
    Where two pictures excite all channels of a layer. The selection commonly comes from
    `fechner.select_channels`; `fechner.records.read_selection` reads one:

    >>> import tempfile
    >>> from fechner.analysis.network.layers.networks import load_network
    >>> from fechner.records.images.files import write_png
    >>> from fechner.records.selection import ChannelSelection, Gain
    >>> network = load_network("efficientnet_lite0", device="cpu")
    >>> selection = ChannelSelection(
    ...     network=network.name, weights_sha256=network.weights_sha256, layer="blocks.2",
    ...     widths=[40], n_channels=40, kept=[True] * 40, weights=[1.0] * 40, impact=[0.0] * 40,
    ...     size=224, pool=None, preprocessing="", dimension="quality", method="all",
    ...     alignment_selection=Gain(before=None, after=None),
    ...     alignment_held_out=Gain(before=None, after=None),
    ...     scenes_selection=[], scenes_held_out=[], provenance={},
    ... )
    >>> folder, rng = Path(tempfile.mkdtemp()), np.random.default_rng(1)
    >>> images = {"0801": folder / "a.png", "null": folder / "b.png"}
    >>> for path in images.values():
    ...     write_png(path, rng.integers(0, 256, (40, 60, 3)).astype(np.uint8))
    >>> made = importance_maps(network, images, selection, folder=folder / "maps", short_side=64)
    >>> {name: one.values.shape for name, one in made.maps.items()}
    {'0801': (40, 60), 'null': (40, 60)}
    >>> max(float(one.values.max()) for one in made.maps.values())
    1.0
    """
    if not images:
        raise InputError("no image was given; name at least one")
    check_file_names(images, of="image")
    method = map_method(selection, asked=method)
    words, counts = METHODS[method]
    simulated = bool(selection.provenance.get("simulated", False))
    made = _how_made(network, selection) | {"map_method": method}
    if method == "removal":
        made |= {"degradation": degradation.words}
    else:
        made |= {"short_side": short_side, "margin": margin}
    raw: dict[str, np.ndarray] = {}
    about: dict[str, dict[str, Any]] = {}
    for done, (name, path) in enumerate(images.items(), start=1):
        raw[name] = raw_map(
            network,
            read_image(path),
            selection,
            method=method,
            degradation=degradation,
            short_side=short_side,
            margin=margin,
        )
        inputs = {Path(path).name: sha256_file(path), "selection": made["selection_sha256"]}
        about[name] = {
            "image": Path(path).name,
            "method": words,
            "provenance": provenance(parameters=made, inputs=inputs, simulated=simulated),
        }
        progress(done, len(images))
    inputs = {"selection": made["selection_sha256"], "weights": network.weights_sha256}
    record = {
        "method": words,
        "provenance": provenance(parameters=made, inputs=inputs, simulated=simulated),
    }
    return write_maps(folder, raw, about=about, set_record=record, counts=counts)


def _how_made(network: Network, selection: ChannelSelection) -> dict[str, Any]:
    return {
        "network": network.name,
        "layer": selection.layer,
        "weights_sha256": network.weights_sha256,
        "pool": selection.pool,
        "dimension": selection.dimension,
        "selection_method": selection.method,
        "channels_kept": sum(selection.kept),
        "selection_sha256": digest(selection.model_dump(mode="json")),
    }


def _check(
    network: Network, image: np.ndarray, selection: ChannelSelection, short_side: int
) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"an image is uint8 (height, width, 3), got {image.dtype} {image.shape}; "
            "read it with read_image"
        )
    if short_side < 64:
        raise InputError(f"the short side must be 64 pixels or more, got {short_side}")
    if selection.network != network.name:
        raise InputError(
            f"the selection was made with {selection.network}, the network is {network.name}; "
            f"use --network {selection.network}"
        )
    if selection.weights_sha256 != network.weights_sha256:
        raise InputError(
            f"the selection was made with other weights of {network.name} "
            f"(sha256 {selection.weights_sha256[:8]}, here {network.weights_sha256[:8]}); "
            "give the same weight file, or make the selection anew"
        )
    for layer in selection.layers:
        network.checked_layer(layer)
