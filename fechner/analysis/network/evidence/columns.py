"""What a column of the table predicts alone: the generator's name, the camera, the codec.

Channels that recognise who made an image predict its rating as well as that name does, and have
learnt nothing of quality. So the name is held against them: the mean rating of each level on
some scenes predicts the images of others. Every column of few levels is tried unasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.choosing.readout import apart_from
from fechner.analysis.network.evidence.by_scene import interval_over_scenes, resampled_scenes
from fechner.analysis.network.evidence.evaluation import mean_spearman
from fechner.analysis.network.evidence.folds import held_out_folds
from fechner.errors import InputError, nearest
from fechner.records.rated_images import RatedImages
from fechner.records.selection import ColumnAlone

IMAGES_A_LEVEL = 5
"""Mean number of images a level below which a column is not tried unasked.

Not a fixed number of levels: in AVT's compressed images 47 coded heights predict .87.
"""
EMPTY = "(empty)"


@dataclass(frozen=True, eq=False)
class BestChannels:
    """The channels that predict best, which columns are held against.

    Attributes
    ----------
    what
        In words.
    predicted : (n_images, n_partitions * n_dimensions)
        What they predict on held-out images, up to a constant; see `evaluation.Evaluation`.
    """

    what: str
    predicted: NDArray[np.float64]


def warnings_of(columns: Iterable[ColumnAlone], *, advise: bool = True) -> list[str]:
    """Return a sentence for each column that predicts better than the channels do.

    With `advise` it names the command that looks within the levels. Empty where the channels do
    better than every column.
    """
    return [
        f"The column {one.column!r} alone (mean ratings of its {one.levels} levels) predicts the "
        f"ratings of held-out scenes with Spearman {one.prediction:.3f} [{one.low:.3f}, "
        f"{one.high:.3f}], better than {one.channels} ({one.channels_prediction:.3f}) by "
        f"{one.lead:.3f} [{one.lead_low:.3f}, {one.lead_high:.3f}]"
        + (": " if one.lead_low > 0 else ", which other scenes may turn round: ")
        + f"the channels may do no more than recognise {one.column!r}"
        + (f"; see channels compare --confound {one.column}." if advise else ".")
        for one in columns
        if one.lead > 0
    ]


def levels_of(rated: RatedImages, column: str) -> NDArray[np.str_]:
    """Return the level of each image as text, (n_images,).

    Raises
    ------
    InputError
        If there is no such column, it is constant, or it has hardly fewer levels than images.
    """
    if column not in rated.table:
        known = [name for name in map(str, rated.table.columns) if name != "image"]
        raise InputError(f"no column {column!r} in the rated images; {nearest(column, known)}")
    levels = _as_text(rated.table[column])
    count = len(np.unique(levels))
    if count == 1:
        raise InputError(
            f"the column {column!r} is {str(levels[0])!r} for every image, so that it can explain "
            "nothing; name a column with several levels"
        )
    if count > len(levels) / 2:
        raise InputError(
            f"the column {column!r} has {count} levels for {len(levels)} images; name one whose "
            "levels have several images each, such as a generator, a camera or a codec"
        )
    return levels


def columns_of_few_levels(rated: RatedImages) -> dict[str, NDArray[np.str_]]:
    """Return the columns that are tried unasked, with the level of each image.

    Those of two levels or more, `IMAGES_A_LEVEL` images each on average, of which most images have
    one that two scenes or more share: what stands for the scene itself can predict no other scene.
    Ratings, their SDs and counts, names of files and what is read as a number with decimals are
    left out, and what tells the images apart as an earlier column does (``720`` and ``1280x720``).
    """
    ours = {"image", "scene", "reference"}
    ours |= {name + end for name in rated.dimensions for end in ("", "_sd", "_n")}
    found, told = {}, set()
    for name in rated.table.columns:
        cells = rated.table[name]
        if name in ours or (pd.api.types.is_float_dtype(cells) and (cells % 1 > 0).any()):
            continue
        levels = _as_text(cells)
        if 2 <= len(np.unique(levels)) <= len(levels) / IMAGES_A_LEVEL:
            scenes = pd.Series(rated.scenes).groupby(levels).transform("nunique")
            groups = tuple(pd.factorize(levels)[0].tolist())
            if (scenes > 1).mean() > 0.5 and groups not in told:
                found[str(name)] = levels
                told.add(groups)
    return found


def predict_by_levels(levels: NDArray, ratings: NDArray, judged: NDArray) -> NDArray[np.float64]:
    """Return the mean rating of each judged image's level, less the mean rating.

    Parameters
    ----------
    levels : (n_images,)
    ratings : (n_images,) or (n_images, n_dimensions)
        Of the images that make the means.
    judged : (n_judged,)
        Levels of the images to predict; one without a mean is predicted by the mean of all.
    """
    mean = ratings.mean(axis=0)
    found = np.zeros((len(judged), *ratings.shape[1:]))
    for level in np.intersect1d(levels, judged):
        found[judged == level] = ratings[levels == level].mean(axis=0) - mean
    return found


def columns_alone(
    columns: dict[str, NDArray],
    ratings: NDArray,
    scenes: NDArray,
    splits: Iterable[tuple[int, NDArray, NDArray]],
    channels: BestChannels,
    *,
    held_constant: NDArray | None = None,
    seed: int,
) -> list[ColumnAlone]:
    """Return what each column alone predicts on held-out images beside the channels, best first.

    Parameters
    ----------
    columns
        The level of each image, by column.
    ratings : (n_images,) or (n_images, n_dimensions)
        Of several dimensions the mean prediction is returned.
    scenes : (n_images,)
    splits
        Partition, rows that make the means and rows that they predict, one for each fold; see
        `evaluation.held_out_folds`.
    channels
        Fitted and judged in the same folds.
    held_constant : (n_images, n_others), optional
        Taken out of the ratings on either side first.
    seed
        Of the bootstrap over scenes.

    Returns
    -------
    list of ColumnAlone
        Spearman over the judged images, mean over partitions and dimensions, its lead over that
        of the channels, and the intervals of both.
    """
    others = np.empty((len(ratings), 0)) if held_constant is None else held_constant
    turns = list(splits)
    judged = np.unique(np.concatenate([test for *_, test in turns]))
    wanted = apart_from(ratings[judged], others[judged]).reshape(len(judged), -1)
    rival = channels.predicted[judged]
    # The same scenes for every column and for the channels: a difference is of pairs.
    times = resampled_scenes(scenes[judged], rng=np.random.default_rng(seed))
    found = []
    for name, levels in columns.items():
        guess = np.zeros((turns[-1][0] + 1, *ratings.shape))
        for partition, train, test in turns:
            made = apart_from(ratings[train], others[train])
            guess[partition, test] = predict_by_levels(levels[train], made, levels[test])
        mine = np.concatenate([one[judged].reshape(wanted.shape) for one in guess], axis=1)

        def agrees(at: NDArray, mine: NDArray = mine) -> float:
            return mean_spearman(mine[at], wanted[at])

        def leads(at: NDArray, mine: NDArray = mine) -> float:
            return agrees(at, mine) - mean_spearman(rival[at], wanted[at])

        everyone = np.arange(len(judged))
        low, high = interval_over_scenes(agrees, times)
        lead_low, lead_high = interval_over_scenes(leads, times)
        found.append(
            ColumnAlone(
                column=name,
                levels=len(np.unique(levels)),
                prediction=agrees(everyone),
                low=low,
                high=high,
                channels=channels.what,
                channels_prediction=mean_spearman(rival, wanted),
                lead=leads(everyone),
                lead_low=lead_low,
                lead_high=lead_high,
            )
        )
    return sorted(found, key=lambda one: -one.prediction)


def columns_in_folds(
    rated: RatedImages,
    ratings: NDArray,
    channels: BestChannels,
    *,
    columns: Sequence[str] = (),
    seen: NDArray,
    held_constant: NDArray | None = None,
    folds: int,
    repeats: int,
    seed: int,
) -> list[ColumnAlone]:
    """Return what columns alone predict in the folds of `evaluation.evaluate`, best first.

    Parameters
    ----------
    rated, ratings
        The table, and what is predicted, (n_images, ...).
    channels
        The best of `compare.compare` on the same folds.
    columns
        Columns to try besides those of few levels.
    seen, held_constant, folds, repeats, seed
        As there.

    Returns
    -------
    list of ColumnAlone
        See `columns_alone`.

    Raises
    ------
    InputError
        If a named column is missing, constant or has a level an image.
    """
    tried = {name: levels_of(rated, name) for name in columns} | columns_of_few_levels(rated)
    splits = held_out_folds(rated.scenes, seen, folds=folds, repeats=repeats, seed=seed)
    return columns_alone(
        tried, ratings, rated.scenes, splits, channels, held_constant=held_constant, seed=seed
    )


def _as_text(cells: pd.Series) -> NDArray[np.str_]:
    words = cells.astype(str).where(cells.notna(), EMPTY).replace("", EMPTY)
    return words.to_numpy(dtype=str)
