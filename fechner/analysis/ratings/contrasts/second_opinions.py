"""Whether a model beside the deciding one fitted at all: its numbers are shown only if so.

Models of other programs may stop, or return numbers that mean nothing and call them
converged: statsmodels did so on 4 of 600 tables of 5-point ratings by five to eight people,
with standard errors up to 9e7 times too large. Whatever such a model does, it becomes a row that
says what was wrong, and the analysis goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fechner.records.contrasts.contrast import Contrast, UnfittedModel

ERROR_BAND = 3.0
"""How many times the deciding model's standard error, or how small a part of it, is believed.

All models estimate the same error from the same ratings. From five clusters on, one of them
being off by a factor 3 is more than three SDs of such an estimate (relative SD about
``1 / sqrt(2 (G - 1))``); what goes wrong goes wrong by orders of magnitude.
"""


def second_opinion(
    model: str, fit: Callable[[], Contrast], decides: Contrast, *, unit: float = 1.0
) -> Contrast | UnfittedModel:
    """Return the contrast by another model, or why there is none.

    Parameters
    ----------
    model
        Its name, as in `Contrast.model`.
    fit
        Fits it.
    decides
        The same contrast by the model that decides.
    unit
        Points of the scale that one unit of this model is worth.

    Returns
    -------
    Contrast or UnfittedModel
    """
    try:
        with np.errstate(all="ignore"):
            found = fit()
    except Exception as error:  # whatever a library raises: it must not end the analysis
        said = " ".join(str(error).split()) or type(error).__name__
        return UnfittedModel(name=decides.name, model=model, why=said)
    why = _trouble(found, decides, unit)
    return UnfittedModel(name=decides.name, model=model, why=why) if why else found


def _trouble(found: Contrast, decides: Contrast, unit: float) -> str:
    numbers = [found.estimate, found.standard_error, *found.variances.values()]
    if not np.isfinite(numbers).all():
        return "its estimate or standard error is not a number"
    if not found.converged:
        return "its optimiser stopped before the optimum"
    ratio = unit * found.standard_error / decides.standard_error
    if not 1 / ERROR_BAND <= ratio <= ERROR_BAND:
        return f"its standard error is {ratio:.2g} times that of '{decides.model}'"
    return ""
