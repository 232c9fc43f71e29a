"""Every way of choosing channels, behind one call.

A strategy is written ``METHOD`` or ``METHOD:CONTROL``, as in ``greedy`` or
``negative:within`` (controls: see `rated_features.Objective`; for a read-out ``within`` and
``content`` mean that the means of scenes are taken out of channels and ratings). With
``+readout`` at the end the kept channels are then weighed by a ridge read-out, so that they
predict ratings. It sees one set of rated images, or of pairs of image and reference, and
gives the channels it keeps, what they weigh in a map, and, where it can, a prediction of
ratings.

=============  =================================================================
method         keeps
=============  =================================================================
all            every channel
random         as many as ``negative`` would, drawn at random
negative       channels whose removal would lower alignment
threshold      channels above an impact threshold chosen by inner folds
single_pass    what is left after one pass in order of impact
greedy         what is left when no single removal helps any more
exhaustive     the same, every channel tried at every step: slow
curve          the k channels of highest impact, k chosen by inner folds
readout        all, with signed ridge coefficients as weights
averaged       all, with the average of one read-out for each network of ``A+B``
elastic_net    those with a coefficient in an elastic-net read-out
reweight       those with a weight above 0 in a non-negative reweighting of the RSM
reference      those whose distance from the reference image lowers the rating
=============  =================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.alignment import AnyAlignment
from fechner.analysis.network.alignment.impact import AnyChannels
from fechner.analysis.network.choosing.averaging import fit_averaged
from fechner.analysis.network.choosing.pruning import (
    prune_below,
    prune_greedily,
    prune_single_pass,
    pruning_curve,
)
from fechner.analysis.network.choosing.rated_features import (
    CONTROLS,
    Objective,
    RatedFeatures,
)
from fechner.analysis.network.choosing.readout import (
    Fit,
    Readout,
    apart_from,
    centred_by,
    elastic_net_of,
    fit_elastic_net,
    fit_readout,
    grouped_folds,
    held_out_contribution,
    ridge_of,
)
from fechner.analysis.network.choosing.reference_pairs import ReferenceFeatures
from fechner.analysis.network.choosing.reweighting import fit_distances
from fechner.errors import InputError, nearest

GREEDY_BATCH = 0.05
"""Share of the channels that greedy pruning removes together while that helps."""
CURVE_STEPS = 32
INNER_FOLDS = 3
READ_OUT = "+readout"
PLAIN = Objective()
"""Cosine, absolute difference, Spearman, all pairs."""

AnyFeatures: TypeAlias = RatedFeatures | ReferenceFeatures


@dataclass(frozen=True)
class Strategy:
    """One way of choosing channels.

    Attributes
    ----------
    method
        A key of `METHODS`.
    objective
        What alignment means to it.
    read_out
        Whether the kept channels are then weighed by a read-out.
    """

    method: str
    objective: Objective = PLAIN
    read_out: bool = False

    @property
    def name(self) -> str:
        """How the strategy is written."""
        control = self.objective.control
        chosen = self.method if control == "none" else f"{self.method}:{control}"
        return chosen + READ_OUT * self.read_out

    @property
    def predicts(self) -> bool:
        """Whether it is judged by predicted ratings rather than by alignment."""
        return self.read_out or self.method in ("readout", "averaged", "elastic_net", "reference")

    def decide(
        self, sets: Sequence[AnyFeatures], ratings: NDArray, rng: np.random.Generator
    ) -> tuple[int, Strategy]:
        """Return the place of the set of features to choose from, and the strategy: this one."""
        return 0, self

    def pass_over(self, sets: Sequence[AnyFeatures], rng: np.random.Generator) -> None:
        """Draw from `rng` what a choice on the first of `sets` draws, and choose nothing.

        What comes after it in `rng` can then be drawn while the choice is still to be made,
        perhaps in another process. A random choice draws one order of the channels.
        """
        if self.method == "random":
            rng.permutation(sets[0].n_channels)

    def __call__(self, images: AnyFeatures, ratings: NDArray, rng: np.random.Generator) -> Chosen:
        """Choose channels on `images` under `ratings` (n_images, ...), real or shuffled."""
        task = _Task(images, ratings, self.objective, rng)
        chosen = METHODS[self.method](task)
        return _read_kept(task, chosen) if self.read_out else chosen


def parse_strategy(text: str, objective: Objective = PLAIN) -> Strategy:
    """Return the strategy that `text` names, with the other parts of `objective`.

    Raises
    ------
    InputError
        If the method or the control is unknown.
    """
    chosen = text.removesuffix(READ_OUT)
    method, _, control = chosen.partition(":")
    if method not in METHODS:
        raise InputError(f"unknown strategy {method!r}; {nearest(method, METHODS)}")
    if control and control not in CONTROLS:
        raise InputError(f"unknown control {control!r}; {nearest(control, CONTROLS)}")
    aim = replace(objective, control=control or objective.control)
    return Strategy(method, aim, read_out=chosen != text)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a strategy made of its images.

    Attributes
    ----------
    kept : (n_channels,) bool
    weights : (n_channels,) float64
        Signed relevance for maps, 0 where not kept.
    impact : (n_channels,) float64
        Impact on alignment; for a read-out, contribution to held-out predictions
        (`readout.Contribution`).
    scale : (n_channels,) bool or float64
        How the RSM is formed: the kept channels, or their weights in a reweighting.
    before, after
        Alignment on these images with all channels, and with `scale`.
    predict
        Predicted ratings of any images, up to a constant, where the method makes them.
    alpha
        The penalty of a read-out.
    stability : (n_channels,) float64, optional
        How far inner folds agree on the sign of each weight of a read-out, [0, 1].
    """

    kept: NDArray[np.bool_]
    weights: NDArray[np.float64]
    impact: NDArray[np.float64]
    scale: NDArray
    before: float
    after: float
    predict: Callable[[AnyFeatures], NDArray] | None = None
    alpha: float | None = None
    stability: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class _Task:
    images: AnyFeatures
    ratings: NDArray
    objective: Objective
    rng: np.random.Generator

    @property
    def channels(self) -> AnyChannels:
        return self.images.channels(self.objective)

    @property
    def alignment(self) -> AnyAlignment:
        return self.images.alignment(self.objective, self.ratings)

    @property
    def one_dimension(self) -> NDArray:
        if self.ratings.ndim > 1:
            raise InputError(
                f"a read-out predicts one rating dimension, got {self.ratings.shape[1]}; leave out "
                "'readout', 'elastic_net', 'reference' and 'best held-out', or join no dimensions"
            )
        return self.ratings

    def chosen(self, scale: NDArray, weights: NDArray, impact: NDArray, **more: object) -> Chosen:
        measure = self.alignment
        before = measure(self.channels.similarity())
        after = measure(self.images.similarity(self.objective, scale)) if scale.any() else 0.0
        return Chosen(scale > 0, weights, impact, scale, before, after, **more)  # type: ignore[arg-type]

    def pruned(self, kept: NDArray[np.bool_], impact: NDArray) -> Chosen:
        # A kept channel that does not help by itself still counts, as little as any that does.
        helps = np.where(impact > 0, impact, impact[impact > 0].min(initial=1.0))
        weights = np.where(kept, helps, 0.0)
        return self.chosen(kept, weights / weights[kept].mean(), impact)


