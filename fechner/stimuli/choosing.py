"""Which scenes of a pool become stimuli: the first that can be matched, until there are enough.

Scenes are tried in the order of the pool. One that is refused, by its own regions, by its donor's
or because another shows the same pixels, is replaced by the next. What is refused depends on
pictures and maps alone; nothing here sees a rating.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from fechner.compression.regions.blocks import BlockGrid
from fechner.errors import RefusedError
from fechner.executors import run_all
from fechner.progress import Progress
from fechner.records.images.files import read_mask_png
from fechner.stimuli.design import Design
from fechner.stimuli.donors import assign_donors, mismatch
from fechner.stimuli.kept import Built, SceneTask
from fechner.stimuli.layer_distances import Seen
from fechner.stimuli.scenes import make_donor_arm, make_own_arms

ASSIGNMENTS = 5
"""How often donors are assigned before the scenes without a comparable one are refused."""

REASONS = 3
"""Refused scenes whose reasons are told in one line."""

DISSOLVED = 50.0
"""Cost of a pair of scenes that was tried and is not comparable."""


@dataclass
class Chosen:
    """What became of the pool.

    Attributes
    ----------
    own
        Scene -> its own arms, of every scene that was tried and matched.
    gifts
        Scene -> its donor arm, of every scene that has one.
    refused
        Scene -> why it was left out.
    twice
        What was built of scenes whose pixels are those of another.
    """

    own: dict[str, Built] = field(default_factory=dict)
    gifts: dict[str, Built] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    twice: list[Built] = field(default_factory=list)

    @property
    def kept(self) -> list[str]:
        """The scenes of the set, in the order of the pool."""
        return [name for name in self.own if name not in self.refused]

    @property
    def left_out(self) -> list[Built]:
        """What was built of scenes that are not in the set: without a donor, or seen twice."""
        return [*self.twice, *(built for name, built in self.own.items() if name in self.refused)]


def choose_scenes(
    tasks: Sequence[SceneTask],
    *,
    wanted: int,
    fewest: int,
    seen: Seen | None = None,
    pool: Executor | None,
    progress: Progress,
) -> Chosen:
    """Build scenes until `wanted` are kept or none is left to try.

    Parameters
    ----------
    tasks
        The pool, in the order in which scenes are tried.
    wanted
        How many scenes the set shall have.
    fewest
        With fewer left (or fewer than two thirds of a smaller set) nothing is built.
    seen
        The network by which arms are matched, where they are.
    pool, progress
        Where scenes run, and what is called with how many arms of how many scenes are done.

    Returns
    -------
    Chosen
        The same for any `pool`.

    Raises
    ------
    RefusedError
        If too few scenes can be matched; the reasons are named.
    """
    with_donors = "donor" in tasks[0].design.arms
    steps = wanted * (1 + with_donors)

    def after(start: int) -> Progress:
        return lambda done, _: progress(min(start + done, steps), steps)

    chosen, tried = Chosen(), 0
    while True:
        missing = wanted - len(chosen.kept)
        if missing and tried < len(tasks):
            batch = tasks[tried : tried + missing]
            work = partial(make_own_arms, seen=seen)
            built = run_all(work, batch, pool=pool, progress=after(min(tried, wanted - missing)))
            _enter(chosen, built)
            tried += len(batch)
            continue
        _require_enough(chosen, fewest, min(wanted, len(tasks)))
        if not with_donors:
            return chosen
        standing = [task for task in tasks if task.scene.name in chosen.kept]
        made = _donated(standing, chosen.own, seen=seen, pool=pool, progress=after(wanted))
        chosen.gifts = {one.scene: one for one in made}
        apart = {one.scene: one.refused for one in made if one.refused}
        chosen.refused |= apart
        if not apart or tried == len(tasks):
            _require_enough(chosen, fewest, min(wanted, len(tasks)))
            return chosen


def _enter(chosen: Chosen, built: Sequence[Built]) -> None:
    """Take the scenes of a batch in, but none whose pixels are those of one before."""
    seen = {one.stimuli[0].sha256: name for name, one in chosen.own.items()}
    for one in built:
        if one.refused:
            chosen.refused[one.scene] = one.refused
            continue
        intact = one.stimuli[0].sha256
        if intact in seen:
            chosen.refused[one.scene] = f"it shows the same pixels as scene {seen[intact]!r}"
            chosen.twice.append(one)
            continue
        seen[intact] = one.scene
        chosen.own[one.scene] = one


def _require_enough(chosen: Chosen, fewest: int, asked: int) -> None:
    left, needed = len(chosen.kept), min(fewest, max(2, -(-2 * asked // 3)))
    if left < needed:
        tried = left + len(chosen.refused)
        raise RefusedError(
            f"only {left} of {tried} scenes can be matched, {needed} are needed; "
            f"{first_reasons(chosen.refused)}"
        )


def first_reasons(refused: Mapping[str, str]) -> str:
    """Return why scenes were refused, the first few of them."""
    told = [f"{scene}: {why}" for scene, why in list(refused.items())[:REASONS]]
    more = len(refused) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])])


def _donated(
    tasks: Sequence[SceneTask],
    own: Mapping[str, Built],
    *,
    seen: Seen | None,
    pool: Executor | None,
    progress: Progress,
) -> list[Built]:
    """Let every scene's region be degraded on another scene.

    A pair whose donor arm needs too different a strength is dissolved and all
    donors are assigned again; scenes that then still have none are refused.
    """
    costs = _costs(tasks, own)
    for _ in range(ASSIGNMENTS):
        donors = assign_donors(costs)
        given = [
            replace(task, donor=tasks[j % len(tasks)].scene.name, donor_mirrored=j >= len(tasks))
            for task, j in zip(tasks, donors, strict=True)
        ]
        made = run_all(partial(make_donor_arm, seen=seen), given, pool=pool, progress=progress)
        made = [_comparable(one, own[one.scene], tasks[0].design) for one in made]
        apart = [i for i, one in enumerate(made) if one.refused]
        if not apart:
            break
        for i in apart:
            costs[i, donors[i]] = DISSOLVED
    return made


def _costs(tasks: Sequence[SceneTask], own: Mapping[str, Built]) -> np.ndarray:
    """Return how badly each region fits each scene, ``(n_scenes, 2 n_scenes)``.

    Column j is the region of scene j, column j + n the same reflected left to right.
    """
    regions = [_blocks(task) for task in tasks]
    turned = [region[:, ::-1] for region in regions]
    errors = [np.asarray(own[task.scene.name].error) for task in tasks]
    rows = [
        mismatch(error, region, [*regions, *turned])
        for error, region in zip(errors, regions, strict=True)
    ]
    return np.stack(rows)


def _blocks(task: SceneTask) -> np.ndarray:
    """Return which blocks of a scene its high region holds, bool ``(rows, columns)``."""
    mask = read_mask_png(task.mask("high"))
    grid = BlockGrid.fitting(mask.shape[0], mask.shape[1], task.design.regions.block)
    return (grid.means(mask) > 0.5).reshape(grid.shape)


def _comparable(gift: Built, own: Built, design: Design) -> Built:
    """Return the donor arm, refused if its strength is too far from the scene's own arms'."""
    if gift.refused:
        return gift
    for label, arms in own.about["strengths"].items():
        mine = [arms["low"], arms["high"], *gift.about["strengths"][label].values()]
        ratio = max(mine) / max(min(mine), 1e-9)
        if ratio > design.max_strength_ratio:
            reason = (
                f"the donor region needs a strength {ratio:.2f} times apart from low and high "
                f"({label}), at most {design.max_strength_ratio:g} is comparable, and no other "
                "scene's region fits better"
            )
            return replace(gift, refused=reason)
    return gift
