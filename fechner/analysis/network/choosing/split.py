"""Splits of rated images by whole scenes: two versions of a photograph are no new evidence.

For choosing channels, into images that choose and images that judge; for fine-tuning, into
images that are trained on and images that say when to stop.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.errors import InputError, nearest
from fechner.records.rated_images import RatedImages

FEWEST_SCENES = 4


def split_scenes(
    scenes: ArrayLike, held_out: float, *, seen: ArrayLike | None = None, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which images select, (n_images,): all others are held out, by whole scenes.

    Parameters
    ----------
    seen : (n_images,) bool, optional
        Images that the weights were fitted to; their scenes are never held out.

    Returns
    -------
    (n_images,) bool
        True where an image selects.

    Raises
    ------
    InputError
        If there are fewer than four scenes, fewer than two of them unseen, or `held_out` is
        not between 0 and 1.
    """
    names, codes = np.unique(np.asarray(scenes), return_inverse=True)
    if len(names) < FEWEST_SCENES:
        raise InputError(
            f"selection and held-out evidence need at least {FEWEST_SCENES} scenes, got "
            f"{len(names)}; add scenes or mark them in the table's scene column"
        )
    if not 0 < held_out < 1:
        raise InputError(f"held_out is a share of the scenes between 0 and 1, got {held_out}")
    known = np.zeros(len(codes), bool) if seen is None else np.asarray(seen)
    unseen = np.setdiff1d(np.arange(len(names)), codes[known])
    if len(unseen) < 2:
        raise InputError(
            f"the weights were fitted to images of all but {len(unseen)} scenes, so that nothing "
            "can judge them; fit them anew with fechner network finetune --held-out"
        )
    count = int(np.clip(round(held_out * len(names)), 2, len(names) - 2))
    return ~np.isin(codes, rng.permutation(unseen)[:count])


@dataclass(frozen=True, eq=False)
class Split:
    """Images to train on and images that decide when to stop, by whole scenes.

    `training` and `validation` are image paths, `training_scores` and `validation_scores`
    their ratings, float64, standardised by mean and SD of the training ratings.
    """

    training: list[Path]
    validation: list[Path]
    training_scores: np.ndarray
    validation_scores: np.ndarray
    mean: float
    sd: float
    scenes_training: list[str]
    scenes_validation: list[str]

    @property
    def n_images(self) -> int:
        """Number of images in both parts."""
        return len(self.training) + len(self.validation)


def split_by_scene(
    rated: RatedImages,
    dimension: str,
    *,
    leave_out: Collection[str],
    validation: float,
    seed: int,
) -> Split:
    """Return the split of the scenes that are not in `leave_out`.

    Parameters
    ----------
    rated, dimension
        The rated images and the dimension that is fitted.
    leave_out
        Scenes that take no part at all.
    validation
        Share of the remaining scenes that validate, in (0, 1); at least one does.
    seed
        Draws them.

    Returns
    -------
    Split
        Images and ratings to fit and to validate.

    Raises
    ------
    InputError
        If a scene to leave out is unknown, fewer than two scenes remain, or the training
        ratings are constant.
    """
    scenes = np.asarray(rated.scenes).astype(str)
    for scene in leave_out:
        if scene not in scenes:
            raise InputError(f"no scene {scene!r} to leave out; {nearest(scene, set(scenes))}")
    remaining = sorted(set(scenes.tolist()) - set(leave_out))
    if len(remaining) < 2:
        raise InputError(
            f"fine-tuning needs two scenes or more, got {len(remaining)}; one validates"
        )
    count = int(np.clip(round(validation * len(remaining)), 1, len(remaining) - 1))
    order = np.random.default_rng(seed).permutation(len(remaining))
    chosen = sorted(remaining[place] for place in order[:count])
    kept = sorted(set(remaining) - set(chosen))
    scores = rated.scores(dimension)
    trains, validates = np.isin(scenes, kept), np.isin(scenes, chosen)
    mean, sd = float(scores[trains].mean()), float(scores[trains].std())
    if not sd > 0:
        raise InputError(f"the ratings of {dimension!r} are constant; nothing can be fitted")
    paths = rated.paths
    return Split(
        training=[path for path, here in zip(paths, trains, strict=True) if here],
        validation=[path for path, here in zip(paths, validates, strict=True) if here],
        training_scores=(scores[trains] - mean) / sd,
        validation_scores=(scores[validates] - mean) / sd,
        mean=mean,
        sd=sd,
        scenes_training=kept,
        scenes_validation=chosen,
    )
