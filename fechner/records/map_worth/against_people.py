"""How maps agree with what people marked or looked at: one writer and one reader.

``people.csv``       one row a map and measure: mean over images, and the difference from centre and
                     from contrast energy
``differences.csv``  each map against each rival
``images.csv``       one row an image, map and measure
``notes.csv``        what was left out

Intervals are 95 %, Student's over images; a blank number is one that is not defined. Names say
SIMULATED where marks are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.records.map_worth.tables import read_tables, write_tables

AGREEMENT_COLUMNS = (
    "map", "kind", "measure", "n_images", "n_undefined", "value", "low", "high",
    "minus_centre", "minus_centre_low", "minus_centre_high",
    "minus_contrast", "minus_contrast_low", "minus_contrast_high",
)  # fmt: skip
"""``kind`` is map, rival or people; images where a measure is not defined are left out, and
``n_undefined`` counts them."""
DIFFERENCES_COLUMNS = (
    "map", "rival", "measure", "n_images", "n_undefined", "difference", "low", "high", "compared",
)  # fmt: skip
IMAGES_COLUMNS = ("image", "map", "measure", "value")
FILES = {
    "people.csv": AGREEMENT_COLUMNS,
    "differences.csv": DIFFERENCES_COLUMNS,
    "images.csv": IMAGES_COLUMNS,
    "notes.csv": ("note",),
}
TEXT = {"map", "kind", "measure", "rival", "image", "note"}


@dataclass(frozen=True, eq=False)
class MapsAgainstPeople:
    """The tables of a comparison; see the module for what each holds."""

    agreement: pd.DataFrame
    differences: pd.DataFrame
    images: pd.DataFrame
    notes: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether the marks were simulated."""
        return bool(self.provenance.get("simulated"))

    def write(self, folder: Path) -> list[Path]:
        """Write the tables with their provenance; return the tables' files."""
        tables = (self.agreement, self.differences, self.images, self.notes)
        return write_tables(folder, dict(zip(FILES, tables, strict=True)), self.provenance)


def read_maps_against_people(folder: Path) -> MapsAgainstPeople:
    """Read what `MapsAgainstPeople.write` wrote.

    Raises
    ------
    InputError
        If a table is missing or damaged.
    """
    tables, block = read_tables(folder, FILES, text=TEXT, made_by="fechner maps against-people")
    return MapsAgainstPeople(
        tables["people.csv"],
        tables["differences.csv"],
        tables["images.csv"],
        tables["notes.csv"],
        block,
    )
