"""The trial plan: which stimulus when, for one participant and session, before it begins.

A pure function of the protocol's digest, the stimulus set's digest, the participant's
code and the session number: the same inputs give the same trial list to the byte.
Scenes run in blocks; in each block every scene comes once, in the condition that a
cyclic Latin square gives it (row: the participant), so that conditions are balanced
over blocks within a participant and over participants within a block.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, cast

from fechner.errors import InputError
from fechner.experiment.plan.catches import with_catches
from fechner.experiment.plan.conditions import Item, items_by_scene
from fechner.experiment.plan.extra_trials import (
    Placed,
    draw_spaced,
    practice_items,
    staircase_items,
    with_repeats,
)
from fechner.experiment.plan.order import spaced_order
from fechner.experiment.plan.rows import round_of, rounds_differ, row_of
from fechner.provenance import digest

if TYPE_CHECKING:
    from fechner.protocols.methods import JndProtocol
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet

Kind = Literal["practice", "anchor", "stabilising", "main", "repeat", "catch"]

OPENING_MINUTES = 2.0
"""Expected length of consent, screening questions and instructions."""

BREAK_MINUTES = 0.5
"""Expected length of a break; the participant ends it."""

NOT_COUNTED: tuple[Kind, ...] = ("practice", "anchor")
"""Kinds that come before the session proper."""


@dataclass(frozen=True)
class Trial:
    """One trial of a plan.

    Parameters
    ----------
    number
        From 1, rising without gaps.
    block
        0 for practice, then from 1.
    kind
        practice, anchor, stabilising, main, repeat or catch.
    stimulus, scene, region
        Of the rated image; empty where no image is shown (an instructed catch trial),
        and an empty stimulus where the staircase chooses it (jnd).
    reference
        The intact image shown with it, or the hidden reference of its scene.
    second
        The other image of a pair.
    side
        Where `stimulus` stands when two images are shown side by side.
    dimension
        What is rated.
    target
        The right answer of a catch trial, in scale units.
    repeat_of
        The number of the trial that this one repeats.
    """

    number: int
    block: int
    kind: Kind
    stimulus: str
    scene: str
    region: str
    dimension: str
    reference: str | None = None
    second: str | None = None
    side: Literal["left", "right"] = "left"
    target: float | None = None
    repeat_of: int | None = None


@dataclass(frozen=True)
class Plan:
    """The trials of one session, and after which of them a break comes.

    `row` is the participant's row of the Latin square, `minutes` the expected length.
    """

    participant: str
    session: int
    protocol: str
    protocol_sha256: str
    stimuli_sha256: str
    row: int
    trials: tuple[Trial, ...]
    breaks: tuple[int, ...]
    minutes: float

    @property
    def sha256(self) -> str:
        """The digest of the whole plan."""
        return digest(asdict(self))


def make_plan(
    protocol: Protocol, stimuli: StimulusSet, participant: str, *, session: int = 1
) -> Plan:
    """Return the trial plan of one participant and session.

    Parameters
    ----------
    protocol
        Which trials there are, and how they are ordered.
    stimuli
        What is rated.
    participant
        The code; its row of the Latin square follows from it.
    session
        The session number, from 1.

    Returns
    -------
    Plan
        The same for the same inputs, to the byte.

    Raises
    ------
    InputError
        If the stimulus set cannot serve the protocol: no intact image where a reference
        is needed, too few scenes for the gap between returns of a scene.
    """
    scenes = items_by_scene(protocol, stimuli)
    gap = protocol.trials.scene_gap
    if len(scenes) <= gap:
        raise InputError(
            f"the protocol lets no scene return within {gap} trials, which needs at least "
            f"{gap + 1} scenes; the stimulus set has {len(scenes)}: lower trials.scene_gap"
        )
    # random.Random, because its streams are the same in every Python and on every machine.
    rng = random.Random(_seed(protocol, stimuli, participant, session))
    row = row_of(participant) + session - 1
    main = _main(protocol, scenes, participant, row, rng, stimuli.sha256)
    main = with_repeats(main, protocol.trials.repeats, gap, rng)
    main = with_catches(main, protocol, scenes, stimuli, rng)
    opening = practice_items(protocol, stimuli, scenes, rng)
    first = [item for _, _, item in main[: gap + 1]]
    stabilising = draw_spaced(
        scenes, protocol.trials.stabilising, gap, rng, before=opening, after=first
    )
    counted = [*((1, "stabilising", item) for item in stabilising), *main]
    practice = [(0, item.kind, item) for item in opening]
    trials = _numbered(practice + counted, protocol, rng)
    return Plan(
        participant=participant,
        session=session,
        protocol=protocol.name,
        protocol_sha256=protocol.sha256,
        stimuli_sha256=stimuli.sha256,
        row=row % max(len(items) for items in scenes.values()),
        trials=trials,
        breaks=_breaks(trials, protocol.trials.break_every),
        minutes=_minutes(protocol, trials),
    )


def _seed(protocol: Protocol, stimuli: StimulusSet, participant: str, session: int) -> int:
    text = "|".join((protocol.sha256, stimuli.sha256, participant, str(session)))
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def _main(
    protocol: Protocol,
    scenes: dict[str, list[Item]],
    participant: str,
    row: int,
    rng: random.Random,
    stimuli: str,
) -> list[Placed]:
    """Order the main trials in blocks of one trial a scene, by a cyclic Latin square."""
    gap = protocol.trials.scene_gap
    if protocol.method == "jnd":
        items = staircase_items(cast("JndProtocol", protocol), scenes, row, rng)
        return [(1, "main", item) for item in spaced_order(items, gap, rng)]
    conditions = max(len(items) for items in scenes.values())
    blocks = _blocks(protocol, conditions)
    # Codes count from 1: P01 to P04 are one round of four conditions.
    turn = round_of(participant, row, conditions)
    shuffled = rounds_differ(protocol, conditions)
    order = _columns(conditions, turn, stimuli, shuffled=shuffled)

    def start(number: int) -> int:
        # Where some conditions are left out, scenes begin evenly around the square, so that nobody
        # meets one condition in every scene and another in none.
        return number * conditions // len(scenes) if shuffled else number

    placed: list[Placed] = []
    for block in range(blocks):
        wanted = [
            items[place]
            for number, items in enumerate(scenes.values())
            if (place := order[(start(number) + block + row) % conditions]) < len(items)
        ]
        before = [item.scene for _, _, item in placed[-gap:]] if gap else []
        ordered = spaced_order(wanted, gap, rng, before=before)
        placed += [(block + 1, "main", item) for item in ordered]
    return placed


def _blocks(protocol: Protocol, conditions: int) -> int:
    """Return in how many of its conditions a participant sees each scene."""
    if protocol.trials.design == "complete":
        return conditions
    if protocol.trials.conditions_per_scene > conditions:
        raise InputError(
            f"trials.conditions_per_scene = {protocol.trials.conditions_per_scene} and a scene has "
            f"{conditions} conditions; lower it"
        )
    return protocol.trials.conditions_per_scene


def _columns(conditions: int, turn: int, stimuli: str, *, shuffled: bool) -> list[int]:
    """Return the order in which the square runs through the conditions.

    One order for each round of as many participants as there are conditions: within a round every
    condition of a scene comes equally often, over rounds any two of them meet in one participant.
    """
    order = list(range(conditions))
    if shuffled:
        random.Random(f"{stimuli} {turn}").shuffle(order)
    return order


def _numbered(
    placed: Sequence[Placed], protocol: Protocol, rng: random.Random
) -> tuple[Trial, ...]:
    """Give the trials their numbers, and each a side, as often left as right."""
    sides = ["left", "right"] * (len(placed) // 2 + 1)
    sides = sides[: len(placed)]
    rng.shuffle(sides)
    first: dict[Item, int] = {}
    trials: list[Trial] = []
    for number, ((block, kind, item), side) in enumerate(zip(placed, sides, strict=True), start=1):
        plain = item.of_kind("")
        if kind == "catch":
            block = trials[-1].block
        if kind == "main":
            first.setdefault(plain, number)
        trials.append(
            Trial(
                number=number,
                block=block,
                kind=kind,  # type: ignore[arg-type]
                stimulus=item.stimulus,
                scene=item.scene,
                region=item.region,
                dimension=protocol.dimension,
                reference=item.reference,
                second=item.second,
                side=side,  # type: ignore[arg-type]
                target=item.target,
                repeat_of=first.get(plain) if kind == "repeat" else None,
            )
        )
    return tuple(trials)


def _minutes(protocol: Protocol, trials: Sequence[Trial]) -> float:
    """Return the expected minutes: opening pages, tests of vision, trials, and breaks."""
    breaks = len(_breaks(trials, protocol.trials.break_every))
    pages = OPENING_MINUTES + breaks * BREAK_MINUTES
    tested_ms = protocol.typical_tests_ms + len(trials) * protocol.typical_trial_ms
    return round(pages + tested_ms / 60_000, 2)


def _breaks(trials: Sequence[Trial], every: int) -> tuple[int, ...]:
    """Return the numbers of the trials after which a break comes, but none just before the end."""
    if not every:
        return ()
    counted = [trial.number for trial in trials if trial.kind not in NOT_COUNTED]
    return tuple(counted[k - 1] for k in range(every, len(counted) - every // 3, every))
