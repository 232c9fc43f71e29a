"""Evidence within the levels of a column, and on another rated set, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from fechner.records.selection import ColumnAlone


def say_columns(
    alone: Sequence[ColumnAlone], compared: pd.DataFrame, confounds: Sequence[str]
) -> None:
    """Say what columns of the table predict alone: those asked for, and any that does better."""
    from fechner.analysis.network.evidence.columns import warnings_of
    from fechner.cli.console import console

    best = compared.iloc[int(compared["prediction"].argmax())]
    what = f"{best['strategy']} of {best['features']}".removesuffix(" of any of these")
    for one in alone:
        if one.column in confounds:
            console.print(
                f"{one.column} alone, mean ratings of its {one.levels} levels: predicts "
                f"{_interval(one.prediction, one.low, one.high)}; the best channels, {what}: "
                f"{best['prediction']:.3f}",
                soft_wrap=True,
            )
    for line in warnings_of(alone, what, float(best["prediction"]), advise=not confounds):
        console.print(line, style="yellow", soft_wrap=True)


def show_within(scored: pd.DataFrame, column: str) -> None:
    """Print what each strategy is worth within the levels of `column`, and on unseen levels."""
    from fechner.cli.console import console

    whole = scored[scored["level"] == ""]
    for (features, pooling), rows in whole.groupby(["features", "pooling"], sort=False):
        console.print(f"{features}, {pooling}, within levels of {column}")
        console.print(_measures(rows))
    console.print("held out [95 % over scenes] (under shuffled ratings)", style="dim")


def _measures(rows: pd.DataFrame) -> RichTable:
    """Return one row a strategy and measure."""
    from rich.table import Table as RichTable

    drawing = RichTable(box=None, header_style="bold", pad_edge=False)
    for name in ("strategy", "measure"):
        drawing.add_column(name, no_wrap=True)
    for name in ("all", "held out", "shuffled"):
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
