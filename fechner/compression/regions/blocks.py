"""The grid of square blocks from which regions are put together.

Blocks have one size, so regions with as many blocks have the same area. The grid
is centred; the few pixels that do not fill a block belong to no region.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCKS_ON_SHORT_SIDE = 24
"""A photograph of 768 pixels gets blocks of 32 pixels, a smaller one smaller blocks."""

SMALLEST_BLOCK_PX = 4
"""Below this a patch of a few blocks has no room for a feathered border."""


@dataclass(frozen=True)
class BlockGrid:
    """Square blocks of `block` pixels on a picture of `height` x `width` pixels."""

    height: int
    width: int
    block: int

    @classmethod
    def fitting(cls, height: int, width: int, block: int | None = None) -> BlockGrid:
        """Return the grid for a picture; `block` None scales it to the short side."""
        scaled = max(SMALLEST_BLOCK_PX, round(min(height, width) / BLOCKS_ON_SHORT_SIDE))
        return cls(height, width, block or scaled)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.height // self.block, self.width // self.block

    @property
    def count(self) -> int:
        """Number of blocks."""
        rows, columns = self.shape
        return rows * columns

    @property
    def area(self) -> float:
        """Share of the picture that one block covers."""
        return self.block**2 / (self.height * self.width)

    def _inside(self) -> tuple[slice, slice]:
        rows, columns = self.shape
        top = (self.height - rows * self.block) // 2
        left = (self.width - columns * self.block) // 2
        return (
            slice(top, top + rows * self.block),
            slice(left, left + columns * self.block),
        )

    def means(self, plane: np.ndarray) -> np.ndarray:
        """Return the mean of a plane ``(height, width)`` over each block, ``(count,)`` float64."""
        rows, columns = self.shape
        inside = plane[self._inside()].astype(np.float64)
        tiles = inside.reshape(rows, self.block, columns, self.block)
        return tiles.mean(axis=(1, 3)).ravel()

    def mask(self, chosen: np.ndarray) -> np.ndarray:
        """Return the pixels of the chosen blocks ``(count,)``, bool ``(height, width)``."""
        mask = np.zeros((self.height, self.width), bool)
        tiles = np.asarray(chosen, bool).reshape(self.shape)
        mask[self._inside()] = np.kron(tiles, np.ones((self.block, self.block), bool))
        return mask

    def neighbours(self) -> np.ndarray:
        """Return the pairs of blocks that share a side, ``(n_pairs, 2)``."""
        index = np.arange(self.count).reshape(self.shape)
        across = np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()], axis=1)
        down = np.stack([index[:-1].ravel(), index[1:].ravel()], axis=1)
        return np.concatenate([across, down])

    def open_sides(self) -> np.ndarray:
        """Return how many sides of each block lie on the grid's border, ``(count,)``."""
        sides = np.zeros(self.shape, int)
        sides[0] += 1
        sides[-1] += 1
        sides[:, 0] += 1
        sides[:, -1] += 1
        return sides.ravel()

    def perimeter(self, chosen: np.ndarray) -> int:
        """Return the number of block sides between chosen and not chosen blocks or the border."""
        chosen = np.asarray(chosen, bool)
        pairs = self.neighbours()
        between = int((chosen[pairs[:, 0]] != chosen[pairs[:, 1]]).sum())
        return between + int(self.open_sides()[chosen].sum())
