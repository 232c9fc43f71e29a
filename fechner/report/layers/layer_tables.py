"""The tables of a layer study that its page carries: the numbers of the files beside it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fechner.records.layers.results import FILES, LayerResults
from fechner.report.manuscript.exact_table import ExactTable

ABOUT = {
    "layers": "One distance and set a row: how it agrees with people",
    "intervals": "The same rows: intervals over references and over kinds of distortion",
    "distances": "One pair a row, one distance a column, higher for worse",
    "distortions": "Each distance within each kind of distortion",
    "differences": "The best distances minus others and minus known metrics",
    "notes": "What could not be measured, or needs a word",
}
"""What a row of each table of `LayerResults` is."""


def exact_layer_tables(
    results: LayerResults,
    crossed: pd.DataFrame | None,
    changes: Mapping[str, pd.DataFrame | None],
) -> dict[str, ExactTable]:
    """Return the tables of a layer study by name.

    Parameters
    ----------
    results
        Its tables.
    crossed
        What fine-tuned weights reach; None where nothing was fitted.
    changes
        What each choice changes, by the name of the set.

    Returns
    -------
    dict
        Tables without rows are left out.
    """
    found = {
        name: _exact(file.removesuffix(".csv"), about, getattr(results, name), results)
        for (name, file), about in zip(FILES.items(), ABOUT.values(), strict=True)
    }
    if crossed is not None:
        about = "Fine-tuned weights on the set that fitted them and on others"
        found["crossed"] = _exact("crossed", about, crossed, results)
    told = [table.assign(set=name) for name, table in changes.items() if table is not None]
    if told:
        every = pd.concat(told, ignore_index=True)
        about = "Mean change of the correlation that each choice makes, over rows"
        found["choices"] = _exact("choices", about, every, results)
    return {name: one for name, one in found.items() if len(one.table)}


def _exact(name: str, about: str, table: pd.DataFrame, results: LayerResults) -> ExactTable:
    return ExactTable(name, about, f"{name}.csv", table, results.simulated)
