"""The layouts of rating tables, and how each becomes one row a judgement.

Long: a row a judgement, its participant, image and rating in columns; several columns of ratings
are several dimensions. Wide: a row an image and a column a participant, or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fechner.data.importing.columns import (
    DESCRIBING,
    NAMES,
    RENAMED,
    SPREAD,
    Told,
    are_pictures,
    follow_one_pattern,
    likely_pattern,
    usual_column,
)
from fechner.data.importing.grid import Grid
from fechner.errors import InputError

SUMMARIES = ("mean", "means", "average", "avg", "mos", "median", "sd", "std", "stdev", "total",
             "sum", "media", "mittelwert")  # fmt: skip
"""Names of rows and columns that summarise the others."""

OWN = ("participant", "image", "dimension", "rating")


@dataclass(frozen=True, eq=False)
class LongCells:
    """Cells with ratings, one row each, and where each stands.

    Attributes
    ----------
    table
        ``participant, image, dimension`` (where a column says it), ``rating`` (text as in the
        file) and what else the file says of each judgement.
    places
        ``row`` in the file and ``column`` of each rating, in the order of `table`.
    layout
        Its name in words.
    said
        What was guessed, for people.
    """

    table: pd.DataFrame
    places: pd.DataFrame
    layout: str
    said: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Which column is what: `single` for each row, `ratings` where the judgements stand.

    `across` is what the names of the rating columns are: "participant" or "image" in a wide
    table, "dimension" where a long one has several columns of ratings, "" where it has one.
    """

    single: dict[str, str]
    ratings: tuple[str, ...]
    across: str
    layout: str


def long_cells(grid: Grid, told: Told, path: object, dimensions: Sequence[str] = ()) -> LongCells:
    """Return the judgements of a table of any layout, one row each.

    Parameters
    ----------
    grid
        The table.
    told
        What the user says of its columns; the rest is found by usual names.
    path
        What messages call the file.
    dimensions
        Those with a declared scale: columns of these names hold ratings.

    Returns
    -------
    LongCells
        In the order of the file, row by row.

    Raises
    ------
    InputError
        If a column that is told is not there, or what a column is cannot be told; says how to
        tell it.
    """
    try:
        plan = _plan(grid, told, dimensions)
        _refuse_summaries(grid, plan)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    rows = pd.DataFrame(list(grid.rows), columns=list(grid.header), dtype=object)
    about = rows.drop(columns=list(plan.ratings)).rename(
        columns={name: what for what, name in plan.single.items()}
    )
    about.columns = pd.Index(_free_names(list(about.columns), plan))
    n, k = len(rows), len(plan.ratings)
    table = about.loc[about.index.repeat(k)].reset_index(drop=True)
    if plan.across:
        table[plan.across] = list(plan.ratings) * n
    table["rating"] = rows[list(plan.ratings)].to_numpy(object).ravel()
    numbers = [number for number in grid.numbers for _ in range(k)]
    places = pd.DataFrame({"row": numbers, "column": list(plan.ratings) * n})
    return LongCells(table, places, plan.layout, tuple(_said(plan, told)))


def _plan(grid: Grid, told: Told, dimensions: Sequence[str]) -> Plan:
    header = grid.header
    spread = {what: told.names(what, header) for what in SPREAD}
    if all(spread.values()):
        raise InputError("--columns names participants and images; only one of them has many")
    taken = [n for what, ns in spread.items() if (what, "*") not in told.pairs for n in ns]
    single = _single(told, header, but=taken)
    for what, names in spread.items():
        if names:
            return _wide(header, single, SPREAD[what], names)
    if "participant" in single and "image" in single:
        return _long(header, single, told, dimensions)
    if "rating" in single:
        who = "participant" if "image" in single else "image"
        raise InputError(f"no column names the {who} of each rating; {_how(header, who)}")
    return _guessed_wide(grid, single)


def _single(told: Told, header: Sequence[str], *, but: Sequence[str]) -> dict[str, str]:
    """Return the columns that say one thing of each row; what is told goes before usual names."""
    found: dict[str, str] = {}
    for what in RENAMED:
        names = told.names(what, header)
        if len(names) > 1 and what != "rating":
            raise InputError(f"--columns names two columns for {what}; name one")
        if names:
            found[what] = names[0]
    free = [name for name in header if name not in (*found.values(), *but)]
    for what in NAMES:
        if what not in found and (usual := usual_column(what, free)):
            found[what] = usual
    return found


