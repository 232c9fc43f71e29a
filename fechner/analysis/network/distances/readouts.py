"""From differences of channels to one distance a pair: the read-outs.

**Differences of channels** -> distances -> statistics. With ``x`` and ``y`` the reference's
and the distorted image's activations of a layer, (C, P), C channels at P places, and
``w_c`` the weight of channel c (1 where none are given):

============  ==========================================================================
``euclid``    ``sqrt(sum_c w_c sum_p (y - x)^2)``: the paper's distance
``rms``       the same as a root of the weighted mean over channels and places
``mean``      ``sqrt(sum_c w_c (mean y - mean x)^2)``, means over places
``mean_sd``   the same of means and SDs side by side
``gram``      ``sqrt(sum_cd (w_c + w_d)/2 (G_y - G_x)_cd^2)`` with ``G_x = X X' / P``
``gram_sum``  the same with ``G_x = X X'``
``cosine``    ``1 - x'y / (|x| |y|)`` of all values, channels weighed in all three products
``unit``      ``sum_c w_c mean_p (y/|y| - x/|x|)^2``, lengths over channels at a place: LPIPS
``normalised``  ``rms`` after each channel was divided by its SD over all places of all
              images of the set, references counted once
``balanced``  ``rms`` after each channel was divided by the root of its mean squared difference
              over the pairs, so that all channels weigh the same on average
============  ==========================================================================

Several layers are joined as if their channels stood side by side. The paper is Hernandez-Camara
and others 2023 ("Analysis of Deep Image Quality Models", arXiv 2302.13345); it leaves the
normalisation of its Gram matrices open, which changes ranks only where images differ in size.
LPIPS is Zhang and others 2018.

Every read-out is ``combine(terms @ w)``: a few sums over channels, each of a matrix with one
row a pair and one column a channel, and one formula for what follows. So weights can be
fitted, and channels removed one by one, in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.distance_channels import Combine
from fechner.analysis.network.choosing.reference_pairs import ChannelDistances
from fechner.analysis.network.distances.passed import LayerDifferences, PassedPairs
from fechner.errors import InputError, nearest
from fechner.records.selection import ChannelSelection

Layers = Sequence[LayerDifferences]
Terms = NDArray[np.float64]
"""(n_terms, n_pairs, n_channels): what each channel adds to each sum of a read-out."""


@dataclass(frozen=True)
class ReadOut:
    """One way of making a distance from the differences of channels.

    Attributes
    ----------
    name
        How it is asked for.
    symbol
        How the paper, or its source, writes it.
    about
        What it is, in words.
    of_layer
        Gives the terms of one layer, (n_terms, n_pairs, n_channels).
    combine
        Gives the distance from the sums over channels, (n_terms, n_pairs) -> (n_pairs,).
    """

    name: str
    symbol: str
    about: str
    of_layer: Callable[[LayerDifferences], Sequence[NDArray]]
    combine: Combine

    def terms(self, layers: Layers) -> Terms:
        """Return the terms of `layers` joined, (n_terms, n_pairs, n_channels of all)."""
        return np.concatenate([np.stack(self.of_layer(layer)) for layer in layers], axis=2)


def distances(
    readout: str | ReadOut, layers: Layers, *, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the distance of each pair, (n_pairs,): 0 for equal images, higher is further.

    Parameters
    ----------
    readout
        A read-out, or its name in `READOUTS`.
    layers
        One layer, or several that are joined.
    weights : (n_channels of all layers,), optional
        Weight of each channel, 0 or more; all ones is the same as none.

    Raises
    ------
    InputError
        If the read-out is unknown, the weights do not fit or are negative, or Gram matrices
        were not compared.
    """
    made = readout_called(readout) if isinstance(readout, str) else readout
    terms = made.terms(layers)
    return made.combine(terms @ checked_channel_weights(weights, terms.shape[2]))


def readout_called(name: str) -> ReadOut:
    """Return the read-out of that name.

    Raises
    ------
    InputError
        If it is unknown.
    """
    if name not in READOUTS:
        raise InputError(f"no read-out {name!r}; {nearest(name, READOUTS)}")
    return READOUTS[name]


