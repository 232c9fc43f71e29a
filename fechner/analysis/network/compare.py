"""Every network, layer, pooling and strategy side by side on held-out images.

Each combination is a row with its held-out evidence and its shuffled control. Reading the
best of many rows off a table is itself a choice that noise can win: `BestHeldOut` makes
that choice inside the folds and is one more row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.evaluation import Evaluation, evaluate
from fechner.analysis.network.rated_features import RatedFeatures
from fechner.analysis.network.strategies import Strategy
from fechner.errors import InputError, nearest
from fechner.progress import Progress, silent

POOLINGS = ("space", "mean", "max", "mean_sd")
COLUMNS = (
    "features", "pooling", "strategy", "kept", "train_before", "train_after", "held_out_before",
    "held_out_after", "low", "high", "shuffled_train", "shuffled_held_out", "alignment_p",
    "prediction", "prediction_low", "prediction_high", "shuffled_prediction", "prediction_p",
    "jaccard", "impact_correlation",
)  # fmt: skip


def pool_values(values: ArrayLike, pooling: str) -> NDArray:
    """Return activations (n, C, h, w) as they are, or pooled to (n, C) or (n, 2 C).

    Parameters
    ----------
    pooling
        ``space`` (no pooling), ``mean``, ``max``, or ``mean_sd``: all means, then all
        standard deviations.

    Raises
    ------
    InputError
        If the pooling is unknown.
    """
    if pooling not in (*POOLINGS, "none"):
        raise InputError(f"unknown pooling {pooling!r}; {nearest(pooling, POOLINGS)}")
    features = np.asarray(values)
    if pooling == "space" or features.ndim == 2:
        return features
    flat = features.reshape(*features.shape[:2], -1)
    if pooling == "max":
        return flat.max(axis=2)
    mean = flat.mean(axis=2)
    return mean if pooling == "mean" else np.concatenate([mean, flat.std(axis=2)], axis=1)


def compare(
    values: Mapping[str, ArrayLike],
    ratings: ArrayLike,
    scenes: ArrayLike,
    strategies: Sequence[Strategy],
    *,
    poolings: Sequence[str] = ("space", "mean"),
    reference_of: ArrayLike | None = None,
    folds: int = 5,
    repeats: int = 1,
    shuffles: int = 20,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return one row of held-out evidence for each features x pooling x strategy.

    Parameters
    ----------
    values
        Name, as ``network/layer``, and activations (n_images, n_channels[, h, w]).
    ratings, scenes : (n_images,)
    strategies
        See `strategies.parse_strategy`.
    poolings
        See `pool_values`; features without space are taken once.
    folds, repeats, shuffles, seed, pool, progress
        See `evaluation.evaluate`.

    Returns
    -------
    Frame with `COLUMNS`: in-sample and held-out alignment before and after selection with
    interval and shuffled mean; held-out Spearman of predicted ratings likewise; p = share
    of shuffled repeats that do at least as well; stability over folds.
    """
    sets = {
        (name, pooling): RatedFeatures(
            pool_values(features, pooling), ratings, scenes, reference_of=reference_of
        )
        for name, features in values.items()
        for pooling in (poolings if np.ndim(features) > 2 else ("none",))
    }
    rows: list[tuple] = []
    total = len(sets) * len(strategies)
    for (name, pooling), images in sets.items():
        for evaluation in evaluate(
            images,
            strategies,
            folds=folds,
            repeats=repeats,
            shuffles=shuffles,
            seed=seed,
            pool=pool,
            progress=lambda done, _: progress(len(rows) + done, total),
        ):
            rows.append(_row(name, pooling, evaluation))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(name: str, pooling: str, found: Evaluation) -> tuple:
    def mean(values: NDArray) -> float:
        return float(values.mean()) if values.size else np.nan

    chosen = found.strategy.partition(":")[0] != "all"
    return (
        name, pooling, found.strategy, found.kept, found.selection_before, found.selection_after,
        found.before, found.after, *found.interval, mean(found.shuffled_selection),
        mean(found.shuffled_after), found.alignment_p if chosen else np.nan, found.prediction,
        *found.prediction_interval, mean(found.shuffled_prediction), found.prediction_p,
        found.jaccard, found.impact_correlation,
    )  # fmt: skip
