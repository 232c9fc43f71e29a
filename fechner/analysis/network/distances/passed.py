"""What is kept of the passes of pairs: per channel, how each image differs from its reference.

`passes` makes it, the read-outs turn it into distances.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.distances.kept import read_arrays
from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, eq=False)
class LayerDifferences:
    """How each channel of one layer differs between a distorted image and its reference.

    Attributes
    ----------
    network, layer
        Whose channels they are.
    mean, sd : (n_references, n_channels) float64
        Of each reference's channels over places.
    of : (n_pairs,) int
        The reference of each pair, a row of `mean`.
    places : (n_pairs,) int
        How many places the layer has for the images of a pair.
    mean_change, sd_change : (n_pairs, n_channels) float64
        Distorted minus reference.
    squared : (n_pairs, n_channels) float64
        Mean over places of the squared difference.
    unit : (n_pairs, n_channels) float64
        The same between channel vectors of length 1 at each place.
    gram : (n_pairs, n_channels) float64, optional
        Sum of squares of each row of the difference of the Gram matrices ``X X' / P``.
    """

    network: str
    layer: str
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    of: NDArray[np.intp]
    places: NDArray[np.int64]
    mean_change: NDArray[np.float64]
    sd_change: NDArray[np.float64]
    squared: NDArray[np.float64]
    unit: NDArray[np.float64]
    gram: NDArray[np.float64] | None

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.squared.shape[1]


@dataclass(frozen=True, eq=False)
class PassedPairs:
    """What one network says of a set of pairs; a layer is read from disk when it is asked for.

    Attributes
    ----------
    network, weights_sha256, preprocessing
        What looked, and how an image became its input.
    layers
        The layers that can be asked for.
    gram
        Whether Gram matrices were compared, too.
    n_pairs
        Number of pairs.
    seen : (n_pairs,) bool
        Pairs that the weights were fitted to: they can be no held-out evidence.
    """

    network: str
    weights_sha256: str
    preprocessing: str
    layers: tuple[str, ...]
    gram: bool
    n_pairs: int
    seen: NDArray[np.bool_]
    _files: tuple[Path, ...] = field(repr=False)
    _rows: tuple[NDArray[np.intp], ...] = field(repr=False)
    _folder: tempfile.TemporaryDirectory | None = field(default=None, repr=False)

    def layer(self, name: str) -> LayerDifferences:
        """Return the differences of one layer's channels.

        Raises
        ------
        InputError
            If the layer was not passed, or its files have gone.
        """
        if name not in self.layers:
            raise InputError(f"layer {name!r} was not passed; {nearest(name, self.layers)}")
        fields = kept_fields(name, self.gram)
        read = [read_arrays(file, fields) for file in self._files]
        order = np.empty(self.n_pairs, np.intp)
        order[np.concatenate(self._rows)] = np.arange(self.n_pairs)

        def joined(what: str) -> NDArray:
            return np.concatenate([one[f"{name}/{what}"] for one in read])[order]

        counts = [len(rows) for rows in self._rows]
        change = joined("change").astype(np.float64)
        return LayerDifferences(
            network=self.network,
            layer=name,
            mean=np.stack([one[f"{name}/reference"][0] for one in read]),
            sd=np.stack([one[f"{name}/reference"][1] for one in read]),
            of=np.repeat(np.arange(len(counts)), counts)[order],
            places=joined("places"),
            mean_change=change[:, 0],
            sd_change=change[:, 1],
            squared=change[:, 2],
            unit=change[:, 3],
            gram=joined("gram").astype(np.float64) if self.gram else None,
        )


def kept_fields(layer: str, gram: bool) -> list[str]:
    """Return the names of the arrays that are kept of a layer, with Gram matrices or without."""
    names = ["change", "reference", "places"] + ["gram"] * gram
    return [f"{layer}/{name}" for name in names]