def checked_channel_weights(weights: ArrayLike | None, n_channels: int) -> NDArray[np.float64]:
    """Return `weights` as float64 (n_channels,), ones where there are none.

    Raises
    ------
    InputError
        If their number is another, one is negative or no number, or all are 0.
    """
    if weights is None:
        return np.ones(n_channels)
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (n_channels,):
        raise InputError(
            f"{given.size} channel weights for {n_channels} channels; use weights of these layers"
        )
    if not (np.isfinite(given).all() and (given >= 0).all() and given.any()):
        raise InputError("channel weights of a distance are 0 or more, and not all 0; check them")
    return given


def channel_sd(layer: LayerDifferences) -> NDArray[np.float64]:
    """Return the SD of each channel over all places of all images of the set, (n_channels,).

    References count once; every place counts the same.
    """
    first = np.unique(layer.of, return_index=True)[1]
    places = np.concatenate([layer.places[first], layer.places]).astype(np.float64)
    mean = np.concatenate([layer.mean, layer.mean[layer.of] + layer.mean_change])
    sd = np.concatenate([layer.sd, layer.sd[layer.of] + layer.sd_change])
    share = places / places.sum()
    centre = share @ mean
    return np.sqrt(share @ (sd**2 + (mean - centre) ** 2))


def _spread(layer: LayerDifferences, values: NDArray) -> NDArray[np.float64]:
    """Return one value a pair (n_pairs,) for each channel."""
    return np.repeat(values[:, None].astype(np.float64), layer.n_channels, axis=1)


def _scaled(layer: LayerDifferences, scale: NDArray) -> Sequence[NDArray]:
    """Return sums of squares and counts of values, channels divided by `scale`; a dead one by 1."""
    places = _spread(layer, layer.places)
    return layer.squared * places / np.where(scale > 0, scale, 1.0), places


def _summed(layer: LayerDifferences) -> Sequence[NDArray]:
    return (layer.squared * layer.places[:, None],)


def _averaged(layer: LayerDifferences) -> Sequence[NDArray]:
    return _scaled(layer, np.ones(layer.n_channels))


def _of_means(layer: LayerDifferences) -> Sequence[NDArray]:
    return (layer.mean_change**2,)


def _of_means_and_sds(layer: LayerDifferences) -> Sequence[NDArray]:
    return (layer.mean_change**2 + layer.sd_change**2,)


def _of_grams(layer: LayerDifferences) -> Sequence[NDArray]:
    if layer.gram is None:
        raise InputError(
            f"Gram matrices of {layer.layer!r} were not compared; pass the pairs with gram=True"
        )
    return (layer.gram,)


def _of_gram_sums(layer: LayerDifferences) -> Sequence[NDArray]:
    return (_of_grams(layer)[0] * layer.places[:, None].astype(np.float64) ** 2,)


def _of_products(layer: LayerDifferences) -> Sequence[NDArray]:
    """Return |y - x|^2, |y|^2 - |x|^2 and |x|^2 of each channel."""
    mean, sd = layer.mean[layer.of], layer.sd[layer.of]
    places = layer.places[:, None]
    longer = layer.mean_change * (2 * mean + layer.mean_change)
    longer += layer.sd_change * (2 * sd + layer.sd_change)
    return layer.squared * places, longer * places, (mean**2 + sd**2) * places


def _of_unit_vectors(layer: LayerDifferences) -> Sequence[NDArray]:
    return (layer.unit,)


def _over_set_sd(layer: LayerDifferences) -> Sequence[NDArray]:
    return _scaled(layer, channel_sd(layer) ** 2)


def _over_set_change(layer: LayerDifferences) -> Sequence[NDArray]:
    return _scaled(layer, layer.squared.mean(axis=0))


def _root(sums: NDArray) -> NDArray[np.float64]:
    # What is left after a channel was taken out can be just below 0, by rounding.
    return np.sqrt(np.maximum(sums[0], 0.0))


def _root_of_mean(sums: NDArray) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(sums[0], 0.0) / sums[1])


def _itself(sums: NDArray) -> NDArray[np.float64]:
    return np.maximum(sums[0], 0.0)


