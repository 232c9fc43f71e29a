"""The text of a CSV table: commas, quotes where they are needed, lines that end with a line feed.

With the standard library only, because sessions and stimulus sets read and write tables
without pandas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def rows_as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as comma-separated text; an empty `header` leaves its line out."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
