"""Numbers of tables as they are shown in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def number_with_interval(
    row: pd.Series, value: str, low: str, high: str, *, digits: int = 3, sign: str = ""
) -> str:
    """Return a number of a row with its interval, or a dash where it is not defined.

    Parameters
    ----------
    row
        Of a table.
    value, low, high
        Its columns.
    digits
        Behind the point.
    sign
        ``+`` for differences.
    """
    if row[value] != row[value]:
        return "-"
    number = f"{row[value]:{sign}.{digits}f}"
    if row[low] != row[low]:
        return number
    # The backslash keeps the terminal from reading the bracket as a mark of its own.
    return f"{number} \\[{row[low]:.{digits}f}, {row[high]:.{digits}f}]"


def given_contrast(row: pd.Series) -> str:
    """Return a correlation with contrast energy held constant, and whether it is only edges."""
    value, low, high = row["value"], row["low"], row["high"]
    if value != value:
        return "is not defined"
    interval = "" if low != low else f" [{low:.2f}, {high:.2f}]"
    return f"is {value:.2f}{interval}: " + ("not only edges" if low > 0 else "may be only edges")


def undefined(count: float) -> str:
    """Return how many cases were left out because nothing is defined there; empty where none."""
    return f" ({count:.0f} undefined)" if count else ""
