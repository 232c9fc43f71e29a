"""How regions of high and low importance are made: what is matched, how closely, when to stop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.covariates import COVARIATES
from fechner.errors import InputError, nearest

NODE_LIMIT = 200
"""Nodes of the solver's search tree after which the best choice so far is taken.

The solver is asked only where exchanges end more than `solver_gap` below the bound. On the 24
Kodak photographs with three maps each, on which nothing was chosen, that was never so: 72 choices
took 24.5 CPU s and lie 4 % below the bound at the median, 12 % at most; by the solver alone 144 s,
9 and 28 % (``python benchmarks/regions.py kodak --side 256``).
"""

PATIENCE = 5
"""A picture for which nothing was found in `NODE_LIMIT` nodes gets this many times as many.

At a tolerance of .4 % exchanges seldom find a choice, and four of five Kodak photographs with
centre maps had none after `NODE_LIMIT` nodes either; two of them found one after 253 and 275 nodes,
two found none in 1000 (a minute each).
"""


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
    node_limit, solver_gap
        The search ends when no choice can be better by more than this share, or the solver after
        so many nodes of its search tree. Where it found none by then, it goes on for `PATIENCE`
        times as many nodes and takes the first one that is halfway to the best.
    """

    share: float = 0.2
    block: int | None = None
    patch: int = 4
    match: tuple[str, ...] = tuple(COVARIATES)
    tolerance: float = 0.02
    feather: float = 0.5
    edge_weight: float = 0.5
    minimum_gap: float = 0.05
    node_limit: int = NODE_LIMIT
    solver_gap: float = 0.15

    def __post_init__(self) -> None:
        for name in self.match:
            if name not in COVARIATES:
                raise InputError(f"cannot match regions on {name!r}; {nearest(name, COVARIATES)}")
        if not 0.02 <= self.share <= 0.4:
            raise InputError(f"share expects 0.02 to 0.4 of the picture, got {self.share:g}")
        if self.node_limit < 1:
            raise InputError(f"node_limit expects 1 or more nodes, got {self.node_limit}")
        if not 0 < self.tolerance < 1:
            raise InputError(f"tolerance expects a share between 0 and 1, got {self.tolerance:g}")

    def without(self, *names: str) -> RegionOptions:
        """Return options that leave the covariates `names` unmatched (they stay reported)."""
        return replace(self, match=tuple(name for name in self.match if name not in names))

    def all_matched(self) -> tuple[str, ...]:
        """Return what is matched; eccentricity by area brings eccentricity by edges with it."""
        with_edges = "eccentricity" in self.match
        return tuple(dict.fromkeys([*self.match, *(["edge_eccentricity"] * with_edges)]))

    def patches(self, grid: BlockGrid) -> int:
        """Return the number of patches that cover about `share` of the picture."""
        return max(1, round(self.share / grid.area / self.patch**2))

    def more_patient(self) -> RegionOptions:
        """Return options that search longer and take the first choice halfway to the best."""
        return replace(self, node_limit=PATIENCE * self.node_limit, solver_gap=0.5)

    def as_record(self) -> dict[str, object]:
        """Return the options as a JSON-able dictionary, for provenance blocks."""
        return {**asdict(self), "match": list(self.match)}
