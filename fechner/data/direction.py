"""Whether the scores of a set point the way that is declared, checked against PSNR.

Sets disagree about what a high number means, and their column names cannot be trusted
(KADID-10k calls "dmos" what is high where quality is good). PSNR is a poor judge of quality
but never so poor that it is upside down: over a sample of pairs its rank correlation with
quality is clearly positive in every set that was published.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from fechner.data.pairs import ReferencePairs, reference_pairs
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image
from fechner.records.rated_images import RatedImages

SAMPLE = 60
"""Pairs that are compared: enough that a correlation of .4 (PSNR on PIPAL) is never missed."""

FEWEST = 8
"""Below this number of pairs nothing is said."""


@dataclass(frozen=True)
class Direction:
    """Which end of a scale is good, and what PSNR says to it.

    Attributes
    ----------
    good
        The end that is declared to be good, ``high`` or ``low``.
    spearman
        Rank correlation of PSNR with the scores, turned so that higher is better; NaN
        where too few pairs were compared.
    n_pairs
        Pairs compared.
    """

    dimension: str
    good: str
    spearman: float
    n_pairs: int

    @property
    def least(self) -> float:
        """The correlation that chance exceeds in 5 % of samples of this size, on either side."""
        return float(stats.norm.ppf(0.975) / np.sqrt(max(self.n_pairs - 1, 1)))

    @property
    def contradicted(self) -> bool:
        """Whether PSNR says that the other end is good."""
        return bool(self.spearman < -self.least)

    def __str__(self) -> str:
        said = f"{self.dimension}: {'higher' if self.good == 'high' else 'lower'} is better: "
        if np.isnan(self.spearman):
            return said + f"not checked, {self.n_pairs} pairs are too few"
        shown = f"{self.spearman:.2f}".replace("0.", ".", 1)
        if self.contradicted:
            verb = "contradicts PSNR"
        elif self.spearman > self.least:
            verb = "agrees with PSNR"
        else:
            verb = "PSNR says nothing clear"
        return said + f"{verb}, Spearman {shown} on {self.n_pairs} pairs"


def direction_of_scores(
    rated: RatedImages,
    dimension: str,
    *,
    seed: int = 0,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> Direction:
    """Compare the scores of some pairs with their PSNR.

    Parameters
    ----------
    rated
        A table with a column ``reference``.
    dimension
        Which ratings.
    seed
        Which `SAMPLE` pairs are drawn, where there are more.
    pool
        Where images are decoded; None is this process.
    progress
        Called after each pair with how many are done.

    Returns
    -------
    Direction
        Agreeing, contradicting, or not clear.

    Raises
    ------
    InputError
        If the table has no pairs (see `reference_pairs`), an image cannot be read, or the
        images of a sampled pair have unequal sizes.
    """
    pairs = reference_pairs(rated, dimension, check_files=False)
    size = min(SAMPLE, len(pairs))
    drawn = np.sort(np.random.default_rng(seed).choice(len(pairs), size, replace=False))
    items = [(pairs.images[row], pairs.references[row]) for row in drawn]
    good = rated.scales[dimension].good
    if size < FEWEST:
        return Direction(dimension, good, float("nan"), size)
    decibels = run_all(psnr_of_files, items, pool=pool, progress=progress)
    return Direction(dimension, good, _agreement(decibels, pairs, drawn), size)


def require_direction(direction: Direction, scores: str) -> None:
    """Refuse scores that PSNR contradicts; `scores` says where they came from.

    Raises
    ------
    InputError
        If they are contradicted.
    """
    if direction.contradicted:
        other = "low" if direction.good == "high" else "high"
        raise InputError(
            f"{scores}: {direction}; the scores seem to be turned round: declare {other} as good, "
            "or restore the published scores"
        )


def psnr_of_files(pair: tuple[Path, Path]) -> float:
    """Return the peak signal-to-noise ratio of two images in dB over all channels.

    ``10 log10(255^2 / MSE)``; infinite where they are equal.

    Raises
    ------
    InputError
        If an image cannot be read, or they have unequal sizes.
    """
    image, reference = (read_image(path).astype(np.float64) for path in pair)
    if image.shape != reference.shape:
        raise InputError(
            f"{pair[0]} is {image.shape[1]} x {image.shape[0]} px, its reference {pair[1]} "
            f"{reference.shape[1]} x {reference.shape[0]} px; nothing is resized here: give pairs "
            "of one size"
        )
    error = float(np.mean((image - reference) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def _agreement(decibels: list[float], pairs: ReferencePairs, drawn: np.ndarray) -> float:
    dmos = pairs.dmos[drawn]
    if np.ptp(dmos) == 0 or len(set(decibels)) == 1:
        return 0.0
    return float(stats.spearmanr(decibels, -dmos).statistic)
