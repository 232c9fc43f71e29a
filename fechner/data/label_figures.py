"""Figures of label distributions; the numbers are those of `fechner.data.labels`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from fechner.data.label_warnings import p_text
from fechner.data.labels import Distribution, Spread
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"
"""Colours that differ for every kind of colour vision (Okabe and Ito 2008)."""


def draw_distribution(rated: RatedImages, shape: Distribution, *, simulated: bool) -> Figure:
    """Histogram and density of one dimension on its whole scale, with the mixture's parts."""
    values = rated.table[shape.dimension].to_numpy(dtype=np.float64)
    figure, axes = blank_figure(1, 1, (6.4, 4.0), simulated)
    axis = axes[0, 0]
    scale = shape.scale
    grid = np.linspace(scale.minimum, scale.maximum, 400)
    axis.hist(
        values, bins=_edges(values, scale), density=True, color=BLUE, alpha=0.35,
        edgecolor="white", label=f"{shape.n} images",
    )  # fmt: skip
    axis.plot(
        grid, stats.gaussian_kde(values)(grid), color=BLUE, lw=2, label="density (Gaussian kernel)"
    )
    modes = shape.modes
    for part, (weight, mean, sd) in enumerate(
        zip(modes.weights, modes.means, modes.sds, strict=True)
    ):
        label = f"{modes.components} Gaussians, lowest BIC" if part == 0 else None
        if modes.components > 1:
            axis.plot(
                grid, weight * stats.norm.pdf(grid, mean, sd), "--", color=ORANGE, label=label
            )
    axis.axvline(
        shape.mean, color=GREY, lw=1, ls=":", label=f"mean {shape.mean:.3g}, SD {shape.sd:.2g}"
    )
    label_scale(axis, "x", shape.dimension, scale)
    axis.set_ylabel("density (1 / points)")
    axis.set_title(_summary(shape), fontsize=9)
    axis.legend(frameon=False, fontsize=8)
    return figure


def draw_relations(rated: RatedImages, dimensions: list[str], *, simulated: bool) -> Figure:
    """Scatter of every pair of dimensions, one dot an image, with Spearman's coefficient."""
    count = len(dimensions) - 1
    figure, axes = blank_figure(count, count, (3.1 * count + 0.6, 3.0 * count), simulated)
    for row, below in enumerate(dimensions[1:]):
        for column, left in enumerate(dimensions[:-1]):
            axis = axes[row, column]
            if column > row:
                axis.set_axis_off()
                continue
            a, b = rated.table[left], rated.table[below]
            axis.plot(a, b, ".", color=BLUE, alpha=dot_opacity(len(rated)), ms=4, mew=0)
            rho = float(stats.spearmanr(a, b).statistic)
            axis.set_title(f"Spearman {rho:.2f}", fontsize=9)
            label_scale(axis, "x", left, rated.scales[left])
            label_scale(axis, "y", below, rated.scales[below])
    return figure


