"""Power by simulation: the share of simulated studies that find what they look for.

Where the formulas of `analytic` hold (everybody rates everything, no ends of the scale) both
must agree, and do; the simulation also answers for Latin squares, missing ratings, five
categories, and the verdict that needs two contrasts. Nobody is screened out.

Every block of runs has a seed that follows from the study's own seed, its size and the number
of the block: results depend neither on the number of processes nor on which other sizes are
asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.power.analytic import equivalence_power
from fechner.analysis.ratings.power.analytic import power as analytic_power
from fechner.analysis.ratings.power.latent import latent_assumptions
from fechner.analysis.ratings.power.outcomes import successes
from fechner.analysis.ratings.power.planned import (
    Assumptions,
    PlannedStudy,
    PlannedTest,
    draw_ratings,
    rated_arms_of,
    ratings_of_a_study,
)
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.threads import small_matrices

BLOCK = 200
"""Runs that one process does in one go."""

CELLS = 2_000_000
"""Ratings that are held at once: 16 MB."""


@dataclass(frozen=True)
class _Block:
    assumed: Assumptions
    planned: PlannedStudy
    test: PlannedTest
    number: int
    runs: int
    seed: int


def simulated_power(
    assumed: Assumptions,
    studies: Sequence[PlannedStudy],
    test: PlannedTest,
    *,
    runs: int = 1000,
    seed: int = 0,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the power of each study with its Monte-Carlo interval.

    Parameters
    ----------
    assumed
        What ratings are like.
    studies
        Sizes and layouts.
    test
        What counts as a success.
    runs
        Simulated studies of each.
    seed
        Of everything random.
    pool
        Where blocks of runs go; this process where None.
    progress
        Called after each block.

    Returns
    -------
    pandas.DataFrame
        One row a study: ``participants, images, ratings`` (how many are collected), ``power``,
        ``low, high`` (95 % interval of Wilson 1927 for the runs), ``runs``, and ``analytic``,
        NaN where no formula holds.

    Raises
    ------
    InputError
        If there are fewer than 10 runs.

    Examples
    --------
    >>> from fechner.analysis.ratings.power.planned import assumed_ratings
    >>> studies = [PlannedStudy(20, 24), PlannedStudy(20, 48)]
    >>> table = simulated_power(
    ...     assumed_ratings("slider", 6.0), studies, PlannedTest(), runs=400
    ... )
    >>> bool((table["low"] < table["analytic"]).all() and (table["analytic"] < table["high"]).all())
    True
    """
    if runs < 10:
        raise InputError(f"power by simulation expects 10 runs or more, got {runs}")
    latent = latent_assumptions(assumed)
    blocks = [
        _Block(latent, planned, test, number, min(BLOCK, runs - begin), seed)
        for planned in studies
        for number, begin in enumerate(range(0, runs, BLOCK))
    ]
    found = run_all(_run, blocks, pool=pool, progress=progress)
    counts = np.array(found, int).reshape(len(studies), -1).sum(axis=1)
    return pd.DataFrame(
        [
            _row(assumed, planned, test, int(count), runs)
            for planned, count in zip(studies, counts, strict=True)
        ]
    )


@small_matrices()
def _run(block: _Block) -> int:
    """Return how many runs of a block succeed."""
    planned, arms = block.planned, rated_arms_of(block.planned, block.test)
    key = (planned.participants, planned.images, block.number)
    rng = np.random.default_rng(np.random.SeedSequence(block.seed, spawn_key=key))
    at_once = max(1, CELLS // (planned.participants * planned.images * len(arms)))
    found = 0
    for begin in range(0, block.runs, at_once):
        some = min(at_once, block.runs - begin)
        ratings = draw_ratings(block.assumed, planned, arms, some, rng)
        found += int(successes(ratings, arms, block.test).sum())
    return found


def _row(
    assumed: Assumptions, planned: PlannedStudy, test: PlannedTest, count: int, runs: int
) -> dict[str, float]:
    interval = stats.binomtest(count, runs).proportion_ci(0.95, method="wilson")
    return {
        "participants": planned.participants,
        "images": planned.images,
        "ratings": ratings_of_a_study(planned, test),
        "power": count / runs,
        "low": float(interval.low),
        "high": float(interval.high),
        "runs": runs,
        "analytic": power_by_formula(assumed, planned, test),
    }


def power_by_formula(assumed: Assumptions, planned: PlannedStudy, test: PlannedTest) -> float:
    """Return the analytic power, NaN where no formula holds.

    Formulas hold for complete studies and one contrast, equivalence for an effect of 0. On a
    scale with ends and steps they hold as long as the ends cut off little.

    Parameters
    ----------
    assumed, planned, test
        As for `simulated_power`.
    """
    if planned.layout != "full" or planned.missing > 0 or test.kind == "verdict":
        return float("nan")
    size = {"participants": planned.participants, "images": planned.images}
    alpha = 1 - test.level
    if test.kind == "equivalence":
        if assumed.effect != 0:
            return float("nan")
        return equivalence_power(test.margin or 0.0, assumed.components, **size, alpha=alpha)
    return analytic_power(assumed.effect, assumed.components, **size, alpha=alpha)
