"""Which contrasts a family holds: pairs of conditions, within levels, or their interactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from fechner.analysis.ratings.comparing.conditions import require_levels
from fechner.errors import InputError

Pair = tuple[str, str]

MOST_LEVELS = 8
"""Levels of a factor above which all pairs are asked of nobody: 28 contrasts are too many."""


@dataclass(frozen=True)
class Question:
    """Two conditions, and the level of a second factor (or the two levels) that they are at.

    Attributes
    ----------
    name
        As `records.contrasts.family.ComparedConditions.name`.
    arms
        Levels of the factor.
    at
        Levels of the second factor: none, the one within which, or the two between which.
    """

    name: str
    arms: Pair
    at: tuple[str, ...] = ()

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the ratings that the question is asked of."""
        return table[table["beside"].isin(self.at)] if self.at else table


def pairs_of(table: pd.DataFrame, factor: str, of: Sequence[Sequence[str]] | None) -> list[Pair]:
    """Return pairs of levels: all pairs of each group that is named, or of all levels.

    Raises
    ------
    InputError
        If a level has no ratings, a group has fewer than two, or there are too many levels to
        compare all.
    """
    known = in_order(table["region"])
    if of is None:
        if not 2 <= len(known) <= MOST_LEVELS:
            raise InputError(
                f"{factor} has {len(known)} levels ({', '.join(known[:5])}, ...); name those to "
                "compare" if len(known) > 1 else f"{factor} has one level only, {known}"
            )  # fmt: skip
        of = [known]
    found: list[Pair] = []
    for group in of:
        require_levels(table, "region", group, factor)
        if len(set(group)) < 2:
            raise InputError(f"a contrast needs two levels of {factor}, got {', '.join(group)}")
        found += [pair for pair in combinations(group, 2) if pair not in found]
    return found


def questions(
    table: pd.DataFrame, pairs: Sequence[Pair], *, within: str | None, interaction: str | None
) -> tuple[list[Question], list[str]]:
    """Return what is asked, and what cannot be for want of ratings.

    Parameters
    ----------
    table
        What `conditions` returns.
    pairs
        The conditions.
    within, interaction
        Name of the second factor, if it is used in one of the two ways.

    Returns
    -------
    tuple
        Questions, and a sentence on each that has no ratings of one of its conditions.

    Raises
    ------
    InputError
        If nothing is left to ask.
    """
    levels = in_order(table["beside"]) if within or interaction else []
    asked: list[Question] = []
    for first, second in pairs:
        name = f"{first} - {second}"
        if within:
            asked += [Question(f"{name}, {within} {at}", (first, second), (at,)) for at in levels]
        elif interaction:
            asked += [
                Question(f"{name}, {interaction} {one} - {two}", (first, second), (one, two))
                for one, two in combinations(levels, 2)
            ]
        else:
            asked.append(Question(name, (first, second)))
    possible = [question for question in asked if _has_ratings(table, question)]
    missing = [
        f"{question.name}: not tested, one of the conditions has no ratings there."
        for question in asked
        if question not in possible
    ]
    if not possible:
        what = within or interaction
        raise InputError(
            f"no two of these conditions were rated at one level of {what} ({', '.join(levels)})"
            if within
            else f"no two levels of {what} were rated in both conditions; it has: "
            f"{', '.join(levels) or 'none'}"
        )
    return possible, missing


def _has_ratings(table: pd.DataFrame, question: Question) -> bool:
    rated = set(zip(table["region"], table["beside"], strict=True))
    if not question.at:
        return True
    return all((arm, at) in rated for arm in question.arms for at in question.at)


def in_order(column: pd.Series) -> list[str]:
    """Return the levels of a factor: as numbers where all are, else by name."""
    known = sorted(set(column.dropna()) - {""})
    try:
        return sorted(known, key=float)
    except ValueError:
        return known
