"""Choosing channels on some scenes, judging the choice on others.

`select_channels` runs every strategy on the selection scenes, reports each on the
held-out scenes, and repeats the whole selection under shuffled ratings: the ratings of
the selection images are permuted among those images, channels are chosen anew, and
judged against the untouched ratings of the held-out images. What a strategy reaches
there is what it gains from noise. The evidence decides which selection drives the maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment import Alignment, align
from fechner.analysis.network.grams import ChannelGrams
from fechner.analysis.network.impact import leave_one_out
from fechner.analysis.network.pairs import all_pairs
from fechner.analysis.network.pruning import Pruned, prune_below, prune_greedily
from fechner.analysis.network.readout import Readout, fit_readout, pooled, spearman
from fechner.analysis.network.selection_records import (
    ChannelSelection,
    Gain,
    ReadoutEvidence,
    SelectionStudy,
    ShuffledControl,
)
from fechner.analysis.network.similarity import checked_ratings, checked_values
from fechner.analysis.network.uncertainty import bootstrap_interval, statistic_interval
from fechner.errors import InputError, nearest
from fechner.progress import Progress, silent
from fechner.provenance import provenance

if TYPE_CHECKING:
    from fechner.data.tables import RatedImages

STRATEGIES = ("negative", "greedy", "readout")
FALLBACK = "all"
"""Drives the maps where no selection beats its shuffled control: every channel, weight 1."""
GREEDY_BATCH = 0.02
"""Share of channels that greedy pruning may remove in one step."""
BEATS = 0.95
"""A selection must exceed this share of its shuffled controls."""
FEWEST_SCENES = 4


def select_channels(
    values: ArrayLike,
    rated: RatedImages,
    dimension: str,
    *,
    network: str,
    layer: str,
    weights_sha256: str,
    preprocessing: str,
    pool: str | None,
    held_out: float = 0.33,
    strategies: Sequence[str] = STRATEGIES,
    shuffles: int = 20,
    similarity: str = "cosine",
    kernel: str = "absolute",
    fit: str = "spearman",
    seed: int,
    simulated: bool = False,
    progress: Progress = silent,
) -> SelectionStudy:
    """Select channels by every strategy and let held-out scenes say which to use.

    Parameters
    ----------
    values : (n_images, n_channels[, height, width])
        Activations of one layer, one row a row of `rated`.
    rated, dimension
        The rated images and the rating dimension.
    network, layer, weights_sha256, preprocessing, pool
        Where `values` come from; copied to the record.
    held_out
        Share of the scenes kept for judging, in (0, 1).
    strategies
        Any of `STRATEGIES`; all channels ("all") is always a candidate.
    shuffles
        How often the selection is repeated under shuffled ratings.
    similarity, kernel, fit
        See `similarity` and `alignment`.
    seed
        Of the split, the shuffles and the bootstrap.

    Raises
    ------
    InputError
        If a strategy is unknown, scenes are fewer than four, ratings are constant, or
        activations hold NaN or do not fit the table.
    """
    for name in strategies:
        if name not in STRATEGIES:
            raise InputError(f"unknown strategy {name!r}; {nearest(name, STRATEGIES)}")
    features = checked_values(values)
    ratings = checked_ratings(rated.scores(dimension), len(features))[:, 0]
    rng = np.random.default_rng(seed)
    chosen = split_scenes(rated.scenes, held_out, rng=rng)
    options = {"similarity": similarity, "kernel": kernel, "fit": fit}
    here = _Side(features[chosen], ratings[chosen], rated.scenes[chosen], options)
    there = _Side(features[~chosen], ratings[~chosen], rated.scenes[~chosen], options)
    parameters = {"held_out": held_out, "shuffles": shuffles, "greedy_batch": GREEDY_BATCH}
    common = {
        "network": network,
        "layer": layer,
        "weights_sha256": weights_sha256,
        "preprocessing": preprocessing,
        "pool": pool,
        "dimension": dimension,
        **options,
        "scenes_selection": sorted(set(here.scenes.tolist())),
        "scenes_held_out": sorted(set(there.scenes.tolist())),
        "provenance": provenance(
            parameters=parameters,
            inputs={"rated_images": rated.sha256, "weights": weights_sha256},
            seed=seed,
            simulated=simulated,
        ),
    }
    shuffled = [rng.permutation(here.ratings) for _ in range(shuffles)]
    total, done = 1 + len(strategies) * (1 + shuffles), 0
    candidates = []
    for name in (FALLBACK, *strategies):
        outcomes = []
        for target in [here.ratings] + (shuffled if name != FALLBACK else []):
            outcomes.append(_STRATEGY[name](here, target))
            done += 1
            progress(done, total)
        candidates.append(_record(name, outcomes, here, there, rng, common))
    method, reason = choose(candidates)
    return SelectionStudy(dimension=dimension, candidates=candidates, chosen=method, reason=reason)


def split_scenes(
    scenes: ArrayLike, held_out: float, *, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which images select, (n_images,): all others are held out, by whole scenes.

    Raises
    ------
    InputError
        If there are fewer than four scenes or `held_out` is not between 0 and 1.
    """
    names, codes = np.unique(np.asarray(scenes), return_inverse=True)
    if len(names) < FEWEST_SCENES:
        raise InputError(
            f"selection and held-out evidence need at least {FEWEST_SCENES} scenes, got "
            f"{len(names)}; add scenes or mark them in the table's scene column"
        )
    if not 0 < held_out < 1:
        raise InputError(f"held_out is a share of the scenes between 0 and 1, got {held_out}")
    count = int(np.clip(round(held_out * len(names)), 2, len(names) - 2))
    return ~np.isin(codes, rng.permutation(len(names))[:count])


