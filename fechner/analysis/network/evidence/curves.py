"""Alignment as channels go, one after another, beside what noise and chance give.

Channels are ranked once by their impact on the selection images and removed in that
order (rank and prune, Tarigopula and others 2023); the curve is read on the same images
and on held-out ones. The shuffled band repeats the ranking under shuffled ratings; random
pruning removes channels in random order.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.alignment.impact import channel_impact
from fechner.analysis.network.choosing.chosen import AnyFeatures
from fechner.analysis.network.choosing.pruning import pruning_curve
from fechner.analysis.network.choosing.strategies import CURVE_STEPS, Strategy
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.executors import run_all
from fechner.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class PruningCurves:
    """Alignment at each number of channels left.

    Attributes
    ----------
    channels_left : (n_steps,) int
    train, held_out : (n_steps,)
    train_shuffled, held_out_shuffled : (n_shuffles, n_steps)
    train_random, held_out_random : (n_shuffles, n_steps)
    chosen_left
        Channels left at the k that inner folds of the selection images choose.
    """

    channels_left: NDArray[np.int64]
    train: NDArray[np.float64]
    held_out: NDArray[np.float64]
    train_shuffled: NDArray[np.float64]
    held_out_shuffled: NDArray[np.float64]
    train_random: NDArray[np.float64]
    held_out_random: NDArray[np.float64]
    chosen_left: int

    def table(self) -> pd.DataFrame:
        """Return one row a step, with 5 % and 95 % of the shuffled and random curves."""
        columns = {
            "channels_left": self.channels_left,
            "train": self.train,
            "held_out": self.held_out,
        }
        for side in ("train", "held_out"):
            for control in ("shuffled", "random"):
                low, high = np.quantile(getattr(self, f"{side}_{control}"), [0.05, 0.95], axis=0)
                columns[f"{side}_{control}_low"], columns[f"{side}_{control}_high"] = low, high
        return pd.DataFrame(columns)


def trace_curves(
    here: AnyFeatures,
    there: AnyFeatures,
    strategy: Strategy,
    *,
    shuffles: int = 20,
    seed: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> PruningCurves:
    """Return the pruning curves of selection images `here` and held-out images `there`.

    Parameters
    ----------
    strategy
        ``curve``, whose inner folds choose k; its objective ranks and judges.
    shuffles
        Repeats under shuffled ratings, and random orders.
    seed
        Of both.
    pool, progress
        Where the curves are traced, one task each, and what is called after each.

    Returns
    -------
    PruningCurves

    Raises
    ------
    InputError
        If there are fewer than two selection scenes.
    """
    rng = np.random.default_rng(seed)
    n = here.n_channels
    gone = np.unique(np.linspace(0, n - 1, CURVE_STEPS).astype(int))
    tasks: list[tuple[NDArray, NDArray | None]] = [(here.ratings, None)]
    for _ in range(shuffles):
        tasks += [(rng.permutation(here.ratings), None), (here.ratings, rng.permutation(n))]
    sides = _Sides(here, there, strategy, gone)
    with travelling(sides, None, pool) as carried:
        found = run_all(partial(_curves, carried), tasks, pool=pool, progress=progress)
    noise, chance = (np.array(found[start::2]).reshape(shuffles, 2, len(gone)) for start in (1, 2))
    train, held_out = found[0]
    return PruningCurves(
        channels_left=n - gone,
        train=train,
        held_out=held_out,
        train_shuffled=noise[:, 0],
        held_out_shuffled=noise[:, 1],
        train_random=chance[:, 0],
        held_out_random=chance[:, 1],
        chosen_left=int(strategy(here, here.ratings, rng).kept.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Sides:
    """The images that rank channels and those that judge, and how many channels go at a time."""

    here: AnyFeatures
    there: AnyFeatures
    strategy: Strategy
    gone: NDArray[np.int64]


def _curves(
    carried: _Sides | Path, task: tuple[NDArray, NDArray | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the curves of both sides, by impact under some ratings or in a given order."""
    sides, (ratings, order) = arrived(carried), task
    here, there, aim, gone = sides.here, sides.there, sides.strategy.objective, sides.gone
    measure = here.alignment(aim, ratings)
    if order is None:
        order = np.argsort(channel_impact(here.channels(aim), measure), kind="stable")
    train = pruning_curve(here.channels(aim), measure, order, gone)
    return train, pruning_curve(there.channels(aim), there.alignment(aim), order, gone)
