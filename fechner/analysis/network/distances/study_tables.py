"""The tables of a layer study, from the measured rows of all its sets.

`study` measures; here the rows are judged against the scores, sorted by distortion, and the
best of each network is compared with the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.analysis.network.distances.ceiling import share_of_ceiling
from fechner.analysis.network.distances.correlations import by_group
from fechner.analysis.network.distances.resampling import RESAMPLES, differences_between
from fechner.analysis.network.distances.table import YARDSTICK, DistanceRow, agreement_table
from fechner.data.pairs import name_in
from fechner.progress import Progress, silent
from fechner.records.layers.results import (
    DIFFERENCES_COLUMNS,
    DISTORTIONS_COLUMNS,
    INTERVALS_COLUMNS,
    KEYS,
    LAYERS_COLUMNS,
    NOTES_COLUMNS,
    PAIR_COLUMNS,
    distance_name,
)

if TYPE_CHECKING:
    pass
from fechner.analysis.network.distances.study import SCORE, MeasuredSet, Note


def study_tables(
    sets: Sequence[MeasuredSet],
    notes: Sequence[Note],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, pd.DataFrame]:
    """Return the tables of `LayerResults` by name, without its provenance.

    Parameters
    ----------
    sets
        Sets of pairs with their distances.
    notes
        What could not be measured; those with `row` stand in the table without numbers.
    resamples, seed
        Of all intervals.

    Raises
    ------
    InputError
        If a distance cannot be judged.
    """
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in ("layers", "types", "differ")}
    for done, one in enumerate(sets, start=1):
        if one.rows:
            table = agreement_table(one.rows, one.pairs, resamples=resamples, seed=seed)
            if one.ceiling is not None:
                ceiling = one.ceiling
                table["share_of_ceiling"] = [
                    share_of_ceiling(rho, ceiling) for rho in table["spearman"]
                ]
            found["layers"].append(table)
            found["types"].append(_by_distortion(one))
            found["differ"].append(best_against_others(one, table, resamples, seed))
        progress(done, len(sets))
    missing = [
        {**{key: getattr(note, key) for key in KEYS}, **_counts(note, sets)}
        for note in notes
        if note.row
    ]
    layers = pd.concat(
        [*found["layers"], pd.DataFrame(missing, columns=[*KEYS, "n_pairs", "n_references"])]
        if missing
        else found["layers"] or [pd.DataFrame(columns=list(LAYERS_COLUMNS))],
        ignore_index=True,
    )
    return {
        "layers": layers.reindex(columns=list(LAYERS_COLUMNS)),
        "intervals": layers.reindex(columns=list(INTERVALS_COLUMNS)),
        "distances": pd.concat([_distances(one) for one in sets], ignore_index=True),
        "distortions": _stacked(found["types"], DISTORTIONS_COLUMNS),
        "differences": _stacked(found["differ"], DIFFERENCES_COLUMNS),
        "notes": pd.DataFrame(
            [[getattr(note, name) for name in NOTES_COLUMNS] for note in notes],
            columns=list(NOTES_COLUMNS),
        ),
    }


def _counts(note: Note, sets: Sequence[MeasuredSet]) -> dict[str, int]:
    pairs = next(one.pairs for one in sets if one.pairs.name == note.set)
    return {"n_pairs": len(pairs), "n_references": len(set(pairs.references))}


def _stacked(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    told = [part for part in parts if len(part)]
    return pd.concat(told, ignore_index=True) if told else pd.DataFrame(columns=list(columns))


def _distances(one: MeasuredSet) -> pd.DataFrame:
    """Return one row a pair with every distance."""
    pairs, count = one.pairs, len(one.pairs)
    about = {
        "set": [pairs.name] * count,
        "image": [name_in(one.folder, path) for path in pairs.images],
        "reference": [name_in(one.folder, path) for path in pairs.references],
        "scene": pairs.scenes,
        "family": [""] * count if pairs.families is None else pairs.families,
        "level": np.full(count, np.nan) if pairs.levels is None else pairs.levels,
        "dmos": pairs.dmos,
    }
    values = {distance_name(_key(row)): row.values for row in one.rows}
    return pd.DataFrame({name: about[name] for name in PAIR_COLUMNS} | values)


def _key(row: DistanceRow) -> tuple[str, str, str, str]:
    return row.network, row.layer, row.readout, row.weights


def _by_distortion(one: MeasuredSet) -> pd.DataFrame:
    pairs = one.pairs
    if pairs.families is None:
        return pd.DataFrame(columns=list(DISTORTIONS_COLUMNS))
    parts = []
    for row in one.rows:
        found = by_group(row.values, pairs.dmos, pairs.families)
        parts.append(
            found.rename(columns={"group": "family"}).assign(
                network=row.network,
                layer=row.layer,
                depth=row.depth,
                readout=row.readout,
                weights=row.weights,
                set=pairs.name,
            )
        )
    return pd.concat(parts)[list(DISTORTIONS_COLUMNS)]


def best_against_others(
    one: MeasuredSet, table: pd.DataFrame, resamples: int, seed: int
) -> pd.DataFrame:
    """Return each network's best distance against the others' and every yardstick.

    Parameters
    ----------
    one, table
        The set, and the agreement of its rows in the same order.
    resamples, seed
        Of the intervals; without resamples nothing is compared.

    Returns
    -------
    Frame of `DIFFERENCES_COLUMNS`: ``compared`` is in how many comparisons a row is one, and
    ``best_of`` from how many distances the first was chosen: the best of many is flattered by
    having been chosen on these very pairs.
    """
    numbered = table.reset_index(drop=True)
    inside = numbered[numbered["network"] != YARDSTICK]
    best = inside.groupby("network", sort=False)["spearman"].idxmax().tolist()
    sticks = numbered.index[numbered["network"] == YARDSTICK].tolist()
    places = [*best, *sticks]
    if not resamples or not best or len(places) < 2:
        return pd.DataFrame(columns=list(DIFFERENCES_COLUMNS))
    names = [distance_name(_key(one.rows[place])) for place in places]
    families = one.pairs.families
    if families is not None and len(np.unique(families)) < 2:
        families = None
    found = differences_between(
        names,
        np.stack([one.rows[place].values for place in places]),
        one.pairs.dmos,
        one.pairs.scenes,
        families=families,
        resamples=resamples,
        seed=seed,
    )
    chosen = dict(zip(names, numbered["network"].iloc[places], strict=True))
    counts = inside["network"].value_counts()
    found = found[found["first"].map(chosen) != YARDSTICK]
    found = found.assign(
        set=one.pairs.name, compared=len(found), best_of=found["first"].map(chosen).map(counts)
    )
    return found[list(DIFFERENCES_COLUMNS)]


def against_dmos(row: DistanceRow, table: pd.DataFrame) -> str | None:
    """Return a warning where a score column runs against the DMOS beyond its interval."""
    mine = table[(table["network"] == row.network) & (table["layer"] == row.layer)]
    mine = mine[mine["readout"] == SCORE]
    if len(mine) and float(mine["high"].iloc[0]) < 0:
        return (
            f"it runs against the DMOS (Spearman {float(mine['spearman'].iloc[0]):.2f}); say which "
            f"end is good: {row.layer}:high or {row.layer}:low"
        )
    return None
