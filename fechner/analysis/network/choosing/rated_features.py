"""Activations, ratings and scenes of one set of images, and what is computed from them once.

Strategies choose channels on one `RatedFeatures` and are judged on another. All that does
not depend on the ratings (inner products, pooled channels) is kept, so that repeating a
selection under shuffled ratings costs only the selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.alignment import (
    FITS,
    Alignment,
    AnyAlignment,
    PartialAlignment,
    align,
)
from fechner.analysis.network.alignment.downstream import DownstreamChannels, FullyConnected
from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.impact import AnyChannels, channel_impact
from fechner.analysis.network.alignment.pairs import Pairs, all_pairs, pairs_within
from fechner.analysis.network.alignment.similarity import (
    KERNELS,
    SIMILARITIES,
    checked_ratings,
    checked_values,
)
from fechner.analysis.network.choosing.readout import channel_means
from fechner.analysis.network.choosing.reweighting import reference_distances, reweight_channels
from fechner.analysis.network.choosing.sets import ChannelValues
from fechner.errors import InputError, nearest
from fechner.records.rated_images import RatedImages

CONTROLS = ("none", "within", "content", "reference")


@dataclass(frozen=True)
class Objective:
    """What alignment means in a selection.

    Attributes
    ----------
    similarity, kernel, fit
        See `similarity` and `alignment`.
    control
        How scene content is kept out: ``none``; ``within`` compares only images of the
        same scene; ``content`` partials out whether two images show the same scene;
        ``reference`` compares an image with its reference alone
        (`reference_pairs.ReferenceFeatures`).
    """

    similarity: str = "cosine"
    kernel: str = "absolute"
    fit: str = "spearman"
    control: str = "none"

    def __post_init__(self) -> None:
        for what, name, known in (
            ("control", self.control, CONTROLS),
            ("similarity", self.similarity, SIMILARITIES),
            ("rating kernel", self.kernel, KERNELS),
            ("fit measure", self.fit, FITS),
        ):
            if name not in known:
                raise InputError(f"unknown {what} {name!r}; {nearest(name, known)}")


class RatedFeatures:
    """One set of images: activations, ratings, scenes and what else a selection looks at.

    Threads may share it. What it keeps for reuse is the same whoever computes it, so that two
    who ask at once lose time and nothing else.

    Parameters
    ----------
    values : (n_images, n_channels[, height, width])
    ratings : (n_images,) or (n_images, n_dimensions)
        Higher is better. Several dimensions are compared together.
    scenes : (n_images,)
        Scene, prompt or reference; images of a scene are never on both sides of a split.
    reference_of : (n_images,) int, optional
        Row of each image's reference, -1 where it has none.
    held_constant : (n_images, n_others), optional
        Ratings of other dimensions, which are partialled out of every alignment and taken
        out of what is predicted.
    layer : optional
        The fully connected layer that judges the channels; `values` are what enters it.
    seen : (n_images,) bool, optional
        Images that a network was fitted to: they may choose channels, never judge them.
    parts
        How many channels each of the joined sets has (`sets.ChannelValues`); one set by default.

    Raises
    ------
    InputError
        If a value is NaN, ratings are constant or missing, or counts do not fit.
    """

    def __init__(
        self,
        values: ArrayLike,
        ratings: ArrayLike,
        scenes: ArrayLike,
        *,
        reference_of: ArrayLike | None = None,
        held_constant: ArrayLike | None = None,
        layer: FullyConnected | None = None,
        seen: ArrayLike | None = None,
        parts: Sequence[int] = (),
    ) -> None:
        self.values = checked_values(values)
        self.parts = tuple(parts) or (self.values.shape[1],)
        table = checked_ratings(ratings, len(self.values))
        self.ratings = table[:, 0] if table.shape[1] == 1 else table
        self.scenes = np.asarray(scenes)
        if len(self.scenes) != len(self.values):
            raise InputError(f"{len(self.scenes)} scenes for {len(self.values)} images")
        self.reference_of = (
            np.full(len(self.values), -1) if reference_of is None else np.asarray(reference_of)
        )
        self.held_constant = (
            np.empty((len(self.values), 0))
            if held_constant is None
            else checked_ratings(held_constant, len(self.values))
        )
        self.layer = layer
        self.seen = np.zeros(len(self.values), bool) if seen is None else np.asarray(seen)
        self._pairs: dict[bool, Pairs] = {}
        self._channels: dict[tuple[str, bool], AnyChannels] = {}

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.values.shape[1]

    def subset(self, images: NDArray) -> RatedFeatures:
        """Return the `images` (indices or mask) as a set of their own.

        A reference outside the subset is lost.
        """
        rows = np.arange(len(self))[images]
        place = np.full(len(self) + 1, -1)
        place[rows] = np.arange(len(rows))
        return RatedFeatures(
            self.values[rows],
            self.ratings[rows],
            self.scenes[rows],
            reference_of=place[self.reference_of[rows]],
            held_constant=self.held_constant[rows],
            layer=self.layer,
            seen=self.seen[rows],
            parts=self.parts,
        )

    def rated_as(self, ratings: NDArray) -> RatedFeatures:
        """Return the same images under other `ratings`, real or shuffled."""
        twin = copy(self)
        twin.ratings = ratings
        return twin

    @cached_property
    def pooled(self) -> NDArray[np.float64]:
        """Mean of each channel over space, (n_images, n_channels)."""
        return channel_means(self.values)

    @property
    def from_references(self) -> NDArray[np.float64]:
        """How far each channel is from that of the reference, (n_images, n_channels)."""
        return reference_distances(self.values, self.reference_of)

    def pairs(self, objective: Objective) -> Pairs:
        """Return the pairs that `objective` compares.

        Raises
        ------
        InputError
            If it compares images with their references, which needs other features.
        """
        if objective.control == "reference":
            raise InputError(
                "the control 'reference' needs distances from references at native size; pass "
                "the pairs of the table instead of its images"
            )
        within = objective.control == "within"
        if within not in self._pairs:
            self._pairs[within] = pairs_within(self.scenes) if within else all_pairs(len(self))
        return self._pairs[within]

    def channels(self, objective: Objective) -> AnyChannels:
        """Return the sums of all channels over those pairs, for reading; copy them to change."""
        key = objective.similarity, objective.control == "within"
        if key not in self._channels:
            pairs, similarity = self.pairs(objective), objective.similarity
            made: AnyChannels = (
                ChannelGrams(self.values, pairs, similarity=similarity)
                if self.layer is None
                else DownstreamChannels(self.values, self.layer, pairs, similarity=similarity)
            )
            self._channels[key] = made.for_reading()
        return self._channels[key]

    def alignment(self, objective: Objective, ratings: NDArray | None = None) -> AnyAlignment:
        """Return the alignment measure against `ratings`, by default the images' own."""
        pairs, fit, kernel = self.pairs(objective), objective.fit, objective.kernel
        measure = align(self.ratings if ratings is None else ratings, pairs, fit=fit, kernel=kernel)
        others = self.confounds(objective)
        return PartialAlignment(measure, others) if others else measure

    def confounds(self, objective: Objective) -> tuple[Alignment, ...]:
        """Return what `alignment` holds constant: other dimensions, and scenes if asked for."""
        pairs, fit, kernel = self.pairs(objective), objective.fit, objective.kernel
        found = [align(other, pairs, fit=fit, kernel=kernel) for other in self.held_constant.T]
        if objective.control == "content":
            same = self.scenes[pairs.rows] == self.scenes[pairs.columns]
            found.append(Alignment(same.astype(float), fit))
        return tuple(found)

    def impact(self, objective: Objective, ratings: NDArray) -> NDArray[np.float64]:
        """Return the impact of each channel under `ratings`, (n_channels,)."""
        return channel_impact(self.channels(objective), self.alignment(objective, ratings))

    def reweighted(self, objective: Objective, ratings: NDArray) -> NDArray[np.float64]:
        """Return weights of zero or more under which the RSM fits that of `ratings` best."""
        products = with_products(self.channels(objective))
        return reweight_channels(products, self.alignment(objective, ratings).human, self.scenes)

    def similarity(self, objective: Objective, scale: NDArray) -> NDArray[np.float64]:
        """Return the model similarity of each pair with channels scaled by `scale`, >= 0.

        A mask keeps or drops channels; other numbers weigh each channel's inner products,
        which channels behind a fully connected layer do not have.
        """
        state = self.channels(objective).copy()
        if scale.dtype == bool:
            state.activate(scale)
        else:
            with_products(state).weigh(scale)
        return state.similarity()


