"""How detail is removed from images, for maps of what a prediction loses with it.

The network's room knows no families of degradations and the compression room no maps; a
study's step of maps and ``fechner maps`` bring them together here.
"""

from __future__ import annotations

from functools import partial

from fechner.analysis.network.maps.removal import BLURRED, Degradation
from fechner.compression.degrading.degrade import degrade, family_named
from fechner.errors import InputError


def degradation_of(family: str | None, strength: float | None) -> Degradation:
    """Return the degradation of a family and strength, for `importance_maps`.

    Without a strength it is the default blur, which is of the family ``blur``.

    Raises
    ------
    InputError
        If the family is unknown, or one of the two is missing that is needed.
    """
    if strength is None and family in (None, "blur"):
        return BLURRED
    if family is None:
        raise InputError("a strength belongs to a family of degradations; give both")
    unit = family_named(family).unit
    if strength is None:
        raise InputError(
            f"maps by removal need a strength of the family '{family}', in {unit}; give --strength "
            "(in a study file, strength below [maps]), or maps by contribution"
        )
    words = f"{family}, {strength:g} {unit}"
    return Degradation(words, partial(degrade, family=family, strength=strength))
