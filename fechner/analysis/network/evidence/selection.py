"""Choosing channels on some scenes, judging the choice on others.

`select_among` runs every strategy on the selection scenes, reports each on the
held-out scenes, and repeats the whole selection under shuffled ratings: the ratings of
the selection images are permuted among those images, channels are chosen anew, and
judged against the untouched ratings of the held-out images. What a strategy reaches
there is what it gains from noise. The evidence decides which selection drives the maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.alignment import CORRELATIONS
from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import resampled_images, statistic_interval
from fechner.analysis.network.choosing.rated_features import (
    Objective,
    RatedFeatures,
    rated_features,
)
from fechner.analysis.network.choosing.readout import apart_from
from fechner.analysis.network.choosing.sets import SPACE, ChannelValues
from fechner.analysis.network.choosing.split import split_scenes
from fechner.analysis.network.choosing.strategies import (
    GREEDY_BATCH,
    Strategy,
    parse_strategy,
)
from fechner.analysis.network.choosing.trials import Outcome, Sides, outcomes_of
from fechner.analysis.network.evidence.ceiling import ceiling_of
from fechner.analysis.network.evidence.choice import FALLBACK, choose
from fechner.analysis.network.evidence.columns import (
    BestChannels,
    columns_alone,
    columns_of_few_levels,
    warnings_of,
)
from fechner.analysis.network.evidence.evaluation import mean_spearman
from fechner.analysis.network.evidence.folds import predict_held_out
from fechner.analysis.network.evidence.gains import Judged, held_out_gains
from fechner.analysis.network.evidence.nested import best_held_out
from fechner.errors import InputError, nearest
from fechner.progress import Progress, silent
from fechner.provenance import provenance
from fechner.records.rated_images import RatedImages
from fechner.records.selection import (
    ChannelSelection,
    Gain,
    ReadoutEvidence,
    SelectionStudy,
    ShuffledControl,
    candidate_names,
    in_words,
)

STRATEGIES = ("negative", "greedy", "readout")
EVIDENCE = "evidence"
BEST_HELD_OUT = "best held-out"


@dataclass(frozen=True)
class SelectionOptions:
    """How channels are chosen and judged; each field as `select_among` takes it."""

    strategies: tuple[str, ...] = STRATEGIES
    select: str = EVIDENCE
    objective: Objective = field(default_factory=Objective)
    partial_out: str | None = None
    held_out: float = 0.33
    shuffles: int = 20


def select_among(
    sets: Sequence[ChannelValues],
    rated: RatedImages,
    dimension: str,
    *,
    partial_out: str | None = None,
    held_out: float = 0.33,
    strategies: Sequence[str] = STRATEGIES,
    shuffles: int = 20,
    select: str = EVIDENCE,
    objective: Objective | None = None,
    individual: NDArray[np.float64] | None = None,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> SelectionStudy:
    """Select channels by every strategy and let held-out scenes say which to use.

    Parameters
    ----------
    sets
        Sets of channels to choose from, each by every strategy; their rows are those of
        `rated`.
    rated, dimension
        The rated images and the rating dimension, or several joined by ``+``.
    partial_out
        Rating dimensions that are held constant, joined by ``+``.
    held_out
        Share of the scenes kept for judging, in (0, 1).
    strategies
        See `strategies.METHODS`; all channels ("all") is always a candidate.
    shuffles
        How often the selection is repeated under shuffled ratings.
    select
        What drives the maps: ``evidence`` (see `choose`), ``best held-out`` (inner folds of
        the selection scenes choose set and strategy, so that the held-out scenes judge a
        choice they took no part in), or the name of a candidate.
    objective
        Similarity, rating kernel, fit and control; the usual ones if None.
    individual : (n_participants, n_images, n_dimensions), optional
        Individual ratings, NaN where missing, for the noise ceiling on the held-out images.
    seed
        Of the split, the shuffles and the bootstrap.
    pool, progress
        Where choices run, one task for each strategy and set of real or shuffled ratings, with
        the same outcome in any pool; and what is called after each.

    Returns
    -------
    SelectionStudy
        Every candidate with its evidence, and the one that drives the maps.

    Raises
    ------
    InputError
        If a strategy is unknown, scenes are fewer than four, ratings are constant, or
        activations hold NaN or do not fit the table.
    """
    aim = objective or Objective()
    tried = [parse_strategy(name, aim) for name in dict.fromkeys((FALLBACK, *strategies))]
    images = [rated_features(one, rated, dimension, partial_out=partial_out) for one in sets]
    rng = np.random.default_rng(seed)
    mine = split_scenes(images[0].scenes, held_out, seen=images[0].seen, rng=rng)
    here, there = [one.subset(mine) for one in images], [one.subset(~mine) for one in images]
    parameters = {
        "held_out": held_out,
        "shuffles": shuffles,
        "select": select,
        "control": aim.control,
        "greedy_batch": GREEDY_BATCH,
    }
    inputs = {"rated_images": rated.sha256, "weights": sets[0].weights_sha256}
    common = {
        "dimension": dimension,
        "partial_out": partial_out,
        "fit": aim.fit,
        "kernel": aim.kernel,
        "similarity": aim.similarity,
        "scenes_selection": sorted(set(here[0].scenes.tolist())),
        "scenes_held_out": sorted(set(there[0].scenes.tolist())),
        "provenance": provenance(
            parameters=parameters, inputs=inputs, seed=seed, simulated=rated.simulated
        ),
    }
    parts = [_about(one) | common for one in sets]
    work = [(which, one) for which in range(len(sets)) for one in tried]
    score = None
    if select == BEST_HELD_OUT:
        driver, score = _nested_choice(here, tried, seed, pool, progress)
        work = list(dict.fromkeys([*work, driver]))
    names = candidate_names([(one.name, _words(parts[which])) for which, one in work])
    if select not in (known := [EVIDENCE, BEST_HELD_OUT, *names]):
        raise InputError(f"cannot select by {select!r}; {nearest(select, known)}")
    sides = Sides(here, there)
    outcomes = outcomes_of(work, sides, shuffles, rng, pool, progress)
    judged, readouts = [], []
    for (which, strategy), made in zip(work, outcomes, strict=True):
        judged.append(_to_judge(which, strategy, made[0], there[which], rng))
        readouts.append(_held_out_readout(made, there[which], rng) if strategy.predicts else None)
    gains = held_out_gains(judged, there, pool=pool)
    candidates = [
        _record(strategy, made, gain, readout, parts[which])
        for (which, strategy), made, gain, readout in zip(
            work, outcomes, gains, readouts, strict=True
        )
    ]
    predicted = [tried[0].predicted for tried in outcomes]
    by_name = dict(zip(names, candidates, strict=True))
    name = select if score is None else names[work.index(driver)]
    name, reason = choose(by_name) if select == EVIDENCE else (name, _reason(name, score))
    columns = []
    if told := columns_of_few_levels(rated):
        columns = columns_alone(
            told,
            images[0].ratings,
            images[0].scenes,
            [(0, np.flatnonzero(mine), np.flatnonzero(~mine))],
            _best(dict(zip(names, predicted, strict=True)), here[0], there[0], ~mine),
            held_constant=images[0].held_constant,
            seed=seed,
        )
    reason = " ".join([reason, *warnings_of(columns)])
    ceiling = None
    if individual is not None and aim.fit in CORRELATIONS:
        ceiling = ceiling_of(there[0], individual[:, ~mine], aim, rng=rng)
    return SelectionStudy(
        dimension=dimension,
        candidates=candidates,
        chosen=name,
        reason=reason,
        noise_ceiling=ceiling,
        columns=columns,
    )


def _best(
    predicted: Mapping[str, NDArray[np.float64] | None],
    here: RatedFeatures,
    there: RatedFeatures,
    judges: NDArray[np.bool_],
) -> BestChannels:
    """Return the candidate that predicts the held-out ratings best.

    Where none predicts, a read-out of all channels of the first set does.
    """
    made = {f"the channels of {k!r}": one for k, one in predicted.items() if one is not None}
    if not made:
        everything = parse_strategy(FALLBACK)(here, here.ratings, np.random.default_rng(0))
        guess = predict_held_out(everything, here, there, here.ratings)
        made["a read-out of all channels"] = guess
    wanted = apart_from(there.ratings, there.held_constant).reshape(len(there), -1)
    tables = {what: one.reshape(wanted.shape) for what, one in made.items()}
    what = max(tables, key=lambda what: mean_spearman(tables[what], wanted))
    placed = np.zeros((len(judges), wanted.shape[1]))
    placed[judges] = tables[what]
    return BestChannels(what, placed)


def _nested_choice(
    here: Sequence[RatedFeatures],
    tried: Sequence[Strategy],
    seed: int,
    pool: Executor | None,
    progress: Progress,
) -> tuple[tuple[int, Strategy], float]:
    """Return the set and strategy that inner folds choose, and their held-out Spearman there.

    The choice rests on what a read-out of the kept channels predicts: so must the maps.
    """
    which, strategy, score = best_held_out(here, tried, seed=seed, pool=pool, progress=progress)
    return (which, strategy if strategy.predicts else replace(strategy, read_out=True)), score


def _reason(name: str, score: float | None) -> str:
    if score is None:
        return f"'{name}' drives the maps because it was asked for by name."
    return (
        f"'{name}' drives the maps: on inner held-out scenes of the selection side the channels "
        f"it keeps predict the ratings best (Spearman {score:.3f}). The held-out scenes took no "
        "part in this choice."
    )


def _about(one: ChannelValues) -> dict[str, Any]:
    """Return what a record says of a set of channels."""
    return {
        "network": one.network,
        "layer": "+".join(one.channels.layers),
        "target": one.channels.target,
        "widths": list(one.widths),
        "size": one.size,
        "weights_sha256": one.weights_sha256,
        "preprocessing": one.preprocessing,
        "pool": None if one.channels.pool == SPACE else one.channels.pool,
    }


def _words(part: dict[str, Any]) -> str:
    return in_words(part["layer"], part["target"], part["pool"])


def _to_judge(
    which: int, strategy: Strategy, real: Outcome, there: RatedFeatures, rng: np.random.Generator
) -> Judged:
    aim, times = strategy.objective, None
    if real.chosen.kept.any():
        times = resampled_images(there.pairs(aim).n, rng=rng)
    return Judged(which, aim, real.chosen.scale, real.reached, times)


def _record(
    strategy: Strategy,
    outcomes: Sequence[Outcome],
    gain: Gain,
    readout: ReadoutEvidence | None,
    common: dict[str, Any],
) -> ChannelSelection:
    """Return what a strategy chose under the real ratings, and what it gains from noise."""
    real, shuffled = outcomes[0].chosen, outcomes[1:]
    return ChannelSelection(
        method=strategy.name,
        n_channels=len(real.kept),
        kept=real.kept.tolist(),
        weights=real.weights.tolist(),
        impact=real.impact.tolist(),
        stability=None if real.stability is None else real.stability.tolist(),
        alignment_selection=Gain(before=real.before, after=real.after),
        alignment_held_out=gain,
        alignment_shuffled=ShuffledControl(
            selection=[outcome.chosen.after for outcome in shuffled],
            held_out=[outcome.reached for outcome in shuffled],
        ),
        readout=readout,
        **common,
    )


def _held_out_readout(
    outcomes: Sequence[Outcome], there: RatedFeatures, rng: np.random.Generator
) -> ReadoutEvidence:
    predicted = [outcome.predicted for outcome in outcomes if outcome.predicted is not None]
    rated = apart_from(there.ratings, there.held_constant)
    reached = [spearman(prediction, rated) for prediction in predicted]
    return ReadoutEvidence(
        held_out_spearman=reached[0],
        interval=statistic_interval(spearman, predicted[0], rated, rng=rng),
        shuffled=reached[1:],
        alpha=outcomes[0].chosen.alpha,
    )