_LEAST = 1e-300
"""Keeps a quotient of nothing by nothing at 0."""


def _one_minus_cosine(sums: NDArray) -> NDArray[np.float64]:
    """Return ``1 - cos`` from |y - x|^2, |y|^2 - |x|^2 and |x|^2.

    ``(|y - x|^2 - (|y| - |x|)^2) / (2 |x| |y|)``: one minus a quotient near 1 would keep no
    digits of a slight distortion.
    """
    apart, longer, square = sums[0], sums[1], sums[2]
    length, other = (np.sqrt(np.maximum(one, 0.0)) for one in (square, square + longer))
    turned = apart - (longer / (length + other + _LEAST)) ** 2
    return np.maximum(turned, 0.0) / (2 * length * other + _LEAST)


READOUTS = {
    one.name: one
    for one in (
        ReadOut("euclid", "D_2", "Euclidean distance, summed over all values", _summed, _root),
        ReadOut("rms", "RMSE", "root mean squared difference", _averaged, _root_of_mean),
        ReadOut("mean", "D_mu", "Euclidean distance of channel means", _of_means, _root),
        ReadOut(
            "mean_sd",
            "D_mu,sigma",
            "Euclidean distance of channel means and SDs",
            _of_means_and_sds,
            _root,
        ),
        ReadOut("gram", "D_G / P", "distance of Gram matrices over places", _of_grams, _root),
        ReadOut("gram_sum", "D_G", "distance of summed Gram matrices", _of_gram_sums, _root),
        ReadOut("cosine", "1 - cos", "one minus cosine", _of_products, _one_minus_cosine),
        ReadOut(
            "unit", "LPIPS", "channel vectors of length 1 at each place", _of_unit_vectors, _itself
        ),
        ReadOut(
            "normalised", "z", "channels over their SD in the set", _over_set_sd, _root_of_mean
        ),
        ReadOut(
            "balanced",
            "z_d",
            "channels over their mean difference in the set",
            _over_set_change,
            _root_of_mean,
        ),
    )
}


def channel_distances(
    found: PassedPairs, layers: Sequence[str], readout: str = "rms"
) -> ChannelDistances:
    """Return what channels of `layers`, joined, add to the distances of a set of pairs.

    Parameters
    ----------
    found
        The pairs, passed through a network.
    layers
        One, or several that are joined.
    readout
        A name in `READOUTS`.

    Raises
    ------
    InputError
        If a layer was not passed, or the read-out is unknown.
    """
    made = readout_called(readout)
    read = [found.layer(layer) for layer in layers]
    return ChannelDistances(
        network=found.network,
        layers=tuple(layers),
        weights_sha256=found.weights_sha256,
        preprocessing=found.preprocessing,
        widths=tuple(layer.n_channels for layer in read),
        readout=readout,
        terms=made.terms(read),
        combine=made.combine,
        seen=found.seen,
    )


def selection_weights(
    selection: ChannelSelection, found: PassedPairs, layers: Sequence[str]
) -> NDArray[np.float64]:
    """Return the weights that `selection` gives the channels of `layers` in a distance.

    See `ChannelSelection.channel_scale`; the selection may stem from reference pairs or from
    rated images.

    Raises
    ------
    InputError
        If it was made with another network, weights or layers, counts means and SDs apart, or
        keeps no channel.
    """
    if (selection.network, selection.weights_sha256) != (found.network, found.weights_sha256):
        raise InputError(
            f"the selection was made with {selection.network} "
            f"({selection.weights_sha256[:8]}), the pairs were passed through {found.network} "
            f"({found.weights_sha256[:8]}); use the same network and weights"
        )
    if selection.layers != list(layers):
        raise InputError(
            f"the selection is of layer {selection.layer}, asked for is {'+'.join(layers)}; ask "
            "for its layers"
        )
    if selection.pool == "mean_sd":
        raise InputError(
            "the selection keeps means and SDs of channels apart, and a distance weighs channels; "
            "make one with another pooling"
        )
    return checked_channel_weights(selection.channel_scale, selection.n_channels)