class _Side:
    """The images on one side of the split, with all that does not depend on the ratings."""

    def __init__(
        self, values: NDArray, ratings: NDArray, scenes: NDArray, options: dict[str, str]
    ) -> None:
        self.ratings, self.scenes, self.options = ratings, scenes, options
        self.pairs = all_pairs(len(values))
        self.grams = ChannelGrams(values, self.pairs, similarity=options["similarity"])
        self.pooled = pooled(values)

    def alignment(self, ratings: NDArray) -> Alignment:
        return align(ratings, self.pairs, fit=self.options["fit"], kernel=self.options["kernel"])

    def reached(self, kept: NDArray[np.bool_], ratings: NDArray) -> float:
        state = self.grams.copy()
        state.activate(kept)
        return self.alignment(ratings)(state.similarity())


@dataclass(frozen=True)
class _Outcome:
    """What one strategy made of the selection images under one set of ratings."""

    kept: NDArray[np.bool_]
    weights: NDArray[np.float64]
    impact: NDArray[np.float64]
    before: float
    after: float
    readout: Readout | None = None


def _keep_all(side: _Side, ratings: NDArray) -> _Outcome:
    everything = np.ones(side.grams.n_channels, bool)
    reached = side.reached(everything, ratings)
    nothing = np.zeros(len(everything))
    return _Outcome(everything, everything.astype(float), nothing, reached, reached)


def _by_pruning(side: _Side, ratings: NDArray, prune: Callable[..., Pruned]) -> _Outcome:
    alignment = side.alignment(ratings)
    impact = leave_one_out(side.grams, alignment)
    pruned = prune(side.grams, alignment, impact)
    # A channel that pruning kept although it does not help by itself still counts a little.
    helps = np.where(impact > 0, impact, impact[impact > 0].min(initial=1.0))
    weights = np.where(pruned.kept, helps, 0.0)
    weights /= weights[pruned.kept].mean()
    return _Outcome(pruned.kept, weights, impact, pruned.path[0], pruned.path[-1])


def _by_negative_impact(side: _Side, ratings: NDArray) -> _Outcome:
    return _by_pruning(side, ratings, prune_below)


def _by_greedy_pruning(side: _Side, ratings: NDArray) -> _Outcome:
    def prune(grams: ChannelGrams, alignment: Alignment, _: NDArray) -> Pruned:
        return prune_greedily(grams, alignment, batch=GREEDY_BATCH)

    return _by_pruning(side, ratings, prune)


def _by_readout(side: _Side, ratings: NDArray) -> _Outcome:
    readout = fit_readout(side.pooled, ratings, side.scenes)
    kept = readout.weights != 0
    reached = side.reached(np.ones_like(kept), ratings)
    after = side.reached(kept, ratings)
    return _Outcome(kept, readout.weights, readout.relevance, reached, after, readout)


_STRATEGY: dict[str, Callable[[_Side, NDArray], _Outcome]] = {
    "all": _keep_all,
    "negative": _by_negative_impact,
    "greedy": _by_greedy_pruning,
    "readout": _by_readout,
}


