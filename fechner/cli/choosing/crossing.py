"""Evidence within the levels of a column, and on another rated set, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from rich.table import Table as RichTable

    from fechner.analysis.network.evidence.judging import OtherSet
    from fechner.records.rated_images import RatedImages
    from fechner.records.selection import ColumnAlone


def read_judge(
    table: Path,
    rated: RatedImages,
    names: Sequence[str],
    *,
    dimension: str | None,
    partial_out: str | None,
) -> RatedImages:
    """Read the table that judges, and refuse one that cannot.

    Parameters
    ----------
    table
        The one that judges.
    rated, names
        What chooses, and by which dimensions.
    dimension
        What judges; `names` if None.
    partial_out
        What is held constant, which the other table may not have.

    Returns
    -------
    RatedImages

    Raises
    ------
    InputError
        If it lacks the dimension, shares images with `rated`, or a dimension is held constant.
    """
    from fechner.analysis.network.evidence.judging import require_apart
    from fechner.records.rated_images import read_rated_images

    if partial_out:
        raise InputError("--judge and --partial-out do not go together; leave out one of them")
    other = read_rated_images(table)
    for name in [dimension] if dimension else names:
        if name not in other.dimensions:
            raise InputError(
                f"{table} has no dimension {name!r} to judge by; "
                f"{nearest(name, other.dimensions)}; name one with --judge-dimension"
            )
    require_apart(rated, other)
    return other


def columns_of_both(
    confounds: Sequence[str], rated: RatedImages, other: RatedImages | None
) -> tuple[list[str], dict[str, NDArray[np.str_]]]:
    """Return which columns the first table has, and the levels of those that the other has.

    Raises
    ------
    InputError
        If neither table has a column, or it is constant or has a level an image.
    """
    from fechner.analysis.network.evidence.columns import levels_of

    there = (
        {}
        if other is None
        else {name: levels_of(other, name) for name in confounds if name in other.table}
    )
    here = [name for name in confounds if name in rated.table or name not in there]
    for name in here:
        levels_of(rated, name)
    return here, there


def say_columns(alone: Sequence[ColumnAlone], confounds: Sequence[str]) -> None:
    """Say what columns of the table predict alone: those asked for, and any that does better."""
    from fechner.analysis.network.evidence.columns import warnings_of
    from fechner.cli.console import console

    for one in alone:
        if one.column in confounds:
            console.print(
                f"{one.column} alone, mean ratings of its {one.levels} levels: predicts "
                f"{_interval(one.prediction, one.low, one.high)}; the best channels, "
                f"{one.channels}: {one.channels_prediction:.3f}; the column's lead: "
                f"{_interval(one.lead, one.lead_low, one.lead_high)}",
                soft_wrap=True,
            )
    for line in warnings_of(alone, advise=not confounds):
        console.print(line, style="yellow", soft_wrap=True)


def show_within(scored: pd.DataFrame, column: str) -> None:
    """Print what each strategy is worth within the levels of `column`, and on unseen levels."""
    from fechner.cli.console import console, print_table

    whole = scored[scored["level"] == ""]
    for (features, pooling), rows in whole.groupby(["features", "pooling"], sort=False):
        console.print(f"{_set_in_words(features, pooling)}, within levels of {column}")
        print_table(_measures(rows))
    console.print("held out [95 % over scenes] (under shuffled ratings)", style="dim")


def show_judged(judged: pd.DataFrame, chosen: str, judge: str, other: OtherSet) -> None:
    """Print what is chosen on the table `chosen` and judged by the table `judge`."""
    from fechner.cli.console import console, print_table

    for (features, pooling), rows in judged.groupby(["features", "pooling"], sort=False):
        console.print(
            f"{_set_in_words(features, pooling)}: chosen on {chosen}, judged by {other.dimension} "
            f"of {rows['images'].iloc[0]} images of {judge}",
            soft_wrap=True,
        )
        print_table(_measures(rows))
    console.print(
        "judged [95 % over its scenes]; shuffled: ratings of the choosing set", style="dim"
    )


def _set_in_words(features: object, pooling: object) -> str:
    return f"{features}, {pooling}" if pooling else f"{features}"


def _measures(rows: pd.DataFrame) -> RichTable:
    """Return one row a strategy and measure."""
    from rich.table import Table as RichTable

    drawing = RichTable(box=None, header_style="bold", pad_edge=False)
    for name in ("strategy", "measure"):
        drawing.add_column(name, no_wrap=True)
    for name in ("all channels", "chosen [95 %]", "shuffled"):
        drawing.add_column(name, justify="right", no_wrap=True)
    for strategy, block in rows.groupby("strategy", sort=False):
        for place, (_, row) in enumerate(block.iterrows()):
            drawing.add_row(
                str(strategy) if place == 0 else "", row["measure"], _number(row["all_channels"]),
                _interval(row["value"], row["low"], row["high"]), _number(row["shuffled"]),
            )  # fmt: skip
    return drawing


def _interval(value: float, low: float, high: float) -> str:
    return "-" if value != value else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