def _keep_all(task: _Task) -> Chosen:
    everything = np.ones(task.images.n_channels, bool)
    return task.chosen(everything, everything.astype(float), np.zeros(len(everything)))


def _random(task: _Task) -> Chosen:
    impact = task.images.impact(task.objective, task.ratings)
    kept = task.rng.permutation(impact >= 0) if (impact >= 0).any() else np.ones(len(impact), bool)
    return task.chosen(kept, kept.astype(float), impact)


def _negative(task: _Task) -> Chosen:
    impact = task.images.impact(task.objective, task.ratings)
    return task.pruned(prune_below(task.channels, task.alignment, impact).kept, impact)


def _single_pass(task: _Task) -> Chosen:
    impact = task.images.impact(task.objective, task.ratings)
    return task.pruned(prune_single_pass(task.channels, task.alignment, impact).kept, impact)


def _greedy(task: _Task) -> Chosen:
    impact = task.images.impact(task.objective, task.ratings)
    pruned = prune_greedily(task.channels, task.alignment, batch=GREEDY_BATCH)
    return task.pruned(pruned.kept, impact)


def _exhaustive(task: _Task) -> Chosen:
    impact = task.images.impact(task.objective, task.ratings)
    pruned = prune_greedily(task.channels, task.alignment, shortlist=None)
    return task.pruned(pruned.kept, impact)


def _curve(task: _Task) -> Chosen:
    """Rank once, prune in that order, and stop where inner folds align best."""
    impact = task.images.impact(task.objective, task.ratings)
    counts = np.unique(np.linspace(0, len(impact) - 1, CURVE_STEPS).astype(int))
    held_out = _inner_curves(task, lambda _: counts)
    kept = np.ones(len(impact), bool)
    kept[np.argsort(impact, kind="stable")[: counts[int(held_out.argmax())]]] = False
    return task.pruned(kept, impact)


