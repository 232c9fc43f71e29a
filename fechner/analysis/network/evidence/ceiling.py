"""How well any model could align, given how far people agree with each other.

Ratings are noisy, and differences of ratings are noisier, so the ceiling belongs at the
level of the RSM: reliability .9 of the ratings is about .68 of their differences.
(Nili and others 2014, PLoS Computational Biology 10:e1003553, for the bounds;
Spearman 1910 and Brown 1910 for the step from half a panel to the whole.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.alignment import Alignment, PartialAlignment, align
from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.similarity import rating_similarity
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.errors import FechnerError, InputError
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings


def rating_panel(ratings: Ratings, rated: RatedImages, dimension: str) -> NDArray[np.float64]:
    """Return single ratings as (n_participants, n_images, n_dimensions), NaN where missing.

    Parameters
    ----------
    ratings
        Single ratings; those of other images play no part.
    rated
        The images, in the order of the second axis.
    dimension
        The rating dimension, or several joined by ``+``.

    Raises
    ------
    InputError
        If nobody rated this dimension of these images.
    """
    images, names = rated.table["image"].tolist(), dimension.split("+")
    table = ratings.table
    shown = table[table["image"].isin(images) & table["dimension"].isin(names)]
    people = sorted(shown["participant"].unique())
    layers = []
    for name in names:
        rows = shown[shown["dimension"] == name]
        if rows.empty:
            raise InputError(f"the ratings hold no {name!r} of these images; check both tables")
        cells = rows.pivot_table(index="participant", columns="image", values="rating")
        layers.append(cells.reindex(index=people, columns=images).to_numpy(dtype=np.float64))
    return np.stack(layers, axis=-1)


def split_half_reliability(
    ratings: NDArray,
    pairs: Pairs,
    *,
    rng: np.random.Generator,
    fit: str = "spearman",
    kernel: str = "absolute",
    others: tuple[Alignment, ...] = (),
    splits: int = 100,
) -> float:
    """Return the reliability of the rating RSM of the whole panel.

    The panel is halved at random, the RSMs of the halves' mean ratings are aligned, and
    the mean alignment r is stepped up by Spearman-Brown: ``2 r / (1 + r)``.

    Parameters
    ----------
    ratings : (n_participants, n_images[, n_dimensions])
        NaN where a participant did not rate an image.
    others
        What the alignment holds constant (`rated_features.RatedFeatures.confounds`).

    Returns
    -------
    float
        1 for a panel that repeats itself, about 0 for one that agrees in nothing.

    Raises
    ------
    InputError
        If there are fewer than four participants, or halves that leave images unrated.
    """
    panel = np.asarray(ratings, dtype=np.float64)
    if len(panel) < 4:
        raise InputError(f"split halves need at least four participants, got {len(panel)}")
    aligned = []
    for _ in range(splits):
        order = rng.permutation(len(panel))
        first, second = panel[order[::2]], panel[order[1::2]]
        try:
            plain = align(_means(first), pairs, fit=fit, kernel=kernel)
            measure = PartialAlignment(plain, others) if others else plain
            aligned.append(measure(rating_similarity(_means(second), pairs, kernel=kernel)))
        except FechnerError:  # A half in which nobody rated some image.
            continue
    if not aligned:
        raise InputError("every half of the panel left images unrated; collect more ratings")
    r = float(np.mean(aligned))
    return 2 * r / (1 + r)


def noise_ceiling(
    ratings: NDArray,
    pairs: Pairs,
    *,
    rng: np.random.Generator,
    fit: str = "spearman",
    kernel: str = "absolute",
    others: tuple[Alignment, ...] = (),
) -> tuple[float, float]:
    """Return the bounds of alignment with the panel's mean ratings.

    Lower: what a second panel of the same size would reach (the reliability of the RSM).
    Upper: what the true ratings would reach, the square root of that.

    Parameters
    ----------
    ratings
        ``(n_participants, n_images)`` or with a last axis of dimensions, NaN where missing.
    pairs
        Which pairs of images are compared.
    rng
        Draws the halves of the panel.
    fit, kernel
        As for `align`.
    others
        Alignments with dimensions that are held constant.

    Returns
    -------
    lower, upper
        Alignments, in [-1, 1].

    Raises
    ------
    InputError
        As for `split_half_reliability`.
    """
    reliability = split_half_reliability(
        ratings, pairs, rng=rng, fit=fit, kernel=kernel, others=others
    )
    return reliability, float(np.sqrt(max(reliability, 0.0)))


def ceiling_of(
    images: RatedFeatures, ratings: NDArray, objective: Objective, *, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the noise ceiling of what `objective` aligns, with what it holds constant.

    Parameters
    ----------
    ratings : (n_participants, n_images, n_dimensions)
    objective
        Its fit must be a correlation.

    Returns
    -------
    lower, upper
        See `noise_ceiling`.

    Raises
    ------
    InputError
        As for `split_half_reliability`.
    """
    return noise_ceiling(
        ratings,
        images.pairs(objective),
        rng=rng,
        fit=objective.fit,
        kernel=objective.kernel,
        others=images.confounds(objective),
    )


def _means(panel: NDArray) -> NDArray[np.float64]:
    rated = np.isfinite(panel)
    count = rated.sum(axis=0)
    return np.where(
        count > 0, np.where(rated, panel, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan
    )
