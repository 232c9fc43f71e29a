"""Predicting the ratings themselves from the channels, linearly and with restraint.

Alignment asks whether images that look alike to the network are rated alike; it is blind
to the sign of a channel. A ridge read-out asks which channels go up and which go down
with quality. Its penalty is chosen by inner folds that keep scenes together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.similarity import checked_ratings
from fechner.errors import InputError
from fechner.threads import small_matrices

ALPHAS = tuple(float(10.0**k) for k in np.arange(-1, 6.25, 0.5))
"""Ridge penalties on standardised channels, weakest first."""


@dataclass(frozen=True, eq=False)
class Contribution:
    """What each channel adds to the prediction of scenes that had no part in its weight.

    Attributes
    ----------
    share : (n_channels,) float64
        ``cov(w_c x_c, y) / var(y)`` on held-out scenes, mean over folds: the channels' shares
        sum to the covariance of predicted and given ratings over the variance of the given.
        Negative where the channel misleads.
    stability : (n_channels,) float64
        How far the folds agree on the sign of the weight, ``|mean sign|`` in [0, 1].
    """

    share: NDArray[np.float64]
    stability: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readout:
    """A linear prediction of ratings: ``intercept + features @ weights``.

    Attributes
    ----------
    weights : (n_channels,) float64
        Rating units per unit of raw (not standardised) feature.
    intercept, alpha
        Rating units; the ridge penalty chosen.
    """

    weights: NDArray[np.float64]
    intercept: float
    alpha: float

    def predict(self, features: NDArray) -> NDArray[np.float64]:
        """Return the predicted rating of each row of `features` (n_images, n_channels)."""
        return self.intercept + features @ self.weights


Fit = Callable[[NDArray, NDArray], Readout]
"""What makes a read-out of features (n_images, n_channels) and ratings (n_images,)."""


def channel_means(values: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of each channel over space, (n_images, n_channels)."""
    features = np.asarray(values)
    if features.ndim == 2:
        return features.astype(np.float64)
    return features.reshape(*features.shape[:2], -1).mean(axis=2, dtype=np.float64)


@small_matrices()
def fit_readout(
    features: ArrayLike,
    ratings: ArrayLike,
    groups: ArrayLike,
    *,
    alphas: tuple[float, ...] = ALPHAS,
    folds: int = 5,
) -> Readout:
    """Fit a ridge read-out; its penalty has the least squared error over grouped folds.

    Parameters
    ----------
    features : (n_images, n_channels)
    ratings : (n_images,)
    groups : (n_images,)
        Scene of each image; a scene is never on both sides of an inner fold.
    alphas, folds
        Penalties to try, and the most inner folds (fewer where there are fewer scenes).

    Returns
    -------
    Readout
        Fitted to all images with the penalty that the folds chose.

    Raises
    ------
    InputError
        If ratings are constant or missing, or all images share one scene.
    """
    X = np.asarray(features, dtype=np.float64)
    y = checked_ratings(ratings, len(X))[:, 0]
    error = np.zeros(len(alphas))
    for train, test in grouped_folds(groups, folds):
        solve = _RidgePath(X[train], y[train])
        for k, alpha in enumerate(alphas):
            error[k] += ((y[test] - solve(alpha).predict(X[test])) ** 2).sum()
    return _RidgePath(X, y)(alphas[int(error.argmin())])


def ridge_of(alpha: float) -> Fit:
    """Return a ridge read-out with a known penalty."""
    return lambda X, y: _RidgePath(X, y)(alpha)


def fit_elastic_net(
    features: ArrayLike, ratings: ArrayLike, groups: ArrayLike, *, folds: int = 5
) -> Readout:
    """Fit an elastic-net read-out (half lasso, half ridge); many weights are exactly 0.

    Parameters, folds and errors as for `fit_readout`; `alpha` is scikit-learn's.

    Parameters
    ----------
    features
        ``(n_images, n_features)``.
    ratings
        ``(n_images,)``.
    groups
        The scene of each image ``(n_images,)``; a fold holds whole scenes.
    folds
        Of the cross-validation that chooses `alpha`.

    Returns
    -------
    Readout
        Its `alpha` is scikit-learn's.

    Raises
    ------
    InputError
        If the arrays do not fit each other, or there are fewer scenes than folds.
    """
    from sklearn.linear_model import ElasticNetCV

    X = np.asarray(features, dtype=np.float64)
    y = checked_ratings(ratings, len(X))[:, 0]
    splits = list(grouped_folds(groups, folds))
    return _fit_net(ElasticNetCV(alphas=20, eps=0.02, cv=splits, **_NET), X, y)


def elastic_net_of(alpha: float) -> Fit:
    """Return an elastic-net read-out with a known penalty."""
    from sklearn.linear_model import ElasticNet

    return lambda X, y: _fit_net(ElasticNet(alpha, **_NET), X, y)


