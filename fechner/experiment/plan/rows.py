"""Which rows of the Latin square participants fill, and who is wanting for a balanced set.

A design is a Latin square of C conditions: C participants in its C rows rate every stimulus equally
often. Codes that end in a number n go through it in turn: n in round (n - 1) // C, row n mod C. Any
other code stands in the first round, in the row that its digest gives.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

from fechner.experiment.plan.conditions import items_by_scene

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet

LISTED = 12
"""Rows of a square whose participants are told one by one."""

NAMED = 4
"""How many missing participants are named at most."""


def row_of(participant: str) -> int:
    """Return the participant's row for Latin squares, before the modulus.

    A code that ends in digits counts by them (P01, P02, ... rotate in turn); any other
    code counts by its digest.
    """
    number = number_of(participant)
    if number is not None:
        return number
    return int(hashlib.sha256(participant.encode()).hexdigest()[:12], 16)


def number_of(participant: str) -> int | None:
    """Return the number at the end of a code; None where it ends in a letter."""
    digits = re.search(r"(\d{1,9})$", participant)
    return int(digits.group(1)) if digits else None


def round_of(participant: str, row: int, conditions: int) -> int:
    """Return which round of the square a participant belongs to, from 0.

    Named codes share the first one: each of its rounds would else have one participant, and no
    number of them would balance.
    """
    return 0 if number_of(participant) is None else max(0, (row - 1) // conditions)


def conditions_of(protocol: Protocol, stimuli: StimulusSet) -> int:
    """Return how many conditions a scene has: the rows of the square.

    Raises
    ------
    InputError
        If the stimulus set cannot serve the protocol.
    """
    return max(len(items) for items in items_by_scene(protocol, stimuli).values())


@dataclass(frozen=True)
class Rows:
    """How a Latin square is filled.

    Attributes
    ----------
    conditions
        Its rows.
    filled
        How many participants stand in rows 1, 2, ..., C.
    wanting
        Numbers of the participants that complete every round that was begun: a code that ends in
        one takes its place.
    """

    conditions: int
    filled: tuple[int, ...]
    wanting: tuple[int, ...]

    @property
    def balanced(self) -> bool:
        """Whether every stimulus is rated equally often."""
        return not self.wanting

    def __str__(self) -> str:
        few, many = min(self.filled), max(self.filled)
        filled = ", ".join(map(str, self.filled))
        if few == many:
            filled = f"{few} each"
        elif self.conditions > LISTED:
            filled = f"{few} to {many}"
        said = f"participants in rows 1 to {self.conditions} of the Latin square: {filled}"
        if self.balanced:
            return f"{said}; balanced"
        named = ", ".join(map(str, self.wanting[:NAMED]))
        more = f" and {len(self.wanting) - NAMED} more" if self.wanting[NAMED:] else ""
        return f"{said}; not balanced, wanting are codes that end in {named}{more}"


def rows_filled(protocol: Protocol, conditions: int, codes: Iterable[str]) -> Rows:
    """Return how participants fill the square.

    Parameters
    ----------
    protocol
        Says whether rounds differ: they do where a participant sees several, but not all,
        conditions of a scene.
    conditions
        How many a scene has.
    codes
        Of the participants.

    Returns
    -------
    Rows

    Examples
    --------
    >>> from fechner.protocols.schema import load_protocol
    >>> print(rows_filled(load_protocol("slider"), 4, ["P1", "P2", "P3", "P5"]))
    participants in rows 1 to 4 of the Latin square: 2, 1, 1, 0; not balanced, wanting are codes \
that end in 4, 6, 7, 8
    """
    differ = rounds_differ(protocol, conditions)
    cells: Counter[tuple[int, int]] = Counter()
    taken = set()
    for code in codes:
        row = row_of(code)
        taken.add(number_of(code))
        cells[round_of(code, row, conditions) if differ else 0, (row - 1) % conditions] += 1
    each = range(conditions)
    wanting: list[int] = []
    for turn in sorted({turn for turn, _ in cells}):
        most = max(cells[turn, row] for row in each)
        for row in each:
            first, short = turn * conditions + row + 1, most - cells[turn, row]
            free = (n for n in count(first, conditions) if n not in taken)
            # Where rounds differ, only this round's number has this round's order.
            wanting += [first] * short if differ else islice(free, short)
    filled = tuple(sum(n for (_, row), n in cells.items() if row == one) for one in each)
    return Rows(conditions, filled, tuple(sorted(wanting)))


def rounds_differ(protocol: Protocol, conditions: int) -> bool:
    """Return whether the square runs through the conditions in another order in every round."""
    trials = protocol.trials
    return trials.design == "latin square" and 1 < trials.conditions_per_scene < conditions
