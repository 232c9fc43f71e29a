"""Where the variance of ratings comes from: images, participants, and all the rest.

First step of reliability. The model of the rating of image i by participant p is

    x[i, p] = mu + b_i + a_p + e_ip,   b ~ N(0, s_i^2),  a ~ N(0, s_p^2),  e ~ N(0, s_e^2)

in which a participant's bias is a, and e holds both taste (participant by image) and error,
which one rating a cell cannot part. On complete tables the mean squares of the analysis of
variance say everything. Where ratings are missing, the variances are estimated by restricted
maximum likelihood (as lme4's ``x ~ 1 + (1 | image) + (1 | participant)``), and the mean
squares are those that a complete table with these variances would have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fechner.analysis.ratings.contrasts.crossed import mean_squares
from fechner.analysis.ratings.contrasts.reml import fit_products
from fechner.analysis.ratings.contrasts.reml_criterion import Products
from fechner.analysis.ratings.matrices import RatingMatrix
from fechner.errors import InputError

LARGEST = 4000
"""Images and participants above which a table with gaps is too large: matrices of 0.13 GB."""


@dataclass(frozen=True)
class Sources:
    """Mean squares of a table of ratings, in squared points, with what they rest on.

    Attributes
    ----------
    image, participant, residual
        MS_B, MS_J and MS_E; their degrees of freedom are `df`, in this order.
    df
        Degrees of freedom of the three.
    raters
        Ratings of an image, k: the harmonic mean where ratings are missing.
    rated
        Images that a participant rated, n: the harmonic mean where ratings are missing.
    missing
        Share of the cells without a rating, [0, 1).
    """

    image: float
    participant: float
    residual: float
    df: tuple[float, float, float]
    raters: float
    rated: float
    missing: float

    @property
    def within(self) -> float:
        """MS_W, what ratings of one image vary by: ``s_p^2 + s_e^2``."""
        return (self.participant + (self.rated - 1) * self.residual) / self.rated

    @property
    def participant_sd(self) -> float:
        """s_p, by how much participants differ in their mean, in points; 0 where below."""
        return float(np.sqrt(max(0.0, (self.participant - self.residual) / self.rated)))

    @property
    def image_sd(self) -> float:
        """s_i, by how much images differ, in points; 0 where below."""
        return float(np.sqrt(max(0.0, (self.image - self.residual) / self.raters)))

    @property
    def residual_sd(self) -> float:
        """s_e, what neither explains, in points."""
        return float(np.sqrt(self.residual))

    @property
    def rating_sd(self) -> float:
        """SD of the ratings of one image by different participants, in points."""
        return float(np.hypot(self.participant_sd, self.residual_sd))


def sources_of_variance(matrix: RatingMatrix) -> Sources:
    """Return the mean squares of a table of ratings.

    Raises
    ------
    InputError
        If there are fewer than two images or participants, all ratings are the same, or so
        many are missing that images and participants cannot be told apart.
    """
    here = np.isfinite(matrix.values)
    values = matrix.values[here.any(axis=1)][:, here.any(axis=0)]
    here = np.isfinite(values)
    if min(values.shape) < 2:
        raise InputError(
            f"reliability expects 2 images and 2 participants or more, got {values.shape[0]} and "
            f"{values.shape[1]}"
        )
    if np.ptp(values[here]) == 0:
        raise InputError(
            f"every rating is {values[here][0]:g}; reliability asks how well ratings tell images "
            "apart, and these tell none apart"
        )
    images, participants = values.shape
    if here.all():
        MS_J, MS_B, MS_E = mean_squares(values.T)
        df = (images - 1.0, participants - 1.0, (images - 1.0) * (participants - 1.0))
        return Sources(MS_B, MS_J, MS_E, df, participants, images, 0.0)
    return _with_gaps(values, here)


def _with_gaps(values: np.ndarray, here: np.ndarray) -> Sources:
    images, participants = values.shape
    left = here.sum() - images - participants + 1
    if left < 1:
        raise InputError(
            f"{here.sum()} ratings of {images} images by {participants} participants are too few "
            "to tell images, participants and error apart; collect more ratings an image"
        )
    if images + participants > LARGEST:
        raise InputError(
            f"{images} images and {participants} participants with ratings missing are too many "
            f"to fit at once; take a part of the images, so that they are {LARGEST} together"
        )
    fit = fit_products(_products(values, here), ("image", "participant"))
    if not fit.converged:
        raise InputError(
            "the variances of these ratings cannot be estimated with some missing (they agree "
            "exactly, or too few overlap); keep the images that everybody rated"
        )
    s2 = fit.variances
    k = 1 / (1 / here.sum(axis=1)).mean()
    n = 1 / (1 / here.sum(axis=0)).mean()
    return Sources(
        image=float(s2["residual"] + k * s2["image"]),
        participant=float(s2["residual"] + n * s2["participant"]),
        residual=s2["residual"],
        df=(images - 1.0, participants - 1.0, float(left)),
        raters=float(k),
        rated=float(n),
        missing=float(1 - here.mean()),
    )


def _products(values: np.ndarray, here: np.ndarray) -> Products:
    """Return the products of ``x ~ 1 + (1 | image) + (1 | participant)`` from the table itself.

    The design has as many rows as there are ratings, a crowd's too many to be written out; its
    products are counts.
    """
    n = float(here.sum())
    # Centred, because sums of squares of large numbers lose the digits that differ.
    y = np.where(here, values - values[here].mean(), 0.0)
    counts = np.concatenate([here.sum(axis=1), here.sum(axis=0)]).astype(float)
    ZZ = np.diag(counts)
    images = len(values)
    ZZ[:images, images:] = here
    ZZ[images:, :images] = here.T
    return Products(
        starts=np.array([0, images]),
        block=np.repeat([0, 1], values.shape),
        XX=np.array([[n]]),
        ZX=counts[:, None],
        ZZ=ZZ,
        Xy=np.array([y.sum()]),
        Zy=np.concatenate([y.sum(axis=1), y.sum(axis=0)]),
        yy=float((y**2).sum()),
        n=int(n),
    )
