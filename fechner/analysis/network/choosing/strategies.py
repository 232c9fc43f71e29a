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
threshold      channels above an impact that inner folds choose, or above one that is
               given: ``threshold=0.001``, or ``threshold=top:64`` for the 64 highest
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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.choosing.averaging import fit_averaged
from fechner.analysis.network.choosing.chosen import AnyFeatures, ChoiceTask, Chosen
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
from fechner.analysis.network.choosing.reweighting import fit_distances
from fechner.errors import InputError, nearest

GREEDY_BATCH = 0.05
"""Share of the channels that greedy pruning removes together while that helps."""
CURVE_STEPS = 32
INNER_FOLDS = 3
READ_OUT = "+readout"
RANKING = ("random", "negative", "threshold", "single_pass", "greedy", "exhaustive", "curve")
"""Methods that rest on the impact of each channel."""
PLAIN = Objective()
"""Cosine, absolute difference, Spearman, all pairs."""


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
    threshold
        Of ``threshold`` alone: the least impact, or ``top`` and how many channels to keep; inner
        folds choose where it is empty.
    """

    method: str
    objective: Objective = PLAIN
    read_out: bool = False
    threshold: str = ""

    @property
    def name(self) -> str:
        """How the strategy is written."""
        control = self.objective.control
        method = f"{self.method}={self.threshold}" if self.threshold else self.method
        chosen = method if control == "none" else f"{method}:{control}"
        return chosen + READ_OUT * self.read_out

    @property
    def predicts(self) -> bool:
        """Whether it is judged by predicted ratings rather than by alignment."""
        return self.read_out or self.method in ("readout", "averaged", "elastic_net", "reference")

    @property
    def ranks(self) -> bool:
        """Whether it rests on the impact of each channel under the ratings it is given."""
        return self.method in RANKING

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

    def __call__(
        self,
        images: AnyFeatures,
        ratings: NDArray,
        rng: np.random.Generator,
        impact: NDArray[np.float64] | None = None,
    ) -> Chosen:
        """Choose channels on `images` under `ratings` (n_images, ...), real or shuffled.

        `impact` (n_channels,) is that of each channel under them, where it was found before.
        """
        task = ChoiceTask(images, ratings, self.objective, self.threshold, rng, impact)
        chosen = METHODS[self.method](task)
        return _read_kept(task, chosen) if self.read_out else chosen


def parse_strategy(text: str, objective: Objective = PLAIN) -> Strategy:
    """Return the strategy that `text` names, with the other parts of `objective`.

    Raises
    ------
    InputError
        If the method or the control is unknown, or a threshold is none.
    """
    chosen = text.removesuffix(READ_OUT)
    method, _, control = chosen.replace("=top:", "=top").partition(":")
    method, given, threshold = method.partition("=")
    if method not in METHODS:
        raise InputError(f"unknown strategy {method!r}; {nearest(method, METHODS)}")
    if control and control not in CONTROLS:
        raise InputError(f"unknown control {control!r}; {nearest(control, CONTROLS)}")
    if given and (method != "threshold" or not _is_threshold(threshold)):
        raise InputError(
            f"{text!r}: only threshold takes a value, an impact as in threshold=0.001 or a number "
            "of channels as in threshold=top:64"
        )
    aim = replace(objective, control=control or objective.control)
    return Strategy(method, aim, read_out=chosen != text, threshold=threshold)


def _is_threshold(text: str) -> bool:
    if text.startswith("top"):
        return text[3:].isdecimal() and int(text[3:]) > 0
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _keep_all(task: ChoiceTask) -> Chosen:
    everything = np.ones(task.images.n_channels, bool)
    return task.chosen(everything, everything.astype(float), np.zeros(len(everything)))


def _random(task: ChoiceTask) -> Chosen:
    impact = task.impact
    kept = task.rng.permutation(impact >= 0) if (impact >= 0).any() else np.ones(len(impact), bool)
    return task.chosen(kept, kept.astype(float), impact)


def _negative(task: ChoiceTask) -> Chosen:
    impact = task.impact
    return task.pruned(prune_below(task.channels, task.alignment, impact).kept, impact)


def _single_pass(task: ChoiceTask) -> Chosen:
    impact = task.impact
    return task.pruned(prune_single_pass(task.channels, task.alignment, impact).kept, impact)


def _greedy(task: ChoiceTask) -> Chosen:
    impact = task.impact
    pruned = prune_greedily(task.channels, task.alignment, batch=GREEDY_BATCH)
    return task.pruned(pruned.kept, impact)


def _exhaustive(task: ChoiceTask) -> Chosen:
    impact = task.impact
    pruned = prune_greedily(task.channels, task.alignment, shortlist=None)
    return task.pruned(pruned.kept, impact)


def _curve(task: ChoiceTask) -> Chosen:
    """Rank once, prune in that order, and stop where inner folds align best."""
    impact = task.impact
    counts = np.unique(np.linspace(0, len(impact) - 1, CURVE_STEPS).astype(int))
    held_out = _inner_curves(task, lambda _: counts)
    kept = np.ones(len(impact), bool)
    kept[np.argsort(impact, kind="stable")[: counts[int(held_out.argmax())]]] = False
    return task.pruned(kept, impact)


def _threshold(task: ChoiceTask) -> Chosen:
    """Keep channels above an impact that inner folds choose, in units of the impacts' SD.

    Or above an impact that was given, or as many of the highest impact as were asked for.
    """
    impact = task.impact
    if task.threshold.startswith("top"):
        most = np.argsort(-impact, kind="stable")[: int(task.threshold[3:])]
        return task.pruned(np.isin(np.arange(len(impact)), most), impact)
    if task.threshold:
        least = float(task.threshold)
        return task.pruned(
            prune_below(task.channels, task.alignment, impact, threshold=least).kept, impact
        )
    levels = np.linspace(-3, 3, CURVE_STEPS + 1)

    def below(inner: NDArray) -> NDArray:
        counts = (inner[None] < levels[:, None] * inner.std()).sum(axis=1)
        return np.minimum(counts, len(inner) - 1)

    best = int(_inner_curves(task, below).argmax())
    kept = impact >= min(levels[best] * impact.std(), float(impact.max()))
    return task.pruned(kept, impact)


def _inner_curves(task: ChoiceTask, counts_of: Callable[[NDArray], NDArray]) -> NDArray[np.float64]:
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
    task: ChoiceTask,
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


def _read_kept(task: ChoiceTask, chosen: Chosen) -> Chosen:
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


def _readout(task: ChoiceTask) -> Chosen:
    return _by_readout(task, fit_readout, lambda made: ridge_of(made.alpha))


def _averaged(task: ChoiceTask) -> Chosen:
    parts = task.images.parts if isinstance(task.images, RatedFeatures) else ()
    return _by_readout(task, partial(fit_averaged, parts=parts), lambda made: made.again)


def _elastic_net(task: ChoiceTask) -> Chosen:
    return _by_readout(task, fit_elastic_net, lambda made: elastic_net_of(made.alpha))


def _reweight(task: ChoiceTask) -> Chosen:
    weights = task.images.reweighted(task.objective, task.ratings)
    return task.chosen(weights, weights, weights)


def _reference(task: ChoiceTask) -> Chosen:
    distances = task.images.from_references
    rated = np.isfinite(distances[:, 0])
    ratings = apart_from(task.one_dimension, task.images.held_constant)
    weights = fit_distances(distances[rated], ratings[rated], task.images.scenes[rated])

    def predict(images: AnyFeatures) -> NDArray:
        return -(np.nan_to_num(images.from_references) @ weights)

    spread = distances[rated].std(axis=0)
    return task.chosen(weights > 0, weights, weights * spread, predict=predict)


METHODS: dict[str, Callable[[ChoiceTask], Chosen]] = {
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
