"""Trials of a threshold protocol: at which strength a degradation was found, and where not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import choose_dimension
from fechner.errors import InputError, nearest
from fechner.records.cells import as_numbers, require_columns
from fechner.records.ratings import Ratings
from fechner.records.stimuli import StimulusSet, StimulusTable

NEEDED = ("scene", "region")


def detections(
    ratings: Ratings,
    stimuli: StimulusSet | StimulusTable | None = None,
    *,
    measure: str = "strength",
    dimension: str | None = None,
) -> pd.DataFrame:
    """Return the answers of a threshold protocol with the strength that was shown.

    Parameters
    ----------
    ratings
        With ``scene``, ``region`` and ``strength``, as sessions are exported; the top of the
        scale means that the degraded image was found, the bottom that it was not.
    stimuli
        Needed where `measure` is one of its columns and not of the ratings.
    measure
        What thresholds are measured in: ``strength``, or a column of the stimuli such as
        ``mse``, in which regions that need other strengths for the same error compare.
    dimension
        Which ratings; may be left out where there is only one.

    Returns
    -------
    pandas.DataFrame
        ``participant, scene, region, x, right``: x is log10 of the measure, right 1 or 0.

    Raises
    ------
    InputError
        If a column is missing, a strength is not above 0, or a rating is neither end.
    """
    require_columns(ratings.table, NEEDED, "the table of ratings")
    chosen = choose_dimension(ratings, dimension)
    rows = ratings.table[ratings.table["dimension"] == chosen]
    scale = ratings.scale(chosen)
    right = (rows["rating"].to_numpy(float) - scale.minimum) / (scale.maximum - scale.minimum)
    odd = np.flatnonzero(~np.isin(right, (0.0, 1.0)))
    if len(odd):
        raise InputError(
            f"row {rows.index[odd[0]] + 2} of the ratings: found is {scale.maximum:g} and not "
            f"found {scale.minimum:g}, got {rows['rating'].iloc[odd[0]]:g}; correct it, or "
            "give answers of the protocol jnd"
        )
    values = _measured(rows, stimuli, measure)
    bad = rows.index[~(values > 0)]
    if len(bad):
        value = values[~(values > 0)][0]
        got = "an empty cell" if np.isnan(value) else f"{value:g}"
        raise InputError(
            f"row {bad[0] + 2} of the ratings: {measure} must be above 0 for a threshold, got "
            f"{got}; correct it"
        )
    columns = {name: rows[name].to_numpy(str) for name in ("participant", *NEEDED)}
    return pd.DataFrame({**columns, "x": np.log10(values), "right": right})


def _measured(
    rows: pd.DataFrame, stimuli: StimulusSet | StimulusTable | None, measure: str
) -> np.ndarray:
    if measure in rows:
        return as_numbers(rows[measure]).to_numpy(float)
    if stimuli is None:
        raise InputError(
            f"the ratings have no column {measure!r}; {nearest(measure, rows.columns)}, or give "
            "the stimuli that have it"
        )
    require_columns(stimuli.table, ("stimulus", measure), "the table of stimuli")
    known = stimuli.table.set_index("stimulus")[measure]
    unknown = sorted(set(rows["image"]) - set(known.index))
    if unknown:
        raise InputError(
            f"{len(unknown)} rated images are not in the stimuli table, first {unknown[0]!r}; "
            f"{nearest(unknown[0], known.index)}"
        )
    return as_numbers(rows["image"].map(known)).to_numpy(float)
