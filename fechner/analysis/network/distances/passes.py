"""One pass of every image at its native size, for all layers and read-outs.

Pairs of reference and distorted image -> **differences of channels** -> distances. The work is
dealt by reference: the reference is passed once and its layers are kept, then its distorted
versions pass one by one, each compared with it layer by layer while the pass is on its way.
What is left of a pair is a few numbers for each channel (`comparing`), so that memory holds
one reference's layers however many pairs there are. Images are never resized: squashing
them to one size moves such distances a great deal.

What was computed for a reference stays under a key made from everything that shaped it: the
network, and the content of the reference and of its distorted images. Another layer is added
to what is there; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.distances.comparing import (
    ReferenceLayer,
    changes,
    gram_changes,
    gram_matrix,
    reference_layer,
    sums_over_places,
)
from fechner.analysis.network.distances.kept import Arrays, add_arrays, names_in
from fechner.analysis.network.distances.passed import PassedPairs, kept_fields
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input, visit
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import sha256_file
from fechner.records.done import done_key
from fechner.records.images.files import read_image
from fechner.threads import small_matrices

if TYPE_CHECKING:
    import torch

    from fechner.data.pairs import ReferencePairs

INPUT = "input"
"""The layer before the first: the network's input itself, colours scaled as it expects."""
_PLAIN_SIDE = 224
"""Side in pixels of an image that any network here can take."""


@dataclass(frozen=True)
class OfReference:
    """A reference with its distorted images, and the rows of the table that they stand in."""

    reference: Path
    images: tuple[Path, ...]
    rows: tuple[int, ...]


def by_reference(pairs: ReferencePairs) -> list[OfReference]:
    """Return the pairs dealt by reference, in the order in which references first appear.

    Raises
    ------
    InputError
        If there is no pair.
    """
    rows: dict[Path, list[int]] = {}
    for row, reference in enumerate(pairs.references):
        rows.setdefault(Path(reference), []).append(row)
    if not rows:
        raise InputError("no pair of reference and distorted image was given; name at least one")
    return [
        OfReference(reference, tuple(Path(pairs.images[row]) for row in mine), tuple(mine))
        for reference, mine in rows.items()
    ]


