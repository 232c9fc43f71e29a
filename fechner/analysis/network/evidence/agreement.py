"""How far each layer as a whole agrees with people, before any channel is chosen.

One row a set of channels: the alignment of its RSM with that of the ratings over all pairs
and over pairs within scenes, each with its interval and its permutation p, and the
Spearman correlation of ratings with what a read-out predicts for held-out scenes. Nothing
is chosen here, so the alignments need no held-out images; the read-out does. Layer by
layer this is the question of Hernandez-Camara and others (2023, "Analysis of Deep Image
Quality Models"), put to similarity matrices instead of distances from a reference.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.alignment.uncertainty import bootstrap_interval, permutation_p
from fechner.analysis.network.choosing.rated_features import (
    Objective,
    RatedFeatures,
    rated_features,
)
from fechner.analysis.network.choosing.sets import ChannelValues
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.progress import Progress, silent
from fechner.records.rated_images import RatedImages

PAIRS = {"all": "none", "within scenes": "within"}
"""The pairs that are compared, and the control that names them."""
FEWEST_PAIRS = 3
COLUMNS = ("features", "pooling", "channels", "measure", "value", "low", "high", "p")


def layer_agreement(
    sets: Mapping[tuple[str, str], ChannelValues],
    rated: RatedImages,
    dimension: str,
    *,
    objective: Objective | None = None,
    permutations: int = 1000,
    folds: int = 5,
    repeats: int = 3,
    seed: int,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the agreement of each set of channels with the ratings, one row a measure.

    Images that any of the networks was fitted to are left out.

    Parameters
    ----------
    sets
        Channels by (features, pooling), as those columns will say.
    rated, dimension
        The rated images and the rating dimension, or several joined by ``+``.
    objective
        Similarity and rating kernel; the usual ones if None. The fit is Spearman's.
    permutations
        Of images, behind p.
    folds, repeats
        Of the read-out, over whole scenes.

    Returns
    -------
    Frame with `COLUMNS`: ``measure`` is ``alignment, all``, ``alignment, within scenes``
    (where scenes have several images) or ``prediction``; ``p`` is NaN for predictions.

    Raises
    ------
    InputError
        If ratings are constant or missing, activations do not fit the table, or there are fewer
        scenes than folds.
    """
    aim = objective or Objective()
    unseen = ~np.logical_or.reduce([one.seen for one in sets.values()])
    rows = []
    for done, ((features, pooling), one) in enumerate(sets.items(), start=1):
        images = rated_features(one, rated, dimension).subset(unseen)
        about = (features, pooling, images.n_channels)
        for name, control in PAIRS.items():
            if control == "none" or _pairs_within(images.scenes) >= FEWEST_PAIRS:
                wanted = Objective(aim.similarity, aim.kernel, control=control)
                found = _alignment(images, wanted, permutations, seed)
                rows.append((*about, f"alignment, {name}", *found))
        rows.append((*about, "prediction", *_prediction(images, folds, repeats, seed), np.nan))
        progress(done, len(sets))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _pairs_within(scenes: NDArray) -> int:
    sizes = np.unique(scenes, return_counts=True)[1]
    return int((sizes * (sizes - 1)).sum() // 2)


def _alignment(
    images: RatedFeatures, objective: Objective, permutations: int, seed: int
) -> tuple[float, float, float, float]:
    """Return the alignment, its interval and its permutation p."""
    rng, pairs = np.random.default_rng(seed), images.pairs(objective)
    similarity = images.channels(objective).similarity()
    measure = images.alignment(objective)
    low, high = bootstrap_interval(similarity, measure, pairs, rng=rng)
    p, _ = permutation_p(
        similarity,
        images.ratings,
        pairs,
        rng=rng,
        groups=images.scenes if objective.control == "within" else None,
        kernel=objective.kernel,
        permutations=permutations,
    )
    return measure(similarity), low, high, p


def _prediction(
    images: RatedFeatures, folds: int, repeats: int, seed: int
) -> tuple[float, float, float]:
    """Return the held-out Spearman of a read-out of all channels, and its interval."""
    (found,) = evaluate(
        images, [parse_strategy("all")], folds=folds, repeats=repeats, shuffles=0, seed=seed
    )
    return found.prediction, *found.prediction_interval
