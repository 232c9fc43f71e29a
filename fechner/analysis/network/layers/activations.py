"""What the channels of a network say of each image.

Rated images -> **activations** -> similarity matrices. Every image is squashed to
one square (its aspect ratio is given up, so that all images have the same grid),
scaled to the network's input, and passed through once for all wanted layers.
Decoding runs in threads beside the forward passes, of which there are as many at once as torch
has threads (`side_by_side`); batches may also be shared out among processes and machines, with
the same digits. Values stream to disk as ordinary ``.npy`` files under the key of everything that
shaped them (`records.done`), so that the same question is answered from disk and an interrupted
run goes on where it stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fechner.analysis.network.layers.folding import folded
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import (
    POOLS,
    Pool,
    as_input,
    layer_values,
    pooled,
)
from fechner.analysis.network.layers.side_by_side import each_in_turn, one_thread_a_pass, twins
from fechner.analysis.network.layers.store import MemoryRows, Rows, StoredRows, filling
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError
from fechner.executors import SerialExecutor, each_in_order
from fechner.progress import Progress, silent
from fechner.provenance import sha256_file
from fechner.records.done import done_key
from fechner.records.images.files import read_image

_DECODERS = max(1, min(4, os.cpu_count() or 1))
"""Threads that decode: more than the cores only delay the forward pass."""

MOST_SIDE = 4096
"""Pixels: a batch of larger squares takes more memory than a machine has."""

_AHEAD_BATCHES = 3
"""Batches decoded before they are wanted: one in work, two waiting."""

_PART_BATCHES = 4
"""Batches that one task reads: 64 images, some seconds of a core."""


@dataclass(frozen=True, eq=False)
class Activations:
    """Values of one layer for a list of images.

    Attributes
    ----------
    values
        float32, ``(n_images, n_channels, height, width)`` with space, or
        ``(n_images, n_units)``; memory-mapped, read-only, where a cache folder was given.
        Pool ``mean_sd`` gives all means, then all SDs: ``n_units = 2 n_channels``.
    preprocessing
        How an image became the network's input, in words.
    pool
        None, ``"mean"``, ``"max"`` or ``"mean_sd"`` over space (population SD).
    images
        sha256 of each image file, in the order of the rows.
    """

    values: np.ndarray
    network: str
    layer: str
    weights_sha256: str
    preprocessing: str
    pool: Pool | None
    images: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key of everything that shaped the values; their file's name in a cache."""
        shaped_by = {name: getattr(self, name) for name in _SHAPES}
        return done_key("activations", shaped_by)


_SHAPES = ("network", "layer", "weights_sha256", "preprocessing", "pool", "images")


def activations(
    network: Network,
    layers: Sequence[str],
    paths: Sequence[Path],
    *,
    size: int = 224,
    pool: Pool | None = None,
    batch: int = 16,
    cache: Path | None = None,
    workers: Executor | None = None,
    progress: Progress = silent,
) -> dict[str, Activations]:
    """Return the activations of `layers` for the images at `paths`, from one forward pass.

    Parameters
    ----------
    layers
        Names of layers of `network` (`Network.layers`).
    size
        Side in pixels of the square that every image is squashed to.
    pool
        Reduction over space; a layer without space keeps its units.
    batch
        Images in one forward pass.
    cache
        Folder for the values; None keeps them in memory. Threads and programs may share it:
        one fills it at a time, and what it filled need not be read again by the others.
    workers
        Where batches are read, with the same values anywhere; this process where it is None, or
        where the network is on a graphics card. They must see the images.

    Returns
    -------
    Activations by name of the layer, in the order of `layers`.

    Raises
    ------
    InputError
        If a layer is unknown or has no channels, an image cannot be read, a value is not
        finite, or the disk is full.

    Examples
    --------
    Mean and SD over space of 1280 channels, for two pictures:

    >>> import tempfile
    >>> from fechner.analysis.network.layers.networks import load_network
    >>> from fechner.records.images.files import write_png
    >>> folder, rng = Path(tempfile.mkdtemp()), np.random.default_rng(1)
    >>> paths = [folder / "one.png", folder / "two.png"]
    >>> for path in paths:
    ...     write_png(path, rng.integers(0, 256, (40, 60, 3)).astype(np.uint8))
    >>> network = load_network("efficientnet_lite0", device="cpu")
    >>> activations(network, ["bn2"], paths, size=64, pool="mean_sd")["bn2"].values.shape
    (2, 2560)
    """
    _check(layers, paths, size=size, pool=pool, batch=batch)
    about: dict[str, Any] = {
        "network": network.name,
        "weights_sha256": network.weights_sha256,
        "preprocessing": describe_preprocessing(network, size),
        "pool": pool,
        "images": tuple(sha256_file(path) for path in paths),
    }
    shaped_by = {
        name: {**about, "layer": network.checked_layer(name)} for name in dict.fromkeys(layers)
    }
    rows = _rows(shaped_by, cache)
    if not all(row.complete for row in rows.values()):
        with filling(cache):
            rows = _rows(shaped_by, cache)
            missing = {name: row for name, row in rows.items() if not row.complete}
            if missing:
                how = _Reading(tuple(missing), size, pool, batch)
                _extract(network, missing, paths, how, workers, progress)
    return {name: Activations(values=row.values(), **shaped_by[name]) for name, row in rows.items()}


