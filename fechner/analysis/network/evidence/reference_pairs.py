"""Choosing channels on some references, judging the choice on others.

The counterpart of `selection` where people judged images against their references: channels
are kept by what they do for the Spearman correlation of a distance with the DMOS. Beside
each choice stand two controls on the held-out pairs: the same choice under shuffled scores,
which is what it gains from noise, and as many channels drawn at random, which is what it gains
from there being fewer. On request channels are chosen on some distortion types and judged on
the others, of other references: then nothing of the judged pairs was seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.choosing.chosen import Chosen
from fechner.analysis.network.choosing.rated_features import Objective
from fechner.analysis.network.choosing.reference_pairs import ChannelDistances, ReferenceFeatures
from fechner.analysis.network.choosing.split import split_scenes
from fechner.analysis.network.choosing.strategies import (
    GREEDY_BATCH,
    Strategy,
    parse_strategy,
)
from fechner.analysis.network.evidence.choice import FALLBACK, choose
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError, nearest
from fechner.executors import run_all
from fechner.progress import Progress, one_of, silent
from fechner.provenance import digest, provenance
from fechner.records.selection import (
    ChannelSelection,
    Gain,
    SelectionStudy,
    ShuffledControl,
    candidate_names,
)

if TYPE_CHECKING:
    from fechner.data.pairs import ReferencePairs

ON_PAIRS = Objective(control="reference")
"""Spearman of minus distance with minus DMOS."""
STRATEGIES = ("negative", "greedy", "reweight")
RESAMPLES = 500


def select_on_pairs(
    sets: Sequence[ChannelDistances],
    pairs: ReferencePairs,
    *,
    dimension: str = "dmos",
    strategies: Sequence[str] = STRATEGIES,
    held_out: float = 0.4,
    choosing_families: Collection[str] | None = None,
    shuffles: int = 20,
    draws: int = 20,
    fit: str = "spearman",
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> SelectionStudy:
    """Select channels by every strategy and let held-out references say which to use.

    Parameters
    ----------
    sets
        Channels to choose from, each by every strategy; their rows are those of `pairs`.
    pairs
        What people said of each pair.
    dimension
        What was rated, for the record.
    strategies
        See `strategies.METHODS`, with or without ``:reference``; all channels ("all") is
        always a candidate.
    held_out
        Share of the references kept for judging, in (0, 1).
    choosing_families
        Distortion types that choose, the others judge; None lets all do both.
    shuffles, draws
        How often the selection is repeated under shuffled scores, and how many sets of as many
        channels are drawn at random.
    fit
        How distance and DMOS are compared, one of `alignment.FITS`.
    seed
        Of the split, the shuffles, the draws and the bootstrap.
    pool, progress
        Where choices run, one task for each strategy and set of real or shuffled scores, with the
        same outcome in any pool; and what is called after each.

    Raises
    ------
    InputError
        If a strategy or a distortion type is unknown, there are fewer than four references,
        scores are constant, or the sets do not fit the pairs.
    """
    aim = Objective(control="reference", fit=fit)
    tried = [_on_pairs(name, aim) for name in dict.fromkeys((FALLBACK, *strategies))]
    rng = np.random.default_rng(seed)
    seen = np.logical_or.reduce([one.seen for one in sets])
    chooses = split_scenes(pairs.scenes, held_out, seen=seen, rng=rng)
    here, there = _sides(pairs, chooses, choosing_families)
    common = {
        "dimension": dimension,
        "fit": fit,
        "scenes_selection": _names(pairs.scenes, here),
        "scenes_held_out": _names(pairs.scenes, there),
        "families_selection": _names(pairs.families, here),
        "families_held_out": _names(pairs.families, there),
        "provenance": provenance(
            parameters={
                "control": "reference",
                "set": pairs.name,
                "held_out": held_out,
                "choosing_families": sorted(choosing_families or []),
                "shuffles": shuffles,
                "draws": draws,
                "greedy_batch": GREEDY_BATCH,
            },
            inputs={"pairs": _digest(pairs), "weights": sets[0].weights_sha256},
            seed=seed,
            simulated=pairs.simulated,
        ),
    }
    shuffled = [rng.permutation(int(here.sum())) for _ in range(shuffles)]
    records: list[ChannelSelection] = []
    for done, one in enumerate(sets):
        whole = pair_features(one, pairs)
        fitting, judging = whole.subset(here), whole.subset(there)
        for place, strategy in enumerate(tried):
            behind = one_of(progress, done * len(tried) + place, len(sets) * len(tried))
            trial = try_on_pairs(
                strategy, fitting, judging, shuffled, draws=draws, rng=rng, pool=pool,
                progress=behind,
            )  # fmt: skip
            records.append(_record(strategy, trial, _about(one) | common))
    names = candidate_names([(one.method, one.channels) for one in records])
    chosen, reason = choose(dict(zip(names, records, strict=True)))
    return SelectionStudy(dimension=dimension, candidates=records, chosen=chosen, reason=reason)


def pair_features(one: ChannelDistances, pairs: ReferencePairs) -> ReferenceFeatures:
    """Return a set of channels and the scores of its pairs; errors as `ReferenceFeatures`."""
    return ReferenceFeatures(one.terms, one.combine, pairs.dmos, pairs.scenes)


@dataclass(frozen=True, eq=False)
class PairTrial:
    """What a strategy chose on some pairs, and what that reaches on others.

    Attributes
    ----------
    chosen
        The channels, with agreement on the choosing pairs before and after.
    before, after
        Agreement on the judging pairs with all channels, and with the chosen ones.
    gains : (n_resamples,)
        ``after - before`` over judging references drawn anew; NaN where scores were constant.
    afters : (n_resamples,)
        `after` over the same references.
    shuffled_chosen, shuffled : (n_shuffles,)
        Agreement on the choosing and on the judging pairs when shuffled scores chose.
    random : (n_draws,)
        Agreement on the judging pairs of as many channels drawn at random.
    """

    chosen: Chosen
    before: float
    after: float
    gains: NDArray[np.float64]
    afters: NDArray[np.float64]
    shuffled_chosen: NDArray[np.float64]
    shuffled: NDArray[np.float64]
    random: NDArray[np.float64]


def try_on_pairs(
    strategy: Strategy,
    fitting: ReferenceFeatures,
    judging: ReferenceFeatures,
    shuffled: Sequence[NDArray],
    *,
    draws: int,
    rng: np.random.Generator,
    times: NDArray | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> PairTrial:
    """Choose channels on `fitting` pairs and judge them, and their controls, on `judging` ones.

    Parameters
    ----------
    strategy
        How channels are chosen.
    fitting, judging
        Two sets of pairs of different references.
    shuffled
        Orders of the fitting pairs' scores: the choice is repeated under each.
    draws
        How many sets of as many channels are drawn at random.
    rng
        Of the draws, and of what the strategy draws.
    times : (n_resamples, n_judging_pairs), optional
        How often each judging pair counts in each resample of references; drawn here if None.
    pool, progress
        Where the choices run, and what is called after each.
    """
    aim = strategy.objective
    # All channels are chosen whatever the scores say: there is nothing to control for.
    repeats = [] if strategy.method == FALLBACK else shuffled
    targets = [fitting.ratings, *(fitting.ratings[order] for order in repeats)]
    chosen, *again = _choices(strategy, fitting, targets, rng, pool, progress)
    measure = judging.alignment(aim)
    whole = judging.channels(aim).similarity()

    def reached(scale: NDArray) -> float:
        return measure(judging.similarity(aim, scale)) if scale.any() else 0.0

    n_kept = int(chosen.kept.sum())
    everything = np.arange(fitting.n_channels)
    if times is None:
        times = drawn_references(judging.scenes, rng=rng)
    kept = judging.similarity(aim, chosen.scale) if chosen.kept.any() else np.zeros(len(judging))
    pair_draws = [_repeated(measure, each, whole, kept) for each in times]
    before, after = np.array(pair_draws).reshape(-1, 2).T
    return PairTrial(
        chosen=chosen,
        before=measure(whole),
        after=reached(chosen.scale),
        gains=after - before,
        afters=after,
        shuffled_chosen=np.array([one.after for one in again]),
        shuffled=np.array([reached(one.scale) for one in again]),
        random=np.array(
            [
                reached(np.isin(everything, rng.permutation(everything)[:n_kept]))
                for _ in range(draws if repeats else 0)
            ]
        ),
    )


def _choices(
    strategy: Strategy,
    fitting: ReferenceFeatures,
    targets: Sequence[NDArray],
    rng: np.random.Generator,
    pool: Executor | None,
    progress: Progress,
) -> list[Chosen]:
    """Return what the strategy chooses under each of `targets`, whatever the pool."""
    trials = []
    for target in targets:
        trials.append((target, deepcopy(rng)))
        strategy.pass_over([fitting], rng)
    with travelling(fitting, None, pool) as carried:
        work = partial(_choose, carried, strategy)
        return run_all(work, trials, pool=pool, progress=progress)


def _choose(
    carried: ReferenceFeatures | Path,
    strategy: Strategy,
    trial: tuple[NDArray, np.random.Generator],
) -> Chosen:
    # What predicts holds functions, which do not travel between processes.
    return replace(strategy(arrived(carried), *trial), predict=None)


def drawn_references(
    references: ArrayLike, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> NDArray[np.int64]:
    """Return how often each pair counts when whole references are drawn, (resamples, n_pairs)."""
    names, codes = np.unique(np.asarray(references), return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return drawn[:, codes]


def _repeated(measure: Any, times: NDArray, whole: NDArray, kept: NDArray) -> tuple[float, float]:
    """Return agreement with all and with kept channels when pair k counts ``times[k]`` times."""
    try:
        drawn = measure.repeated(times)
    except InputError:  # Too few different scores were drawn.
        return float("nan"), float("nan")
    return drawn(np.repeat(whole, times)), drawn(np.repeat(kept, times))


def _on_pairs(name: str, aim: Objective) -> Strategy:
    strategy = parse_strategy(name, aim)
    if strategy.objective.control != "reference" or strategy.read_out:
        raise InputError(
            f"strategy {name!r} compares images with each other; on reference pairs use "
            f"{strategy.method}:reference"
        )
    return strategy


def _sides(
    pairs: ReferencePairs, chooses: NDArray[np.bool_], families: Collection[str] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pairs choose and which judge, (n_pairs,) each."""
    if families is None:
        return chooses, ~chooses
    if pairs.families is None:
        raise InputError(
            "channels cannot be chosen on some distortion types, because the table does not say "
            "which pair has which; fill the column of distortion types"
        )
    known = {str(name) for name in pairs.families}
    for name in families:
        if name not in known:
            raise InputError(f"no distortion type {name!r} in {pairs.name}; {nearest(name, known)}")
    mine = np.isin(np.asarray(pairs.families).astype(str), list(families))
    if mine.all():
        raise InputError("every distortion type chooses, so that none is left to judge; name fewer")
    return chooses & mine, ~chooses & ~mine


