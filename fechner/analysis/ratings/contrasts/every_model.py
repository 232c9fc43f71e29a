"""One contrast by every model that the design allows: one decides, the rest stand by it.

The interval that decides comes from the closed form on complete tables, from REML where cells
are missing, and from the slopes model where most participants rated only one of the arms. The
design chooses, not the result, and the row says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from fechner.analysis.ratings.contrasts.clustered import clustered, clustered_ratings
from fechner.analysis.ratings.contrasts.crossed import closed_form, reml_crossed
from fechner.analysis.ratings.contrasts.mixed import mixed_model, mixed_slopes
from fechner.analysis.ratings.contrasts.ordinal import is_ordinal, ordered_probit
from fechner.analysis.ratings.contrasts.second_opinions import second_opinion
from fechner.analysis.ratings.contrasts.slopes import SlopesDesign, reml_slopes, slopes_design
from fechner.analysis.ratings.contrasts.tested import tested_contrast
from fechner.analysis.ratings.matrices import Differences, differences
from fechner.analysis.ratings.observed import mostly_paired, paired_share
from fechner.records.contrasts.contrast import Contrast, UnfittedModel

Fits = dict[str, Callable[[], Contrast]]


@dataclass(frozen=True)
class FittedModels:
    """A contrast by every model.

    Attributes
    ----------
    contrasts
        In points, the deciding one first.
    ordinal
        The ordered probit, in latent SDs; empty where the scale has many categories.
    unfitted
        Models that did not fit, and why.
    """

    contrasts: list[Contrast]
    ordinal: list[Contrast]
    unfitted: list[UnfittedModel]

    @property
    def decides(self) -> Contrast:
        """The row that the verdict rests on."""
        return self.contrasts[0]


def by_every_model(arms: pd.DataFrame, first: str, second: str, level: float) -> FittedModels:
    """Return the contrast by every model that the design allows.

    Parameters
    ----------
    arms
        What `matrices.rated_arms` returns.
    first, second
        Names of the arms.
    level
        Of the intervals.

    Returns
    -------
    FittedModels
        Only the deciding model can raise; the others are fitted, or say why not.

    Raises
    ------
    InputError
        If an arm has no ratings, or there are fewer than two participants or images.
    """
    decides, beside = _models(arms, first, second, level)
    probit = partial(ordered_probit, arms, first, second, level=level)
    spread = float(arms["rating"].std())
    return judged(decides, beside, probit if is_ordinal(arms) else None, spread=spread)


def judged(
    decides: Contrast, beside: Fits, probit: Callable[[], Contrast] | None, *, spread: float
) -> FittedModels:
    """Return a contrast with what each model beside it says, or why it says nothing.

    Parameters
    ----------
    decides
        The contrast by the model that decides.
    beside
        What fits each other model, by its name.
    probit
        What fits the ordered probit, if it is to be fitted.
    spread
        SD of the ratings, for which one latent SD stands.

    Returns
    -------
    FittedModels
    """
    if decides.standard_error == 0:
        return FittedModels([decides], [], [])
    found = [second_opinion(model, fit, decides) for model, fit in beside.items()]
    latent = [second_opinion("ordered probit", probit, decides, unit=spread)] if probit else []
    return FittedModels(
        [decides, *(row for row in found if isinstance(row, Contrast))],
        [row for row in latent if isinstance(row, Contrast)],
        [row for row in [*found, *latent] if isinstance(row, UnfittedModel)],
    )


def deciding_contrast(arms: pd.DataFrame, first: str, second: str, level: float) -> Contrast:
    """Return the contrast by the model that decides alone; as `by_every_model`, but quick."""
    return _models(arms, first, second, level)[0]


def _models(arms: pd.DataFrame, first: str, second: str, level: float) -> tuple[Contrast, Fits]:
    """Return the deciding contrast, and what fits each model beside it."""
    table = differences(arms, first, second)
    if not mostly_paired(table, arms):
        return on_ratings(slopes_design(arms, first, second), paired_share(table, arms), level)
    return on_differences(table, level)


NO_VARIANCE = "all {} are the same, so that there is no variance to model"


def on_ratings(design: SlopesDesign, share: float, level: float) -> tuple[Contrast, Fits]:
    """Return the deciding contrast where only a `share` of pairs is complete, and what fits it."""
    if np.ptp(design.y) == 0:
        size = {"n_participants": design.n_participants, "n_images": design.n_images}
        same = tested_contrast(design.name, "clustered", 0, 0, 1, level=level, **size)
        return _decides(same, NO_VARIANCE.format("ratings")), {}
    reason = (
        f"{100 * share:.0f} % of the participant-image pairs have ratings of all arms, too few for "
        "differences: the mixed model of the ratings themselves, with slopes of participants and "
        "images, decides"
    )
    return _decides(reml_slopes(design, level=level), reason), {
        "mixed model": partial(mixed_slopes, design, level=level),
        "clustered": partial(clustered_ratings, design, level=level),
    }


def on_differences(table: Differences, level: float) -> tuple[Contrast, Fits]:
    """Return the deciding contrast of a table of differences, and what fits it otherwise."""
    values = table.values[np.isfinite(table.values)]
    if np.ptp(values) == 0:
        return _decides(clustered(table, level=level), NO_VARIANCE.format("differences")), {}
    beside: Fits = {
        "REML": partial(reml_crossed, table, level=level),
        "mixed model": partial(mixed_model, table, level=level),
        "clustered": partial(clustered, table, level=level),
    }
    if table.complete:
        reason = "everybody rated both arms of every image: the closed form decides"
        return _decides(closed_form(table, level=level), reason), beside
    reason = (
        f"{100 * (1 - len(values) / table.values.size):.0f} % of the differences are missing: "
        "REML on the differences, participants and images random, decides"
    )
    return _decides(beside.pop("REML")(), reason), beside


def _decides(row: Contrast, reason: str) -> Contrast:
    return row.model_copy(update={"decides": True, "reason": reason})
