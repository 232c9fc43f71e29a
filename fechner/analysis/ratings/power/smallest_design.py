"""The smallest study that reaches a wanted power: participants by images, by simulation.

For each number of participants the numbers of images that are asked for are simulated, and
between the last that falls short and the first that is enough the search halves the gap until
it is closed. More images never lower the true power, but the runs' noise may seem to say so:
the smallest number is uncertain by as much as the Monte-Carlo interval is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import pandas as pd

from fechner.analysis.ratings.power.planned import Assumptions, PlannedStudy, PlannedTest
from fechner.analysis.ratings.power.simulated import simulated_power
from fechner.errors import InputError
from fechner.progress import Progress, silent


@dataclass(frozen=True)
class SmallestDesigns:
    """What `smallest_designs` found.

    Attributes
    ----------
    table
        Every study that was simulated, as `simulated_power` returns it.
    smallest
        The rows that reach the wanted power with the fewest images, one a number of
        participants; empty where none does.
    """

    table: pd.DataFrame
    smallest: pd.DataFrame

    @property
    def fewest_ratings(self) -> pd.Series | None:
        """The row of `smallest` that collects the fewest ratings; None where none is enough."""
        if self.smallest.empty:
            return None
        return self.smallest.sort_values(["ratings", "participants"]).iloc[0]


def smallest_designs(
    assumed: Assumptions,
    like: PlannedStudy,
    test: PlannedTest,
    *,
    participants: Sequence[int],
    images: Sequence[int],
    wanted: float = 0.8,
    runs: int = 1000,
    seed: int = 0,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> SmallestDesigns:
    """Simulate a grid of sizes, and close in on the fewest images for each number of participants.

    Parameters
    ----------
    assumed
        What ratings are like.
    like
        Layout and missing share; its size does not matter.
    test
        What counts as a success.
    participants, images
        Numbers of either, each combined with each.
    wanted
        Power to reach, between 0 and 1.
    runs
        Simulated studies of each size.
    seed
        Of everything random.
    pool
        Where the runs go; this process where None.
    progress
        Called after each block of runs; the total grows with each turn of the search.

    Returns
    -------
    SmallestDesigns

    Raises
    ------
    InputError
        If `wanted` is not between 0 and 1, no size is given, or one is below 2.

    Examples
    --------
    >>> from fechner.analysis.ratings.power.planned import assumed_ratings
    >>> found = smallest_designs(
    ...     assumed_ratings("slider", 10.0), PlannedStudy(2, 2), PlannedTest(),
    ...     participants=[15, 30], images=[8, 16, 32], runs=400,
    ... )
    >>> enough = found.smallest.set_index("participants")
    >>> bool(enough["images"][30] < enough["images"][15])
    True
    """
    if not 0 < wanted < 1:
        raise InputError(f"power expects a number between 0 and 1, got {wanted:g}")
    if not participants or not images:
        raise InputError("power expects at least one number of participants and one of images")

    behind = 0

    def simulate(sizes: Sequence[tuple[int, int]]) -> pd.DataFrame:
        nonlocal behind
        begun = behind

        def tell(done: int, total: int) -> None:
            nonlocal behind
            behind = begun + done
            progress(behind, begun + total)

        studies = [replace(like, participants=P, images=Q) for P, Q in sizes]
        return simulated_power(
            assumed, studies, test, runs=runs, seed=seed, pool=pool, progress=tell
        )

    table = simulate([(P, Q) for P in sorted(set(participants)) for Q in sorted(set(images))])
    while halves := _gaps(table, wanted):
        table = pd.concat([table, simulate(halves)], ignore_index=True)
    table = table.sort_values(["participants", "images"], ignore_index=True)
    enough = table[table["power"] >= wanted]
    return SmallestDesigns(table, enough.groupby("participants", as_index=False).first())


def _gaps(table: pd.DataFrame, wanted: float) -> list[tuple[int, int]]:
    """Return the middle of each gap between too few images and enough, one a row of people."""
    middles = []
    for P, rows in table.groupby("participants"):
        enough = rows.loc[rows["power"] >= wanted, "images"]
        if enough.empty:
            continue
        below = rows.loc[rows["images"] < enough.min(), "images"]
        if len(below) and enough.min() - below.max() > 1:
            middles.append((int(str(P)), int(enough.min() + below.max()) // 2))
    return middles
