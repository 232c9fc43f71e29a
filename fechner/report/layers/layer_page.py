"""The page of a layer study: which distances agree with people, and what that leaves open.

One self-contained HTML file from the tables of `records.layers.results`, in the form of the
report. `layer_figures` draws.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fechner.analysis.network.distances.table import YARDSTICK
from fechner.analysis.network.layers.factors import (
    ACCURACIES,
    factors_of,
)
from fechner.errors import InputError, nearest
from fechner.provenance import write_text
from fechner.records.layers.crossed import read_crossed
from fechner.records.layers.results import FILES, KEYS, LayerResults, read_layer_results
from fechner.records.simulated import marked_name
from fechner.report.charts.chart import Chart, Draw, chart
from fechner.report.frame.frame import rendered
from fechner.report.frame.records_named import RecordNamed, records_named
from fechner.report.layers.layer_charts import (
    LayerChart,
    choice_effects,
    correlation,
    crossed_chart,
    layer_charts,
)
from fechner.report.layers.layer_figures import NO_WEIGHTS
from fechner.report.layers.layer_gain_figures import best_rows
from fechner.report.layers.layer_tables import exact_layer_tables
from fechner.report.style import drawing
from fechner.report.tables import Table, number

FILE = "layers.html"
TEMPLATE = "layers.html.j2"
PREFERRED = ("euclid", "rms")
"""Read-outs for charts with one line a network: the paper's first."""
_NO_MORE = {"low_types": None, "high_types": None, "share_of_ceiling": None}


def write_layer_page(folder: Path, *, readout: str | None = None) -> Path:
    """Write the page of a layer study into its folder and return its path.

    Parameters
    ----------
    folder
        What `fechner layers run` wrote.
    readout
        The read-out of the charts with one line a network; None takes the paper's, else the
        first of the table.

    Raises
    ------
    InputError
        If a table is missing or damaged, or the read-out is not in it.
    """
    results = read_layer_results(Path(folder))
    table = Path(folder) / marked_name(FILES["layers"], simulated=results.simulated)
    provenance = records_named([(table, results.provenance)])
    page = _page(results, read_crossed(Path(folder)), provenance, readout=readout)
    path = Path(folder) / marked_name(FILE, simulated=results.simulated)
    write_text(path, page)
    return path


def _page(
    results: LayerResults,
    crossed: pd.DataFrame | None,
    provenance: list[RecordNamed],
    *,
    readout: str | None,
) -> str:
    chosen, names = chosen_readout(results, readout), _sets(results)
    changes = {name: choice_effects(results, name, chosen) for name in names}
    fitted = crossed_chart(crossed)
    told = []
    for number_, name in enumerate(names, start=1):
        found = list(layer_charts(results, name, chosen, changes[name]))
        if len(names) == 1:
            # In the order of the paper, before its sixth figure.
            found.insert(4, fitted)
        else:
            found = [replace(one, name=f"{number_}_{one.name}") for one in found]
        told.append(_set_parts(results, name, number_, found))
    every = [one for part in told for one in part["charts"]] + [fitted] * (len(names) > 1)
    exact = exact_layer_tables(results, crossed, changes)
    with drawing():
        charts = {one.name: _drawn(one, one.draw, results) for one in every if one.draw is not None}
    return rendered(
        TEMPLATE,
        charts=charts,
        exact=exact,
        tables_folder="",
        kind="layer study",
        title=f"Distances inside networks and what people said: {', '.join(names)}",
        simulated_note="No people made these ratings." if results.simulated else None,
        sets=told,
        crossed=fitted if len(names) > 1 else None,
        readout=chosen,
        notes=_notes(results),
        accuracies=_accuracy_table(results),
        limits=not_said(results),
        provenance=provenance,
    )


def _drawn(one: LayerChart, draw: Draw, results: LayerResults) -> Chart:
    return chart(
        draw, name=one.name, label=one.title, simulated=results.simulated, tables=one.tables
    )


def chosen_readout(results: LayerResults, asked: str | None) -> str:
    """Return the read-out of the charts with one line a network.

    Raises
    ------
    InputError
        If the one that was asked for is not in the table.
    """
    of_networks = results.measured[results.measured["network"] != YARDSTICK]
    there = list(dict.fromkeys(of_networks["readout"]))
    if asked is not None and asked not in there:
        raise InputError(f"no row has the read-out {asked!r}; {nearest(asked, there)}")
    usual = [name for name in PREFERRED if name in there]
    return asked or next(iter([*usual, *there]), "")


def _sets(results: LayerResults) -> list[str]:
    return list(dict.fromkeys(results.measured["set"]))


def _set_parts(
    results: LayerResults, name: str, number_: int, found: list[LayerChart]
) -> dict[str, Any]:
    rows = results.measured[results.measured["set"] == name]
    types = results.intervals[results.intervals["set"] == name]
    return {
        "id": f"set-{number_}",
        "name": name,
        "facts": compared_counts(rows),
        "sentences": sentences(rows),
        "charts": found,
        "ranges": choice_table(rows),
        "rows": row_table(rows, types),
    }


