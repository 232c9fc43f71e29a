"""Names at the ends of lines and beside dots, kept apart; the longest one gets its room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.report.style import PALETTE, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

MARKERS = "osD^vPXh"
LABEL_HEIGHT = 0.165
"""Inches between two labels of size 8.5 that stand one below the other."""


def name_line_ends(
    figure: Figure, axis: Axes, ends: Sequence[tuple[float, str, int]], known: pd.DataFrame
) -> None:
    """Name lines at their right ends, networks in bold; labels keep apart, a thread leads."""
    labels = [(y, name, True, MARKERS[at % len(MARKERS)]) for y, name, at in ends]
    labels += [
        (value, name, False, "")
        for name, value in zip(known["layer"], known["spearman"], strict=True)
    ]
    labels.sort(key=lambda label: label[0])
    low, high = axis.get_ylim()
    height = height_of(axis)
    heights = kept_apart([y for y, *_ in labels], (high - low) / height * LABEL_HEIGHT, low, high)
    narrow, texts = is_narrow(figure.get_figwidth()), []
    for (y, name, strong, marker), at in zip(labels, heights, strict=True):
        words = f"{_short_name(name, narrow=narrow)}  {y:.2f}".replace("0.", ".")
        colour, weight = PALETTE["ink" if strong else "soft"], "bold" if strong else "normal"
        texts.append(
            (axis.text(0, at, words, va="center", fontsize=8.5, color=colour, fontweight=weight),
             y, marker)
        )  # fmt: skip
    per_inch = _leave_room(figure, axis, [text for text, *_ in texts])
    for text, y, marker in texts:
        at = text.get_position()[1]
        axis.plot(
            103 + per_inch * np.array([0.0, 0.15, 0.23]), [y, at, at], color=PALETTE["soft"],
            linewidth=0.6, clip_on=False,
        )  # fmt: skip
        if marker:
            axis.plot(
                103 + per_inch * 0.35, at, marker, color=PALETTE["paper"], markersize=5.5,
                clip_on=False, markeredgecolor=PALETTE["ink"], markeredgewidth=0.7,
            )  # fmt: skip
        text.set_x(103 + per_inch * (0.46 if marker else 0.31))


def _short_name(name: str, *, narrow: bool) -> str:
    """Return a name that leaves room for the lines: its middle is left out where it is long."""
    most = 20 if narrow else 30
    half = most // 2
    return name if len(name) <= most else f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[1 - half :]}"


def _leave_room(figure: Figure, axis: Axes, texts: Sequence[Text]) -> float:
    """End a panel where the longest label still fits beside it; return percents an inch there."""
    width = figure.get_figwidth()
    longest = max((text.get_window_extent().width for text in texts), default=0.0)
    right = 1 - (longest / figure.dpi + 0.5) / width
    figure.subplots_adjust(right=right)
    low, high = axis.get_xlim()
    return float((high - low) / (axis.get_position().width * width))


def height_of(axis: Axes) -> float:
    """Return the height of a panel in inches."""
    return float(axis.get_window_extent().height / axis.figure.dpi)


def kept_apart(
    wanted: Sequence[float], least: float, low: float, high: float
) -> NDArray[np.float64]:
    """Return places near the `wanted` ones, in their order, at least `least` apart.

    Parameters
    ----------
    wanted
        In rising order.
    least
        The smallest distance.
    low, high
        Between which they lie, if there is room.
    """
    n = len(wanted)
    # z_k = y_k - k * least must rise: isotonic regression by pooling neighbours that do not.
    pools: list[list[float]] = []
    for k, y in enumerate(wanted):
        pools.append([y - k * least, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            value, count = pools.pop()
            mean, before = pools.pop()
            pools.append([(mean * before + value * count) / (before + count), before + count])
    z = np.concatenate([np.full(int(count), value) for value, count in pools]) if n else np.empty(0)
    top = max(high - (n - 1) * least, low)
    places: NDArray[np.float64] = np.clip(z, low, top) + least * np.arange(n)
    return places
