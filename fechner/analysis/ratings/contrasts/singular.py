"""What it means that a variance is estimated at zero (a singular fit)."""

from __future__ import annotations

from fechner.records.contrasts.contrast import Contrast

MEANING = {
    "participant": "participants differ in this difference by no more than noise",
    "image": "the difference varies between images by no more than noise",
    "participant slope": "participants differ in this difference by no more than noise",
    "image slope": "the difference varies between images by no more than noise",
    "residual": "the model leaves nothing to chance, as in ratings without noise",
}


def what_singular_means(row: Contrast) -> str:
    """Return one sentence on the variances of a contrast that are at zero; empty if none is.

    Intercepts at zero are not told: they have no part in the error of a difference.
    """
    zero = [name for name in row.at_zero if name in MEANING]
    if not zero:
        return ""
    found = "; ".join(f"{name} at zero: {MEANING[name]}" for name in zero)
    return (
        f"{row.name}: the fit of '{row.model}' is singular ({found}). The test holds; a study of "
        "this size cannot show that there is no such variance."
    )
