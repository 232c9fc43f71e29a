"""Scale values in JND with intervals, over scenes or scene by scene.

Conditions are the items of a scale over all scenes, images those of a scale within a scene.
Errors come from the information matrix, widened for what one participant's or one scene's
comparisons have in common: with each comparison's score summed within participants, within
scenes and within both,

    V = H^-1 (M_P + M_S - M_PS) H^-1   (Cameron, Gelbach and Miller 2011)

and never below the largest of V_P, V_S and H^-1. The reference is t with min(P, S) - 1
degrees of freedom; within a scene participants alone are clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fechner.analysis.ratings.choices.comparisons import Comparisons, with_conditions
from fechner.analysis.ratings.choices.scale_fit import (
    JND,
    PRIOR_JND,
    ScaleFit,
    ScaleModel,
    always_won,
    fit_scale,
    groups_of,
)
from fechner.errors import InputError, nearest
from fechner.records.stimuli import INTACT, StimulusSet, StimulusTable
from fechner.threads import small_matrices

ALL_SCENES = "all"
"""What the column ``scene`` holds in a scale over all scenes."""


@dataclass(frozen=True, eq=False)
class ScaleValues:
    """Scale values of the compared items.

    Attributes
    ----------
    table
        One row an item: ``scene, item, n`` comparisons, ``won`` (share of them, ties half),
        ``jnd`` with ``standard_error, low, high``.
    anchor
        Which item is 0 JND by definition; None where the mean of a scale's items is.
    notes
        What a reader must know, one line each.
    """

    table: pd.DataFrame
    anchor: str | None
    notes: tuple[str, ...]


@small_matrices()
def condition_scale(
    chosen: Comparisons,
    stimuli: StimulusSet | StimulusTable,
    *,
    model: ScaleModel = "thurstone",
    level: float = 0.95,
    anchor: str | None = None,
) -> ScaleValues:
    """Return one scale of the conditions over all scenes.

    Parameters
    ----------
    chosen
        The comparisons.
    stimuli
        Tells scene and condition of every image.
    model
        "thurstone" or "bradley-terry".
    level
        Of the intervals.
    anchor
        The condition at 0 JND; where left out, ``intact``, or the mean where nobody saw it.

    Returns
    -------
    ScaleValues
        One row a condition.

    Raises
    ------
    InputError
        If an image is not in the stimuli, comparisons do not connect the conditions, or the
        anchor is no condition.
    """
    table, condition = with_conditions(chosen, stimuli)
    rows = table.assign(a=table["first"].map(condition), b=table["second"].map(condition))
    same = rows["a"] == rows["b"]
    notes = []
    if same.any():
        notes.append(f"{same.sum()} comparisons of images of one condition were left out.")
        rows = rows[~same]
    found, said = _scale(rows, model, level, anchor, scenes_are_random=True)
    notes += _ties(chosen)
    return ScaleValues(
        found.assign(scene=ALL_SCENES)[_COLUMNS], _anchor(found, anchor), (*notes, *said)
    )


_COLUMNS = ["scene", "item", "n", "won", "jnd", "standard_error", "low", "high"]


@small_matrices()
def image_scales(
    chosen: Comparisons,
    *,
    model: ScaleModel = "thurstone",
    level: float = 0.95,
    intact: Sequence[str] = (),
) -> ScaleValues:
    """Return a scale of the images of every scene.

    Parameters
    ----------
    chosen
        The comparisons.
    model
        "thurstone" or "bradley-terry".
    level
        Of the intervals.
    intact
        Names of images that are 0 JND in their scene; in a scene without one the mean is.

    Returns
    -------
    ScaleValues
        One row an image; scenes whose images are not connected are left out and named.

    Raises
    ------
    InputError
        If no scene can be scaled.
    """
    tables, notes, anchors = [], _ties(chosen), set()
    for scene, rows in chosen.table.groupby("scene", sort=True):
        rows = rows.assign(a=rows["first"], b=rows["second"])
        anchor = next((name for name in intact if name in set(rows["a"]) | set(rows["b"])), None)
        try:
            found, said = _scale(rows, model, level, anchor, scenes_are_random=False)
        except InputError as error:
            notes.append(f"{_of_scene(scene)}{error}")
            continue
        tables.append(found.assign(scene=scene))
        anchors.add(anchor is not None)
        notes += [_of_scene(scene) + line for line in said]
    if not tables:
        raise InputError(f"no scene can be scaled: {notes[0]}")
    if len(anchors) == 2:
        notes.append("Scenes without an intact image are 0 JND at the mean of their images.")
    zero = INTACT if anchors == {True} else None
    return ScaleValues(pd.concat(tables, ignore_index=True)[_COLUMNS], zero, tuple(notes))


def _scale(
    rows: pd.DataFrame, model: ScaleModel, level: float, anchor: str | None,
    *, scenes_are_random: bool,
) -> tuple[pd.DataFrame, list[str]]:  # fmt: skip
    items = sorted(set(rows["a"]) | set(rows["b"]))
    if len(items) < 2:
        raise InputError(f"a scale needs at least 2 items, and the comparisons have {len(items)}")
    if anchor is not None and anchor not in items:
        raise InputError(f"no item {anchor!r} was compared; {nearest(anchor, items)}")
    place = {item: k for k, item in enumerate(items)}
    first, second = rows["a"].map(place).to_numpy(), rows["b"].map(place).to_numpy()
    share = rows["share"].to_numpy(float)
    _require_connected(items, groups_of(first, second, len(items)))
    fit = fit_scale(first, second, share, len(items), model=model)
    zero = anchor or (INTACT if INTACT in items else None)
    clusters = [rows["participant"]] + ([rows["scene"]] if scenes_are_random else [])
    error, df = _errors(fit, _from(zero, items), clusters)
    jnd = JND[model]
    values = _from(zero, items)[:, :-1] @ fit.values / jnd
    half = stats.t.ppf(0.5 + level / 2, df) * error / jnd
    n, won = _record(first, second, share, len(items))
    table = pd.DataFrame(
        {
            "item": items, "n": n, "won": won / n, "jnd": values, "standard_error": error / jnd,
            "low": values - half, "high": values + half,
        }
    )  # fmt: skip
    return table, _notes(items, first, second, share, fit, df)


def _from(zero: str | None, items: list[str]) -> np.ndarray:
    """Return the combinations of values that are reported, (n_items, n_items + 1)."""
    K = len(items)
    reference = np.eye(K)[items.index(zero)] if zero is not None else np.full(K, 1 / K)
    return np.column_stack([np.eye(K) - reference, np.zeros(K)])


def _errors(
    fit: ScaleFit, combinations: np.ndarray, clusters: list[pd.Series]
) -> tuple[np.ndarray, float]:
    """Return the standard error of each combination in the model's unit, and the df of t."""
    inverse = np.linalg.inv(fit.information)
    along = combinations @ inverse
    variance = np.einsum("ki,ki->k", along, combinations)
    several = [(codes, n) for codes, n in map(_codes, clusters) if n > 1]
    if not several:
        return np.sqrt(variance), np.inf
    by_one = [_clustered(along, fit.scores, codes, n) for codes, n in several]
    total = sum(by_one)
    if len(several) == 2:
        both, n = _codes(pd.Series(several[0][0] * several[1][1] + several[1][0]))
        total = total - _clustered(along, fit.scores, both, n)
    variance = np.max([variance, total, *by_one], axis=0)
    return np.sqrt(variance), float(min(n for _, n in several) - 1)