def _names(values: ArrayLike | None, mine: NDArray[np.bool_]) -> list[str]:
    return [] if values is None else sorted({str(one) for one in np.asarray(values)[mine]})


def _digest(pairs: ReferencePairs) -> str:
    return digest(
        {
            "dmos": [float(score) for score in pairs.dmos],
            "images": [str(image) for image in pairs.images],
        }
    )


def _about(one: ChannelDistances) -> dict[str, Any]:
    """Return what a record says of a set of channels."""
    return {
        "network": one.network,
        "layer": "+".join(one.layers),
        "widths": list(one.widths),
        "size": None,
        "weights_sha256": one.weights_sha256,
        "preprocessing": one.preprocessing,
        "pool": None,
        "distance": one.readout,
    }


def _record(strategy: Strategy, trial: PairTrial, common: dict[str, Any]) -> ChannelSelection:
    chosen = trial.chosen
    return ChannelSelection(
        method=strategy.name,
        n_channels=len(chosen.kept),
        kept=chosen.kept.tolist(),
        weights=chosen.weights.tolist(),
        impact=chosen.impact.tolist(),
        alignment_selection=Gain(before=chosen.before, after=chosen.after),
        alignment_held_out=Gain(
            before=trial.before, after=trial.after, interval=percentile_interval(trial.afters)
        ),
        alignment_shuffled=ShuffledControl(
            selection=trial.shuffled_chosen.tolist(), held_out=trial.shuffled.tolist()
        ),
        alignment_random=trial.random.tolist(),
        **common,
    )
