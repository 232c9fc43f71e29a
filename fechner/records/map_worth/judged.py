"""How maps were judged by what people said of distorted images: one writer and one reader.

``judge.csv``        one row a map and error: how far the errors that the map weighs agree with
                     people, and the difference from no map and from a map of contrast energy
``differences.csv``  each map against each rival
``notes.csv``        what was left out or could not be measured, and why

Intervals are 95 %, over references; a blank number is one that is not defined. Names say SIMULATED
where ratings are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.errors import InputError
from fechner.provenance import read_json, write_json, write_text
from fechner.records.cells import csv_text, numbers, read_cells, require_columns
from fechner.records.simulated import marked_name

JUDGE_COLUMNS = (
    "map", "kind", "error", "n_pairs", "n_undefined", "n_references",
    "spearman", "spearman_low", "spearman_high", "within_distortion",
    "minus_uniform", "minus_uniform_low", "minus_uniform_high",
    "minus_contrast", "minus_contrast_low", "minus_contrast_high",
)  # fmt: skip
"""``kind`` is map or rival; ``n_undefined`` pairs, where the map weighs nothing, are left out."""
DIFFERENCES_COLUMNS = (
    "map", "rival", "error", "n_pairs", "difference", "low", "high", "compared",
)  # fmt: skip
"""``difference`` of the two correlations on the pairs where both are defined; ``compared`` in how
many such comparisons of one error this is one."""
NOTES_COLUMNS = ("note",)
TEXT = {"map", "kind", "error", "rival", "note"}
FILES = {
    "judge": ("judge.csv", JUDGE_COLUMNS),
    "differences": ("differences.csv", DIFFERENCES_COLUMNS),
    "notes": ("notes.csv", NOTES_COLUMNS),
}


@dataclass(frozen=True, eq=False)
class JudgedMaps:
    """The tables of a judgement; see the module for what each holds.

    Attributes
    ----------
    judge, differences, notes
        The columns of each stand in this module.
    provenance
        What shaped the tables.
    """

    judge: pd.DataFrame
    differences: pd.DataFrame
    notes: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether the ratings were simulated."""
        return bool(self.provenance.get("simulated"))

    def write(self, folder: Path) -> list[Path]:
        """Write the tables, and ``judge.json`` with their provenance; return the tables' files."""
        written = []
        for name, (file, _) in FILES.items():
            path = Path(folder) / marked_name(file, simulated=self.simulated)
            write_text(path, csv_text(getattr(self, name), path))
            written.append(path)
        write_json(written[0].with_suffix(".json"), self.provenance)
        return written


def read_judged_maps(folder: Path) -> JudgedMaps:
    """Read what `JudgedMaps.write` wrote.

    Raises
    ------
    InputError
        If a table is missing or damaged.
    """
    folder = Path(folder)
    marked = (folder / marked_name("judge.csv", simulated=True)).is_file()
    if not marked and not (folder / "judge.csv").is_file():
        raise InputError(f"no judge.csv in {folder}; give a folder that fechner maps judge wrote")
    paths = {name: folder / marked_name(FILES[name][0], simulated=marked) for name in FILES}
    block = read_json(paths["judge"].with_suffix(".json"))
    if not isinstance(block, dict):
        raise InputError(f"{paths['judge'].with_suffix('.json')} is damaged; judge the maps again")
    tables = {name: _read(path, FILES[name][1]) for name, path in paths.items()}
    return JudgedMaps(**tables, provenance=block)


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; judge the maps again") from error
    # There may be nothing to note.
    table = pd.DataFrame(columns=list(columns)) if len(lines) == 1 else read_cells(path)
    require_columns(table, columns, path)
    for name in set(table.columns) - TEXT:
        table[name] = numbers(table, name, path, blank=True)
    return table
