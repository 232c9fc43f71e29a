"""Evidence within levels of a column, and on another rated set, as tables in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.provenance import provenance, write_json, write_text
from fechner.records.cells import csv_text
from fechner.records.selection import ColumnAlone
from fechner.records.simulated import marked_name


def write_columns(
    alone: Sequence[ColumnAlone], folder: Path, dimension: str, *, simulated: bool
) -> None:
    """Write columns_DIMENSION.csv, where the table has columns of few levels.

    Parameters
    ----------
    alone
        What each column predicts alone.
    folder, dimension
        Where the file goes, and which ratings, for its name.
    simulated
        Whether the ratings are; the name then says so.
    """
    if alone:
        path = folder / marked_name(f"columns_{dimension}.csv", simulated=simulated)
        table = pd.DataFrame([one.model_dump() for one in alone])
        write_text(path, csv_text(table, path))


def write_crossing(
    table: pd.DataFrame,
    folder: Path,
    name: str,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    seed: int,
    simulated: bool,
) -> None:
    """Write a table of `confounds.within_levels` or `judging.judge_elsewhere`, with its JSON.

    Parameters
    ----------
    table, folder, name
        What is written to ``folder/name.csv``; the name says SIMULATED where ratings are.
    parameters, inputs, seed, simulated
        For the provenance.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    block = provenance(parameters=parameters, inputs=inputs, seed=seed, simulated=simulated)
    path = folder / marked_name(f"{name}.csv", simulated=simulated)
    write_text(path, csv_text(table, path))
    write_json(path.with_suffix(".json"), block)
