"""The trials around the main ones but for `catches`: practice, stabilising, repeats, staircases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fechner.errors import InputError
from fechner.experiment.plan.conditions import Item
from fechner.experiment.plan.order import insert_spaced

if TYPE_CHECKING:
    from fechner.protocols.methods import JndProtocol
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import Stimulus, StimulusSet

Placed = tuple[int, str, Item]
"""Block, kind and item of a trial that has no number yet."""


def staircase_items(
    protocol: JndProtocol, scenes: dict[str, list[Item]], row: int, rng: random.Random
) -> list[Item]:
    """Return the trials of every region's staircase, spread evenly over the scenes.

    Parameters
    ----------
    protocol
        Says how many trials a region has.
    scenes
        The items of each scene.
    row
        Which scene comes first, so that participants differ.
    rng
        Of the order.

    Returns
    -------
    list of Item
        Without stimuli, which the staircases choose.
    """
    by_region: dict[str, list[Item]] = {}
    for items in scenes.values():
        for item in items:
            by_region.setdefault(item.region, []).append(item)
    trials: list[Item] = []
    for region in sorted(by_region):
        there = by_region[region]
        turn = [there[(row + k) % len(there)] for k in range(protocol.quest.trials_per_region)]
        trials += rng.sample(turn, len(turn))
    return trials


def with_repeats(main: list[Placed], count: int, gap: int, rng: random.Random) -> list[Placed]:
    """Insert second showings of trials of the first half into the last third.

    Parameters
    ----------
    main
        The trials so far.
    count
        How many are shown again.
    gap
        Least number of trials between two of one scene.
    rng
        Of the choice and the places.

    Returns
    -------
    list of Placed
        With the second showings.

    Raises
    ------
    InputError
        If the first half has fewer trials, or no place keeps the gap.
    """
    early = main[: max(1, len(main) // 2)]
    if count > len(early):
        raise InputError(
            f"trials.repeats = {count} needs {count} trials in the first half of the session, "
            f"and there are {len(early)}; lower it"
        )
    result = list(main)
    for block, _, item in rng.sample(early, count):
        del block
        again = (main[-1][0], "repeat", item)
        result = insert_spaced(result, again, len(main) * 2 // 3, gap, rng)
    return result


def practice_items(
    protocol: Protocol, stimuli: StimulusSet, scenes: dict[str, list[Item]], rng: random.Random
) -> list[Item]:
    """Return the practice trials, anchors first, each with its kind.

    Parameters
    ----------
    protocol
        Says how many there are, and which anchors.
    stimuli
        Whose errors tell the best from the worst.
    scenes
        The items of each scene.
    rng
        Of the choice.

    Returns
    -------
    list of Item
        In the order in which they are shown.
    """
    known = {s.stimulus: s for s in stimuli.stimuli}
    everything = [item for items in scenes.values() for item in items]
    anchors: list[Item] = []
    for name in protocol.trials.anchors:
        anchor = _anchor(name, everything, known, taken={a.scene for a in anchors}, rng=rng)
        anchors.append(anchor.of_kind("anchor"))
    gap, more = protocol.trials.scene_gap, protocol.trials.practice - len(anchors)
    rest = draw_spaced(scenes, more, gap, rng, before=anchors, after=[])
    return anchors + [item.of_kind("practice") for item in rest]


def _anchor(
    name: str,
    everything: list[Item],
    known: dict[str, Stimulus],
    *,
    taken: set[str],
    rng: random.Random,
) -> Item:
    """Return the best or the worst of all items whose scenes were not taken yet."""
    free = [item for item in everything if item.scene not in taken] or everything
    shuffled = rng.sample(free, len(free))
    error = {item: known[item.stimulus].mse if item.stimulus in known else 0.0 for item in shuffled}
    pick = min if name == "best" else max
    return pick(shuffled, key=lambda item: error[item])


def draw_spaced(
    scenes: dict[str, list[Item]],
    count: int,
    gap: int,
    rng: random.Random,
    *,
    before: Sequence[Item],
    after: Sequence[Item],
) -> list[Item]:
    """Draw items whose scenes keep the gap to each other and to what comes after.

    Drawn from the last to the first: with more scenes than the gap there is always one that none
    of the following `gap` trials shows. The gap to what comes before, which is practice and is not
    analysed, is kept where that leaves a scene.

    Parameters
    ----------
    scenes
        The items of each scene.
    count
        How many are drawn.
    gap
        Least number of trials between two of one scene.
    rng
        Of the choice.
    before, after
        The items that come just before and just after.

    Returns
    -------
    list of Item
        `count` of them.
    """
    drawn: list[Item] = []
    for place in reversed(range(count)):
        coming = {item.scene for item in [*drawn, *after][:gap]}
        past = [item.scene for item in before[max(0, len(before) - gap + place) :]]
        free = [scene for scene in scenes if scene not in coming]
        fresh = [scene for scene in free if scene not in past]
        drawn.insert(0, rng.choice(scenes[rng.choice(fresh or free)]))
    return drawn
