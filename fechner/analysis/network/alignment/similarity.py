"""Similarity of images to a network, and of ratings to people.

A model RSM holds one number for each pair of images, from the features of one layer;
a rating RSM holds one number for each pair, from how far apart the ratings are. Both
are similarities: higher means more alike. (Kriegeskorte, Mur and Bandettini 2008,
Frontiers in Systems Neuroscience 2:4.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.ranks import midranks
from fechner.errors import InputError, nearest
from fechner.threads import small_matrices

SIMILARITIES = ("cosine", "pearson", "euclidean", "dot")
KERNELS = ("absolute", "squared", "rank", "gaussian", "cosine")
DEAD = 1e-13
"""A squared norm below this share of what it was summed from is rounding, not signal."""


def model_similarity(
    values: ArrayLike, pairs: Pairs, *, similarity: str = "cosine"
) -> NDArray[np.float64]:
    """Return the similarity of the features of each pair of images.

    Parameters
    ----------
    values : (n_images, ...)
        Features; everything after the first axis is one vector.
    pairs
        The pairs to compare.
    similarity
        ``cosine``: ``<a, b> / (|a| |b|)``; ``pearson``: the same after centring each
        vector; ``euclidean``: ``-|a - b|``; ``dot``: ``<a, b>``. A vector without
        length has cosine and Pearson similarity 0 to every other.

    Returns
    -------
    (n_pairs,) float64

    Raises
    ------
    InputError
        If `similarity` is unknown or `values` and `pairs` do not fit.
    """
    features = checked_values(values)
    check_similarity(similarity)
    if len(features) != pairs.n:
        raise InputError(f"features of {len(features)} images for pairs of {pairs.n}; give both")
    flat = features.reshape(len(features), -1).astype(np.float64)
    if similarity == "pearson":
        flat = flat - flat.mean(axis=1, keepdims=True)
    with small_matrices(len(flat)):
        inner = flat @ flat.T
    return similarity_of_inner(pairs, inner, similarity)


def similarity_of_inner(pairs: Pairs, inner: NDArray, similarity: str) -> NDArray[np.float64]:
    """Return the similarity (n_pairs,) from all inner products (n_images, n_images).

    Pearson is cosine of centred vectors.
    """
    products, squares = pairs.of(inner), np.diag(inner)
    rows, columns = pairs.rows, pairs.columns
    if similarity == "dot":
        return products
    if similarity == "euclidean":
        total = squares[rows] + squares[columns]
        apart = total - 2 * products
        # |a|^2 + |b|^2 - 2 <a, b> cancels for images that are nearly equal: what is left then is
        # rounding, either side of 0.
        return -np.sqrt(np.where(apart > DEAD * total, apart, 0.0))
    inverse = np.where(squares > 0, 1 / np.sqrt(np.where(squares > 0, squares, 1.0)), 0.0)
    return products * inverse[rows] * inverse[columns]


def checked_values(values: ArrayLike) -> NDArray:
    """Return `values` as a finite float array (n_images, n_channels, ...).

    Raises
    ------
    InputError
        If there is no channel axis or a value is NaN or infinite.
    """
    features = np.asarray(values)
    if features.ndim < 2:
        raise InputError(
            f"features need shape (n_images, n_channels, ...), got {features.shape}; "
            "choose a layer that has channels"
        )
    if not np.issubdtype(features.dtype, np.floating):
        features = features.astype(np.float64)
    # Some images at a time: the answer for all at once would be a quarter of the set in memory.
    for start in range(0, len(features), 256):
        finite = np.isfinite(features[start : start + 256])
        if not finite.all():
            image = start + int(np.argwhere(~finite)[0][0])
            raise InputError(
                f"the activations of image {image} hold NaN or infinite values; "
                "check the weights and the preprocessing"
            )
    return features


def check_similarity(similarity: str) -> None:
    """Raise InputError if `similarity` is not one of SIMILARITIES."""
    if similarity not in SIMILARITIES:
        raise InputError(f"unknown similarity {similarity!r}; {nearest(similarity, SIMILARITIES)}")


def rating_similarity(
    ratings: ArrayLike, pairs: Pairs, *, kernel: str = "absolute", width: float | None = None
) -> NDArray[np.float64]:
    """Return how alike the ratings of each pair of images are.

    Parameters
    ----------
    ratings : (n_images,) or (n_images, n_dimensions)
        Higher is better. Several dimensions are standardised, then compared together.
    pairs
        The pairs to compare.
    kernel
        ``absolute``: ``-|a - b|`` (Euclidean over several dimensions); ``squared``:
        ``-(a - b)^2``; ``rank``: ``-|rank a - rank b|``; ``gaussian``:
        ``exp(-(a - b)^2 / (2 width^2))``; ``cosine``: of the standardised dimensions,
        two or more.
    width
        Of the Gaussian, in rating units; the standard deviation of the ratings if None.

    Returns
    -------
    (n_pairs,) float64

    Raises
    ------
    InputError
        If the kernel is unknown, ratings are missing, constant, or more dimensions
        than images.
    """
    if kernel not in KERNELS:
        raise InputError(f"unknown rating kernel {kernel!r}; {nearest(kernel, KERNELS)}")
    table = checked_ratings(ratings, pairs.n)
    if kernel == "cosine" and table.shape[1] < 2:
        raise InputError("the cosine kernel needs two rating dimensions or more, got one")
    if kernel == "rank":
        table = np.column_stack([midranks(column) for column in table.T])
    if table.shape[1] > 1:
        table = (table - table.mean(axis=0)) / table.std(axis=0)
    if kernel == "cosine":
        return similarity_of_inner(pairs, table @ table.T, "cosine")
    distance = np.sqrt(((table[pairs.rows] - table[pairs.columns]) ** 2).sum(axis=1))
    return _KERNEL_OF_DISTANCE[kernel](distance, width or float(table.std(axis=0).mean()))


_KERNEL_OF_DISTANCE: dict[str, Callable[[NDArray, float], NDArray]] = {
    "absolute": lambda distance, width: -distance,
    "rank": lambda distance, width: -distance,
    "squared": lambda distance, width: -(distance**2),
    "gaussian": lambda distance, width: np.exp(-(distance**2) / (2 * width**2)),
}


def checked_ratings(ratings: ArrayLike, n_images: int) -> NDArray[np.float64]:
    """Return `ratings` as finite float64 (n_images, n_dimensions).

    Raises
    ------
    InputError
        If a rating is missing, a dimension is constant, or the counts do not fit.
    """
    table = np.asarray(ratings, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if len(table) != n_images:
        raise InputError(f"{len(table)} ratings for {n_images} images; give one row an image")
    if table.shape[1] > len(table):
        raise InputError(
            f"{table.shape[1]} rating dimensions for {len(table)} images; rate more images"
        )
    if not np.isfinite(table).all():
        image = int(np.argwhere(~np.isfinite(table))[0][0])
        raise InputError(f"the rating of image {image} is missing; leave that image out")
    constant = np.flatnonzero(np.ptp(table, axis=0) == 0)
    if constant.size:
        raise InputError(
            f"every image has the same rating ({table[0, constant[0]]:g}); constant ratings "
            "align with nothing: check the dimension"
        )
    return table
