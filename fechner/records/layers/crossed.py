"""The table of fine-tuned weights: fitted on one set of pairs, judged on its rest and on others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fechner.records.cells import numbers, read_cells, require_columns
from fechner.records.simulated import marked_name

FILE = "crossed.csv"
_TEXT = ("fitted_on", "judged_on")
_NUMBERS = ("before", "after", "low", "high")


def read_crossed(folder: Path) -> pd.DataFrame | None:
    """Return the table in `folder`, its correlations as numbers; None where there is none.

    ``before`` and ``after`` are Spearman correlations without and with the weights, ``low`` and
    ``high`` the 95 % interval of the gain over references.

    Raises
    ------
    InputError
        If the table lacks a column, or a cell is no number.
    """
    files = [Path(folder) / marked_name(FILE, simulated=marked) for marked in (False, True)]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        return None
    table = read_cells(path)
    require_columns(table, (*_TEXT, *_NUMBERS), path)
    for name in _NUMBERS:
        table[name] = numbers(table, name, path, blank=True)
    return table
