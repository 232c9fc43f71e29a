"""Whether people mark the same places: split-half reliability of their maps.

The participants of an image are halved at random many times; the maps of the halves are
correlated over places, and the mean r is stepped up to all P participants (Spearman 1910; Brown
1910), ``f r / (1 + (f - 1) r)`` with ``f = P / (size of a half)``; of an odd number one, another
each time, is left out. The highest correlation that any map can expect with the map of P people
is the root of it (the ceiling).

Where all of one half answered "nowhere" its map is constant and the split tells nothing; an image
none of whose splits tells anything has no reliability, and is counted as such, never as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.ratings.marks.people_maps import PeopleMap
from fechner.analysis.ratings.reliability.split_half import spearman_brown

LEAST_PEOPLE = 2
LEAST_TOLD = 0.5
"""Share of the splits that must tell something."""


@dataclass(frozen=True)
class MapAgreement:
    """How far people agree on where one image suffers.

    Attributes
    ----------
    people, nowhere
        How many marked it or answered "nowhere", and how many only the latter.
    marked_share
        Share of the image that a participant marked, mean over participants.
    half
        Correlation of the maps of two halves, mean over splits; None where undefined.
    reliability
        Of the map of all participants; None where undefined.
    """

    people: int
    nowhere: int
    marked_share: float
    half: float | None
    reliability: float | None

    @property
    def ceiling(self) -> float | None:
        """The highest correlation that a map can expect with this one; None where undefined."""
        return None if self.reliability is None else float(np.sqrt(max(self.reliability, 0.0)))


@dataclass(frozen=True)
class AgreementOverImages:
    """The mean reliability over images, with its interval over images (bootstrap).

    `undefined` images have no reliability and no part in the mean; all three numbers are None
    where none has, the ends also where fewer than three have.
    """

    images: int
    undefined: int
    reliability: float | None
    low: float | None
    high: float | None


def map_agreement(found: PeopleMap, *, splits: int = 200, rng: np.random.Generator) -> MapAgreement:
    """Return the split-half reliability of a map of people.

    Parameters
    ----------
    found
        With the map of each participant.
    splits
        Random halves.
    rng
        Where they come from.

    Returns
    -------
    MapAgreement
    """
    P = len(found.people)
    r = _half_correlations(found.planes, splits, rng) if P >= LEAST_PEOPLE else np.empty(0)
    told = r[np.isfinite(r)]
    half = reliability = None
    if len(told) and len(told) >= LEAST_TOLD * splits:
        half = float(told.mean())
        reliability = float(spearman_brown(np.array(half), P / (P // 2)))
    return MapAgreement(P, found.nowhere, float(found.planes.mean()), half, reliability)


def _half_correlations(
    planes: NDArray[np.float64], splits: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return Pearson's r of the mean maps of two random halves, NaN where one is constant.

    Means of halves are weighted sums of the participants' maps, so that all splits need no more
    of the maps than their P x P matrix of products about the mean.
    """
    P = len(planes)
    centred = planes - planes.mean(axis=1, keepdims=True)
    products = centred @ centred.T / planes.shape[1]
    chosen = np.zeros((2, splits, P))
    for split in range(splits):
        order = rng.permutation(P)[: 2 * (P // 2)].reshape(2, -1)
        chosen[0, split, order[0]] = chosen[1, split, order[1]] = 1 / (P // 2)
    across = np.einsum("sp,pq,sq->s", chosen[0], products, chosen[1])
    own = np.einsum("hsp,pq,hsq->hs", chosen, products, chosen)
    # Below this the map of a half is constant but for rounding: shares are at most 1.
    told = (own > 1e-14).all(axis=0)
    scale = np.sqrt(np.where(told, own[0] * own[1], 1.0))
    return np.where(told, np.clip(across / scale, -1, 1), np.nan)


def over_images(
    found: Mapping[str, MapAgreement],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator,
) -> AgreementOverImages:
    """Return the mean reliability of several maps, images resampled for its interval.

    Parameters
    ----------
    found
        The agreement on each image.
    level
        Of the interval.
    resamples
        Draws of images.
    rng
        Where they come from.

    Returns
    -------
    AgreementOverImages
    """
    told = np.array([one.reliability for one in found.values() if one.reliability is not None])
    undefined = len(found) - len(told)
    if not len(told):
        return AgreementOverImages(len(found), undefined, None, None, None)
    low = high = None
    if len(told) > 2:
        draws = told[rng.integers(0, len(told), (resamples, len(told)))].mean(axis=1)
        low, high = (float(v) for v in np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2]))
    return AgreementOverImages(len(found), undefined, float(told.mean()), low, high)
