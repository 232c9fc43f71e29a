"""Agreement within groups of images, and intervals over scenes.

Images of a scene share their content, so a set of 38 scenes holds 38 independent pictures
however many versions of each were rated. What a selection is worth on another set, or within
the levels of a column, is therefore resampled by whole scenes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.analysis.network.alignment.alignment import AnyAlignment
from fechner.analysis.network.alignment.pairs import Pairs
from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.errors import FechnerError

FEWEST = 4
"""Images of a group below which its rank correlation is left out."""
RESAMPLES = 300


def spearman_within(a: ArrayLike, b: ArrayLike, groups: ArrayLike) -> float:
    """Return the mean of Spearman's correlation inside each group, weighted by its images.

    What tells groups from each other counts for nothing. Groups of fewer than `FEWEST` images,
    or with one value of `b`, are left out; NaN where none remains.

    Parameters
    ----------
    a, b, groups : (n_images,)
        Predictions, ratings, and the group of each image.

    Examples
    --------
    Groups that differ by 10 and agree in nothing inside:

    >>> import numpy as np
    >>> ratings = np.array([1.0, 2, 3, 4, 11, 12, 13, 14])
    >>> spearman_within([4, 3, 2, 1, 14, 13, 12, 11], ratings, [0, 0, 0, 0, 1, 1, 1, 1])
    -1.0
    """
    x, y = np.asarray(a), np.asarray(b)
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    total, images = 0.0, 0
    for code in range(len(names)):
        mine = np.flatnonzero(codes == code)
        if len(mine) >= FEWEST and np.ptp(y[mine]) > 0:
            total += len(mine) * spearman(x[mine], y[mine])
            images += len(mine)
    return total / images if images else float("nan")


def resampled_scenes(
    scenes: ArrayLike, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> NDArray[np.int64]:
    """Return how often each image is drawn when whole scenes are, (resamples, n_images)."""
    names, codes = np.unique(np.asarray(scenes), return_inverse=True)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return times[:, codes]


def interval_over_scenes(
    statistic: Callable[[NDArray[np.intp]], float], times: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the 95 % interval of ``statistic(rows)`` over resampled scenes.

    Parameters
    ----------
    statistic
        A number of some rows of images, which may come several times.
    times : (resamples, n_images)
        See `resampled_scenes`.
    """
    rows = np.arange(times.shape[1])
    return percentile_interval(np.array([statistic(np.repeat(rows, one)) for one in times]))


def alignment_draws_over_scenes(
    similarity: NDArray,
    measure: AnyAlignment,
    pairs: Pairs,
    scenes: ArrayLike,
    times: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the alignment of resampled scenes, (resamples,); NaN where too little was drawn.

    A pair of two scenes counts as often as one is drawn times the other; a pair within a scene as
    often as that scene: between two draws of one scene every image would meet itself.

    Parameters
    ----------
    similarity : (n_pairs,)
    measure, pairs
        What aligns it, and the pairs.
    scenes : (n_images,)
    times : (resamples, n_images)
        See `resampled_scenes`.

    Returns
    -------
    (resamples,) float64
    """
    names = np.asarray(scenes)
    same = names[pairs.rows] == names[pairs.columns]
    drawn = np.full(len(times), np.nan)
    for k, each in enumerate(times):
        repeats = each[pairs.rows] * np.where(same, 1, each[pairs.columns])
        with suppress(FechnerError):
            drawn[k] = measure.repeated(repeats)(np.repeat(similarity, repeats))
    return drawn
