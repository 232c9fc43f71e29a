"""What chosen channels gain on held-out scenes, and how sure that is.

The images of the held-out side are resampled. The resamples are shared out among processes, for
with many images they cost as much as a choice; they are drawn before, so that any pool finds the
same.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.uncertainty import bootstrap_draws, percentile_interval
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.executors.loops import run_all
from fechner.records.selection import Gain

RESAMPLES_A_TASK = 125
"""The similarity is made once a task, which takes as long as 20 resamples of 264 images."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A choice to be judged.

    Attributes
    ----------
    which
        Place of its set of channels.
    objective
        What was aligned.
    scale
        Weight of each channel, (n_channels,).
    reached
        The alignment with these on the held-out side.
    times
        How often each image is drawn in each resample, (resamples, n_images); None where no
        channel was kept.
    """

    which: int
    objective: Objective
    scale: NDArray[np.float64]
    reached: float
    times: NDArray[np.int64] | None


def held_out_gains(
    judged: Sequence[Judged], there: Sequence[RatedFeatures], *, pool: Executor | None
) -> list[Gain]:
    """Return the alignment with all and with the chosen channels, and the interval of the latter.

    A choice without a channel reaches 0 and has no interval.
    """
    tasks = [
        (one, part)
        for one in judged
        if one.times is not None
        for part in np.array_split(one.times, -(-len(one.times) // RESAMPLES_A_TASK))
    ]
    with travelling(tuple(there), None, pool) as carried:
        found = iter(run_all(partial(_draws, carried), tasks, pool=pool))
    return [_gain(one, there[one.which], [next(found) for of, _ in tasks if of is one])
            for one in judged]  # fmt: skip


def _draws(
    carried: tuple[RatedFeatures, ...] | Path, task: tuple[Judged, NDArray[np.int64]]
) -> NDArray[np.float64]:
    one, times = task
    there, aim = arrived(carried)[one.which], one.objective
    similarity = there.similarity(aim, one.scale)
    return bootstrap_draws(similarity, there.alignment(aim), there.pairs(aim), times)


def _gain(one: Judged, there: RatedFeatures, draws: Sequence[NDArray[np.float64]]) -> Gain:
    before = there.alignment(one.objective)(there.channels(one.objective).similarity())
    if not draws:
        return Gain(before=before, after=0.0)
    interval = percentile_interval(np.concatenate(draws))
    return Gain(before=before, after=one.reached, interval=interval)
