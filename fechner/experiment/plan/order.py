"""Orders in which no scene returns too soon: the constraint of every trial plan."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from fechner.errors import InputError

TRIES = 500
"""Random orders tried before a gap is called impossible."""


class HasScene(Protocol):
    """Anything that belongs to a scene; an empty scene never collides."""

    @property
    def scene(self) -> str:
        """The scene's name."""


Spaced = TypeVar("Spaced", bound=HasScene)


def spaced_order(
    items: Sequence[Spaced], gap: int, rng: random.Random, *, before: Sequence[str] = ()
) -> list[Spaced]:
    """Return `items` in random order so that no scene returns within `gap` trials.

    Parameters
    ----------
    items
        What to order.
    gap
        Least number of trials between two of one scene.
    rng
        Of the order.
    before
        The scenes of the trials just before, the last one last.

    Returns
    -------
    list
        The same items.

    Raises
    ------
    InputError
        If no such order was found.
    """
    for _ in range(TRIES):
        ordered = _try_order(list(items), gap, rng, list(before))
        if ordered is not None:
            return ordered
    counts = Counter(item.scene for item in items)
    raise InputError(
        f"no order keeps {gap} trials between two of one scene ({len(items)} trials of "
        f"{len(counts)} scenes, one of them {max(counts.values())} times); lower trials.scene_gap"
    )


def _try_order(
    left: list[Spaced], gap: int, rng: random.Random, scenes: list[str]
) -> list[Spaced] | None:
    ordered: list[Spaced] = []
    counts = Counter(item.scene for item in left)
    while left:
        near = set(scenes[-gap:]) - {""} if gap else set()
        free = [item for item in left if item.scene not in near]
        if not free:
            return None
        # A scene with this many trials left must come now or cannot be spaced any more.
        pressing = [i for i in free if (counts[i.scene] - 1) * (gap + 1) + 1 >= len(left)]
        chosen = rng.choice(pressing or free)
        left.remove(chosen)
        counts[chosen.scene] -= 1
        ordered.append(chosen)
        scenes.append(chosen.scene)
    return ordered


Entry = TypeVar("Entry", bound=tuple[Any, ...])


def insert_spaced(
    sequence: list[Entry],
    new: Entry,
    start: int,
    gap: int,
    rng: random.Random,
    *,
    end: int | None = None,
) -> list[Entry]:
    """Return `sequence` with `new` at a random place in [start, end] that keeps the gap.

    Parameters
    ----------
    sequence
        Tuples whose last element has the scene.
    new
        What is inserted.
    start, end
        The places that are tried first; the whole rest of the sequence where `end` is None.
    gap
        Least number of trials between two of one scene.
    rng
        Of the place.

    Returns
    -------
    list
        One longer than `sequence`.

    Raises
    ------
    InputError
        If no place keeps it.
    """
    last = len(sequence) if end is None else min(end, len(sequence))
    within = list(range(start, last + 1))
    elsewhere = [place for place in range(1, len(sequence) + 1) if place not in within]
    rng.shuffle(within)
    rng.shuffle(elsewhere)
    for place in within + elsewhere:
        near = sequence[max(0, place - gap) : place + gap] if gap else []
        if not new[-1].scene or all(new[-1].scene != other[-1].scene for other in near):
            return [*sequence[:place], new, *sequence[place:]]
    raise InputError(
        f"no place keeps {gap} trials between two of scene {new[-1].scene!r}; lower "
        "trials.scene_gap, trials.repeats or catch.count"
    )