def _threshold(task: _Task) -> Chosen:
    """Keep channels above an impact that inner folds choose, in units of the impacts' SD."""
    impact = task.images.impact(task.objective, task.ratings)
    levels = np.linspace(-3, 3, CURVE_STEPS + 1)

    def below(inner: NDArray) -> NDArray:
        counts = (inner[None] < levels[:, None] * inner.std()).sum(axis=1)
        return np.minimum(counts, len(inner) - 1)

    best = int(_inner_curves(task, below).argmax())
    kept = impact >= min(levels[best] * impact.std(), float(impact.max()))
    return task.pruned(kept, impact)


def _inner_curves(task: _Task, counts_of: Callable[[NDArray], NDArray]) -> NDArray[np.float64]:
    """Return the mean alignment on inner held-out scenes, one number a pruning level."""
    curves = []
    for train, test in grouped_folds(task.images.scenes, INNER_FOLDS):
        fit, judge = task.images.subset(train), task.images.subset(test)
        impact = fit.impact(task.objective, task.ratings[train])
        measure = judge.alignment(task.objective, task.ratings[test])
        order = np.argsort(impact, kind="stable")
        curves.append(
            pruning_curve(judge.channels(task.objective), measure, order, counts_of(impact))
        )
    return np.mean(curves, axis=0)


def _by_readout(
    task: _Task,
    fit: Callable[[NDArray, NDArray, NDArray], Readout],
    again: Callable[[Any], Fit],
) -> Chosen:
    """Read out all channels; a content control takes the means of scenes out of both sides."""
    images, features = task.images, task.images.pooled
    ratings = apart_from(task.one_dimension, images.held_constant)
    if task.objective.control != "none":
        features, ratings = centred_by(features, images.scenes), centred_by(ratings, images.scenes)
    readout = fit(features, ratings, images.scenes)
    added = held_out_contribution(features, ratings, images.scenes, again(readout))
    level = images.pooled.mean(axis=0) @ readout.weights
    return task.chosen(
        readout.weights != 0,
        readout.weights,
        added.share,
        predict=lambda judged: judged.pooled @ readout.weights - level,
        alpha=readout.alpha,
        stability=added.stability,
    )


def _read_kept(task: _Task, chosen: Chosen) -> Chosen:
    """Weigh the kept channels by a read-out of them alone."""
    if not chosen.kept.any():
        return chosen
    images, weights = task.images, np.zeros(len(chosen.kept))
    ratings = apart_from(task.one_dimension, images.held_constant)
    readout = fit_readout(images.pooled[:, chosen.kept], ratings, images.scenes)
    weights[chosen.kept] = readout.weights
    level = images.pooled.mean(axis=0) @ weights
    return replace(
        chosen,
        weights=weights,
        predict=lambda judged: judged.pooled @ weights - level,
        alpha=readout.alpha,
    )


def _readout(task: _Task) -> Chosen:
    return _by_readout(task, fit_readout, lambda made: ridge_of(made.alpha))


def _averaged(task: _Task) -> Chosen:
    parts = task.images.parts if isinstance(task.images, RatedFeatures) else ()
    return _by_readout(task, partial(fit_averaged, parts=parts), lambda made: made.again)


def _elastic_net(task: _Task) -> Chosen:
    return _by_readout(task, fit_elastic_net, lambda made: elastic_net_of(made.alpha))


def _reweight(task: _Task) -> Chosen:
    weights = task.images.reweighted(task.objective, task.ratings)
    return task.chosen(weights, weights, weights)


def _reference(task: _Task) -> Chosen:
    distances = task.images.from_references
    rated = np.isfinite(distances[:, 0])
    ratings = apart_from(task.one_dimension, task.images.held_constant)
    weights = fit_distances(distances[rated], ratings[rated], task.images.scenes[rated])

    def predict(images: AnyFeatures) -> NDArray:
        return -(np.nan_to_num(images.from_references) @ weights)

    spread = distances[rated].std(axis=0)
    return task.chosen(weights > 0, weights, weights * spread, predict=predict)


METHODS: dict[str, Callable[[_Task], Chosen]] = {
    "all": _keep_all,
    "random": _random,
    "negative": _negative,
    "threshold": _threshold,
    "single_pass": _single_pass,
    "greedy": _greedy,
    "exhaustive": _exhaustive,
    "curve": _curve,
    "readout": _readout,
    "averaged": _averaged,
    "elastic_net": _elastic_net,
    "reweight": _reweight,
    "reference": _reference,
}
