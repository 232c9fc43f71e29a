"""Whether what a map weighs agrees better with people than what its rivals weigh.

**Weighted errors** -> `JudgedMaps`. Errors and DMOS both rise with harm, so that agreement is a
positive Spearman correlation: a map that turned the order round gets no credit for it. Intervals
and differences come from drawing whole references anew, the same draws for both sides of a
difference (`analysis/network/distances/resampling`).

The tables that go with pairs can tell little where the damage is spread over the whole image: then
the error alone knows almost all that there is to know. Local damage is what a map is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.judging.rivals import CONTRAST, UNIFORM
from fechner.analysis.judging.weighted_errors import WeightedErrors
from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.distances.correlations import FEWEST_PAIRS, within
from fechner.analysis.network.distances.resampling import RESAMPLES, bootstrap
from fechner.errors import InputError
from fechner.records.map_worth.judged import DIFFERENCES_COLUMNS, JUDGE_COLUMNS

NOTHING = (float("nan"), float("nan"))


def judged_maps(
    found: WeightedErrors,
    dmos: ArrayLike,
    references: ArrayLike,
    *,
    families: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how well each map's errors agree with people, and each map against each rival.

    Parameters
    ----------
    found
        The errors of each pair under each map.
    dmos : (n_pairs,)
        Higher is worse.
    references : (n_pairs,)
        What is drawn whole.
    families : (n_pairs,), optional
        Distortion types, for the correlations within them.
    resamples, seed
        Of the bootstrap; 0 draws gives no intervals.

    Returns
    -------
    tuple of pandas.DataFrame
        The tables ``judge`` and ``differences`` of `records.map_worth.judged.JudgedMaps`.

    Raises
    ------
    InputError
        If scores are constant, or there are fewer than two references.
    """
    y, units = np.asarray(dmos, np.float64), np.asarray(references).astype(str)
    if len(y) < FEWEST_PAIRS or np.ptp(y) == 0:
        raise InputError(
            f"all {len(y)} pairs have the same score, so that no map can agree with them; check "
            "the column of scores"
        )
    if len(set(units)) < 2:
        raise InputError("all pairs have one reference; a map is judged on two or more")
    draw = _Drawing(y, units, resamples, seed)
    judge, differences = [], []
    for column, error in enumerate(found.errors):
        rows = dict(zip(found.maps, found.values[:, column], strict=True))
        for name in found.maps:
            judge.append(
                {
                    "map": name,
                    "kind": "rival" if name in found.rivals else "map",
                    "error": error,
                    **_alone(rows[name], y, units, families, draw),
                    **_minus("uniform", rows[name], rows[UNIFORM], draw),
                    **_minus("contrast", rows[name], rows[CONTRAST], draw),
                }
            )
        differences += _each_against_rivals(found, error, rows, draw)
    return (
        pd.DataFrame(judge, columns=list(JUDGE_COLUMNS)),
        pd.DataFrame(differences, columns=list(DIFFERENCES_COLUMNS)),
    )


class _Drawing:
    """Spearman of two rows of errors, and draws of both, on the pairs where both are defined."""

    def __init__(self, y: NDArray, units: NDArray, resamples: int, seed: int) -> None:
        self.y, self.units, self.resamples, self.seed = y, units, resamples, seed

    def __call__(self, *rows: NDArray) -> tuple[NDArray, list[float], NDArray | None]:
        """Return which pairs count, the correlation of each row, and (n_rows, n_draws)."""
        told = np.isfinite(np.stack(rows)).all(axis=0)
        y, units = self.y[told], self.units[told]
        if told.sum() < FEWEST_PAIRS or np.ptp(y) == 0:
            return told, [float("nan")] * len(rows), None
        whole = [defined_spearman(row[told], y) for row in rows]
        if not self.resamples or len(set(units)) < 2:
            return told, whole, None
        table = np.stack([row[told] for row in rows])
        draws = bootstrap(table, y, units, resamples=self.resamples, seed=self.seed)
        return told, whole, draws


def defined_spearman(x: NDArray, y: NDArray) -> float:
    """Return Spearman's correlation of two (n,) arrays; NaN where one is constant or n < 3."""
    if len(x) < FEWEST_PAIRS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return spearman(x, y)


def _alone(
    row: NDArray, y: NDArray, units: NDArray, families: ArrayLike | None, draw: _Drawing
) -> dict[str, Any]:
    told, (value,), draws = draw(row)
    low, high = NOTHING if draws is None else percentile_interval(draws[0])
    types = None if families is None else np.asarray(families)[told]
    return {
        "n_pairs": int(told.sum()),
        "n_undefined": int((~told).sum()),
        "n_references": len(set(units[told])),
        "spearman": value,
        "spearman_low": low,
        "spearman_high": high,
        "within_distortion": within(row[told], y[told], types),
    }


def _minus(rival: str, row: NDArray, other: NDArray, draw: _Drawing) -> dict[str, float]:
    if row is other:
        return {}
    difference, low, high, _ = _difference(row, other, draw)
    name = f"minus_{rival}"
    return {name: difference, f"{name}_low": low, f"{name}_high": high}


def _difference(
    row: NDArray, other: NDArray, draw: Callable[..., Any]
) -> tuple[float, float, float, int]:
    told, (one, rival), draws = draw(row, other)
    low, high = NOTHING if draws is None else percentile_interval(draws[0] - draws[1])
    return one - rival, low, high, int(told.sum())


def _each_against_rivals(
    found: WeightedErrors, error: str, rows: dict[str, NDArray], draw: _Drawing
) -> list[dict[str, Any]]:
    own = [name for name in found.maps if name not in found.rivals]
    against = [name for name in found.maps if name in found.rivals]
    table = []
    for name in own:
        for rival in against:
            difference, low, high, n = _difference(rows[name], rows[rival], draw)
            table.append(
                {
                    "map": name,
                    "rival": rival,
                    "error": error,
                    "n_pairs": n,
                    "difference": difference,
                    "low": low,
                    "high": high,
                    "compared": len(own) * len(against),
                }
            )
    return table
