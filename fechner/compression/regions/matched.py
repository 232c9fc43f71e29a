"""Regions of high and low importance that are alike in everything else.

The step between importance maps and stimuli. Two regions of one picture differ as
much as possible in importance and within a tolerance not at all in area, edge
energy at two scales, eccentricity, luminance and chroma
(`fechner.compression.regions.covariates`); `fechner.compression.regions.choice` finds them.

Most degradations do their damage at edges, and two regions that differ in importance
on average may not differ there. So what is maximised counts half by area and half by
edge energy: the importance that an error spread like the edges would meet.

The soft mask of a region is the Gaussian of its pixels. That filter is its own
adjoint, so the mean of a plane under the soft mask is the mean of the filtered
plane over the pixels: what is matched on blocks stays matched after feathering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fechner.compression.degrading.families import gaussian
from fechner.compression.light import Image, Plane
from fechner.compression.pictures import checked_picture
from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.choice import Choice, NoChoice, choose_patches
from fechner.compression.regions.covariates import covariate_means, covariate_planes, edge_density
from fechner.compression.regions.options import RegionOptions
from fechner.errors import InputError, RefusedError


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
        What to match, how closely, and when the search stops.

    Raises
    ------
    InputError
        If the map does not fit the image, or the image is too small.
    RefusedError
        If no choice satisfies the constraints, none was found in the nodes given, or the
        best one hardly differs in importance; the message names the constraint that binds.
    """
    options = options or RegionOptions()
    image = checked_picture(image, smallest=8 * options.patch)
    importance = _checked_map(importance, image)
    height, width = image.shape[:2]
    grid = BlockGrid.fitting(height, width, options.block)
    sigma = options.feather * grid.block
    planes = covariate_planes(image)
    names = options.all_matched()
    means = {name: grid.means(gaussian(planes[name], sigma)) for name in names}
    counts = 1 - options.edge_weight + options.edge_weight * edge_density(image)
    value = grid.means(gaussian(importance * counts, sigma))
    choice = _chosen(grid, value, means, options, float(importance.mean()))
    return _described(image, importance, planes, grid, choice, sigma)


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
        choice = _search(grid, value, means, options.more_patient())
    if isinstance(choice, Choice) and choice.gap >= wanted:
        return choice
    raise RefusedError(_why_not(grid, value, means, options, choice, average))


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
        patches=options.patches(grid),
        side=options.patch,
        tolerance=options.tolerance,
        node_limit=options.node_limit,
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
        gap = 100 * choice.gap / average
        found = f"matched regions differ by only {gap:.1f} % of mean importance"
    elif choice.impossible:
        found = "no two regions are matched"
    else:
        nodes = options.more_patient().node_limit
        found = f"no matched regions were found in {nodes} nodes of the search"
    binding = max(gaps, key=lambda name: gaps[name], default="")
    if gaps and gaps[binding] >= options.minimum_gap:
        return (
            f"{found} within {100 * options.tolerance:g} %; the constraint that binds is "
            f"{binding!r} (without it they differ by {100 * gaps[binding]:.1f} %): leave "
            "the picture out, or state a looser match"
        )
    return (
        f"{found} within {100 * options.tolerance:g} %; no single constraint is to blame: two "
        f"regions of {100 * options.share:.0f} % are too large for this picture and map, "
        "leave it out"
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
