"""Channels, and what people said of pairs of reference and distorted image.

The counterpart of `rated_features` under the control ``reference``: where images have
references, the channels of an image are compared with those of its own reference, not with
those of other images, and what is aligned is minus that distance with minus the DMOS. Every
strategy then chooses channels on some references, to be judged on others.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.alignment import Alignment
from fechner.analysis.network.alignment.distance_channels import Combine, DistanceChannels
from fechner.analysis.network.alignment.impact import leave_one_out
from fechner.analysis.network.choosing.distance_weights import fit_weights
from fechner.analysis.network.choosing.rated_features import Objective
from fechner.errors import InputError


@dataclass(frozen=True, eq=False)
class ChannelDistances:
    """What the channels of one set of layers add to the distance of each pair.

    Attributes
    ----------
    network, layers, weights_sha256, preprocessing
        Whose channels they are, and how an image became the network's input.
    widths
        How many of the channels come from each layer.
    readout
        The name of the distance.
    terms : (n_terms, n_pairs, n_channels) float64
    combine
        Makes the distance of the terms' sums over channels.
    seen : (n_pairs,) bool
        Pairs that the weights were fitted to: they may choose channels, never judge them.
    """

    network: str
    layers: tuple[str, ...]
    weights_sha256: str
    preprocessing: str
    widths: tuple[int, ...]
    readout: str
    terms: NDArray[np.float64]
    combine: Combine
    seen: NDArray[np.bool_]

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.terms.shape[2]


class ReferenceFeatures:
    """A set of pairs: what each channel adds to their distances, DMOS and references.

    Parameters
    ----------
    terms : (n_terms, n_pairs, n_channels)
    combine
        Makes distances of the terms' sums over channels.
    dmos : (n_pairs,)
        Higher is worse.
    references : (n_pairs,)
        They are never on both sides of a split.

    Raises
    ------
    InputError
        If scores are constant or missing, or counts do not fit.
    """

    def __init__(
        self, terms: ArrayLike, combine: Combine, dmos: ArrayLike, references: ArrayLike
    ) -> None:
        self.terms = np.asarray(terms, np.float64)
        self.combine = combine
        self.ratings = -np.asarray(dmos, np.float64)
        """Minus the DMOS: higher is better, as for rated images."""
        self.scenes = np.asarray(references)
        if not self.terms.shape[1] == len(self.ratings) == len(self.scenes):
            raise InputError(
                f"distances of {self.terms.shape[1]} pairs for {len(self.ratings)} scores and "
                f"{len(self.scenes)} references; give one of each a pair"
            )
        if not np.isfinite(self.ratings).all():
            raise InputError("a pair has no score; leave it out")
        if np.ptp(self.ratings) == 0:
            raise InputError(
                f"all {len(self.ratings)} pairs have the same score; check the column of scores"
            )
        self.held_constant = np.empty((len(self.ratings), 0))
        self._channels: DistanceChannels | None = None
        self._impacts: dict[bytes, NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.ratings)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.terms.shape[2]

    @property
    def pooled(self) -> NDArray[np.float64]:
        """What a read-out of images would need, which a pair has not.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "a ridge read-out predicts ratings of images; on reference pairs use 'reweight', "
            "which gives channels weights of zero or more"
        )

    @property
    def from_references(self) -> NDArray[np.float64]:
        """What the strategy ``reference`` weighs, which belongs to rated images.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "'reference' weighs channels of rated images; on reference pairs use 'reweight'"
        )

    def subset(self, pairs: NDArray) -> ReferenceFeatures:
        """Return the `pairs` (indices or mask) as a set of their own."""
        return ReferenceFeatures(
            self.terms[:, pairs], self.combine, -self.ratings[pairs], self.scenes[pairs]
        )

    def rated_as(self, ratings: NDArray) -> ReferenceFeatures:
        """Return the same pairs under other `ratings` (minus DMOS), real or shuffled."""
        twin = copy(self)
        twin.ratings = ratings
        return twin

    def channels(self, objective: Objective) -> DistanceChannels:
        """Return the sums of all channels over the pairs, for reading; copy them to change."""
        if self._channels is None:
            self._channels = DistanceChannels(self.terms, self.combine).for_reading()
        return self._channels

    def alignment(self, objective: Objective, ratings: NDArray | None = None) -> Alignment:
        """Return the measure of minus distance against `ratings`, by default the pairs' own."""
        return Alignment(self.ratings if ratings is None else ratings, objective.fit)

    def impact(self, objective: Objective, ratings: NDArray) -> NDArray[np.float64]:
        """Return the exact impact of each channel under `ratings`, (n_channels,)."""
        key = objective.fit.encode() + ratings.tobytes()
        if key not in self._impacts:
            measure = self.alignment(objective, ratings)
            self._impacts[key] = leave_one_out(self.channels(objective), measure)
        return self._impacts[key]

    def similarity(self, objective: Objective, scale: NDArray) -> NDArray[np.float64]:
        """Return minus the distance of each pair; a mask keeps channels, numbers weigh them."""
        state = self.channels(objective).copy()
        if scale.dtype == bool:
            state.activate(scale)
        else:
            state.weigh(scale)
        return state.similarity()

    def reweighted(self, objective: Objective, ratings: NDArray) -> NDArray[np.float64]:
        """Return weights of zero or more under which distance and ratings agree best."""
        return fit_weights(self.terms, self.combine, -ratings, self.scenes)
