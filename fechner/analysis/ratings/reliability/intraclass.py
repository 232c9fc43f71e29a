"""Intraclass correlations: how much of the variance of ratings belongs to the images.

Shrout and Fleiss 1979 with the names of McGraw and Wong 1996, images the targets and
participants the raters:

- ICC(1) is ICC(1,1): each image was rated by participants of its own;
- ICC(2) is ICC(A,1), absolute agreement: a participant's bias counts as error;
- ICC(3) is ICC(C,1), consistency: a participant's bias does not count;
- ICC(1,k), ICC(A,k), ICC(C,k) are the same of the mean of k participants, of a MOS.

With MS_B, MS_J, MS_E of images, participants and residual, and MS_W within images
(`sources`), all six are

    ICC = (MS_B - E) / (MS_B - E + k W),     ICC(., k) = (MS_B - E) / (MS_B - E + W)

where ``E, W`` are ``MS_W, MS_W`` for (1), ``MS_E, MS_W`` for (2) and ``MS_E, MS_E`` for (3).
The ends of the interval have ``MS_B / F`` in the place of MS_B.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from fechner.analysis.ratings.reliability.coefficient import Coefficient
from fechner.analysis.ratings.reliability.sources import Sources


def intraclass(sources: Sources, *, level: float = 0.95) -> dict[str, Coefficient]:
    """Return the six intraclass correlations with their intervals.

    On complete tables the intervals of (1) and (3) are exact, that of (2) is Satterthwaite's.
    With ratings missing all are approximate: k is the harmonic mean of the ratings of an image.

    Parameters
    ----------
    sources
        The mean squares of the table.
    level
        Of the intervals.

    Returns
    -------
    dict
        Keys ``"ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)"``.

    Examples
    --------
    Six targets and four judges, table 2 of Shrout and Fleiss (1979):

    >>> from fechner.analysis.ratings.matrices import RatingMatrix
    >>> from fechner.analysis.ratings.reliability.sources import sources_of_variance
    >>> rows = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> table = RatingMatrix(np.array(rows, float), tuple("abcdef"), tuple("1234"))
    >>> found = intraclass(sources_of_variance(table))
    >>> [round(one.value, 2) for one in found.values()]
    [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    s = sources
    df_B, _, df_E = s.df
    df_W = df_E + s.df[1]
    kinds = {
        "1": (s.within, s.within, df_W),
        "A": (s.residual, s.within, _satterthwaite(s)),
        "C": (s.residual, s.residual, df_E),
    }
    tail = 0.5 + level / 2
    found = {}
    for average in (False, True):
        for kind, (E, W, df) in kinds.items():
            name = f"ICC({kind},{'k' if average else 1})"
            k = 1.0 if average else s.raters
            ends = s.image / stats.f.ppf(tail, df_B, df), s.image * stats.f.ppf(tail, df, df_B)
            value, low, high = (_ratio(MS_B - E, k * W) for MS_B in (s.image, *ends))
            found[name] = Coefficient(name, value, low, high)
    return found


def _ratio(between: float, within: float) -> float:
    """Return between / (between + within): 1 where nothing varies within images."""
    if within <= 0:
        return 1.0
    # The lower end for a mean has no lowest value: it falls without bound as the sum nears 0.
    return float(between / (between + within)) if between + within > 0 else -np.inf


def _satterthwaite(s: Sources) -> float:
    """Return the degrees of freedom of ``a MS_J + b MS_E`` of absolute agreement.

    ``a = k rho / n`` and ``b = 1 - rho + k rho (1 - 1 / n)``, both over ``1 - rho``.
    """
    rho = _ratio(s.image - s.residual, s.raters * s.within)
    a = s.raters * rho / s.rated * s.participant
    b = (1 - rho + s.raters * rho * (1 - 1 / s.rated)) * s.residual
    spread = a**2 / s.df[1] + b**2 / s.df[2]
    return float((a + b) ** 2 / spread) if spread > 0 else s.df[2]
