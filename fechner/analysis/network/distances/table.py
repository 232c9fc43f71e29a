"""One row a distance: how well it agrees with people, and how sure that is.

Layers, read-outs, channel weights and yardsticks side by side on one set of pairs. All rows see
the same resamples, so that any two can be compared (`resampling.differences_between`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.distances.correlations import agreement_with_dmos
from fechner.analysis.network.distances.resampling import RESAMPLES, bootstrap, intervals
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.data.pairs import ReferencePairs

YARDSTICK = "yardstick"
"""What stands as network where a row is a known metric."""
COLUMNS = (
    "network", "layer", "depth", "readout", "weights", "set", "n_pairs", "n_references",
    "spearman", "low", "high", "low_types", "high_types", "kendall", "pearson", "rmse",
    "within_distortion", "within_reference",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class DistanceRow:
    """A distance of every pair, and what it is called.

    Attributes
    ----------
    network, layer, readout, weights
        Names; a yardstick is a layer of the network ``yardstick``.
    values : (n_pairs,) float64
        Higher is worse.
    depth
        Of the layer, in percent; NaN where it has none.
    """

    network: str
    layer: str
    readout: str
    weights: str
    values: NDArray[np.float64]
    depth: float = float("nan")


def agreement_table(
    rows: Sequence[DistanceRow],
    pairs: ReferencePairs,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row of `COLUMNS` for each distance.

    Parameters
    ----------
    rows
        The distances.
    pairs
        What people said; ``scenes`` are the references, ``families`` the distortion types.
    resamples, seed
        Of the intervals of the Spearman correlation: low and high over references, low_types
        and high_types over distortion types (NaN where the table tells none, or one only).
        With 0 resamples there are none.

    Raises
    ------
    InputError
        If scores are constant, a distance is missing, or there is one reference only.
    """
    if not rows:
        raise InputError("no distance was given; name at least one")
    values = np.stack([row.values for row in rows])
    nothing = np.full((len(rows), 2), np.nan)
    over_references, over_types = nothing, nothing
    if resamples:
        drawn = bootstrap(values, pairs.dmos, pairs.scenes, resamples=resamples, seed=seed)
        over_references = intervals(drawn)
        if pairs.families is not None and len(np.unique(pairs.families)) > 1:
            drawn = bootstrap(values, pairs.dmos, pairs.families, resamples=resamples, seed=seed)
            over_types = intervals(drawn)
    table = []
    for row, of_references, of_types in zip(rows, over_references, over_types, strict=True):
        found = agreement_with_dmos(
            row.values, pairs.dmos, families=pairs.families, references=pairs.scenes
        )
        table.append(
            (
                row.network, row.layer, row.depth, row.readout, row.weights, pairs.name,
                len(pairs.dmos), len(set(pairs.references)), found.spearman, *of_references,
                *of_types, found.kendall, found.pearson, found.rmse, found.within_distortion,
                found.within_reference,
            )
        )  # fmt: skip
    return pd.DataFrame(table, columns=list(COLUMNS))
