"""How far each participant agrees with the others, blind to how conditions differ.

Before anything is compared, each participant's mean of every condition is taken out:

    x_p[j] = u_p[j] - mean over j' in c(j) of u_p[j']

with u_p[j] the rating of stimulus j by participant p and c(j) its condition (region, family,
level). What a participant's contrast is, any constant added to all ratings of one condition, is
then gone: the agreement cannot see the contrast under test, and with normal errors it is
independent of it, so that leaving people out by it cannot move the estimate. (Agreement over all
conditions can: it keeps those who share the majority's contrast. Where scenes differ little it
made false positives of up to .28.)

Two numbers follow, both against the mean of all others:

- agreement, a correlation; its Fisher z has a standard error of 1 / sqrt(m - 2), where m is the
  number of shared ratings less the number of conditions;
- inconsistency, the SD of what the others' mean does not explain; its logarithm has a standard
  error of 1 / sqrt(2 m).

Both are read against the median participant, so that the threshold follows the reliability of
the data: where scenes hardly differ, an honest participant agrees little too. Where people
differ more than these errors allow, the median absolute deviation takes their place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fechner.analysis.ratings.matrices import RatingMatrix

LEAST_FREE = 12
"""Shared ratings less conditions below which agreement says too little to judge anybody."""

LEAST_PARTICIPANTS = 5
"""Participants below which there is no median to be read against."""

ROUNDING = 1e-18
"""Mean square, in squared points, below which ratings do not differ."""

MAD_TO_SD = 1.4826
"""SD of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, eq=False)
class BlindAgreement:
    """Agreement of every participant, each (n_participants,); NaN where it cannot be judged.

    Attributes
    ----------
    agreement
        Correlation with the mean of all others, in [-1, 1].
    agreement_z
        Standard errors above the median participant, of Fisher's z.
    inconsistency
        SD of the residuals in points.
    inconsistency_z
        Standard errors above the median participant, of its logarithm.
    spread
        SD of the participant's own ratings within conditions, in points.
    """

    agreement: np.ndarray
    agreement_z: np.ndarray
    inconsistency: np.ndarray
    inconsistency_z: np.ndarray
    spread: np.ndarray


def blind_agreement(matrix: RatingMatrix, conditions: np.ndarray | None = None) -> BlindAgreement:
    """Return how far each participant agrees with the others within conditions.

    Parameters
    ----------
    matrix
        Ratings (n_images, n_participants).
    conditions
        The condition of each image (n_images,), any labels; one for all where None, so that
        only each participant's overall mean is taken out.

    Returns
    -------
    BlindAgreement

    Examples
    --------
    A constant added to one participant's ratings of one condition changes nothing:

    >>> rng = np.random.default_rng(0)
    >>> u = rng.normal(50, 10, (40, 1)) + rng.normal(0, 8, (40, 6))
    >>> names = tuple(map(str, range(40))), tuple(map(str, range(6)))
    >>> low = np.arange(40) % 2 == 0
    >>> before = blind_agreement(RatingMatrix(u, *names), low)
    >>> u[low, 0] += 25
    >>> after = blind_agreement(RatingMatrix(u, *names), low)
    >>> bool(np.allclose(before.agreement, after.agreement, atol=1e-12))
    True
    """
    u = matrix.values
    labels = np.zeros(len(u), int) if conditions is None else conditions
    codes = np.unique(labels, return_inverse=True)[1]
    x = _within(u, codes)
    free, agreement, inconsistency, spread = _against_others(x, codes)
    with np.errstate(divide="ignore"):
        # A participant without any spread has no z of its own scale; 1e-9 keeps the log finite.
        log_inconsistency = np.log(np.maximum(inconsistency, 1e-9))
        z = np.arctanh(np.clip(agreement, -0.999, 0.999))
        return BlindAgreement(
            agreement,
            _above_median(z, 1 / np.sqrt(np.maximum(free - 2, 1))),
            inconsistency,
            _above_median(log_inconsistency, 1 / np.sqrt(2 * np.maximum(free, 1))),
            spread,
        )


def _within(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the values less the mean of their column within each condition."""
    out = np.full(values.shape, np.nan)
    for code in range(codes.max() + 1 if len(codes) else 0):
        block = values[codes == code]
        n = np.isfinite(block).sum(axis=0)
        out[codes == code] = block - np.nansum(block, axis=0) / np.maximum(n, 1)
    return out


def _against_others(
    x: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return free ratings, agreement, inconsistency and spread of every participant."""
    here = np.isfinite(x)
    count = here.sum(axis=1, keepdims=True)
    shared = here & (count > 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        others = (np.nansum(x, axis=1, keepdims=True) - x) / (count - 1)
        own = _within(np.where(shared, x, np.nan), codes)
        others = _within(np.where(shared, others, np.nan), codes)
        aa, ab, bb = (
            np.nansum(v * w, axis=0) for v, w in ((own, own), (own, others), (others, others))
        )
        # Sums of squares of identical ratings are rounding errors, not a spread.
        flat = (aa <= ROUNDING * shared.sum(axis=0)) | (bb <= ROUNDING * shared.sum(axis=0))
        r = np.where(flat, 0.0, ab / np.sqrt(aa * bb))
    used = np.array([shared[codes == code].any(axis=0) for code in np.unique(codes)]).sum(axis=0)
    free = shared.sum(axis=0) - used
    spread = np.sqrt(aa / np.maximum(free, 1))
    inconsistency = spread * np.sqrt(np.maximum(1 - r * r, 0.0))
    known = np.where(free < LEAST_FREE, np.nan, 1.0)
    return free, r * known, inconsistency * known, spread * known


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.nansum(a * b, axis=0)


def _above_median(values: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return how many standard errors each value lies above the median of all."""
    judged = np.isfinite(values)
    if judged.sum() < LEAST_PARTICIPANTS:
        return np.full(len(values), np.nan)
    middle = np.median(values[judged])
    spread = MAD_TO_SD * np.median(np.abs(values[judged] - middle))
    return (values - middle) / np.maximum(error, spread)
