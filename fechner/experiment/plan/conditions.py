"""What there is to rate: the trials that each scene of a stimulus set gives a protocol.

Single-image methods rate every stimulus; degradation rating rates every stimulus but
the intact one, against it; paired comparison has pairs within a scene; thresholds
have one staircase a region, whose strengths are chosen while the session runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import Stimulus, StimulusSet

INTACT = "intact"


@dataclass(frozen=True)
class Item:
    """One thing to rate: a stimulus with its reference or its rival.

    `target` is the right answer of a catch trial; `kind` says what practice trial it is.
    """

    stimulus: str
    scene: str
    region: str
    reference: str | None = None
    second: str | None = None
    target: float | None = None
    kind: str = ""

    def of_kind(self, kind: str) -> Item:
        """Return the same item as another kind of trial."""
        return replace(self, kind=kind)


def items_by_scene(protocol: Protocol, stimuli: StimulusSet) -> dict[str, list[Item]]:
    """Return the items of each scene, scenes and items in a fixed order.

    Raises
    ------
    InputError
        If a scene lacks what the method needs.
    """
    by_scene: dict[str, list[Stimulus]] = defaultdict(list)
    for stimulus in sorted(stimuli.stimuli, key=_fixed_order):
        by_scene[stimulus.scene].append(stimulus)
    make = _MAKERS[protocol.method]
    made = {scene: make(protocol, scene, by_scene[scene]) for scene in sorted(by_scene)}
    kept = {scene: items for scene, items in made.items() if items}
    if not kept:
        raise InputError(
            f"the stimulus set has nothing that {protocol.method!r} can ask about; "
            "it needs degraded stimuli beside the intact ones"
        )
    return kept


def _fixed_order(stimulus: Stimulus) -> tuple[str, bool, str, str, str, str]:
    first = stimulus.region != INTACT
    level = f"{float(stimulus.level):020.6f}" if _is_number(stimulus.level) else str(stimulus.level)
    return (
        stimulus.scene,
        first,
        stimulus.region,
        str(stimulus.family),
        level,
        stimulus.stimulus,
    )


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def intact_of(scene: str, stimuli: list[Stimulus]) -> str:
    """Return the name of a scene's intact stimulus.

    Raises
    ------
    InputError
        If it has none.
    """
    for stimulus in stimuli:
        if stimulus.region == INTACT:
            return stimulus.stimulus
    raise InputError(
        f"scene {scene!r} has no intact stimulus, which this method shows as the reference; "
        "build the stimulus set with intact images"
    )


def _single(protocol: Protocol, scene: str, stimuli: list[Stimulus]) -> list[Item]:
    if protocol.marks is not None and protocol.marks.beside_reference:
        return _hidden_reference(protocol, scene, stimuli)
    return [Item(s.stimulus, scene, s.region) for s in stimuli]


def _hidden_reference(protocol: Protocol, scene: str, stimuli: list[Stimulus]) -> list[Item]:
    del protocol
    intact = intact_of(scene, stimuli)
    return [Item(s.stimulus, scene, s.region, reference=intact) for s in stimuli]


def _degraded(protocol: Protocol, scene: str, stimuli: list[Stimulus]) -> list[Item]:
    items = _hidden_reference(protocol, scene, stimuli)
    return [item for item in items if item.region != INTACT]


def _marked(protocol: Protocol, scene: str, stimuli: list[Stimulus]) -> list[Item]:
    """Return what is marked: beside a reference the degraded images, else the intact one too."""
    make = _degraded if protocol.shows_reference else _hidden_reference
    return make(protocol, scene, stimuli)


def _pairs(protocol: Protocol, scene: str, stimuli: list[Stimulus]) -> list[Item]:
    reference = intact_of(scene, stimuli) if protocol.shows_reference else None
    if getattr(protocol, "pairs", "") == "low against high":
        high = {(s.family, s.level): s for s in stimuli if s.region == "high"}
        pairs = [
            (s, high[s.family, s.level])
            for s in stimuli
            if s.region == "low" and (s.family, s.level) in high
        ]
    else:
        pairs = list(combinations(stimuli, 2))
    return [
        Item(a.stimulus, scene, a.region, reference=reference, second=b.stimulus) for a, b in pairs
    ]


def _staircases(protocol: Protocol, scene: str, stimuli: list[Stimulus]) -> list[Item]:
    intact = intact_of(scene, stimuli)
    regions = sorted({s.region for s in stimuli if s.region != INTACT})
    for region in regions:
        if len({s.strength for s in stimuli if s.region == region}) < 2:
            raise InputError(
                f"{protocol.name} looks for a threshold among strengths, and region {region!r} of "
                f"scene {scene!r} has one; build the set at several levels, such as "
                "--target mse=15 --target mse=30 --target mse=60"
            )
    return [Item("", scene, region, reference=intact) for region in regions]


_MAKERS: dict[str, Callable[[Protocol, str, list[Stimulus]], list[Item]]] = {
    "slider": _single,
    "acr": _single,
    "acr_hr": _hidden_reference,
    "authenticity": _single,
    "dcr_sequential": _degraded,
    "dcr_side_by_side": _degraded,
    "pair": _pairs,
    "jnd": _staircases,
    "marks": _marked,
}
