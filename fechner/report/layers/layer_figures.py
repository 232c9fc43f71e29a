"""Charts of a layer study: agreement with people against depth, and what it depends on.

The six figures of Hernandez-Camara, Vila-Tomas, Laparra and Malo 2023 ("Analysis of Deep Image
Quality Models", arXiv 2302.13345), each with its function:

1. `by_depth` of networks that differ in architecture;
2. `by_depth` of AlexNets that differ in the goal of their training;
3. `by_depth` of AlexNets that differ in their training data;
4. `by_readout`, one panel a network, one line a read-out;
5. `crossed_weights`, fine-tuned weights on the set that fitted them and on others;
6. `against_accuracy`, the best correlation of a network against its accuracy on ImageNet.

Depth is in percent of the network, a line is a network, a dot's colour is its block, horizontal
lines are known metrics. Two more are ours: `by_distortion`, within each kind of distortion, and
`difference_forest`, differences with intervals over references and over kinds of distortion.
All is read off tables; nothing is computed anew here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.layers.factors import block_of
from fechner.report.layers.line_labels import MARKERS, name_line_ends
from fechner.report.style import PALETTE, WIDTH, is_narrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NO_WEIGHTS = ("none", "")
"""How a table names channels that all weigh the same."""
Shades = dict[int | None, Any]
"""The colour of each block."""
MOST_NETWORKS = 8
"""Lines above which a chart against depth cannot be read."""
YARDSTICKS_DRAWN = ("psnr", "ssim", "ms_ssim", "fsim", "lpips_alex", "lpips_vgg", "dists")
"""Known metrics that stand as lines in charts; the table holds them all."""

DASHES: tuple[tuple[float, ...], ...] = (
    (), (5, 2), (1.5, 1.5), (6, 1.5, 1.5, 1.5), (3, 1), (8, 2), (1, 1), (6, 1, 1, 1, 1, 1),
)  # fmt: skip
CATEGORIES = (
    "#0072b2", "#d55e00", "#009e73", "#8c5a97", "#8a8a88", "#c9951b", "#56b4e9", "#b3261e",
    "#1b1b1a", "#6b6b69",
)  # fmt: skip
"""After Okabe and Ito (2008); the yellow darkened for lines on a light page."""
_BLOCK_SHADES = (0.05, 0.95)


def by_depth(
    rows: pd.DataFrame,
    networks: Sequence[str],
    yardsticks: pd.DataFrame,
    readout: str,
    width: float = WIDTH,
) -> Figure:
    """Draw agreement against depth, one line a network, dots coloured by block.

    Parameters
    ----------
    rows
        Rows of ``layers.csv`` of one set, every layer once a network and read-out.
    networks
        Which networks.
    yardsticks
        Rows of ``layers.csv`` that are known metrics.
    readout
        Which read-out of all channels.
    width
        Of the figure in inches.
    """
    import matplotlib.pyplot as plt

    mine = plain(rows, readout)
    mine = mine[mine["network"].isin(networks)]
    figure, axis = plt.subplots(figsize=(width, 4.2))
    figure.subplots_adjust(left=0.65 / width, right=0.97, top=0.97, bottom=0.23)
    blocks = [
        block_of(network, layer)
        for network, layer in zip(mine["network"], mine["layer"], strict=True)
    ]
    shades = _shades(blocks)
    ends = []
    for at, network in enumerate(networks):
        line = mine[mine["network"] == network].sort_values("depth", kind="stable")
        if line.empty:
            continue
        _network_line(axis, line, at, shades)
        ends.append((float(line["spearman"].iloc[-1]), network, at))
    known = drawn_yardsticks(yardsticks)
    for value in known["spearman"]:
        axis.axhline(value, color=PALETTE["soft"], linewidth=0.7, linestyle=(0, (1, 2)))
    _depth_axis(axis, mine, known)
    _block_legend(figure, blocks, shades)
    name_line_ends(figure, axis, ends, known)
    return figure


def _network_line(axis: Axes, line: pd.DataFrame, at: int, shades: Shades) -> None:
    x, y = line["depth"].to_numpy(), line["spearman"].to_numpy()
    axis.vlines(
        x, line["low"], line["high"], color=PALETTE["soft"], linewidth=0.8, alpha=0.45, zorder=1
    )
    axis.plot(x, y, color=PALETTE["soft"], linewidth=1.1, dashes=DASHES[at % len(DASHES)], zorder=2)
    for depth, value, network, layer in zip(x, y, line["network"], line["layer"], strict=True):
        axis.plot(
            depth, value, MARKERS[at % len(MARKERS)], color=shades[block_of(network, layer)],
            markersize=5.5, markeredgecolor=PALETTE["ink"], markeredgewidth=0.4, zorder=3,
        )  # fmt: skip


def _shades(blocks: Sequence[int | None]) -> Shades:
    """Return a colour for each block, from dark (input) to light."""
    import matplotlib

    found = sorted({block for block in blocks if block is not None})
    low, high = _BLOCK_SHADES
    steps = np.linspace(low, high, max(len(found), 2))
    colours = matplotlib.colormaps["viridis"](steps)
    return {None: PALETTE["paper"], **dict(zip(found, colours, strict=False))}


def _block_legend(figure: Figure, blocks: Sequence[int | None], shades: Shades) -> None:
    from matplotlib.lines import Line2D

    found = sorted({block for block in blocks if block is not None})
    named: list[tuple[int | None, str]] = [
        (block, "input" if block == 0 else str(block)) for block in found
    ]
    if any(block is None for block in blocks):
        named.append((None, "outside the blocks"))
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=5.5, color=shades[block],
               markeredgecolor=PALETTE["ink"], markeredgewidth=0.4, label=name)
        for block, name in named
    ]  # fmt: skip
    width, height = figure.get_size_inches()
    columns = min(len(handles), 6) if is_narrow(width) else max(len(handles), 1)
    lines = -(-len(handles) // columns)
    figure.subplots_adjust(bottom=(0.76 + 0.21 * lines) / height)
    figure.legend(
        handles=handles, title="block", loc="lower left", bbox_to_anchor=(0.07, 0.0),
        ncols=columns, handletextpad=0.1, columnspacing=0.9, title_fontsize=8.5,
        alignment="left", borderpad=0.1,
    )  # fmt: skip


def _depth_axis(axis: Axes, rows: pd.DataFrame, known: pd.DataFrame) -> None:
    axis.set_xlim(-3, 103)
    axis.set_xlabel("depth (% of the network)")
    axis.set_ylabel("Spearman correlation with DMOS")
    axis.set_ylim(*span_of([rows["low"], rows["high"], rows["spearman"], known["spearman"]]))
    axis.grid(axis="y")


def span_of(columns: Sequence[pd.Series]) -> tuple[float, float]:
    """Return ends of an axis of correlations that hold all values, in steps of .05."""
    values = np.concatenate([np.asarray(column, np.float64) for column in columns])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low = np.floor((values.min() - 0.005) * 20) / 20
    return float(max(low, -1.0)), float(min(np.ceil((values.max() + 0.005) * 20) / 20, 1.0))


def drawn_yardsticks(yardsticks: pd.DataFrame) -> pd.DataFrame:
    """Return the known metrics that are drawn: the usual ones, and columns that a user brought.

    One that agrees below 0 is left out: its good end is the other one, and the axis would stretch.
    """
    told = yardsticks[yardsticks["spearman"] > 0]
    wanted = told["layer"].isin(YARDSTICKS_DRAWN) | (told["readout"] == "score")
    return told[wanted] if wanted.any() else told.head(len(YARDSTICKS_DRAWN))


def plain(rows: pd.DataFrame, readout: str) -> pd.DataFrame:
    """Return the rows of one read-out whose channels all weigh the same, and have a depth."""
    mine = (rows["readout"] == readout) & rows["weights"].isin(NO_WEIGHTS)
    return rows[mine & rows["depth"].notna() & rows["spearman"].notna()]


def by_readout(rows: pd.DataFrame, yardsticks: pd.DataFrame, width: float = WIDTH) -> Figure:
    """Draw agreement against depth, a panel a network and a line a read-out."""
    import matplotlib.pyplot as plt

    mine = rows[rows["weights"].isin(NO_WEIGHTS) & rows["depth"].notna()]
    networks = list(dict.fromkeys(mine["network"]))[:MOST_NETWORKS]
    readouts = list(dict.fromkeys(mine["readout"]))
    columns = min(len(networks), 2 if is_narrow(width) else 3)
    lines = -(-len(networks) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(width, 2.7 * lines + 0.9), sharex=True, sharey=True, squeeze=False
    )
    _hide_rest(axes, len(networks))
    for axis, network in zip(axes.ravel(), networks, strict=False):
        for at, readout in enumerate(readouts):
            line = mine[(mine["network"] == network) & (mine["readout"] == readout)]
            line = line.sort_values("depth", kind="stable")
            axis.plot(
                line["depth"], line["spearman"], color=CATEGORIES[at % len(CATEGORIES)],
                marker=MARKERS[at % len(MARKERS)], markersize=3.5, linewidth=1.2, label=readout,
            )  # fmt: skip
        for value in drawn_yardsticks(yardsticks)["spearman"]:
            axis.axhline(value, color=PALETTE["soft"], linewidth=0.6, linestyle=(0, (1, 2)))
        axis.set_title(network)
        axis.set_xlim(-3, 103)
        axis.grid(axis="y")
    _outer_labels(axes, "depth (% of the network)", "Spearman with DMOS")
    axes[0][0].set_ylim(*span_of([mine["spearman"], drawn_yardsticks(yardsticks)["spearman"]]))
    _legend_below(figure, axes[0][0], lines)
    return figure


def by_distortion(
    distortions: pd.DataFrame, networks: Sequence[str], readout: str, width: float = WIDTH
) -> Figure:
    """Draw agreement against depth within each kind of distortion, a line a network.

    Parameters
    ----------
    distortions
        Rows of ``distortions.csv``.
    networks
        Which networks, in the order of their colours.
    readout
        Which read-out of all channels.
    width
        Of the figure in inches.
    """
    import matplotlib.pyplot as plt

    rows = distortions[(distortions["readout"] == readout) & distortions["depth"].notna()]
    if "weights" in rows:
        rows = rows[rows["weights"].isin(NO_WEIGHTS)]
    kinds = list(dict.fromkeys(rows["family"]))
    columns = min(len(kinds), 2 if is_narrow(width) else 4)
    lines = -(-len(kinds) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(width, 2.0 * lines + 0.9), sharex=True, sharey=True, squeeze=False
    )
    _hide_rest(axes, len(kinds))
    for axis, kind in zip(axes.ravel(), kinds, strict=False):
        mine = rows[rows["family"] == kind]
        for at, network in enumerate(networks):
            line = mine[mine["network"] == network].sort_values("depth", kind="stable")
            axis.plot(
                line["depth"], line["spearman"], color=CATEGORIES[at % len(CATEGORIES)],
                marker=MARKERS[at % len(MARKERS)], markersize=3.5, linewidth=1.2, label=network,
            )  # fmt: skip
        axis.set_title(f"{kind} ({mine['n_pairs'].max():.0f} pairs)", fontsize=8.5)
        axis.set_xlim(-3, 103)
        axis.grid(axis="y")
    axes[0][0].set_ylim(*span_of([rows["spearman"]]))
    _outer_labels(axes, "depth (%)", "Spearman with DMOS")
    _legend_below(figure, axes[0][0], lines)
    return figure


def _hide_rest(axes: NDArray[Any], count: int) -> None:
    """Hide panels without content; the last above a hidden one shows its depths."""
    for axis in axes.ravel()[count:]:
        axis.set_visible(False)
    for axis in axes.ravel()[max(count - axes.shape[1], 0) : count]:
        axis.tick_params(labelbottom=True)


def _outer_labels(axes: NDArray[Any], x: str, y: str) -> None:
    for row in axes:
        row[0].set_ylabel(y)
    for column in axes.T:
        shown = [axis for axis in column if axis.get_visible()]
        shown[-1].set_xlabel(x)


def _legend_below(figure: Figure, axis: Axes, lines: int) -> None:
    height = figure.get_size_inches()[1]
    handles, labels = axis.get_legend_handles_labels()
    columns = min(len(labels), 3 if is_narrow(figure.get_figwidth()) else 5)
    rows = -(-len(labels) // columns)
    figure.tight_layout(rect=(0, (0.2 * rows + 0.1) / height, 1, 1))
    figure.legend(
        handles, labels, loc="lower center", ncols=columns, handlelength=2.6, columnspacing=1.2
    )
