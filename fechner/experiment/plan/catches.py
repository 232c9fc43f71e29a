"""Catch trials: attention checks whose right answer is known, and who passes one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fechner.errors import InputError
from fechner.experiment.plan.conditions import INTACT, Item
from fechner.experiment.plan.order import insert_spaced
from fechner.records.stimuli import SEVERE

if TYPE_CHECKING:
    from fechner.experiment.plan.extra_trials import Placed
    from fechner.experiment.plan.plan import Trial
    from fechner.protocols.schema import Protocol
    from fechner.records.journal.lines import TrialLine
    from fechner.records.stimuli import StimulusSet

CATCH = "catch"


def with_catches(
    main: list[Placed],
    protocol: Protocol,
    scenes: dict[str, list[Item]],
    stimuli: StimulusSet,
    rng: random.Random,
) -> list[Placed]:
    """Spread catch trials over the session: one at random in each equal part of it.

    Parameters
    ----------
    main
        The trials so far.
    protocol
        Says how many there are and of which kind.
    scenes
        The items of each scene, for catch trials that show an image.
    stimuli
        The set, whose severe pictures are catch items.
    rng
        Of the choice and the places.

    Returns
    -------
    list of Placed
        With the catch trials.

    Raises
    ------
    InputError
        If no place keeps the gap between two trials of one scene, or the protocol asks for severe
        pictures and the set has none.
    """
    count, gap = protocol.catch.count, protocol.trials.scene_gap
    result, first = list(main), rng.randrange(2)
    for number in reversed(range(count)):
        low = number * len(main) // count
        high = max(low, (number + 1) * len(main) // count - 1)
        item = _item(number, first, protocol, scenes, stimuli, rng)
        result = insert_spaced(result, (0, CATCH, item), max(1, low), gap, rng, end=high)
    return result


def _item(
    number: int,
    first: int,
    protocol: Protocol,
    scenes: dict[str, list[Item]],
    stimuli: StimulusSet,
    rng: random.Random,
) -> Item:
    """Return the catch trial of that number: labels, and pictures, take turns."""
    kind = protocol.catch.kind
    if kind == "instructed":
        ends = (protocol.scale.labels_at[0], protocol.scale.labels_at[-1])
        return Item("", "", "", target=ends[(first + number) % 2])
    if kind == "identical" or (number % 2 == 0 and protocol.method != "pair"):
        chosen = rng.choice(scenes[rng.choice(list(scenes))])
        intact = chosen.reference or chosen.stimulus
        return Item(intact, chosen.scene, INTACT, reference=intact, target=_good(protocol))
    return _severe(protocol, scenes, stimuli, rng)


def _severe(
    protocol: Protocol, scenes: dict[str, list[Item]], stimuli: StimulusSet, rng: random.Random
) -> Item:
    """Return a ruined picture; in pairs, its intact picture beside it, which is the right one."""
    ruined = {one.scene: one.stimulus for one in stimuli.catch_items if one.region == SEVERE}
    intact = {one.scene: one.stimulus for one in stimuli.stimuli if one.region == INTACT}
    known = [scene for scene in scenes if scene in ruined and scene in intact]
    if not known:
        raise InputError(
            f"the protocol {protocol.name!r} shows severe catch items and the stimulus set has "
            'none; build it with [stimuli] catch = ["reference", "severe"] (or --severe noise=2000)'
        )
    scene = rng.choice(known)
    if protocol.method == "pair":
        reference = intact[scene] if protocol.shows_reference else None
        best = protocol.scale.maximum
        return Item(intact[scene], scene, SEVERE, reference, ruined[scene], target=best)
    return Item(ruined[scene], scene, SEVERE, reference=intact[scene], target=_bad(protocol))


def _good(protocol: Protocol) -> float:
    scale = protocol.scale
    return scale.maximum if scale.good == "high" else scale.minimum


def _bad(protocol: Protocol) -> float:
    scale = protocol.scale
    return scale.minimum if scale.good == "high" else scale.maximum


def passes(
    protocol: Protocol, trial: Trial | TrialLine, rating: float, before: Sequence[TrialLine]
) -> bool:
    """Return whether a catch trial is passed.

    A severe picture that is rated is passed where it is rated worse than the last reference that
    a catch trial before it showed (than the good end of the scale where none did), every other
    catch trial within the protocol's tolerance of its target.

    Parameters
    ----------
    protocol
        Whose scale says which end is good.
    trial
        The catch trial, planned or journalled.
    rating
        What was answered.
    before
        The session's trials before it.
    """
    if trial.region != SEVERE or trial.second:
        return protocol.catch.passed(rating, float(trial.target or 0.0))
    references = [one.rating for one in before if one.kind == CATCH and one.region == INTACT]
    reference = references[-1] if references else _good(protocol)
    return rating < reference if protocol.scale.good == "high" else rating > reference