def compared_counts(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what was compared, in numbers: value and name."""
    of_networks = rows[rows["network"] != YARDSTICK]
    counts = {
        "pair": rows["n_pairs"].max(),
        "reference": rows["n_references"].max(),
        "network": of_networks["network"].nunique(),
        "distance": len(of_networks),
        "known metric": len(rows) - len(of_networks),
    }
    return [(f"{n:.0f}", name if n == 1 else f"{name}s") for name, n in counts.items()]


def sentences(rows: pd.DataFrame) -> list[str]:
    """Return what the table says first, each number with its interval."""
    of_networks = rows[rows["network"] != YARDSTICK]
    known = rows[rows["network"] == YARDSTICK]
    said = []
    if len(of_networks):
        best = of_networks.iloc[int(np.argmax(of_networks["spearman"]))]
        said.append(
            f"The distance that agrees best is {best['network']} {best['layer']}, "
            f"{best['readout']}: {correlation(best['spearman'])} {_interval(best)}. It is the best "
            f"of {len(of_networks)}, so it promises more than another set will keep."
        )
    if len(known):
        best = known.iloc[int(np.argmax(known["spearman"]))]
        said.append(
            f"Of {len(known)} known metrics {best['layer']} agrees best: "
            f"{correlation(best['spearman'])} {_interval(best)}."
        )
    if rows["n_references"].max() < 20:
        said.append(
            f"With {rows['n_references'].max():.0f} references the intervals are themselves rough, "
            "and rather too short: a bootstrap sees no content that is not there."
        )
    return said


def _interval(row: Any, low: str = "low", high: str = "high") -> str:
    if pd.isna(row[low]):
        return ""
    return f"[{correlation(row[low])}, {correlation(row[high])}]"


def choice_table(rows: pd.DataFrame) -> Table | None:
    """Return how far each choice alone moves the correlation, the others held.

    The median over all settings of the other choices of largest minus smallest, where at least
    two settings of a choice were measured; None where there is none.
    """
    mine = rows[rows["weights"].isin(NO_WEIGHTS) & (rows["network"] != YARDSTICK)]
    best = mine.groupby(["network", "readout"], as_index=False)["spearman"].max()
    lines = []
    for choice, held, rows_, keys in (
        ("layer", "network and read-out", mine, ["network", "readout"]),
        ("read-out", "network and layer", mine, ["network", "layer"]),
        ("network, each at its best layer", "read-out", best, ["readout"]),
    ):
        groups = rows_.groupby(keys)["spearman"]
        spread = (groups.max() - groups.min())[groups.count() > 1]
        if len(spread):
            lines.append(
                [choice, held, f"{groups.count().median():.0f}", correlation(spread.median()),
                 f"{correlation(spread.min())} to {correlation(spread.max())}"]
            )  # fmt: skip
    header = ("choice", "held", "settings", "median range", "smallest to largest range")
    return Table(header, lines) if lines else None


def row_table(rows: pd.DataFrame, intervals: pd.DataFrame) -> Table:
    """Return all rows of a set, the best of each network and metric standing out."""
    types = intervals.set_index(list(KEYS))
    best = set(best_rows(rows).index)
    lines, strong = [], set()
    for at, (index, row) in enumerate(rows.iterrows()):
        key = tuple(row[name] for name in KEYS)
        more = types.loc[key] if key in types.index else _NO_MORE
        lines.append(
            [
                row["network"], row["layer"],
                "\N{EN DASH}" if pd.isna(row["depth"]) else f"{row['depth']:.0f}",
                row["readout"], row["weights"], correlation(row["spearman"]), _interval(row),
                _interval(more, "low_types", "high_types"),
                correlation(more["share_of_ceiling"]), correlation(row["kendall"]),
                correlation(row["pearson"]), number(row["rmse"]),
                correlation(row["within_distortion"]), correlation(row["within_reference"]),
            ]
        )  # fmt: skip
        if index in best:
            strong.add(at)
    header = (
        "network", "layer", "depth %", "read-out", "weights", "Spearman", "over references",
        "over distortions", "of ceiling", "Kendall", "Pearson", "RMSE", "within distortions",
        "within references",
    )  # fmt: skip
    return Table(header, lines, frozenset(strong))


def _notes(results: LayerResults) -> list[str]:
    return [
        " ".join(str(row[key]) for key in ("network", "layer", "readout") if row[key])
        + f": {row['note']}"
        for row in results.notes.to_dict("records")
    ]


def _accuracy_table(results: LayerResults) -> Table | None:
    names = [name for name in dict.fromkeys(results.layers["network"]) if name in ACCURACIES]
    lines = [[name, f"{ACCURACIES[name].percent:.1f}", ACCURACIES[name].source] for name in names]
    return Table(("network", "top-1 %", "published in"), lines) if lines else None


def not_said(results: LayerResults) -> list[str]:
    """Return what this study cannot say."""
    said = [
        "An agreement with mean scores of one set holds for its photographs, its kinds of "
        "distortion and its viewing distance; nothing here was measured on a network's own.",
        "Rows are correlated: neighbouring layers and read-outs share their activations, so many "
        "rows that agree are not many witnesses.",
        "A correlation says nothing of equal distances; RMSE is after a curve that was fitted to "
        "the same scores.",
        "That a layer agrees with people does not say that people see as it does: distances that "
        "merely grow with the amount of distortion agree, too.",
    ]
    networks = [name for name in dict.fromkeys(results.layers["network"]) if name != YARDSTICK]
    about = [factors_of(name) for name in networks]
    for what, values in (("goal", {one.goal for one in about}), ("data", {o.data for o in about})):
        if len(values) < 2:
            said.append(f"The networks do not differ in training {what}, so it cannot be judged.")
    if len(networks) > 1:
        said.append(
            "Networks differ in more than one respect (architecture, preprocessing, training), so "
            "that a difference between two of them has no single cause."
        )
    return said