def describe_preprocessing(network: Network, size: int) -> str:
    """Return in words how an image becomes the input of `network`."""
    return (
        f"sRGB 8 bit, squashed to {size}x{size} by antialiased bilinear, / 255, "
        f"minus {network.mean}, over {network.sd}"
    )


def prepared(path: Path, size: int) -> np.ndarray:
    """Return the image at `path` squashed to uint8 ``(size, size, 3)``, sRGB."""
    from PIL import Image

    image = Image.fromarray(read_image(path))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class _Reading:
    """What is read of each image: layers, side of the square, pooling, images in one pass."""

    layers: tuple[str, ...]
    size: int
    pool: Pool | None
    batch: int


def _extract(
    network: Network,
    rows: dict[str, Rows],
    paths: Sequence[Path],
    how: _Reading,
    workers: Executor | None,
    progress: Progress,
) -> None:
    # Whole batches only, so that a resumed run repeats the arithmetic of an unbroken one.
    done = min(row.done for row in rows.values()) // how.batch * how.batch
    fast = folded(network, list(rows))
    progress(done, len(paths))
    try:
        for values in _read(fast, paths[done:], how, workers):
            for name, row in rows.items():
                row.put(done, values[name])
            done += len(values[how.layers[0]])
            progress(done, len(paths))
    finally:
        for row in rows.values():
            row.close()


def _read(
    network: Network, paths: Sequence[Path], how: _Reading, workers: Executor | None
) -> Iterator[dict[str, np.ndarray]]:
    """Give the values of some images after those of others, by layer."""
    if isinstance(workers, SerialExecutor | None) or network.device.type != "cpu":
        yield from _values(network, paths, how)
        return
    at_once = how.batch * _PART_BATCHES
    parts = [paths[first : first + at_once] for first in range(0, len(paths), at_once)]
    with travelling(network, None, workers) as carried:
        yield from each_in_order(partial(_part, carried, how), parts, pool=workers)


def _part(carried: Network | Path, how: _Reading, paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """Return the values of some images together, where this process was sent."""
    found = list(_values(arrived(carried), paths, how))
    return {name: np.concatenate([one[name] for one in found]) for name in how.layers}


def _values(
    network: Network, paths: Sequence[Path], how: _Reading
) -> Iterator[dict[str, np.ndarray]]:
    """Give the values of batch after batch, by layer."""

    def passed(one: Network, decoded: tuple[int, np.ndarray]) -> dict[str, np.ndarray]:
        first, images = decoded
        values, found = layer_values(one, list(how.layers), as_input(one, images)), {}
        for name in how.layers:
            found[name] = pooled(values[name], how.pool).float().cpu().numpy()
            _check_finite(found[name], name, paths[first : first + len(images)])
        return found

    with one_thread_a_pass() as at_once:
        networks = twins(network, min(at_once, -(-len(paths) // how.batch)))
        batches = decoded_batches(paths, 0, size=how.size, batch=how.batch)
        yield from each_in_turn(passed, batches, networks)


def decoded_batches(
    paths: Sequence[Path], start: int, *, size: int, batch: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Give ``(first row, uint8 (n, size, size, 3))``, decoded in threads ahead of their use.

    Parameters
    ----------
    paths
        The images.
    start
        The first row that is wanted.
    size
        Side in pixels of the square that each becomes.
    batch
        How many images come at once.

    Returns
    -------
    iterator of (int, numpy.ndarray)
        First row of the batch, and its pixels, uint8 ``(n, size, size, 3)``, sRGB.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    firsts = list(range(start, len(paths), batch))
    waiting: dict[int, list[Future[np.ndarray]]] = {}
    with ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode") as pool:
        try:
            for place, first in enumerate(firsts):
                for ahead in firsts[place : place + _AHEAD_BATCHES]:
                    if ahead not in waiting:
                        chosen = paths[ahead : ahead + batch]
                        waiting[ahead] = [pool.submit(prepared, path, size) for path in chosen]
                yield first, np.stack([image.result() for image in waiting.pop(first)])
        finally:
            for images in waiting.values():
                for image in images:
                    image.cancel()


def _check_finite(values: np.ndarray, layer: str, paths: Sequence[Path]) -> None:
    finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not finite.all():
        raise InputError(
            f"layer {layer!r} gives values that are not finite for {paths[int(finite.argmin())]}; "
            "the weights are damaged or of another preprocessing; use other weights"
        )


def _check(
    layers: Sequence[str], paths: Sequence[Path], *, size: int, pool: str | None, batch: int
) -> None:
    if not layers:
        raise InputError("no layer was asked for; name at least one")
    if not len(paths):
        raise InputError("no image was given; name at least one")
    if not 32 <= size <= MOST_SIDE:
        raise InputError(f"size expects 32 to {MOST_SIDE} pixels, got {size}")
    if batch < 1:
        raise InputError(f"batch expects 1 or more images, got {batch}")
    if pool is not None and pool not in POOLS:
        raise InputError(f"no pool {pool!r}; expected none or one of {', '.join(POOLS)}")


def _rows(shaped_by: dict[str, dict[str, Any]], cache: Path | None) -> dict[str, Rows]:
    """Return what keeps the rows of each layer, given all that shapes them."""
    rows: dict[str, Rows] = {}
    for name, about in shaped_by.items():
        images = len(about["images"])
        key = done_key("activations", about)
        rows[name] = (
            MemoryRows(images) if cache is None else StoredRows(Path(cache), key, images, about)
        )
    return rows