def _long(
    header: Sequence[str], single: dict[str, str], told: Told, dimensions: Sequence[str]
) -> Plan:
    rest = [name for name in header if name not in single.values()]
    about = {what: name for what, name in single.items() if what != "rating"}
    ratings = told.names("rating", header)
    if not ratings and "rating" in single:
        ratings = [single["rating"]]
    if not ratings:
        ratings = [name for name in rest if name in dimensions]
        ratings = ratings or (rest if len(rest) == 1 else [])
        several = True
    else:
        several = len(ratings) > 1
    if not ratings:
        raise InputError(f"no column is called rating; {_how(header, 'rating')}")
    if several and "dimension" in about:
        raise InputError("a column says the dimension, and several columns hold ratings; name one")
    return Plan(about, tuple(ratings), "dimension" if several else "", "one row a judgement")


def _guessed_wide(grid: Grid, single: dict[str, str]) -> Plan:
    first = grid.header[0]
    rest = [n for n in grid.header if n not in single.values() and n not in DESCRIBING]
    if "image" in single:
        across = "participant"
    elif "participant" in single:
        across = "image"
    elif are_pictures(rest[1:]) and len(rest) > 2:
        across, single, rest = "image", {**single, "participant": first}, rest[1:]
    elif are_pictures(grid.column(first)):
        across, single, rest = "participant", {**single, "image": first}, rest[1:]
    else:
        raise InputError(
            f"no column is called participant or image; {_how(grid.header, 'participant')}, or of "
            f"a table with a row an image: --columns image={_called(grid.header, 0)},participants=*"
        )
    if not rest:
        raise InputError(
            f"no column is left that could hold ratings; {_how(grid.header, 'rating')}"
        )
    if not follow_one_pattern(rest):
        raise InputError(
            f"cannot tell which of {len(rest)} columns ({_few(rest)}) are {across}s; say it: "
            f"--columns {across}s={likely_pattern(rest)}, or name the column "
            "rating of a table with a row a judgement"
        )
    return _wide(grid.header, single, across, rest)


def _wide(header: Sequence[str], single: dict[str, str], across: str, names: list[str]) -> Plan:
    what = "image" if across == "participant" else "participant"
    names = [name for name in names if name not in single.values()]
    about = {key: name for key, name in single.items() if key != "rating"}
    if across in about:
        raise InputError(
            f"{across}s stand in many columns, and column {about[across]!r} names one too"
        )
    if what not in about:
        free = [name for name in header if name not in (*names, *about.values())]
        if not free:
            raise InputError(f"no column is left that names the {what} of each row")
        about[what] = free[0]
        names = [name for name in names if name != free[0]]
    return Plan(about, tuple(names), across, f"one row {'an' if what == 'image' else 'a'} {what}")


def _refuse_summaries(grid: Grid, plan: Plan) -> None:
    """Refuse a wide table whose means stand among the ratings, as spreadsheets often have them."""
    if plan.across not in ("participant", "image"):
        return
    what = "image" if plan.across == "participant" else "participant"
    named = [(f"column {name!r}", name) for name in plan.ratings]
    rows = zip(grid.numbers, grid.column(plan.single[what]), strict=True)
    named += [(f"row {number} ({name!r})", name) for number, name in rows]
    for where, name in named:
        if name.casefold().strip(" .:") in SUMMARIES:
            raise InputError(f"{where} seems to hold a summary and no ratings; remove it")


def _free_names(names: list[str], plan: Plan) -> list[str]:
    """Return column names in which no column that is nothing of ours bears one of our names."""
    taken = {*OWN, "row", "column"} - set(plan.single)
    return [f"{name}_in_file" if name in taken else name or "row_name" for name in names]


def _said(plan: Plan, told: Told) -> list[str]:
    known = {what for what, _ in told.pairs}
    said = [] if plan.layout == "one row a judgement" else [plan.layout]
    said += [
        f"{what} in column {_shown(name)}"
        for what, name in plan.single.items()
        if what != name and what not in known
    ]
    first, last = plan.ratings[0], plan.ratings[-1]
    if plan.across in ("participant", "image"):
        said.append(f"{plan.across}s in {len(plan.ratings)} columns {first} to {last}")
    elif "rating" not in known and first != "rating":
        said.append(f"ratings in column {', '.join(map(repr, plan.ratings))}")
    return said


def _shown(name: str) -> str:
    return repr(name) if name else "#1"


def _called(header: Sequence[str], place: int) -> str:
    return header[place] or f"#{place + 1}"


def _how(header: Sequence[str], what: str) -> str:
    return f"the table has {_few(header)}; say which: --columns {what}=NAME"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(repr(name) for name in names[:8]) + more
