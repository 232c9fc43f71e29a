"""Every network, layer, pooling and strategy side by side on held-out images.

Each combination is a row with its held-out evidence and its shuffled control. Reading the
best of many rows off a table is itself a choice that noise can win: `nested` makes that
choice inside the folds and is one more row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.choosing.rated_features import RatedFeatures, rated_features
from fechner.analysis.network.choosing.readout import apart_from
from fechner.analysis.network.choosing.sets import ChannelValues
from fechner.analysis.network.choosing.strategies import Strategy
from fechner.analysis.network.evidence.by_scene import interval_over_scenes, resampled_scenes
from fechner.analysis.network.evidence.columns import BestChannels
from fechner.analysis.network.evidence.evaluation import Evaluation, evaluate, mean_spearman
from fechner.analysis.network.evidence.folds import AnyStrategy
from fechner.analysis.network.evidence.nested import BestHeldOut
from fechner.progress import Progress, silent
from fechner.records.rated_images import RatedImages

STEPS = 1000
"""Steps of progress for each set of channels."""
COLUMNS = (
    "features", "pooling", "strategy", "kept", "train_before", "train_after", "held_out_before",
    "held_out_after", "low", "high", "shuffled_train", "shuffled_held_out", "alignment_p",
    "prediction", "prediction_low", "prediction_high", "shuffled_prediction", "prediction_p",
    "minus_first", "minus_first_low", "minus_first_high",
    "jaccard", "impact_correlation",
)  # fmt: skip
ANY_SET = "any of these"
"""The features of the nested choice."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Held-out evidence of everything that was compared.

    Attributes
    ----------
    table
        One row for each set of channels and strategy, with `COLUMNS`.
    best
        What predicts best, the nested choice among them.
    nested : (n_images, n_partitions * n_dimensions), optional
        What the choice made inside the folds predicts; see `evaluation.Evaluation`.
    """

    table: pd.DataFrame
    best: BestChannels
    nested: NDArray[np.float64] | None


def compare(
    sets: Mapping[tuple[str, str], ChannelValues],
    rated: RatedImages,
    dimension: str,
    strategies: Sequence[Strategy],
    *,
    partial_out: str | None = None,
    nested: bool = False,
    folds: int = 5,
    repeats: int = 1,
    shuffles: int = 20,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Return one row of held-out evidence for each set of channels and strategy.

    Images that any of the networks was fitted to judge none of them.

    Parameters
    ----------
    sets
        Channels by (features, pooling), as those columns will say.
    rated, dimension, partial_out
        See `rated_features.rated_features`.
    strategies
        See `strategies.parse_strategy`.
    nested
        Whether to add the choice of set and strategy that inner folds make.
    folds, repeats, shuffles, seed, pool, progress
        See `evaluation.evaluate`.

    Returns
    -------
    Comparison
        Its table holds in-sample and held-out alignment before and after selection with interval
        and shuffled mean; held-out Spearman of predicted ratings likewise; p = share of shuffled
        repeats that do at least as well; ``minus_first``, the prediction less that of the first
        row, with its interval over scenes; stability over folds.

    Raises
    ------
    InputError
        If there are fewer scenes than folds, a strategy does not fit the ratings, or activations
        do not fit the table.
    """
    seen = np.logical_or.reduce([one.seen for one in sets.values()])
    images = {
        name: rated_features(replace(one, seen=seen), rated, dimension, partial_out=partial_out)
        for name, one in sets.items()
    }
    # Choosing inside the folds takes three inner folds of everything.
    work: list[tuple[tuple[str, str], list[RatedFeatures], Sequence[AnyStrategy], int]]
    work = [(name, [one], strategies, 1) for name, one in images.items()]
    if nested:
        choice = [BestHeldOut(tuple(strategies))]
        work.append(((ANY_SET, ""), list(images.values()), choice, 3 * len(images)))
    total, behind = sum(cost for *_, cost in work), 0
    reached: list[tuple[tuple[str, str], Evaluation]] = []
    for name, features, tried, cost in work:
        found = evaluate(
            features,
            tried,
            folds=folds,
            repeats=repeats,
            shuffles=shuffles,
            seed=seed,
            pool=pool,
            progress=_share(progress, behind, cost, total),
        )
        reached += [(name, one) for one in found]
        behind += cost
    (features_of_best, _), best = max(reached, key=lambda one: one[1].prediction)
    first = next(iter(images.values()))
    gains = _gains([one.predicted for _, one in reached], first, np.random.default_rng(seed))
    what = best.strategy + ("" if features_of_best == ANY_SET else f" of {features_of_best}")
    return Comparison(
        pd.DataFrame(
            [_row(*name, one, gain) for (name, one), gain in zip(reached, gains, strict=True)],
            columns=list(COLUMNS),
        ),
        BestChannels(what, best.predicted),
        reached[-1][1].predicted if nested else None,
    )


def _gains(
    predicted: Sequence[NDArray], images: RatedFeatures, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Return what each predicts better than the first, with its interval over scenes."""
    judges = ~images.seen
    wanted = apart_from(images.ratings[judges], images.held_constant[judges])
    wanted = wanted.reshape(len(wanted), -1)
    first, *others = (one[judges] for one in predicted)
    times = resampled_scenes(images.scenes[judges], rng=rng)
    gains = [(np.nan, np.nan, np.nan)]
    for other in others:

        def gain(at: NDArray, other: NDArray = other) -> float:
            return mean_spearman(other[at], wanted[at]) - mean_spearman(first[at], wanted[at])

        gains.append((gain(np.arange(len(wanted))), *interval_over_scenes(gain, times)))
    return gains


def _share(progress: Progress, behind: int, cost: int, total: int) -> Progress:
    """Return the progress of one part that costs `cost` of `total`, with `behind` done."""
    return lambda done, whole: progress(
        round(STEPS * (behind + cost * done / whole)), STEPS * total
    )


def _row(name: str, pooling: str, found: Evaluation, gain: tuple[float, float, float]) -> tuple:
    def mean(values: NDArray) -> float:
        return float(values.mean()) if values.size else np.nan

    chosen = found.strategy.partition(":")[0] != "all"
    return (
        name, pooling, found.strategy, found.kept, found.selection_before, found.selection_after,
        found.before, found.after, *found.interval, mean(found.shuffled_selection),
        mean(found.shuffled_after), found.alignment_p if chosen else np.nan, found.prediction,
        *found.prediction_interval, mean(found.shuffled_prediction), found.prediction_p, *gain,
        found.jaccard, found.impact_correlation,
    )  # fmt: skip
