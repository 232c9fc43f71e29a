"""Choices as tasks, after the impacts that several of them rest on.

Strategies that rank channels under the same ratings need the same impacts, which take as long as a
whole choice: they are tasks of their own, so that no two processes find the same ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fechner.executors import run_all
from fechner.progress import Progress

Trial = TypeVar("Trial")
Result = TypeVar("Result")


def run_choices(
    impact: Callable[[Trial], NDArray[np.float64]],
    choose: Callable[[tuple[Trial, NDArray[np.float64] | None]], Result],
    trials: Sequence[Trial],
    *,
    ranked_by: Callable[[Trial], Hashable | None],
    pool: Executor | None,
    progress: Progress,
) -> list[Result]:
    """Return ``choose((trial, impacts))`` of each trial, the same in any pool.

    Parameters
    ----------
    impact
        Finds the impacts (n_channels,) that a trial rests on.
    choose
        Makes the choice; its impacts are None where no other trial rests on them, or it on none.
    trials
        What is chosen from, and how.
    ranked_by
        What the impacts of a trial depend on; None where it does not rank channels.
    pool, progress
        Where impacts and choices run, and what is called after each.

    Returns
    -------
    list
        One result a trial.
    """
    keys = [ranked_by(trial) for trial in trials]
    users = Counter(key for key in keys if key is not None)
    shared = {
        key: trial
        for key, trial in zip(keys, trials, strict=True)
        if key is not None and users[key] > 1
    }
    ahead, total = len(shared), len(shared) + len(trials)
    found = dict(
        zip(
            shared,
            run_all(
                impact,
                list(shared.values()),
                pool=pool,
                progress=lambda done, _: progress(done, total),
            ),
            strict=True,
        )
    )
    return run_all(
        choose,
        [(trial, found.get(key)) for key, trial in zip(keys, trials, strict=True)],
        pool=pool,
        progress=lambda done, _: progress(ahead + done, total),
    )
