"""What a selection changed in the matrices themselves.

The RSM of the network before and after selection, and of people, are brought to one
scale (ranks of pairs, 0 to 1). A pair that moved toward the human matrix has its rank
closer to the human rank than before; an image's movement is the mean over its pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.alignment.pairs import Pairs, all_pairs
from fechner.analysis.network.alignment.ranks import midranks
from fechner.analysis.network.choosing.rated_features import Objective, RatedFeatures
from fechner.errors import InputError


@dataclass(frozen=True, eq=False)
class Explanation:
    """Three RSMs in units of rank, and what moved between the first two.

    Attributes
    ----------
    order : (n_images,) int
        Rows of the images, worst rated first.
    ratings : (n_images,) float64
        In that order.
    before, after, human : (n_images, n_images) float64
        Rank of each pair's similarity, [0, 1], in that order; NaN on the diagonal.
    pairs
        One row a pair: first, second (rows of the table), before, after, human,
        moved (positive: toward the human matrix), most first.
    images
        One row an image: image (row), rating, moved; most first.
    bands
        Mean movement of pairs by the rating bands of their two images.
    alignment_before, alignment_after
        Alignment of all these pairs.
    """

    order: NDArray[np.intp]
    ratings: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    human: NDArray[np.float64]
    pairs: pd.DataFrame
    images: pd.DataFrame
    bands: pd.DataFrame
    alignment_before: float
    alignment_after: float

    @property
    def movement(self) -> NDArray[np.float64]:
        """Movement of each pair toward the human matrix, (n_images, n_images) in `order`."""
        return np.abs(self.before - self.human) - np.abs(self.after - self.human)


def explain(
    images: RatedFeatures, scale: NDArray, *, objective: Objective | None = None, n_bands: int = 4
) -> Explanation:
    """Return what keeping some channels, or weighing them, changed for `images`.

    Parameters
    ----------
    images
        The images to explain, best those that took no part in the selection.
    scale : (n_channels,) bool or float64
        The kept channels, or their weights, as in `strategies.Chosen.scale`.
    objective
        Similarity and rating kernel; the usual ones if None.
    n_bands
        Bands of equal image counts, by rating.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        If `scale` does not fit the channels or keeps none.
    """
    if scale.shape != (images.n_channels,) or not scale.any():
        raise InputError(
            f"the selection has {scale.size} channels, {int((scale != 0).sum())} of them kept; "
            f"the activations have {images.n_channels}: use those it was made from"
        )
    aim = objective or Objective()
    every = all_pairs(len(images))
    plain = Objective(aim.similarity, aim.kernel, aim.fit)
    measure = images.alignment(plain)
    similarities = [images.channels(plain).similarity(), images.similarity(plain, scale)]
    ranks = [_unit_ranks(vector) for vector in (*similarities, measure.human)]
    ratings = overall(images.ratings)
    order = np.argsort(ratings, kind="stable")
    matrices = [every.matrix(vector)[np.ix_(order, order)] for vector in ranks]
    moved = np.abs(ranks[0] - ranks[2]) - np.abs(ranks[1] - ranks[2])
    return Explanation(
        order=order,
        ratings=ratings[order],
        before=matrices[0],
        after=matrices[1],
        human=matrices[2],
        pairs=_pair_table(every, ranks, moved),
        images=_image_table(every, moved, ratings),
        bands=_band_table(every, moved, ratings, n_bands),
        alignment_before=measure(similarities[0]),
        alignment_after=measure(similarities[1]),
    )


def breakdown(explanation: Explanation, groups: NDArray) -> pd.DataFrame:
    """Return the mean movement of images by a column of the table (n_images,).

    One row a group: group, images, moved, pairs_within (mean movement of pairs of the
    same group), by a distortion, a generator or whatever the column says.
    """
    labels = np.asarray(groups).astype(str)
    of_image = explanation.images.set_index("image")["moved"]
    pairs = explanation.pairs
    same = labels[pairs["first"]] == labels[pairs["second"]]
    rows = []
    for name in np.unique(labels):
        members = np.flatnonzero(labels == name)
        inside = pairs["moved"][same & (labels[pairs["first"]] == name)]
        rows.append((name, len(members), of_image[members].mean(), inside.mean()))
    table = pd.DataFrame(rows, columns=["group", "images", "moved", "pairs_within"])
    return table.sort_values("moved", ascending=False, ignore_index=True)


def overall(ratings: NDArray) -> NDArray[np.float64]:
    """Return one rating an image: of several dimensions the mean of their standard scores."""
    if ratings.ndim == 1:
        return ratings
    return ((ratings - ratings.mean(axis=0)) / ratings.std(axis=0)).mean(axis=1)


def _unit_ranks(vector: NDArray) -> NDArray[np.float64]:
    return (midranks(vector) - 1) / max(len(vector) - 1, 1)


def _pair_table(pairs: Pairs, ranks: list[NDArray], moved: NDArray) -> pd.DataFrame:
    table = pd.DataFrame({"first": pairs.rows, "second": pairs.columns})
    table[["before", "after", "human"]] = np.column_stack(ranks)
    table["moved"] = moved
    return table.sort_values("moved", ascending=False, ignore_index=True)


def _image_table(pairs: Pairs, moved: NDArray, ratings: NDArray) -> pd.DataFrame:
    n = pairs.n
    total = np.bincount(pairs.rows, moved, n) + np.bincount(pairs.columns, moved, n)
    table = pd.DataFrame({"image": np.arange(n), "rating": ratings, "moved": total / (n - 1)})
    return table.sort_values("moved", ascending=False, ignore_index=True)


def _band_table(pairs: Pairs, moved: NDArray, ratings: NDArray, n_bands: int) -> pd.DataFrame:
    place = np.minimum((midranks(ratings) - 1) * n_bands // len(ratings), n_bands - 1).astype(int)
    low = np.minimum(place[pairs.rows], place[pairs.columns]) + 1
    high = np.maximum(place[pairs.rows], place[pairs.columns]) + 1
    table = pd.DataFrame({"band": low, "other_band": high, "moved": moved})
    means = table.groupby(["band", "other_band"])["moved"].agg(["mean", "size"]).reset_index()
    return means.rename(columns={"mean": "moved", "size": "pairs"})
