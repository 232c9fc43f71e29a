"""Whether the plans of N participants are balanced, before the first one comes.

Counted over the main trials: how often each stimulus is shown, how often each
stimulus falls into each block, where in the session each region lies on average,
which region follows which, and how soon a scene returns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fechner.experiment.plan.plan import Plan, make_plan

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet


@dataclass(frozen=True)
class Audit:
    """The balance of the plans of several participants.

    `shown` holds the fewest and most showings of a stimulus, `in_block` those of a stimulus
    in one block; `positions` the mean place of each region in the session, 0 first to 1
    last; `follows` how often one region followed another; `nearest_return` the fewest
    trials from a scene to its return.
    """

    participants: int
    trials: int
    minutes: float
    limit_minutes: float
    breaks: int
    shown: tuple[int, int]
    in_block: tuple[int, int]
    positions: dict[str, float]
    follows: dict[tuple[str, str], int]
    nearest_return: int
    distinct_orders: int


def audit(protocol: Protocol, stimuli: StimulusSet, participants: Sequence[str]) -> Audit:
    """Return the balance of the plans of `participants`.

    Raises
    ------
    InputError
        If the stimulus set cannot serve the protocol.
    """
    plans = [make_plan(protocol, stimuli, participant) for participant in participants]
    shown: Counter[str] = Counter()
    blocks: Counter[tuple[int, tuple[str | None, ...]]] = Counter()
    follows: Counter[tuple[str, str]] = Counter()
    places: dict[str, list[float]] = {}
    for plan in plans:
        _count(plan, shown, blocks, follows, places)
    return Audit(
        participants=len(plans),
        trials=max(len(plan.trials) for plan in plans),
        minutes=max(plan.minutes for plan in plans),
        limit_minutes=protocol.trials.session_minutes,
        breaks=max(len(plan.breaks) for plan in plans),
        shown=_ends(shown),
        in_block=_ends(blocks),
        positions={region: sum(p) / len(p) for region, p in sorted(places.items())},
        follows=dict(sorted(follows.items())),
        nearest_return=min(nearest_return(plan) for plan in plans),
        distinct_orders=len({plan.trials for plan in plans}),
    )


def _count(
    plan: Plan,
    shown: Counter[str],
    blocks: Counter[tuple[int, tuple[str | None, ...]]],
    follows: Counter[tuple[str, str]],
    places: dict[str, list[float]],
) -> None:
    main = [trial for trial in plan.trials if trial.kind == "main"]
    for place, trial in enumerate(main):
        shown[trial.stimulus or f"{trial.scene} {trial.region}"] += 1
        if trial.second:
            shown[trial.second] += 1
        blocks[trial.block, (trial.scene, trial.region, trial.stimulus, trial.second)] += 1
        places.setdefault(trial.region, []).append(place / max(1, len(main) - 1))
    follows.update((a.region, b.region) for a, b in pairwise(main))


def _ends(counts: Counter[Any]) -> tuple[int, int]:
    return min(counts.values()), max(counts.values())


def nearest_return(plan: Plan) -> int:
    """Return the fewest trials from a scene to its next trial; the plan's length if none."""
    last: dict[str, int] = {}
    nearest = len(plan.trials)
    for trial in plan.trials:
        if trial.scene and trial.scene in last:
            nearest = min(nearest, trial.number - last[trial.scene])
        last[trial.scene] = trial.number
    return nearest
