"""Screening: participants whose ratings carry no information about the images.

Runs on a `RatingMatrix` before the tests. `agreement` (leave-one-out correlation) is what
`fechner` screens by: in simulations with uniform spammers it finds 99.8 % of them and rejects
no honest participant. `bt500` is the classic rejection of ITU-R BT.500, given because papers
ask for it: alone it finds next to no spammers, after bias removal it also rejects every ninth
honest participant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.analysis.ratings.scores.mos import participant_bias, remove_bias
from fechner.errors import InputError
from fechner.records.claim import ScreenedParticipant

MINIMUM_AGREEMENT = 0.2
"""Leave-one-out correlation below which a participant is screened out."""

LEAST_SHARED = 20
"""Images shared with others below which a correlation says too little to screen anybody out."""

BT500_OUTLIER_SHARE = 0.05
BT500_BALANCE = 0.3
BT500_NORMAL_KURTOSIS = (2.0, 4.0)
"""ITU-R BT.500-15, annex 1, section 2.3.1."""


@dataclass(frozen=True)
class Bt500:
    """BT.500 rejection, one entry a participant.

    Attributes
    ----------
    outlier_share
        ``(P + Q) / n``: share of ratings outside the band of their image.
    balance
        ``|P - Q| / (P + Q)``: 0 for errors in both directions, 1 for a plain bias; 0 where
        there are no outliers.
    rejected
        bool: outlier share above 0.05 and balance below 0.3.
    """

    outlier_share: np.ndarray
    balance: np.ndarray
    rejected: np.ndarray


def agreement(matrix: RatingMatrix) -> np.ndarray:
    """Return each participant's Pearson correlation with the mean of all others.

    Returns
    -------
    numpy.ndarray
        (n_participants,) in [-1, 1]; 0 for someone who gave one value throughout, NaN for
        someone who shares fewer than 20 images with the others.
    """
    u = matrix.values
    here = np.isfinite(u)
    total, count = np.nansum(u, axis=1), here.sum(axis=1)
    return np.array([_leave_one_out(u[:, s], here[:, s], total, count) for s in range(u.shape[1])])


def _leave_one_out(
    own: np.ndarray, here: np.ndarray, total: np.ndarray, count: np.ndarray
) -> float:
    shared = here & (count > 1)
    if shared.sum() < LEAST_SHARED:
        return float("nan")
    others = (total[shared] - own[shared]) / (count[shared] - 1)
    if np.ptp(own[shared]) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(np.corrcoef(own[shared], others)[0, 1])


def bt500(matrix: RatingMatrix, *, sd: Literal["population", "sample"] = "population") -> Bt500:
    """Reject participants by ITU-R BT.500-15, annex 1, section 2.3.1.

    A rating is an outlier where it lies 2 SDs of its image or more from the image's mean
    (sqrt(20) SDs where the kurtosis is outside 2..4). P counts those above, Q those below.
    An image that everybody rated the same has no outliers; read to the letter, the formula
    counts everybody both above and below there, as sureal does.

    Parameters
    ----------
    sd
        ``"population"`` divides by n, as the reference software sureal; ``"sample"`` divides
        by n - 1, as the text of the Recommendation. The choice flips rejections on real data,
        so say which was used.
    """
    u = matrix.values
    n = np.isfinite(u).sum(axis=1)
    centred = u - (np.nansum(u, axis=1) / n)[:, None]
    m2, m4 = np.nansum(centred**2, axis=1) / n, np.nansum(centred**4, axis=1) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = m4 / m2**2
        spread = np.sqrt(m2 if sd == "population" else m2 * n / (n - 1))
    low, high = BT500_NORMAL_KURTOSIS
    normal = (kurtosis >= low) & (kurtosis <= high)
    band = (np.where(normal, 2.0, np.sqrt(20.0)) * spread)[:, None]
    # Ratings exactly on the band are common on short scales and must not hang on rounding.
    edge = band * (1 - 1e-12)
    P, Q = (centred >= edge) & (band > 0), (centred <= -edge) & (band > 0)
    return _reject(P.sum(axis=0), Q.sum(axis=0), np.isfinite(u).sum(axis=0))


def _reject(P: np.ndarray, Q: np.ndarray, n: np.ndarray) -> Bt500:
    outliers = P + Q
    share = outliers / np.maximum(n, 1)
    balance = np.abs(P - Q) / np.maximum(outliers, 1)
    rejected = (outliers > 0) & (share > BT500_OUTLIER_SHARE) & (balance < BT500_BALANCE)
    return Bt500(share, balance, rejected)


def screen(
    matrix: RatingMatrix,
    *,
    minimum: float = MINIMUM_AGREEMENT,
    sd: Literal["population", "sample"] = "population",
) -> pd.DataFrame:
    """Return one row a participant with everything the screening looks at.

    Returns
    -------
    pandas.DataFrame
        participant, n, mean, sd (sample), bias, agreement, keep (agreement at least `minimum`,
        or not computable), bt500 and bt500_bias_removed (True = would be rejected).
    """
    u = matrix.values
    r = agreement(matrix)
    frame = pd.DataFrame({"participant": matrix.participants, "n": np.isfinite(u).sum(axis=0)})
    columns = pd.DataFrame(u)
    return frame.assign(
        mean=columns.mean().to_numpy(),
        sd=columns.std().to_numpy(),
        bias=participant_bias(matrix),
        agreement=r,
        keep=~(r < minimum),
        bt500=bt500(matrix, sd=sd).rejected,
        bt500_bias_removed=bt500(remove_bias(matrix), sd=sd).rejected,
    )


def screened_participants(
    matrix: RatingMatrix, minimum: float | None = MINIMUM_AGREEMENT
) -> list[ScreenedParticipant]:
    """Return the screening of everybody as the claim records it.

    With fewer than three participants, or without a `minimum`, nobody is left out.

    Raises
    ------
    InputError
        If screening would leave fewer than two.
    """
    table = screen(matrix, minimum=MINIMUM_AGREEMENT if minimum is None else minimum)
    if minimum is None or len(table) < 3:
        table["keep"] = True
    if table["keep"].sum() < 2 <= len(table):
        raise InputError(
            f"screening would leave out {(~table['keep']).sum()} of {len(table)} participants: "
            "they agree on nothing; look at them with fechner stats screen, or keep everybody"
        )
    rows = table.rename(columns={"keep": "kept"}).to_dict("records")
    for row in rows:
        for name in ("sd", "agreement"):
            row[name] = row[name] if np.isfinite(row[name]) else None
    return [ScreenedParticipant.model_validate(row) for row in rows]
