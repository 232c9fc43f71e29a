"""The rejection of ITU-R BT.500, given because papers ask for it; nothing here decides by it.

In simulations with uniform spammers it finds next to none of them alone, and after bias removal
it also rejects every ninth honest participant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fechner.analysis.ratings.matrices import RatingMatrix

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
