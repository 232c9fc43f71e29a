"""Activations, ratings and scenes of one set of images, and what is computed from them once.

Strategies choose channels on one `RatedFeatures` and are judged on another. All that does
not depend on the ratings (inner products, pooled channels) is kept, so that repeating a
selection under shuffled ratings costs only the selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment import (
    FITS,
    Alignment,
    AnyAlignment,
    PartialAlignment,
    align,
)
from fechner.analysis.network.grams import ChannelGrams
from fechner.analysis.network.impact import channel_impact
from fechner.analysis.network.pairs import Pairs, all_pairs, pairs_within
from fechner.analysis.network.readout import pooled
from fechner.analysis.network.similarity import (
    KERNELS,
    SIMILARITIES,
    checked_ratings,
    checked_values,
)
from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    from fechner.data.tables import RatedImages

CONTROLS = ("none", "within", "content")


@dataclass(frozen=True)
class Objective:
    """What alignment means in a selection.

    Attributes
    ----------
    similarity, kernel, fit
        See `similarity` and `alignment`.
    control
        How scene content is kept out: ``none``; ``within`` compares only images of the
        same scene; ``content`` partials out whether two images show the same scene.
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
    """One set of images: activations, ratings, scenes and, where there are any, references.

    Parameters
    ----------
    values : (n_images, n_channels[, height, width])
    ratings : (n_images,)
        Higher is better.
    scenes : (n_images,)
        Scene, prompt or reference; images of a scene are never on both sides of a split.
    reference_of : (n_images,) int, optional
        Row of each image's reference, -1 where it has none.

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
    ) -> None:
        self.values = checked_values(values)
        self.ratings = checked_ratings(ratings, len(self.values))[:, 0]
        self.scenes = np.asarray(scenes)
        if len(self.scenes) != len(self.values):
            raise InputError(f"{len(self.scenes)} scenes for {len(self.values)} images")
        self.reference_of = (
            np.full(len(self.values), -1) if reference_of is None else np.asarray(reference_of)
        )
        self._grams: dict[tuple[str, bool], ChannelGrams] = {}
        self._impacts: dict[tuple[Objective, bytes], NDArray[np.float64]] = {}

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
        )

    @cached_property
    def pooled(self) -> NDArray[np.float64]:
        """Mean of each channel over space, (n_images, n_channels)."""
        return pooled(self.values)

    def pairs(self, objective: Objective) -> Pairs:
        """Return the pairs that `objective` compares."""
        return pairs_within(self.scenes) if objective.control == "within" else all_pairs(len(self))

    def grams(self, objective: Objective) -> ChannelGrams:
        """Return the inner products of all channels over those pairs; shared, copy to change."""
        key = objective.similarity, objective.control == "within"
        if key not in self._grams:
            self._grams[key] = ChannelGrams(
                self.values, self.pairs(objective), similarity=objective.similarity
            )
        return self._grams[key]

    def alignment(self, objective: Objective, ratings: NDArray | None = None) -> AnyAlignment:
        """Return the alignment measure against `ratings`, by default the images' own."""
        pairs = self.grams(objective).pairs
        target = self.ratings if ratings is None else ratings
        measure = align(target, pairs, fit=objective.fit, kernel=objective.kernel)
        if objective.control != "content":
            return measure
        same = (self.scenes[pairs.rows] == self.scenes[pairs.columns]).astype(float)
        return PartialAlignment(measure, Alignment(same, objective.fit))

    def impact(self, objective: Objective, ratings: NDArray) -> NDArray[np.float64]:
        """Return the impact of each channel under `ratings`, (n_channels,); kept for reuse."""
        key = objective, ratings.tobytes()
        if key not in self._impacts:
            measure = self.alignment(objective, ratings)
            self._impacts[key] = channel_impact(self.grams(objective), measure)
        return self._impacts[key]

    def similarity(self, objective: Objective, scale: NDArray) -> NDArray[np.float64]:
        """Return the model similarity of each pair with channels scaled by `scale`, >= 0.

        A mask keeps or drops channels; other numbers weigh each channel's inner products.
        """
        state = self.grams(objective).copy()
        if scale.dtype == bool:
            state.activate(scale)
        else:
            state.weigh(scale)
        return state.similarity()


def rated_features(values: ArrayLike, rated: RatedImages, dimension: str) -> RatedFeatures:
    """Return the activations and one rating dimension of a table as one set of images.

    References are found where the table has a column ``reference`` whose files are rated
    images themselves.

    Raises
    ------
    InputError
        If activations and table do not fit, or hold NaN or constant ratings.
    """
    features = checked_values(values)
    if len(features) != len(rated):
        raise InputError(f"activations of {len(features)} images for a table of {len(rated)} rows")
    places = None
    if "reference" in rated.table:
        row_of = {name: row for row, name in enumerate(rated.table["image"])}
        places = [row_of.get(name, -1) for name in rated.table["reference"]]
    return RatedFeatures(features, rated.scores(dimension), rated.scenes, reference_of=places)
