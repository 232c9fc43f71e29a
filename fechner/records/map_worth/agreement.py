"""How maps agree with something that is known of each image: one writer and one reader.

What is known are marks of people (``fechner maps against-people``) or what the map's own model
loses when places are degraded (``fechner maps check``). ``NAME`` is ``people`` or ``check``:

``NAME.csv``         one row a map and measure: mean over images, and the difference from centre and
                     from contrast energy
``differences.csv``  each map against each rival
``images.csv``       one row an image, map and measure
``notes.csv``        what was left out or could not be done

Intervals are 95 %, Student's over images, on Fisher's scale where a measure has limits, which they
then keep; a blank number is one that is not defined. Names say SIMULATED where marks or ratings
are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
TEXT = {"map", "kind", "measure", "rival", "image", "note"}

Known = Literal["people", "check"]
MADE_BY = {"people": "fechner maps against-people", "check": "fechner maps check"}


@dataclass(frozen=True, eq=False)
class MapComparison:
    """The tables of a comparison; see the module for what each holds.

    Attributes
    ----------
    known
        What maps were held against.
    agreement, differences, images, notes
        The columns of each stand in this module.
    provenance
        What shaped the tables.
    """

    known: Known
    agreement: pd.DataFrame
    differences: pd.DataFrame
    images: pd.DataFrame
    notes: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether the marks, or the ratings behind the selection, were simulated."""
        return bool(self.provenance.get("simulated"))

    def write(self, folder: Path) -> list[Path]:
        """Write the tables with their provenance; return the tables' files."""
        tables = (self.agreement, self.differences, self.images, self.notes)
        files = dict(zip(_files(self.known), tables, strict=True))
        return write_tables(folder, files, self.provenance)


def read_map_comparison(folder: Path, known: Known) -> MapComparison:
    """Read what `MapComparison.write` wrote.

    Raises
    ------
    InputError
        If a table is missing or damaged.
    """
    files = _files(known)
    tables, block = read_tables(folder, files, text=TEXT, made_by=MADE_BY[known])
    agreement, differences, images, notes = (tables[file] for file in files)
    return MapComparison(known, agreement, differences, images, notes, block)


def _files(known: Known) -> dict[str, tuple[str, ...]]:
    return {
        f"{known}.csv": AGREEMENT_COLUMNS,
        "differences.csv": DIFFERENCES_COLUMNS,
        "images.csv": IMAGES_COLUMNS,
        "notes.csv": ("note",),
    }