def draw_groups(
    rated: RatedImages, dimension: str, column: str, share: float, *, simulated: bool
) -> Figure:
    """Box and dots of each group, by ascending median.

    Parameters
    ----------
    rated
        The rated images.
    dimension
        Which ratings.
    column
        The column of the table whose values are the groups.
    share
        Part of the variance that lies between groups, [0, 1], for the title.
    simulated
        Whether SIMULATED is written onto the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    by = rated.table.groupby(column)[dimension]
    order = by.median().sort_values().index
    figure, axes = blank_figure(1, 1, (6.4, 1.4 + 0.34 * len(order)), simulated)
    axis = axes[0, 0]
    parts = [by.get_group(name).to_numpy() for name in order]
    axis.boxplot(
        parts, orientation="horizontal", widths=0.6, showfliers=False,
        medianprops={"color": ORANGE, "lw": 2}, boxprops={"color": GREY},
        whiskerprops={"color": GREY}, capprops={"color": GREY},
    )  # fmt: skip
    jitter = np.random.default_rng(0)
    for place, values in enumerate(parts, start=1):
        heights = place + jitter.uniform(-0.2, 0.2, len(values))
        axis.plot(values, heights, ".", color=BLUE, alpha=dot_opacity(len(values)), ms=4, mew=0)
    axis.set_yticks(
        range(1, len(order) + 1), [f"{name} ({len(by.get_group(name))})" for name in order]
    )
    axis.set_ylabel(f"{column} (images)")
    axis.set_title(f"{100 * share:.0f} % of the variance lies between groups", fontsize=9)
    label_scale(axis, "x", dimension, rated.scales[dimension])
    return figure


def draw_spread(spread: Spread, *, simulated: bool) -> Figure:
    """SD of single ratings against their mean, with the fitted SOS parabola."""
    figure, axes = blank_figure(1, 1, (6.4, 4.0), simulated)
    axis = axes[0, 0]
    scale, table = spread.scale, spread.table
    axis.plot(
        table["mean"], table["sd"], ".", color=BLUE, alpha=dot_opacity(len(table)), ms=6, mew=0,
        label=f"{len(table)} images",
    )  # fmt: skip
    grid = np.linspace(scale.minimum, scale.maximum, 200)
    room = (grid - scale.minimum) * (scale.maximum - grid)
    axis.plot(
        grid, np.sqrt(spread.sos * room), color=ORANGE, lw=2, label=f"SOS fit, a = {spread.sos:.3f}"
    )
    label_scale(axis, "x", f"mean {spread.dimension}", scale)
    axis.set_ylabel("SD of single ratings (points)")
    axis.set_ylim(bottom=0)
    for handle in axis.legend(frameon=False, fontsize=8).legend_handles:
        if handle is not None:
            handle.set_alpha(1)
    return figure


def blank_figure(
    rows: int, columns: int, size: tuple[float, float], simulated: bool
) -> tuple[Figure, np.ndarray]:
    """Return an empty figure and its axes, drawn without a window.

    Parameters
    ----------
    rows, columns
        Of panels.
    size
        Width and height in inches.
    simulated
        Whether SIMULATED is written above.

    Returns
    -------
    matplotlib.figure.Figure
    numpy.ndarray
        Axes ``(rows, columns)``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    if simulated:
        figure.suptitle("SIMULATED ratings", color=ORANGE, weight="bold")
    return figure, axes


def _summary(shape: Distribution) -> str:
    modes = shape.modes
    dip = (
        "dip not computed" if modes.dip_p is None else f"dip {modes.dip:.3f}, {p_text(modes.dip_p)}"
    )
    return (
        f"skew {shape.skew:.2f}, excess kurtosis {shape.kurtosis:.2f}, {dip}, "
        f"bimodality {modes.bimodality:.2f}"
    )


def _edges(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Bins of equal width over the whole scale, about as wide as Freedman and Diaconis ask."""
    width = 2 * stats.iqr(values) / len(values) ** (1 / 3)
    span = scale.maximum - scale.minimum
    bins = int(np.clip(np.ceil(span / width) if width > 0 else 20, 10, 80))
    return np.linspace(scale.minimum, scale.maximum, bins + 1)


def label_scale(axis: Axes, which: str, name: str, scale: Scale) -> None:
    """Show the whole scale along an axis.

    Parameters
    ----------
    axis
        Which panel.
    which
        ``x`` or ``y``.
    name
        What is rated.
    scale
        Its two ends become the limits.
    """
    margin = 0.02 * (scale.maximum - scale.minimum)
    limits = (scale.minimum - margin, scale.maximum + margin)
    axis.set(**{f"{which}lim": limits, f"{which}label": f"{name} (points, {scale})"})


def dot_opacity(count: int) -> float:
    """Return how opaque each of `count` dots is drawn, so that crowds stay readable."""
    return float(np.clip(60 / np.sqrt(max(count, 1)) / 10, 0.12, 0.8))
