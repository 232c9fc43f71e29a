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

from fechner.records.map_worth.tables import read_tables, write_tables

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
FILES = {
    "judge.csv": JUDGE_COLUMNS,
    "differences.csv": DIFFERENCES_COLUMNS,
    "notes.csv": ("note",),
}
TEXT = {"map", "kind", "error", "rival", "note"}


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
        """Write the tables with their provenance; return the tables' files."""
        tables = (self.judge, self.differences, self.notes)
        return write_tables(folder, dict(zip(FILES, tables, strict=True)), self.provenance)


def read_judged_maps(folder: Path) -> JudgedMaps:
    """Read what `JudgedMaps.write` wrote.

    Raises
    ------
    InputError
        If a table is missing or damaged.
    """
    tables, block = read_tables(folder, FILES, text=TEXT, made_by="fechner maps judge")
    return JudgedMaps(tables["judge.csv"], tables["differences.csv"], tables["notes.csv"], block)