def pass_pairs(
    network: Network,
    pairs: ReferencePairs,
    layers: Sequence[str],
    *,
    gram: bool = False,
    cache: Path | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> PassedPairs:
    """Return how the channels of `layers` differ within each pair.

    Parameters
    ----------
    network
        What looks at the images, one at a time, at their native size.
    pairs
        Distorted images and their references.
    layers
        Names of layers of `network`, or ``input``.
    gram
        Whether Gram matrices are compared, too: as dear as a small network's own pass.
    cache
        Folder for what is computed; None uses a temporary one. All processes of `pool` must
        see it.
    pool
        Where references run, one task each.

    Raises
    ------
    InputError
        If a layer is unknown or has no channels, an image cannot be read, differs in size
        from its reference or is too small, or a value is not finite.
    """
    if not layers:
        raise InputError("no layer was asked for; name at least one")
    names = tuple(dict.fromkeys(known_layer(network, layer) for layer in layers))
    groups = by_reference(pairs)
    temporary = None
    if cache is None:
        temporary = tempfile.TemporaryDirectory(prefix="fechner-distances-")
        cache = Path(temporary.name)
    folder = Path(cache)
    with travelling(network, folder, pool) as carried:
        work = partial(_pass_reference, carried, names, gram, folder)
        keys = run_all(work, groups, pool=pool, progress=progress)
    return PassedPairs(
        network=network.name,
        weights_sha256=network.weights_sha256,
        preprocessing=describe_native(network),
        layers=names,
        gram=gram,
        n_pairs=len(pairs.images),
        seen=_seen(network, pairs),
        _files=tuple(folder / f"{key}.npz" for key in keys),
        _rows=tuple(np.array(group.rows) for group in groups),
        _folder=temporary,
    )


def _seen(network: Network, pairs: ReferencePairs) -> NDArray[np.bool_]:
    if not network.seen:
        return np.zeros(len(pairs.images), bool)
    sides = zip(pairs.images, pairs.references, strict=True)
    return np.array([any(sha256_file(path) in network.seen for path in side) for side in sides])


def known_layer(network: Network, layer: str) -> str:
    """Return `layer` if it can be passed; errors as for `Network.checked_layer`."""
    return layer if layer == INPUT else network.checked_layer(layer)


def describe_native(network: Network) -> str:
    """Return in words how an image becomes the input of `network`."""
    return f"sRGB 8 bit, native size, / 255, minus {network.mean}, over {network.sd}"


def _pass_reference(
    carried: Network | Path, layers: Sequence[str], gram: bool, folder: Path, group: OfReference
) -> str:
    """Pass what is missing of a reference and its images; return the key of its file."""
    network = arrived(carried)
    about = {
        "network": network.name,
        "weights": network.weights_sha256,
        "preprocessing": describe_native(network),
    }
    key = done_key("distances", about, [group.reference, *group.images])
    there = names_in(folder / f"{key}.npz")
    missing = [layer for layer in layers if not there.issuperset(kept_fields(layer, gram))]
    if missing:
        # Entered once: setting the number of threads costs as much as a small product.
        with small_matrices():
            found = _compare_images(network, missing, gram, group)
        add_arrays(folder / f"{key}.npz", found)
    return key


def _compare_images(
    network: Network, layers: Sequence[str], gram: bool, group: OfReference
) -> Arrays:
    """Pass a reference and its images; return the arrays of `_fields` for each layer."""
    pixels = read_image(group.reference)
    kept: dict[str, ReferenceLayer] = {}
    products: dict[str, NDArray[np.float64]] = {}

    def keep(layer: str, value: torch.Tensor) -> None:
        values = _matrix(value).copy()
        kept[layer] = reference_layer(values)
        if gram:
            products[layer] = gram_matrix(values)

    _show(network, layers, group.reference, pixels, keep)
    found: dict[str, list[NDArray]] = {layer: [] for layer in layers}
    grams: dict[str, list[NDArray]] = {layer: [] for layer in layers}

    def compare(layer: str, value: torch.Tensor) -> None:
        values = _matrix(value)
        found[layer].append(sums_over_places(kept[layer], values))
        if gram:
            grams[layer].append(gram_changes(products[layer], values))

    for image in group.images:
        other = read_image(image)
        if other.shape != pixels.shape:
            raise InputError(
                f"{image} has {_size(other)} pixels and its reference {group.reference} has "
                f"{_size(pixels)}; a distance needs equal sizes: correct the pair"
            )
        _show(network, layers, image, other, compare)
        _check_finite(found, image)
    arrays: Arrays = {}
    for layer in layers:
        sums = np.stack(found[layer])
        arrays[f"{layer}/change"] = changes(kept[layer], sums).astype(np.float32)
        arrays[f"{layer}/reference"] = np.stack([kept[layer].mean, kept[layer].sd])
        arrays[f"{layer}/places"] = np.full(len(group.images), len(kept[layer].values))
        if gram:
            arrays[f"{layer}/gram"] = np.stack(grams[layer]).astype(np.float32)
    return arrays


def _show(
    network: Network,
    layers: Sequence[str],
    path: Path,
    pixels: NDArray[np.uint8],
    look: Callable[[str, torch.Tensor], None],
) -> None:
    """Pass one image and let `look` see each layer.

    Parameters
    ----------
    network, layers
        What looks.
    path, pixels
        The image, uint8 (h, w, 3) sRGB, and its file, for messages.
    look
        Called with the name of a layer and its output.

    Raises
    ------
    InputError
        If the image is too small for one of them.
    """
    import torch

    inner = [layer for layer in layers if layer != INPUT]
    with torch.inference_mode():
        batch = as_input(network, pixels[None])
        if INPUT in layers:
            look(INPUT, batch)
        if not inner:
            return
        try:
            visit(network, inner, batch, look)
        except (RuntimeError, InputError) as error:
            if min(pixels.shape[:2]) >= _PLAIN_SIDE or not _passes_plain(network, inner):
                raise
            raise InputError(
                f"{path} has {_size(pixels)} pixels, too few for layer {inner[-1]!r} of "
                f"{network.name}; leave the image out or ask for earlier layers"
            ) from error


def _passes_plain(network: Network, layers: Sequence[str]) -> bool:
    """Return whether an image of the usual size passes, so that it is size that fails."""
    import torch

    try:
        plain = torch.zeros(1, 3, _PLAIN_SIDE, _PLAIN_SIDE, device=network.device)
        visit(network, layers, plain, lambda layer, value: None)
    except (RuntimeError, InputError):
        return False
    return True


def _matrix(value: torch.Tensor) -> NDArray[np.float32]:
    """Return a layer's output for one image as (places, channels), a view where it can be.

    It can where channels are the innermost, as they are behind `as_input` on the CPU.
    """
    one = value[0].float().cpu()
    return one.reshape(one.shape[0], -1).T.contiguous().numpy()


def _check_finite(found: dict[str, list[NDArray]], image: Path) -> None:
    for layer, values in found.items():
        if not np.isfinite(values[-1]).all():
            raise InputError(
                f"layer {layer!r} gives values that are not finite for {image}; the weights are "
                "damaged or of another preprocessing; use other weights"
            )


def _size(pixels: NDArray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
