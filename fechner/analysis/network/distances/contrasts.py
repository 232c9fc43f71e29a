"""What each choice of a layer study changes: read-out, depth and network, over many rows at once.

The best of hundreds of rows flatters itself. So a choice is judged by means over all rows that
share it, the rest being alike, and the means are compared within the same resamples
(`resampling.bootstrap`): of whole references, and of whole distortion types.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.distances.resampling import RESAMPLES, bootstrap

COLUMNS = (
    "choice", "first", "second", "difference", "low", "high", "low_types", "high_types",
    "rows_first", "rows_second", "compared",
)  # fmt: skip
HALF = 50.0
"""Depth in percent that parts the first half of a network from the second."""

_Groups = tuple[str, str, str, NDArray[np.bool_], NDArray[np.bool_]]


def choice_contrasts(
    rows: pd.DataFrame,
    distances: ArrayLike,
    dmos: ArrayLike,
    references: ArrayLike,
    *,
    readout: str,
    families: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much the mean correlation changes with each choice, with intervals.

    Parameters
    ----------
    rows
        What each distance is: network, layer, depth in percent (0 is the input), readout.
    distances : (n_rows, n_pairs)
        Higher is further.
    dmos, references, families : (n_pairs,)
        As for `bootstrap`; without two families there is no interval over distortion types.
    readout
        The one that others are compared with, and that depths and networks are compared in.
    resamples, seed
        Of both bootstraps.

    Returns
    -------
    Frame with `COLUMNS`: read-outs over all layers, the second half of each network against its
    first, and the second halves of networks against each other. The input belongs to neither.

    Raises
    ------
    InputError
        As for `bootstrap`.
    """
    table, y = np.asarray(distances, np.float64), np.asarray(dmos, np.float64)
    groups = list(_groups(rows, readout))
    if not groups:
        return pd.DataFrame(columns=list(COLUMNS))
    whole = np.array([spearman(row, y) for row in table])
    over = bootstrap(table, y, references, resamples=resamples, seed=seed)
    types = None
    if families is not None and len(np.unique(np.asarray(families))) > 1:
        types = bootstrap(table, y, families, resamples=resamples, seed=seed)
    nothing = (float("nan"), float("nan"))
    found = []
    for choice, first, second, a, b in groups:
        of_types = nothing if types is None else percentile_interval(_change(types, a, b))
        found.append(
            (
                choice, first, second, whole[a].mean() - whole[b].mean(),
                *percentile_interval(_change(over, a, b)), *of_types, int(a.sum()), int(b.sum()),
                len(groups),
            )
        )  # fmt: skip
    return pd.DataFrame(found, columns=list(COLUMNS))


def _change(draws: NDArray, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.float64]:
    return draws[a].mean(axis=0) - draws[b].mean(axis=0)


def _groups(rows: pd.DataFrame, readout: str) -> Iterator[_Groups]:
    """Return choice, names and rows of the two sides of each comparison that the rows allow."""
    inner = (rows["depth"] > 0).to_numpy()
    base = inner & (rows["readout"] == readout).to_numpy()
    places = pd.MultiIndex.from_frame(rows[["network", "layer"]])
    for other in dict.fromkeys(rows["readout"]):
        mine = inner & (rows["readout"] == other).to_numpy()
        # Layers that were read out both ways, so that nothing else differs.
        both = places.isin(places[mine]) & places.isin(places[base])
        if other != readout and both.any():
            yield "read-out", other, readout, mine & both, base & both
    deep = (rows["depth"] > HALF).to_numpy()
    networks = list(dict.fromkeys(rows["network"]))
    of = {name: base & (rows["network"] == name).to_numpy() for name in networks}
    for name, mine in of.items():
        if (mine & deep).any() and (mine & ~deep).any():
            yield "depth", f"{name}: second half", "first half", mine & deep, mine & ~deep
    for one, other in combinations([name for name in networks if (of[name] & deep).any()], 2):
        yield "network", f"second half: {one}", other, of[one] & deep, of[other] & deep
