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
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.rated_images import RatedImages

PAIRS = {"all": "none", "within scenes": "within"}
"""The pairs that are compared, and the control that names them."""
FEWEST_PAIRS = 3
PREDICTION = "prediction"
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
    pool: Executor | None = None,
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
    seed
        Of permutations, bootstraps and folds.
    pool, progress
        Where measures are taken, one task each, and what is called after each.

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
    images = [rated_features(one, rated, dimension).subset(unseen) for one in sets.values()]
    pairs = [*PAIRS] if _pairs_within(images[0].scenes) >= FEWEST_PAIRS else ["all"]
    measures = [*(f"alignment, {name}" for name in pairs), PREDICTION]
    tasks = [(place, measure) for place in range(len(images)) for measure in measures]
    how = _How(aim, permutations, folds, repeats, seed)
    with travelling(images, None, pool) as carried:
        found = run_all(partial(_measured, carried, how), tasks, pool=pool, progress=progress)
    names = list(sets)
    rows = [
        (*names[place], images[place].n_channels, measure, *values)
        for (place, measure), values in zip(tasks, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _How:
    """What every measure is taken with."""

    aim: Objective
    permutations: int
    folds: int
    repeats: int
    seed: int


def _measured(
    carried: list[RatedFeatures] | Path, how: _How, task: tuple[int, str]
) -> tuple[float, float, float, float]:
    """Return the value of one measure of one set, its interval and its p."""
    place, measure = task
    images = arrived(carried)[place]
    if measure == PREDICTION:
        return *_prediction(images, how.folds, how.repeats, how.seed), np.nan
    control = PAIRS[measure.removeprefix("alignment, ")]
    wanted = Objective(how.aim.similarity, how.aim.kernel, control=control)
    return _alignment(images, wanted, how.permutations, how.seed)


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
