"""Every number of reliability of one table of ratings, and in words which of them to report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.reliability.coefficient import Coefficient
from fechner.analysis.ratings.reliability.intraclass import intraclass
from fechner.analysis.ratings.reliability.krippendorff import Metric, krippendorff_alpha
from fechner.analysis.ratings.reliability.noise_ceiling import (
    Ceiling,
    mos_ceiling,
    participant_ceiling,
)
from fechner.analysis.ratings.reliability.sources import Sources, sources_of_variance
from fechner.analysis.ratings.reliability.split_half import split_half
from fechner.errors import InputError

Found = TypeVar("Found")

MEANINGS = {
    "ICC(1,1)": "one rating, other people for each image",
    "ICC(A,1)": "one rating, absolute agreement",
    "ICC(C,1)": "one rating, consistency",
    "ICC(1,k)": "MOS, other people for each image",
    "ICC(A,k)": "MOS, absolute agreement",
    "ICC(C,k)": "MOS, consistency",
    "split-half": "MOS, consistency",
    "one participant: lower": "mean r with all others",
    "one participant: upper": "no scores do better on average",
    "MOS: lower": "r of a second panel's MOS",
    "MOS: upper": "r of the true scores",
}
"""What each number says, in a few words."""

ALPHA = "one rating, agreement beyond chance"


@dataclass(frozen=True)
class ReliabilitySummary:
    """What `summarise_reliability` found.

    Attributes
    ----------
    table
        Columns ``measure, value, low, high, about``; ends are NaN where there is no interval.
    sources
        Mean squares behind the intraclass correlations.
    sentences
        What the numbers mean and which to report.
    warnings
        What a reader must be warned of.
    """

    table: pd.DataFrame
    sources: Sources
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]


def summarise_reliability(
    matrix: RatingMatrix, *, metric: Metric = "interval", level: float = 0.95, seed: int = 0
) -> ReliabilitySummary:
    """Return every coefficient of agreement, the noise ceilings, and what to report.

    Parameters
    ----------
    matrix
        Ratings (n_images, n_participants), NaN where missing.
    metric
        How alpha takes two ratings to differ.
    level
        Of the intervals.
    seed
        Of the resampled images and the random halves.

    Returns
    -------
    ReliabilitySummary

    Raises
    ------
    InputError
        If there are fewer than two participants or images, or all ratings are the same.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(0, 2, (40, 1)) + rng.normal(0, 2, (40, 10))
    >>> names = tuple(f"image {k}" for k in range(40)), tuple(f"P{k}" for k in range(10))
    >>> table = summarise_reliability(RatingMatrix(values, *names)).table.set_index("measure")
    >>> bool(table["low"]["ICC(A,k)"] < 10 / 11 < table["high"]["ICC(A,k)"])
    True
    """
    rng = np.random.default_rng(seed)
    sources = sources_of_variance(matrix)
    icc = intraclass(sources, level=level)
    warned = _about_missing(sources)
    alpha = _or_say_why(
        lambda: krippendorff_alpha(matrix, metric, level=level, rng=rng), "alpha", warned
    )
    halves = _or_say_why(lambda: split_half(matrix, level=level, rng=rng), "split-half", warned)
    single = _or_say_why(lambda: participant_ceiling(matrix), "ceiling of one participant", warned)
    if single and single.constant:
        warned.append(_about_constant(single.constant))
    ceiling = mos_ceiling(halves or icc["ICC(C,k)"])
    rows = [*icc.values(), alpha, halves, *_bounds(single), *ceiling]
    sentences = [_about_one_rating(icc["ICC(A,1)"], sources), _about_the_mos(icc, sources)]
    if alpha:
        sentences.append(_about_alpha(alpha, metric))
    sentences.append(_about_ceilings(*ceiling))
    return ReliabilitySummary(
        _table([row for row in rows if row]), sources, tuple(sentences), tuple(warned)
    )


def _or_say_why(compute: Callable[[], Found], what: str, warned: list[str]) -> Found | None:
    """Return what is computed; None, with the reason among the warnings, where it cannot be."""
    try:
        return compute()
    except InputError as error:
        warned.append(f"no {what}: {error}")
        return None


def _bounds(ceiling: Ceiling | None) -> list[Coefficient]:
    if ceiling is None:
        return []
    return [
        Coefficient("one participant: lower", ceiling.lower),
        Coefficient("one participant: upper", ceiling.upper),
    ]


def _table(rows: list[Coefficient]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "measure": [row.name for row in rows],
            "value": [row.value for row in rows],
            "low": [np.nan if row.low is None else row.low for row in rows],
            "high": [np.nan if row.high is None else row.high for row in rows],
            "about": [MEANINGS.get(row.name, ALPHA) for row in rows],
        }
    )


def _about_one_rating(icc: Coefficient, sources: Sources) -> str:
    return (
        f"Of the variance of single ratings {100 * icc.value:.0f} % belongs to the images (SD "
        f"{sources.image_sd:.3g} points); the rest is participants' biases "
        f"(SD {sources.participant_sd:.3g}), taste and error (SD {sources.residual_sd:.3g})."
    )


def _about_the_mos(icc: dict[str, Coefficient], sources: Sources) -> str:
    return (
        f"To report for the MOS of {sources.raters:.4g} participants: ICC(A,k) = "
        f"{_with_interval(icc['ICC(A,k)'])} where its place on the scale counts (absolute "
        "agreement: a participant's bias is error), consistency ICC(C,k) = "
        f"{_with_interval(icc['ICC(C,k)'])} where only differences between images do (contrasts, "
        "rankings, correlations with a model); ICC(1,k) where every image had participants of its "
        "own. The forms with 1 say the same of one rating. Name the form: they differ."
    )


def _about_alpha(alpha: Coefficient, metric: Metric) -> str:
    order = {
        "interval": "differences of points count squared; for few categories --metric ordinal",
        "ordinal": "ranks of the categories count, not their numbers",
        "nominal": "any two different ratings differ as much; for names, not for scales",
    }
    return (
        f"Krippendorff's alpha = {_with_interval(alpha)} is about one rating, whatever is missing: "
        f"compare it with ICC(A,1), not with the MOS ({order[metric]})."
    )


def _about_ceilings(lower: Coefficient, upper: Coefficient) -> str:
    return (
        f"A model of the MOS: at r = {lower.value:.3f} it foretells this MOS as well as a second "
        f"panel of people would, and no model can do better than r = {upper.value:.3f} except by "
        "fitting noise. Against single participants hold the ceiling of one participant."
    )


def _with_interval(one: Coefficient) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _about_constant(participants: tuple[str, ...]) -> str:
    return (
        f"{', '.join(participants)} rated everything the same or once only and had no part in the "
        "ceiling of one participant"
    )


def _about_missing(sources: Sources) -> list[str]:
    if not sources.missing > 0:
        return []
    return [
        f"{100 * sources.missing:.1f} % of the ratings are missing: ICCs rest on variances "
        "by REML, participants and images random, with intervals that are approximate; "
        f"k = {sources.raters:.3g} is the harmonic mean of ratings an image"
    ]
