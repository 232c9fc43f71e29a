"""What every way of choosing channels is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.alignment.alignment import AnyAlignment
from fechner.analysis.network.alignment.impact import AnyChannels
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.analysis.network.choosing.reference_pairs import ReferenceFeatures
from fechner.errors import InputError

AnyFeatures: TypeAlias = RatedFeatures | ReferenceFeatures


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a strategy made of its images.

    Attributes
    ----------
    kept : (n_channels,) bool
    weights : (n_channels,) float64
        Signed relevance for maps, 0 where not kept.
    impact : (n_channels,) float64
        Impact on alignment; for a read-out, contribution to held-out predictions
        (`readout.Contribution`).
    scale : (n_channels,) bool or float64
        How the RSM is formed: the kept channels, or their weights in a reweighting.
    before, after
        Alignment on these images with all channels, and with `scale`.
    predict
        Predicted ratings of any images, up to a constant, where the method makes them.
    alpha
        The penalty of a read-out.
    stability : (n_channels,) float64, optional
        How far inner folds agree on the sign of each weight of a read-out, [0, 1].
    """

    kept: NDArray[np.bool_]
    weights: NDArray[np.float64]
    impact: NDArray[np.float64]
    scale: NDArray
    before: float
    after: float
    predict: Callable[[AnyFeatures], NDArray] | None = None
    alpha: float | None = None
    stability: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class ChoiceTask:
    """What a method works on: the images, and the ratings, real or shuffled.

    Attributes
    ----------
    images, ratings, objective
        Who is compared, with what, and what alignment means.
    threshold
        The impact that a channel must have, or ``top`` and the number to keep; chosen by inner
        folds where it is empty.
    rng
        Draws what the method draws.
    known : (n_channels,) float64, optional
        The impact of each channel under these ratings, where it was found before.
    """

    images: AnyFeatures
    ratings: NDArray
    objective: Objective
    threshold: str
    rng: np.random.Generator
    known: NDArray[np.float64] | None = None

    @property
    def channels(self) -> AnyChannels:
        """The sums over all channels, for reading."""
        return self.images.channels(self.objective)

    @property
    def alignment(self) -> AnyAlignment:
        """The measure against these ratings."""
        return self.images.alignment(self.objective, self.ratings)

    @property
    def impact(self) -> NDArray[np.float64]:
        """The impact of each channel under these ratings, (n_channels,)."""
        if self.known is not None:
            return self.known
        return self.images.impact(self.objective, self.ratings)

    @property
    def one_dimension(self) -> NDArray:
        """The ratings, refused where they are of several dimensions."""
        if self.ratings.ndim > 1:
            raise InputError(
                f"a read-out predicts one rating dimension, got {self.ratings.shape[1]}; leave out "
                "'readout', 'elastic_net', 'reference' and 'best held-out', or join no dimensions"
            )
        return self.ratings

    def chosen(self, scale: NDArray, weights: NDArray, impact: NDArray, **more: object) -> Chosen:
        """Return a choice with its alignment on these images."""
        measure = self.alignment
        before = measure(self.channels.similarity())
        after = measure(self.images.similarity(self.objective, scale)) if scale.any() else 0.0
        return Chosen(scale > 0, weights, impact, scale, before, after, **more)  # type: ignore[arg-type]

    def pruned(self, kept: NDArray[np.bool_], impact: NDArray) -> Chosen:
        """Return a choice of the `kept` channels, which weigh as much as they help."""
        # A kept channel that does not help by itself still counts, as little as any that does.
        helps = np.where(impact > 0, impact, impact[impact > 0].min(initial=1.0))
        weights = np.where(kept, helps, 0.0)
        return self.chosen(kept, weights / weights[kept].mean(), impact)