def _codes(names: pd.Series) -> tuple[np.ndarray, int]:
    codes, known = pd.factorize(names.to_numpy())
    return codes, len(known)


def _clustered(along: np.ndarray, scores: np.ndarray, codes: np.ndarray, n: int) -> np.ndarray:
    sums = np.zeros((n, scores.shape[1]))
    np.add.at(sums, codes, scores)
    return n / max(n - 1, 1) * ((sums @ along.T) ** 2).sum(axis=0)


def _record(
    first: np.ndarray, second: np.ndarray, share: np.ndarray, items: int
) -> tuple[np.ndarray, np.ndarray]:
    n = np.bincount(first, minlength=items) + np.bincount(second, minlength=items)
    won = np.bincount(first, share, items) + np.bincount(second, 1 - share, items)
    return n, won


def _require_connected(items: list[str], group: np.ndarray) -> None:
    if group.max() > 0:
        sets = [
            ", ".join(item for item, g in zip(items, group, strict=True) if g == k)
            for k in range(group.max() + 1)
        ]
        raise InputError(
            f"{len(sets)} groups were never compared with each other ({'; '.join(sets)}), so "
            "that no scale holds them all; compare them, or scale each group by itself"
        )


def _notes(
    items: list[str], first: np.ndarray, second: np.ndarray, share: np.ndarray,
    fit: ScaleFit, df: float,
) -> list[str]:  # fmt: skip
    said = []
    sign = always_won(first, second, share, len(items))
    for which, what in ((1, "won"), (-1, "lost")):
        names = [item for item, s in zip(items, sign, strict=True) if s == which]
        if names:
            said.append(
                f"{', '.join(names)} {what} every comparison with the others; a normal prior "
                f"with SD {PRIOR_JND:g} JND keeps the scale finite, and its ends depend on it."
            )
    if not np.isfinite(df):
        said.append("One participant only: the intervals say nothing about other people.")
    return said


def _of_scene(scene: object) -> str:
    return f"scene {scene}: " if scene else ""


def _ties(chosen: Comparisons) -> list[str]:
    ties = int((chosen.table["share"] == 0.5).sum())
    return [f"{ties} of {len(chosen)} comparisons are ties."] if ties else []


def _anchor(table: pd.DataFrame, anchor: str | None) -> str | None:
    return anchor or (INTACT if INTACT in set(table["item"]) else None)
