"""Regions of high and low importance that are alike in everything else.

The step between importance maps and stimuli. Two regions of one picture differ as
much as possible in importance and within a tolerance not at all in area, edge
energy at two scales, eccentricity, luminance and chroma
(`fechner.compression.covariates`); `fechner.compression.choice` finds them. Control
regions ignore importance or take it from elsewhere.

Most degradations do their damage at edges, and two regions that differ in importance
on average may not differ there. So what is maximised counts half by area and half by
edge energy: the importance that an error spread like the edges would meet.

The soft mask of a region is the Gaussian of its pixels. That filter is its own
adjoint, so the mean of a plane under the soft mask is the mean of the filtered
plane over the pixels: what is matched on blocks stays matched after feathering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np

from fechner.compression.blocks import BlockGrid
from fechner.compression.choice import Choice, NoChoice, choose_patches, coverage
from fechner.compression.covariates import (
    COVARIATES,
    covariate_means,
    covariate_planes,
    eccentricity,
    edge_density,
)
from fechner.compression.families import gaussian
from fechner.compression.light import Image, Plane
from fechner.compression.pictures import checked_picture
from fechner.errors import InputError, RefusedError, nearest

PATIENCE = 5
"""A picture for which no choice was found in the time limit gets this many times as long."""


@dataclass(frozen=True)
class RegionOptions:
    """How regions are made.

    Attributes
    ----------
    share
        Area of each region as a share of the picture, about.
    block
        Side of a block in pixels; None: a 24th of the short side.
    patch
        Side in blocks of the square patches that make up a region.
    match
        The covariates that are equal between high and low.
    tolerance
        Largest difference of a covariate, relative to its mean over both regions.
    feather
        Standard deviation of the soft border in blocks.
    edge_weight
        How much importance at edges counts in what is maximised, against area, [0, 1].
    minimum_gap
        Smallest difference in (so weighted) importance, relative to the picture's mean.
    time_limit_s, solver_gap
        The search stops at this time, or when no choice can be better by more
        than this share. Where nothing was found by then it goes on for `PATIENCE` times
        as long and takes the first choice that is halfway to the best.
    """

    share: float = 0.2
    block: int | None = None
    patch: int = 4
    match: tuple[str, ...] = tuple(COVARIATES)
    tolerance: float = 0.02
    feather: float = 0.5
    edge_weight: float = 0.5
    minimum_gap: float = 0.05
    time_limit_s: float = 12.0
    solver_gap: float = 0.15

    def __post_init__(self) -> None:
        for name in self.match:
            if name not in COVARIATES:
                raise InputError(f"cannot match regions on {name!r}; {nearest(name, COVARIATES)}")
        if not 0.02 <= self.share <= 0.4:
            raise InputError(f"share expects 0.02 to 0.4 of the picture, got {self.share:g}")
        if not 0 < self.tolerance < 1:
            raise InputError(f"tolerance expects a share between 0 and 1, got {self.tolerance:g}")


@dataclass(frozen=True)
class Regions:
    """The two matched regions of a picture.

    Attributes
    ----------
    high, low
        bool ``(height, width)``.
    soft
        Arm (``high``, ``low``) -> its feathered mask, float32 in [0, 1].
    covariates
        Arm -> covariate -> mean under the soft mask; of all covariates, matched or not.
    importance
        Arm -> mean importance under the soft mask.
    gap
        ``importance["high"] - importance["low"]``.
    edge_gap
        The same where each pixel counts by its edge energy.
    solver_gap
        How much larger, relative to `gap`, the best gap can be at most.
    perimeter
        Arm -> length of its border in pixels.
    grid
        The blocks.
    """

    high: np.ndarray
    low: np.ndarray
    soft: Mapping[str, Plane]
    covariates: Mapping[str, Mapping[str, float]]
    importance: Mapping[str, float]
    gap: float
    edge_gap: float
    solver_gap: float
    perimeter: Mapping[str, int]
    grid: BlockGrid

    @property
    def area(self) -> float:
        """Area of each region as a share of the picture."""
        return float(self.high.mean())


def matched_regions(
    image: Image, importance: np.ndarray, *, options: RegionOptions | None = None
) -> Regions:
    """Return the regions of high and low importance that are matched in everything else.

    Parameters
    ----------
    image
        uint8 ``(height, width, 3)``.
    importance
        ``(height, width)``, not negative.
    options
        What to match, how closely, and for how long to search.

    Raises
    ------
    InputError
        If the map does not fit the image, or the image is too small.
    RefusedError
        If no choice satisfies the constraints, none was found in time, or the best
        one hardly differs in importance; the message names the constraint that binds.
    """
    options = options or RegionOptions()
    image = checked_picture(image, smallest=8 * options.patch)
    importance = _checked_map(importance, image)
    height, width = image.shape[:2]
    grid = BlockGrid.fitting(height, width, options.block)
    sigma = options.feather * grid.block
    planes = covariate_planes(image)
    names = _all_matched(options)
    means = {name: grid.means(gaussian(planes[name], sigma)) for name in names}
    counts = 1 - options.edge_weight + options.edge_weight * edge_density(image)
    value = grid.means(gaussian(importance * counts, sigma))
    choice = _chosen(grid, value, means, options, float(importance.mean()))
    return _described(image, importance, planes, grid, choice, sigma)


def _all_matched(options: RegionOptions) -> tuple[str, ...]:
    """Return what is matched; eccentricity by area brings eccentricity by edges with it."""
    with_edges = "eccentricity" in options.match
    return tuple(dict.fromkeys([*options.match, *(["edge_eccentricity"] * with_edges)]))


def _checked_map(importance: np.ndarray, image: Image) -> Plane:
    importance = np.asarray(importance, np.float32)
    if importance.shape != image.shape[:2]:
        raise InputError(
            f"the importance map has {importance.shape[::-1]} pixels, its picture "
            f"{image.shape[1::-1]} (width, height); make the map for this picture"
        )
    if not np.isfinite(importance).all() or importance.min() < 0:
        raise InputError("an importance map expects finite values from 0 up; remake it")
    if np.ptp(importance) == 0:
        raise RefusedError("the importance map is constant: no region is more important")
    return importance


def patches_for(grid: BlockGrid, options: RegionOptions) -> int:
    """Return the number of patches a region needs to cover about ``options.share``."""
    return max(1, round(options.share / grid.area / options.patch**2))


def _chosen(
    grid: BlockGrid,
    value: np.ndarray,
    means: Mapping[str, np.ndarray],
    options: RegionOptions,
    average: float,
) -> Choice:
    wanted = options.minimum_gap * average
    choice = _search(grid, value, means, options)
    if isinstance(choice, NoChoice) and not choice.impossible:
        choice = _search(grid, value, means, _more_patient(options))
    if isinstance(choice, Choice) and choice.gap >= wanted:
        return choice
    raise RefusedError(_why_not(grid, value, means, options, choice, average))


def _more_patient(options: RegionOptions) -> RegionOptions:
    """Return options that search longer and take the first choice that is halfway to the best."""
    return replace(options, time_limit_s=PATIENCE * options.time_limit_s, solver_gap=0.5)


def _search(
    grid: BlockGrid,
    value: np.ndarray,
    means: Mapping[str, np.ndarray],
    options: RegionOptions,
) -> Choice | NoChoice:
    return choose_patches(
        grid,
        value,
        means,
        patches=patches_for(grid, options),
        side=options.patch,
        tolerance=options.tolerance,
        time_limit_s=options.time_limit_s,
        solver_gap=options.solver_gap,
    )


def _why_not(
    grid: BlockGrid,
    value: np.ndarray,
    means: Mapping[str, np.ndarray],
    options: RegionOptions,
    choice: Choice | NoChoice,
    average: float,
) -> str:
    """Relax one constraint at a time and say which one stands in the way."""
    gaps = {}
    for name in means:
        others = {other: values for other, values in means.items() if other != name}
        relaxed = _search(grid, value, others, options)
        gaps[name] = relaxed.gap / average if isinstance(relaxed, Choice) else -np.inf
    if isinstance(choice, Choice):
        found = f"matched regions differ by only {choice.gap / average:.1%} of mean importance"
    elif choice.impossible:
        found = "no two regions are matched"
    else:
        found = f"no matched regions were found in {(1 + PATIENCE) * options.time_limit_s:g} s"
    binding = max(gaps, key=lambda name: gaps[name], default="")
    if gaps and gaps[binding] >= options.minimum_gap:
        return (
            f"{found} within {options.tolerance:.0%}; the constraint that binds is "
            f"{binding!r} (without it they differ by {gaps[binding]:.1%}): leave the picture "
            "out, or state a looser match"
        )
    return (
        f"{found} within {options.tolerance:.0%}; no single constraint is to blame: two regions "
        f"of {options.share:.0%} are too large for this picture and map, leave it out"
    )


def _described(
    image: Image,
    importance: Plane,
    planes: Mapping[str, Plane],
    grid: BlockGrid,
    choice: Choice,
    sigma: float,
) -> Regions:
    high, low = grid.mask(choice.high), grid.mask(choice.low)
    soft = {"high": feather(high, sigma), "low": feather(low, sigma)}
    means = {arm: covariate_means(planes, mask) for arm, mask in soft.items()}
    value = {arm: _weighted_mean(importance, mask) for arm, mask in soft.items()}
    edges = edge_density(image)
    at_edges = {arm: _weighted_mean(importance, mask * edges) for arm, mask in soft.items()}
    sides = {"high": grid.perimeter(choice.high), "low": grid.perimeter(choice.low)}
    return Regions(
        high=high,
        low=low,
        soft=soft,
        covariates=means,
        importance=value,
        gap=value["high"] - value["low"],
        edge_gap=at_edges["high"] - at_edges["low"],
        solver_gap=choice.solver_gap,
        perimeter={arm: count * grid.block for arm, count in sides.items()},
        grid=grid,
    )


def _weighted_mean(plane: Plane, weight: Plane) -> float:
    return float((plane.astype(np.float64) * weight).sum() / max(float(weight.sum()), 1e-12))


def feather(mask: np.ndarray, sigma: float) -> Plane:
    """Return the soft mask of a region: its Gaussian, float32 ``(height, width)`` in [0, 1].

    Its sum equals the region's area; beyond four `sigma` from the region it is 0.
    """
    soft = gaussian(np.asarray(mask, np.float32), sigma)
    return np.clip(soft, 0.0, 1.0)


def donor_region(grid: BlockGrid, donor: np.ndarray, blocks: int) -> np.ndarray:
    """Return another picture's region on this picture, bool ``(height, width)``.

    The donor's mask is stretched to this picture; the `blocks` blocks that it covers
    most are taken, so that the area is exactly that of this picture's own regions.
    A mask from a picture of the same size comes back unchanged.
    """
    size = (grid.width, grid.height)
    mask = np.asarray(donor, np.float32)
    stretched = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.float32)
    covered = grid.means(stretched)
    nearby = grid.means(gaussian(stretched, 2.0 * grid.block))
    order = np.lexsort((-nearby, -np.round(covered, 3)))
    chosen = np.zeros(grid.count, bool)
    chosen[order[:blocks]] = True
    return grid.mask(chosen)


def random_region(
    grid: BlockGrid, *, patches: int, side: int, rng: np.random.Generator
) -> np.ndarray:
    """Return `patches` patches at random places that do not overlap, bool ``(height, width)``.

    Raises
    ------
    RefusedError
        If so many patches do not fit side by side.
    """
    cover = coverage(grid, side).tocsc()
    for _ in range(200):
        taken = np.zeros(grid.count)
        free = np.ones(cover.shape[1], bool)
        for _ in range(patches):
            if not free.any():
                break
            place = rng.choice(np.flatnonzero(free))
            taken += cover[:, [place]].toarray().ravel()
            free = cover.T @ taken == 0
        else:
            return grid.mask(taken > 0)
    raise RefusedError(
        f"{patches} random patches of {side} x {side} blocks do not fit the picture; "
        "choose a smaller share"
    )


def mirrored(mask: np.ndarray) -> np.ndarray:
    """Return a region reflected left to right: the same area, shape and eccentricity."""
    return np.ascontiguousarray(np.asarray(mask)[:, ::-1])


def centre(grid: BlockGrid, blocks: int) -> np.ndarray:
    """Return the `blocks` blocks nearest the picture's centre, bool ``(height, width)``."""
    distance = grid.means(eccentricity(grid.height, grid.width))
    chosen = np.zeros(grid.count, bool)
    chosen[np.argsort(distance, kind="stable")[:blocks]] = True
    return grid.mask(chosen)


def middle_map(importance: np.ndarray) -> Plane:
    """Return a map that is high where `importance` is near its median: its rank's closeness to 1/2.

    `matched_regions` on it gives a region of middling importance as its high arm.
    """
    flat = np.asarray(importance).ravel()
    rank = np.empty(flat.size, np.float32)
    rank[np.argsort(flat, kind="stable")] = np.linspace(0, 1, flat.size, dtype=np.float32)
    return (1 - 2 * np.abs(rank - 0.5)).reshape(np.shape(importance))


def options_record(options: RegionOptions) -> dict[str, object]:
    """Return `options` as a JSON-able dictionary, for provenance blocks."""
    return {**asdict(options), "match": list(options.match)}


def without(options: RegionOptions, *names: str) -> RegionOptions:
    """Return `options` that leave the covariates `names` unmatched (and reported)."""
    return replace(options, match=tuple(name for name in options.match if name not in names))