def with_products(channels: AnyChannels) -> ChannelGrams:
    """Return `channels` if each has inner products of its own.

    Raises
    ------
    InputError
        If they are judged by a fully connected layer, which mixes them.
    """
    if isinstance(channels, ChannelGrams):
        return channels
    raise InputError(
        "behind a fully connected layer channels can be kept or removed, not reweighted; "
        "leave out the strategy 'reweight', or the target"
    )


def rated_features(
    one: ChannelValues, rated: RatedImages, dimension: str, *, partial_out: str | None = None
) -> RatedFeatures:
    """Return the values of a set of channels and the ratings of a table as one set of images.

    References are found where the table has a column ``reference`` whose files are rated
    images themselves.

    Parameters
    ----------
    dimension, partial_out
        A rating dimension, or several joined by ``+``; the second is held constant.

    Returns
    -------
    RatedFeatures
        One row an image, in the order of the table.

    Raises
    ------
    InputError
        If activations and table do not fit, or hold NaN or constant ratings.
    """
    features = checked_values(one.values)
    if len(features) != len(rated):
        raise InputError(f"activations of {len(features)} images for a table of {len(rated)} rows")
    places = None
    if "reference" in rated.table:
        row_of = {name: row for row, name in enumerate(rated.table["image"])}
        places = [row_of.get(name, -1) for name in rated.table["reference"]]
    return RatedFeatures(
        features,
        joint_scores(rated, dimension),
        rated.scenes,
        reference_of=places,
        held_constant=joint_scores(rated, partial_out) if partial_out else None,
        layer=one.judge,
        seen=one.seen,
        parts=one.parts,
    )


def joint_scores(rated: RatedImages, dimension: str) -> NDArray[np.float64]:
    """Return the ratings of dimensions joined by ``+``, (n_images, n_dimensions)."""
    return np.column_stack([rated.scores(name) for name in dimension.split("+")])
