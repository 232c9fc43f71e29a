"""Tables of what maps are worth: written with one block of provenance, read with their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.errors import InputError
from fechner.provenance import read_json, write_json, write_text
from fechner.records.cells import csv_text, numbers, read_cells, require_columns
from fechner.records.simulated import marked_name

Columns = Mapping[str, Sequence[str]]
"""Name of each file and its columns; the first file's JSON holds the provenance of all."""


def write_tables(
    folder: Path, tables: Mapping[str, pd.DataFrame], block: dict[str, Any]
) -> list[Path]:
    """Write tables by file name, and their provenance beside the first; return their paths."""
    written = []
    for file, table in tables.items():
        path = Path(folder) / marked_name(file, simulated=bool(block.get("simulated")))
        write_text(path, csv_text(table, path))
        written.append(path)
    write_json(written[0].with_suffix(".json"), block)
    return written


def read_tables(
    folder: Path, columns: Columns, *, text: set[str], made_by: str
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Read what `write_tables` wrote.

    Parameters
    ----------
    folder
        Where it lies.
    columns
        Files and the columns that each must have.
    text
        The columns that are no numbers.
    made_by
        The command, for messages.

    Returns
    -------
    tuple
        Tables by file name, and the block of provenance.

    Raises
    ------
    InputError
        If a table is missing or damaged.
    """
    folder, first = Path(folder), next(iter(columns))
    marked = (folder / marked_name(first, simulated=True)).is_file()
    if not marked and not (folder / first).is_file():
        raise InputError(f"no {first} in {folder}; give a folder that {made_by} wrote")
    paths = {file: folder / marked_name(file, simulated=marked) for file in columns}
    block = read_json(paths[first].with_suffix(".json"))
    if not isinstance(block, dict):
        raise InputError(f"{paths[first].with_suffix('.json')} is damaged; repeat {made_by}")
    return {file: _read(path, columns[file], text, made_by) for file, path in paths.items()}, block


def _read(path: Path, columns: Sequence[str], text: set[str], made_by: str) -> pd.DataFrame:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; repeat {made_by}") from error
    # There may be nothing to note.
    table = pd.DataFrame(columns=list(columns)) if len(lines) == 1 else read_cells(path)
    require_columns(table, columns, path)
    for name in set(table.columns) - text:
        table[name] = numbers(table, name, path, blank=True)
    return table
