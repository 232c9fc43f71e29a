"""The tables of a finished layer study: one writer and one reader for all that show them.

``layers.csv``            one row a distance: how it agrees with people, [low, high] over references
``layers_intervals.csv``  the same rows with the intervals over references and over distortion
                          types, and the share of the noise ceiling where single ratings are known
``distances.csv``         one row a pair, one column a distance: nothing need be computed again
``distortions.csv``       agreement within each distortion type
``differences.csv``       the best distances against yardsticks and each other, with intervals
``notes.csv``             what could not be measured, or what to know of a row, and why

Each has its provenance in a JSON file beside it; names say SIMULATED where ratings are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fechner.errors import InputError
from fechner.provenance import read_json, write_json, write_text
from fechner.records.cells import csv_text, numbers, read_cells, require_columns
from fechner.records.simulated import marked_name

KEYS = ("network", "layer", "readout", "weights", "set")
"""What names a row: a distance and the set of pairs that it was judged on."""
LAYERS_COLUMNS = (
    "network", "layer", "depth", "readout", "weights", "set", "n_pairs", "n_references",
    "spearman", "low", "high", "kendall", "pearson", "rmse", "within_distortion",
    "within_reference",
)  # fmt: skip
INTERVALS_COLUMNS = (
    *KEYS, "spearman", "low", "high", "low_types", "high_types", "share_of_ceiling",
)  # fmt: skip
DISTORTIONS_COLUMNS = (
    "network", "layer", "depth", "readout", "weights", "set", "family", "n_pairs", "spearman",
)  # fmt: skip
DIFFERENCES_COLUMNS = (
    "set", "first", "second", "difference", "low", "high", "low_types", "high_types",
    "compared", "best_of",
)  # fmt: skip
NOTES_COLUMNS = (*KEYS, "note")
PAIR_COLUMNS = ("set", "image", "reference", "scene", "family", "level", "dmos")
"""What stands before the distances in ``distances.csv``."""
TEXT = {*KEYS, "family", "first", "second", "note", "image", "reference", "scene"}


def distance_name(row: Sequence[str]) -> str:
    """Return what a distance, (network, layer, readout, weights), is called in other tables."""
    return "/".join(row)


@dataclass(frozen=True, eq=False)
class LayerResults:
    """The tables of a layer study; see the module for what each holds.

    Attributes
    ----------
    layers, intervals, distances, distortions, differences, notes
        The columns of each stand in this module.
    provenance
        What shaped the tables.
    """

    layers: pd.DataFrame
    intervals: pd.DataFrame
    distances: pd.DataFrame
    distortions: pd.DataFrame
    differences: pd.DataFrame
    notes: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether any of the ratings were simulated."""
        return bool(self.provenance.get("simulated"))

    @property
    def measured(self) -> pd.DataFrame:
        """The rows of `layers` that have numbers."""
        return self.layers[self.layers["spearman"].notna()]

    def write(self, folder: Path) -> list[Path]:
        """Write every table with its provenance; return the files of the tables."""
        return [
            write_table(getattr(self, name), Path(folder) / file, self.provenance)
            for name, file in FILES.items()
        ]


FILES = {
    "layers": "layers.csv",
    "intervals": "layers_intervals.csv",
    "distances": "distances.csv",
    "distortions": "distortions.csv",
    "differences": "differences.csv",
    "notes": "notes.csv",
}
_COLUMNS = {
    "layers": LAYERS_COLUMNS,
    "intervals": INTERVALS_COLUMNS,
    "distances": PAIR_COLUMNS,
    "distortions": DISTORTIONS_COLUMNS,
    "differences": DIFFERENCES_COLUMNS,
    "notes": NOTES_COLUMNS,
}


def write_table(table: pd.DataFrame, path: Path, block: dict[str, Any]) -> Path:
    """Write a table with its provenance `block` in a JSON file beside it; return its path."""
    path = path.with_name(marked_name(path.name, simulated=bool(block.get("simulated"))))
    write_text(path, csv_text(table, path))
    write_json(path.with_suffix(".json"), block)
    return path


def read_layer_results(folder: Path) -> LayerResults:
    """Read what `LayerResults.write` wrote.

    Raises
    ------
    InputError
        If a table is missing or damaged.
    """
    folder = Path(folder)
    marked = (folder / marked_name(FILES["layers"], simulated=True)).is_file()
    if not marked and not (folder / FILES["layers"]).is_file():
        raise InputError(
            f"no {FILES['layers']} in {folder}; give the folder of a finished fechner layers run"
        )
    tables = {}
    for name, file in FILES.items():
        path = folder / marked_name(file, simulated=marked)
        tables[name] = _read_table(path, _COLUMNS[name])
    block = read_json(folder / Path(marked_name(FILES["layers"], simulated=marked)).with_suffix(
        ".json"
    ))  # fmt: skip
    if not isinstance(block, dict):
        raise InputError(f"{folder}: the provenance of layers.csv is damaged; run the study again")
    return LayerResults(**tables, provenance=block)


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        first = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; run the study again") from error
    # A table may have no rows: there was nothing to note, or one distance alone.
    empty = len(first) == 1
    table = pd.DataFrame(columns=first[0].split(",")) if empty else read_cells(path)
    require_columns(table, columns, path)
    for name in table.columns:
        if name not in TEXT:
            table[name] = (
                numbers(table, name, path, blank=True)
                if "inf" not in set(table[name])
                else table[name].replace("", np.nan).astype(np.float64)
            )
    return table
