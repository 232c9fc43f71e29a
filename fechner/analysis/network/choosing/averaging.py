"""Read-outs of several networks, each fitted by itself, averaged.

Side by side, a network of a thousand channels outvotes one of fifty under one ridge penalty. Here
each part (a network of ``A+B``, the same network at another size, the statistics of scenes) has a
read-out with a penalty of its own, and their predictions count alike:

``y = s / K * sum_k (X_k w_k) / s_k``,  ``s`` the mean of the ``s_k``

with ``s_k`` the SD of what part k predicts for scenes that had no part in its weights: in its own
training images a read-out of many channels varies more than anywhere else. The sum is linear in
the channels and in rating units, and of one part it is that part's read-out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.choosing.readout import (
    Fit,
    Readout,
    fit_readout,
    grouped_folds,
    ridge_of,
)


@dataclass(frozen=True, eq=False)
class AveragedReadout(Readout):
    """The average as one read-out of all channels; `alpha` is the mean of the parts' penalties.

    Attributes
    ----------
    again
        What averages other images likewise, with these penalties and SDs.
    """

    again: Fit


def fit_averaged(
    features: ArrayLike,
    ratings: ArrayLike,
    groups: ArrayLike,
    *,
    parts: Sequence[int],
    folds: int = 5,
) -> AveragedReadout:
    """Fit a ridge read-out to each part of the channels, and average them.

    Parameters
    ----------
    features : (n_images, n_channels)
    ratings : (n_images,)
    groups : (n_images,)
        Scene of each image; a fold holds whole scenes.
    parts
        How many channels each part has, in the order of `features`.
    folds
        Inner folds that choose each penalty and tell each SD.

    Returns
    -------
    AveragedReadout

    Raises
    ------
    InputError
        If ratings are constant or missing, or all images share one scene.

    Examples
    --------
    Two parts that say the same of the ratings, in other units, count alike:

    >>> rng = np.random.default_rng(1)
    >>> one = rng.normal(size=(40, 1))
    >>> both, scenes = np.hstack([one, 1000 * one]), np.repeat(np.arange(10), 4)
    >>> found = fit_averaged(both, one[:, 0], scenes, parts=(1, 1))
    >>> bool(np.isclose(found.weights[0], 1000 * found.weights[1]))
    True
    """
    X, y = np.asarray(features, dtype=np.float64), np.asarray(ratings, dtype=np.float64)
    columns = np.split(np.arange(X.shape[1]), np.cumsum(parts)[:-1])
    alphas = [fit_readout(X[:, mine], y, groups, folds=folds).alpha for mine in columns]
    spreads = np.zeros(len(columns))
    for k, (mine, alpha) in enumerate(zip(columns, alphas, strict=True)):
        guess = np.zeros(len(y))
        for train, test in grouped_folds(groups, folds):
            # Less the level of the fold, which is no prediction: see `predict_held_out`.
            found = ridge_of(alpha)(X[train][:, mine], y[train])
            guess[test] = found.predict(X[test][:, mine]) - y[train].mean()
        spreads[k] = guess.std()
    again = partial(_average, columns, alphas, spreads)
    whole = again(X, y)
    return AveragedReadout(whole.weights, whole.intercept, whole.alpha, again)


def _average(
    columns: Sequence[NDArray[np.intp]],
    alphas: Sequence[float],
    spreads: NDArray[np.float64],
    X: NDArray,
    y: NDArray,
) -> Readout:
    # A part that predicts nothing has no SD to divide by, and no say.
    speaks = spreads > 0
    share = spreads.sum() / max(speaks.sum(), 1) ** 2 / np.where(speaks, spreads, np.inf)
    weights = np.zeros(X.shape[1])
    for mine, alpha, part in zip(columns, alphas, share, strict=True):
        weights[mine] = part * ridge_of(alpha)(X[:, mine], y).weights
    level = float(y.mean() - X.mean(axis=0) @ weights)
    return Readout(weights, level, float(np.mean(alphas)))
