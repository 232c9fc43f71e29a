"""Weighing channels instead of removing them.

Non-negative reweighting at the level of the RSM: rating similarity is regressed on the
similarity that each channel gives by itself, with weights of zero or more (the rival of
pruning in Tarigopula and others 2023, Neural Networks 168:89). The same solver gives the
relevance of channels from the distance between an image and its reference.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.choosing.readout import grouped_folds
from fechner.errors import InputError

PENALTIES = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01)
"""In units of the mean squared column, strongest first: each solution starts the next."""
SWEEPS = 300


def reweight_channels(
    grams: ChannelGrams, human: NDArray, groups: ArrayLike, *, folds: int = 3
) -> NDArray[np.float64]:
    """Return one weight of zero or more a channel, with mean 1 over the positive ones.

    Minimises ``|h - sum_c w_c s_c|^2 + penalty |w|^2`` for ``w >= 0``, with ``h`` the
    centred rating similarity and ``s_c`` the centred inner products of channel c over the
    lengths of whole images. The penalty is chosen over folds of scenes: pairs with both
    images in the training scenes fit, pairs with both in the others judge.

    Parameters
    ----------
    grams
        All channels active, with few enough pairs to keep every channel's products.
    human : (n_pairs,)
    groups : (n_images,)

    Returns
    -------
    (n_channels,) float64
        All 1 where no channel gets a weight.

    Raises
    ------
    InputError
        If all images share one scene.
    """
    parts = channel_similarities(grams)
    rows, columns = grams.pairs.rows, grams.pairs.columns
    error = np.zeros(len(PENALTIES))
    for train, test in grouped_folds(groups, folds):
        fit, judge = (np.isin(rows, side) & np.isin(columns, side) for side in (train, test))
        if fit.sum() < 3 or not judge.any():
            continue
        path = _NonNegativePath(parts[:, fit], human[fit])
        for k, penalty in enumerate(PENALTIES):
            weights = path(penalty)
            predicted = weights @ (parts[:, judge] - path.means[:, None]) + path.level
            error[k] += ((human[judge] - predicted) ** 2).sum()
    weights = _NonNegativePath(parts, human)(PENALTIES[int(error.argmin())])
    return weights / weights[weights > 0].mean() if weights.any() else np.ones(len(weights))


def channel_similarities(grams: ChannelGrams) -> NDArray[np.float64]:
    """Return what each channel adds to the cosine of each pair, (n_channels, n_pairs)."""
    lengths = grams.rule().lengths
    scale = lengths[grams.pairs.rows] * lengths[grams.pairs.columns]
    return np.stack([grams.products(channel) * scale for channel in range(grams.n_channels)])


def reference_distances(values: ArrayLike, reference_of: ArrayLike) -> NDArray[np.float64]:
    """Return how far each channel of an image is from that of its reference.

    Parameters
    ----------
    values : (n_images, n_channels, ...)
    reference_of : (n_images,) int
        Row of each image's reference in `values`; -1 where it has none.

    Returns
    -------
    (n_images, n_channels) float64
        Root mean squared difference over space, in activation units; NaN without reference.

    Raises
    ------
    InputError
        If no image has a reference other than itself.
    """
    features, places = np.asarray(values), np.asarray(reference_of)
    if not ((places >= 0) & (places != np.arange(len(places)))).any():
        raise InputError("no image has a reference among the images; fill the column reference")
    flat = features.reshape(*features.shape[:2], -1)
    distances = np.full(flat.shape[:2], np.nan)
    for image in np.flatnonzero(places >= 0):
        apart = flat[image].astype(np.float64) - flat[places[image]]
        distances[image] = np.sqrt((apart**2).mean(axis=1))
    return distances


def fit_distances(
    distances: NDArray, ratings: NDArray, groups: ArrayLike, *, folds: int = 5
) -> NDArray[np.float64]:
    """Return how much a rating falls for one unit of each channel's distance, zero or more.

    Parameters
    ----------
    distances : (n_images, n_channels)
    ratings : (n_images,)
        Higher is better.
    groups : (n_images,)
        Scenes; they stay together in the folds that choose the penalty.

    Returns
    -------
    (n_channels,) float64
        Rating units for one unit of distance.

    Raises
    ------
    InputError
        If all images share one scene.
    """
    spread = distances.std(axis=0)
    per_unit = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    parts = (distances * per_unit).T
    error = np.zeros(len(PENALTIES))
    for train, test in grouped_folds(groups, folds):
        path = _NonNegativePath(parts[:, train], -ratings[train])
        for k, penalty in enumerate(PENALTIES):
            predicted = path(penalty) @ (parts[:, test] - path.means[:, None]) + path.level
            error[k] += ((-ratings[test] - predicted) ** 2).sum()
    return _NonNegativePath(parts, -ratings)(PENALTIES[int(error.argmin())]) * per_unit


class _NonNegativePath:
    """Least squares with weights of zero or more, for any penalty, from one cross product."""

    def __init__(self, parts: NDArray, target: NDArray) -> None:
        self.means, self.level = parts.mean(axis=1), float(target.mean())
        centred = parts - self.means[:, None]
        self.cross = centred @ centred.T
        self.pull = centred @ (target - self.level)
        self.unit = float(np.trace(self.cross)) / len(self.cross) or 1.0
        self.start = np.zeros(len(parts))

    def __call__(self, penalty: float) -> NDArray[np.float64]:
        diagonal = np.diag(self.cross) + penalty * self.unit
        self.start = _coordinate_descent(self.cross, diagonal, self.pull, self.start, SWEEPS, 1e-5)
        return self.start


@njit(cache=True)
def _coordinate_descent(cross, diagonal, pull, start, sweeps, tolerance):
    """Minimise ``w' M w / 2 - p' w`` for ``w >= 0``, one weight at a time.

    ``M`` is `cross` with `diagonal`. The weights come back new.
    """
    weights = start.copy()
    slope = cross @ weights + (diagonal - np.diag(cross)) * weights - pull
    for _ in range(sweeps):
        moved = 0.0
        for c in range(pull.size):
            if diagonal[c] <= 0.0:
                continue
            step = max(weights[c] - slope[c] / diagonal[c], 0.0) - weights[c]
            if step != 0.0:
                weights[c] += step
                slope += step * cross[c]
                slope[c] += step * (diagonal[c] - cross[c, c])
                moved = max(moved, abs(step))
        if moved <= tolerance * weights.max():
            break
    return weights
