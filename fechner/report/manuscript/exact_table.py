"""One table with all its digits, and the name of its file."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fechner.records.cells import csv_text
from fechner.records.simulated import marked_name


@dataclass(frozen=True)
class ExactTable:
    """A table with all its digits.

    Attributes
    ----------
    name
        Of the table, and of its file without mark and suffix.
    about
        What a row is, and the units.
    source
        The artefact that it is taken from.
    table
        Its values.
    simulated
        Whether they rest on SIMULATED ratings or participants.
    """

    name: str
    about: str
    source: str
    table: pd.DataFrame
    simulated: bool = False

    @property
    def file(self) -> str:
        """The name of its file, marked where its content is simulated."""
        return marked_name(f"{self.name}.csv", simulated=self.simulated)

    @property
    def text(self) -> str:
        """The content of its file."""
        return csv_text(self.table)
