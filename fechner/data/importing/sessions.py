"""Trials of sessions that fechner recorded, in the tables that other programs read.

Those tables hold every trial; only those of kind ``main`` are ratings to analyse.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pandas as pd

from fechner.data.importing.layouts import LongCells
from fechner.records.journal.lines import Kind


def counted(long: LongCells) -> LongCells:
    """Return the trials whose ratings count: all, unless a column ``kind`` holds ours."""
    kinds = long.table.get("kind")
    if kinds is None or not set(kinds) <= set(get_args(Kind)) or "main" not in set(kinds):
        return long
    main = (kinds == "main").to_numpy()
    if main.all():
        return long
    others = ", ".join(sorted(set(kinds[~main])))
    said = f"{int((~main).sum())} trials that do not count ({others}) left out"
    return replace(
        long,
        table=long.table[main].reset_index(drop=True),
        places=long.places[main].reset_index(drop=True),
        said=(*long.said, said),
    )


def say_simulated(table: pd.DataFrame) -> bool:
    """Whether a column of the trials says that no people made the ratings."""
    simulated = table.get("simulated", pd.Series(dtype=object)).astype(str).str.casefold()
    device = table.get("device", pd.Series(dtype=object)).astype(str).str.casefold()
    return bool((simulated == "true").any() or (device == "simulated").any())
