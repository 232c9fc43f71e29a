"""One number of reliability with its interval: what every module of this room returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement.

    Attributes
    ----------
    name
        Such as ``"ICC(A,1)"``.
    value
        1 where participants repeat each other, 0 where they agree as chance would have it;
        below 0 where they agree even less.
    low, high
        Ends of its interval, at most 1; None where it has none.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
