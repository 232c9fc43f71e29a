"""Which charts the page of a layer study shows, and what stands beside each.

`layer_figures` draws them, `layer_page` puts them in. A chart that a table does not allow says
what would give it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from fechner.analysis.network.distances.contrasts import choice_contrasts
from fechner.analysis.network.distances.table import YARDSTICK
from fechner.analysis.network.layers.factors import CLASSIFICATION, UNTRAINED, factors_of
from fechner.records.layers.results import LayerResults, distance_name
from fechner.report.charts.chart import Draw
from fechner.report.layers import layer_figures, layer_gain_figures
from fechner.report.layers.layer_figures import NO_WEIGHTS, plain

ALEXNETS = ("AlexNet", "AlexNet (VISSL)")
"""Families whose networks the paper compares by goal and by data."""


@dataclass(frozen=True)
class LayerChart:
    """A chart of the page, or what is missing for it.

    Attributes
    ----------
    name
        Of its files.
    title
        With its number in the paper, where it has one.
    caption
        What it shows.
    draw
        Returns the figure for a width in inches; None where the tables do not allow it.
    tables
        Names of the tables that hold its data.
    missing
        What would give it.
    """

    name: str
    title: str
    caption: str
    draw: Draw | None
    tables: tuple[str, ...] = ("layers",)
    missing: str = ""


def correlation(value: float | None) -> str:
    """Return a correlation for reading: three digits without the leading zero."""
    if value is None or pd.isna(value):
        return "\N{EN DASH}"
    return f"{value:.3f}".replace("0.", ".", 1).replace("-", "\N{MINUS SIGN}")


def layer_charts(
    results: LayerResults, name: str, readout: str, changes: pd.DataFrame | None
) -> Iterator[LayerChart]:
    """Return the charts of one set, those of the paper first.

    Parameters
    ----------
    results
        The tables of the study.
    name
        Of the set.
    readout
        Of the charts with one line a network.
    changes
        What each choice changes on this set (`choice_effects`).
    """
    rows = results.measured[results.measured["set"] == name]
    known = rows[rows["network"] == YARDSTICK]
    drawable = list(dict.fromkeys(plain(rows, readout)["network"]))
    bars = (
        f"Read-out {readout}, all channels alike. Bars are 95 % intervals over references; all "
        "networks saw the same pairs, so overlapping bars do not mean that two are alike: see the "
        "differences. Dotted lines are known metrics."
    )
    for number_, (title, networks, what) in enumerate(_factors(drawable), start=1):
        yield LayerChart(
            title.lower().replace(" ", "_"),
            f"Figure {number_}. {title}",
            f"{what} {bars}",
            partial(layer_figures.by_depth, rows, networks, known, readout) if networks else None,
            missing=_MISSING[number_],
        )
    several = rows[rows["network"] != YARDSTICK]["readout"].nunique() > 1
    inside = rows[rows["network"] != YARDSTICK]
    yield LayerChart(
        "readouts",
        "Figure 4. Read-out",
        f"How a layer's differences become one number. Dotted lines: {_named(known)}.",
        partial(layer_figures.by_readout, inside, known) if several else None,
        missing="The table has one read-out; run with several (-r).",
    )
    best = layer_gain_figures.rows_with_accuracy(rows)
    yield LayerChart(
        "accuracy",
        "Figure 6. Accuracy and agreement",
        "Each network at its best layer and read-out. The bar is that row's 95 % interval over "
        "references and leaves out that it was picked as the best; accuracies are published, not "
        "measured here.",
        partial(layer_gain_figures.against_accuracy, best) if len(best) > 1 else None,
        missing="Fewer than two networks of the table have a published accuracy.",
    )
    yield from _own_charts(results, name, drawable, readout, changes)


def choice_effects(results: LayerResults, name: str, readout: str) -> pd.DataFrame | None:
    """Return what each choice changes on one set, with intervals; None where nothing varies."""
    rows = results.measured[results.measured["set"] == name]
    rows = rows[(rows["network"] != YARDSTICK) & rows["weights"].isin(NO_WEIGHTS)]
    pairs = results.distances[results.distances["set"] == name]
    keys = ("network", "layer", "readout", "weights")
    names = [distance_name([row[key] for key in keys]) for _, row in rows.iterrows()]
    kept = [here in pairs.columns and bool(pairs[here].notna().all()) for here in names]
    rows = rows[kept]
    columns = [here for here, keep in zip(names, kept, strict=True) if keep]
    if rows.empty or pairs["scene"].nunique() < 2:
        return None
    families = pairs["family"] if (pairs["family"] != "").all() else None
    found = choice_contrasts(
        rows, pairs[columns].to_numpy(np.float64).T, pairs["dmos"], pairs["scene"],
        readout=readout, families=families,
    )  # fmt: skip
    return found if len(found) else None


def _named(known: pd.DataFrame) -> str:
    """Return the known metrics that charts show, with their correlations."""
    told = layer_figures.drawn_yardsticks(known).sort_values("spearman")
    pairs = zip(told["layer"], told["spearman"], strict=True)
    said = ", ".join(f"{name} {correlation(value)}" for name, value in pairs) or "none measured"
    turned = ", ".join(known.loc[known["spearman"] < 0, "layer"])
    return said + (f"; below 0 and not drawn (which end is good?): {turned}" if turned else "")


def _own_charts(
    results: LayerResults,
    name: str,
    networks: Sequence[str],
    readout: str,
    changes: pd.DataFrame | None,
) -> Iterator[LayerChart]:
    if changes is not None:
        yield LayerChart(
            "choices",
            "What each choice changes",
            f"Means over rows, so that no best row flatters itself: read-outs against {readout} "
            f"over all layers; depth and network in {readout}. Thick: over references; thin: "
            f"over kinds of distortion. {len(changes)} comparisons: with twenty, one leaves out "
            "0 by chance.",
            partial(layer_gain_figures.difference_forest, changes),
            ("choices",),
        )
    families = results.distortions[results.distortions["set"] == name]
    families = families[families["spearman"].notna() & (families["network"] != YARDSTICK)]
    if len(families) and networks:
        yield LayerChart(
            "distortions",
            "Within each kind of distortion",
            f"Read-out {readout}. A pooled correlation also asks whether kinds of distortion are "
            "put on one scale; here each kind is asked alone.",
            partial(layer_figures.by_distortion, families, networks, readout),
            ("distortions",),
        )
    compared = results.differences[results.differences["set"] == name]
    if len(compared):
        count = f"{compared['compared'].max():.0f}"
        yield LayerChart(
            "differences",
            "Differences",
            f"{count} comparisons: with twenty, one interval leaves out 0 by chance. Over "
            "references asks what other photographs would say, over kinds of distortion what other "
            "kinds of harm would. Rows that were picked as the best of many flatter themselves.",
            partial(layer_gain_figures.difference_forest, compared),
            ("differences",),
        )


_MISSING = {
    1: "The table has no network that is trained for classification on ImageNet.",
    2: "Needs two AlexNets that differ in the goal of their training, such as alexnet and "
    "alexnet_jigsaw.",
    3: "Needs two AlexNets that differ in their training data, such as alexnet and "
    "alexnet_places365.",
}


def _factors(networks: Sequence[str]) -> list[tuple[str, list[str], str]]:
    """Return the networks of the charts of architecture, goal and data, with what they share."""
    about = {name: factors_of(name) for name in networks}
    alike = [
        name for name, one in about.items()
        if (one.goal, one.data) == (CLASSIFICATION, "ImageNet") or one.family == name
    ]  # fmt: skip
    alexnets = [name for name, one in about.items() if one.family in ALEXNETS]
    by_goal = [name for name in alexnets if about[name].data in ("ImageNet", UNTRAINED)]
    by_data = [
        name for name in alexnets
        if about[name].goal == CLASSIFICATION and about[name].family == ALEXNETS[0]
    ]  # fmt: skip
    goals = len({about[name].goal for name in by_goal}) > 1
    data = len({about[name].data for name in by_data}) > 1
    return [
        (
            "Architecture",
            alike[: layer_figures.MOST_NETWORKS],
            "Networks of different architecture, trained to classify ImageNet.",
        ),
        (
            "Training goal",
            by_goal if goals else [],
            "AlexNets trained for different goals. They also differ in architecture (stride, "
            "width, grouping, normalisation) and input, so that the goal is not isolated.",
        ),
        (
            "Training data",
            by_data if data else [],
            "AlexNets trained to classify different images. The one for CIFAR-10 is another, "
            "smaller network.",
        ),
    ]


def crossed_chart(crossed: pd.DataFrame | None) -> LayerChart:
    """Return the paper's fifth figure, or what would give it."""
    return LayerChart(
        "crossed",
        "Figure 5. Fine-tuned weights, crossed",
        "Open: all channels alike; filled: non-negative channel weights fitted to the scores of "
        "the set on the left of the arrow. The gain has its 95 % interval over references. Only "
        "pairs that did not fit are judged. A split by image leaves versions of each judged "
        "photograph among those that fitted, and flatters.",
        None if crossed is None else partial(layer_gain_figures.crossed_weights, crossed),
        ("crossed",),
        "No crossed.csv in the folder: fechner layers finetune writes it.",
    )