def _record(
    method: str,
    outcomes: list[_Outcome],
    here: _Side,
    there: _Side,
    rng: np.random.Generator,
    common: dict[str, Any],
) -> ChannelSelection:
    """Judge the first outcome, and its shuffled repeats, on the held-out side."""
    real, shuffled = outcomes[0], outcomes[1:]
    return ChannelSelection(
        method=method,
        n_channels=len(real.kept),
        kept=real.kept.tolist(),
        weights=real.weights.tolist(),
        impact=real.impact.tolist(),
        alignment_selection=Gain(before=real.before, after=real.after),
        alignment_held_out=_held_out_gain(real.kept, there, rng),
        alignment_shuffled=ShuffledControl(
            selection=[outcome.after for outcome in shuffled],
            held_out=[there.reached(outcome.kept, there.ratings) for outcome in shuffled],
        ),
        readout=_held_out_readout(outcomes, there, rng) if real.readout else None,
        **common,
    )


def _held_out_gain(kept: NDArray, there: _Side, rng: np.random.Generator) -> Gain:
    state = there.grams.copy()
    state.activate(kept)
    alignment = there.alignment(there.ratings)
    similarity = state.similarity()
    return Gain(
        before=alignment(there.grams.similarity()),
        after=alignment(similarity),
        interval=bootstrap_interval(
            similarity, alignment.human, there.pairs, rng=rng, fit=alignment.fit
        ),
    )


def _held_out_readout(
    outcomes: list[_Outcome], there: _Side, rng: np.random.Generator
) -> ReadoutEvidence:
    readouts = [outcome.readout for outcome in outcomes if outcome.readout]
    predicted = [readout.predict(there.pooled) for readout in readouts]
    reached = [spearman(prediction, there.ratings) for prediction in predicted]
    return ReadoutEvidence(
        held_out_spearman=reached[0],
        interval=statistic_interval(spearman, predicted[0], there.ratings, rng=rng),
        shuffled=reached[1:],
        alpha=readouts[0].alpha,
    )


def choose(candidates: Sequence[ChannelSelection]) -> tuple[str, str]:
    """Return the method that drives the maps and the reason, in plain sentences.

    A selection survives when its held-out evidence is positive, exceeds 95 % of its
    shuffled controls and, for pruning, the held-out alignment of all channels. Of the
    survivors the one furthest above its control, in standard deviations of the control,
    drives the maps; when none survives, all channels do, with equal weight.
    """
    margins = {c.method: _margin(c) for c in candidates if c.method != FALLBACK}
    survivors = {method: margin for method, margin in margins.items() if margin is not None}
    if not survivors:
        return FALLBACK, (
            "No selection did better on held-out scenes than the same selection under shuffled "
            "ratings, so nothing was learnt about which channels matter. The maps fall back on "
            "the declared default: all channels with equal weight."
        )
    best = max(survivors, key=survivors.__getitem__)
    winner = next(c for c in candidates if c.method == best)
    return best, _reason(winner, len(survivors), len(margins))


def _margin(candidate: ChannelSelection) -> float | None:
    """Return how far the evidence lies above the control, in its SDs; None if not beyond it."""
    value, control = candidate.evidence, np.array(candidate.shuffled_evidence)
    if value is None or len(control) < 2:
        return None
    before = candidate.alignment_held_out.before
    if candidate.readout is None and before is not None and value <= before:
        return None
    if value <= np.quantile(control, BEATS) or (candidate.fit in _CORRELATIONS and value <= 0):
        return None
    return float((value - control.mean()) / max(control.std(ddof=1), 1e-9))


_CORRELATIONS = ("spearman", "tau_a", "pearson")


def _reason(winner: ChannelSelection, survivors: int, tried: int) -> str:
    control = np.array(winner.shuffled_evidence)
    what = (
        "the read-out predicts the ratings of held-out scenes with Spearman"
        if winner.readout
        else f"after {winner.method} pruning the held-out alignment ({winner.fit}) is"
    )
    return (
        f"'{winner.method}' drives the maps: {what} {winner.evidence:.3f}; under shuffled ratings "
        f"it is {control.mean():.3f} on average and at most {control.max():.3f} "
        f"({len(control)} shuffles). {survivors} of {tried} selections did better than their "
        "shuffled control; this one did so by most."
    )
