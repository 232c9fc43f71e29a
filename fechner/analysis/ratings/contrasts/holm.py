"""Holm's correction of the p values of a family of tests (Holm 1979).

The smallest of m is multiplied by m, the next by m - 1, and so on, none above 1 and none below
the one before. Whatever is below .05 then is wrong in at most 5 % of such families, whatever
the tests have to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """Return corrected p values, in the order given.

    Examples
    --------
    >>> [round(value, 3) for value in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    stepped = np.minimum(1.0, values[order] * np.arange(len(values), 0, -1))
    found = np.empty(len(values))
    found[order] = np.maximum.accumulate(stepped)
    return found.tolist()
