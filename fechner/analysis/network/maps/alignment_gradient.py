"""The alignment gradient: places by which an image's similarities agree with people's, or do not.

A selection that only aligns matrices predicts no rating that Grad-CAM could explain. What it
does have is an objective over pairs of rated images. That objective ``L`` (`alignment`) is
carried back to the channels of each image through the pairs that it takes part in, and from there,
as Grad-CAM carries a class, to the cells. With ``z_i`` the kept channels of image i, ``s_ij``
the cosine of two images and ``W_ij = dL/ds_ij`` (`alignment.gradient`)::

    g_i = dL/dz_i = sum_j W_ij (z_j / |z_j| - s_ij z_i / |z_i|) / |z_i|
    raw(y, x) = sum_c g_ic A_c(y, x)

``raw`` is what the alignment of the set would gain, to first order, if all of the image were like
the place. A cosine does not change when an image's channels all grow alike, so that
``<g_i, z_i> = 0``: for channels pooled by their mean, the map of the view that was rated has
mean 0. Places with positive values pull the image towards what people say of it, the others away.

Each image has its own ``g_i`` and needs its own rating: an image that nobody rated has no pairs.

**History.** Judged by people it is no better than no map at all (docs/howto-maps.md, "What was
tried"), so that no command draws it; it stays as a function, to be compared with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.gradient import pair_derivative
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection


def alignment_gradient(
    images: RatedFeatures, scale: ArrayLike, objective: Objective
) -> NDArray[np.float64]:
    """Return what alignment gains with each channel of each image, ``(n_images, n_channels)``.

    To first order, for one unit of activation at every place; rank measures are smoothed
    (`alignment.gradient.pair_derivative`) and known up to a positive factor.

    Parameters
    ----------
    images
        Activations and ratings.
    scale : (n_channels,)
        What each channel counts in the similarity, 0 or more: 0 or 1 where channels were kept
        or removed.
    objective
        Similarity, pairs and fit.

    Returns
    -------
    float64 ``(n_images, n_channels)``
        0 for channels that do not count.

    Raises
    ------
    InputError
        If no channel counts, or the channels are judged behind a fully connected layer.

    Examples
    --------
    Four images, two channels; making all channels of an image larger alike changes nothing:

    >>> values = np.array([[1.0, 3.0], [2.0, 3.0], [3.0, 3.0], [4.0, 3.0]])
    >>> images = RatedFeatures(values, [1.0, 2.0, 3.0, 4.0], list("abcd"))
    >>> found = alignment_gradient(images, [1, 1], Objective(fit="pearson"))
    >>> found.shape, bool(np.allclose((found * values).sum(axis=1), 0))
    ((4, 2), True)
    """
    if images.layer is not None:
        raise InputError(
            "the alignment gradient needs similarities of the channels themselves, and these are "
            "judged behind a fully connected layer; make a selection without a target"
        )
    counts = np.asarray(scale, np.float64)
    active = counts > 0
    if not active.any():
        raise InputError("the selection keeps no channel; make one that does")
    similarity = images.similarity(objective, active if np.all(counts[active] == 1) else counts)
    pairs = images.pairs(objective)
    W = pairs.matrix(pair_derivative(similarity, images.alignment(objective)), diagonal=0.0)
    root = np.sqrt(counts[active])
    values = images.values.reshape(*images.values.shape[:2], -1)[:, active].astype(np.float64)
    z = values * root[:, None]
    g = _features_gradient(z.reshape(len(z), -1), np.nan_to_num(W), objective.similarity)
    found = np.zeros((len(z), images.n_channels))
    # One unit more at every place: the sum over places.
    found[:, active] = g.reshape(z.shape).sum(axis=2) * root
    return found


def own_relevance(selection: ChannelSelection, images: RatedFeatures) -> list[ChannelSelection]:
    """Return for each rated image the selection with that image's own gradient as relevance.

    The contribution map of an image by its own relevance is its map by the alignment gradient.

    Parameters
    ----------
    selection
        Made by alignment over pairs of rated images.
    images
        The rated images, read at the layers, size and pool of the selection.

    Raises
    ------
    InputError
        If the selection was made on pairs with references, the images have other channels, or as
        for `alignment_gradient`.
    """
    if selection.on_reference_pairs:
        raise InputError(
            f"{selection.method!r} compares images with their references and has no pairs of rated "
            "images; ask for maps by distance"
        )
    if images.n_channels != selection.n_channels:
        raise InputError(
            f"the selection has {selection.n_channels} channels, the rated images "
            f"{images.n_channels}; read them at the layers and pool of the selection"
        )
    control = selection.method.partition(":")[2] or "none"
    objective = Objective(selection.similarity, selection.kernel, selection.fit, control)
    gradients = alignment_gradient(images, selection.channel_scale, objective)
    return [selection.model_copy(update={"weights": g.tolist()}) for g in gradients]


def _features_gradient(z: NDArray, W: NDArray, similarity: str) -> NDArray[np.float64]:
    """Return the derivative of ``sum_(i<j) W_ij s_ij`` by features `z` (n_images, n)."""
    if similarity == "dot":
        return W @ z
    if similarity == "euclidean":  # s = -|z_i - z_j|
        squares = (z**2).sum(axis=1)
        apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * z @ z.T, 0.0))
        pull = np.divide(W, apart, out=np.zeros_like(W), where=apart > 0)
        return pull @ z - pull.sum(axis=1, keepdims=True) * z
    if similarity == "pearson":  # the cosine of centred features
        z = z - z.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    unit = np.divide(z, lengths, out=np.zeros_like(z), where=lengths > 0)
    along = (W * (unit @ unit.T)).sum(axis=1, keepdims=True)
    g = np.divide(W @ unit - along * unit, lengths, out=np.zeros_like(z), where=lengths > 0)
    return g - g.mean(axis=1, keepdims=True) if similarity == "pearson" else g