_NET: dict[str, Any] = {"l1_ratio": 0.5, "tol": 1e-3, "max_iter": 2000}


def _fit_net(model: Any, X: NDArray, y: NDArray) -> Readout:
    """Return the read-out of scikit-learn's `model`, fitted to standardised features."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    mean, spread = X.mean(axis=0), X.std(axis=0)
    per_unit = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    with warnings.catch_warnings():
        # A penalty too weak to converge loses the cross-validation anyway.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((X - mean) * per_unit, y)
    weights = model.coef_ * per_unit
    level = float(model.intercept_ - mean @ weights)
    alpha = model.alpha_ if hasattr(model, "alpha_") else model.alpha
    return Readout(weights, level, float(alpha))


@small_matrices()
def held_out_contribution(
    features: ArrayLike, ratings: ArrayLike, groups: ArrayLike, fit: Fit, *, folds: int = 5
) -> Contribution:
    """Return what each channel contributes to held-out predictions, and how surely its sign.

    Parameters
    ----------
    features : (n_images, n_channels)
    ratings : (n_images,)
    groups : (n_images,)
        Scene of each image; folds are made of whole scenes.
    fit
        What makes a `Readout` of features and ratings, its penalty being known.

    Returns
    -------
    Contribution

    Raises
    ------
    InputError
        If all images share one scene.
    """
    X, y = np.asarray(features, dtype=np.float64), np.asarray(ratings, dtype=np.float64)
    shares, signs = [], []
    for train, test in grouped_folds(groups, folds):
        weights = fit(X[train], y[train]).weights
        # Less the fold's own mean: how far folds differ in level is no channel's merit.
        apart = y[test] - y[test].mean()
        shares.append(weights * (apart @ X[test]) / len(test))
        signs.append(np.sign(weights))
    return Contribution(
        share=np.mean(shares, axis=0) / y.var(), stability=np.abs(np.mean(signs, axis=0))
    )


def centred_by(values: NDArray, groups: ArrayLike) -> NDArray[np.float64]:
    """Return `values` (n_images, ...) less the mean of each group of images."""
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    table = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    means = np.stack([table[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
    return (table - means[codes]).reshape(np.shape(values))


def apart_from(ratings: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Return what is left of `ratings` (n_images, ...) that `others` do not predict linearly.

    Parameters
    ----------
    others : (n_images, n_others)
        Without columns the ratings come back as they are.
    """
    if not others.shape[1]:
        return ratings
    known = np.column_stack([np.ones(len(others)), others])
    return ratings - known @ np.linalg.lstsq(known, ratings)[0]


def grouped_folds(
    groups: ArrayLike, folds: int, *, rng: np.random.Generator | None = None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Give (train, test) indices of images such that no group is in both.

    Groups are dealt to the folds in order of size, each to the fold with fewest images;
    `rng` shuffles those of equal size.

    Raises
    ------
    InputError
        If there are fewer than two groups.
    """
    names, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError("cross-validation needs at least two scenes, got one; add scenes")
    load = np.zeros(min(folds, len(names)))
    fold_of = np.empty(len(names), dtype=int)
    turn = np.arange(len(names)) if rng is None else rng.permutation(len(names))
    # Large groups first: the small ones then even out what the large ones made uneven.
    for group in turn[np.argsort(-sizes[turn], kind="stable")]:
        fold_of[group] = load.argmin()
        load[fold_of[group]] += sizes[group]
    for fold in range(len(load)):
        held = fold_of[codes] == fold
        yield np.flatnonzero(~held), np.flatnonzero(held)


class _RidgePath:
    """Ridge regression on standardised features for any penalty, from one decomposition.

    With more channels than images the images' own inner products are decomposed:
    ``w = Z' (Z Z' + alpha)^-1 y``, for one unit of standardised feature.
    """

    def __init__(self, X: NDArray, y: NDArray) -> None:
        self.mean, spread = X.mean(axis=0), X.std(axis=0)
        # A channel that is constant but for rounding would be blown up to unit spread.
        varies = spread > 1e-9 * np.abs(X).max(axis=0, initial=0.0)
        self.per_unit = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
        self.level = float(y.mean())
        self.Z = (X - self.mean) * self.per_unit
        # Channels outnumber images (1280 to 100 and some), so the images' side is the small one;
        # with its eigenvectors every further penalty costs two products with a vector.
        self.values, self.vectors = np.linalg.eigh(self.Z @ self.Z.T)
        self.along = self.vectors.T @ (y - self.level)

    def __call__(self, alpha: float) -> Readout:
        # Centring makes one eigenvalue 0 in truth: rounding may put it below.
        dual = self.vectors @ (self.along / (np.maximum(self.values, 0.0) + alpha))
        weights = self.per_unit * (self.Z.T @ dual)
        return Readout(weights, self.level - float(self.mean @ weights), alpha)
