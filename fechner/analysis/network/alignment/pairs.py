"""Which pairs of images are compared.

An RSM is symmetric and its diagonal says nothing, so every computation here works on
a vector with one number a pair ``i < j``. All pairs by default; only pairs of the same
scene (prompt, reference) where content must not enter the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fechner.errors import InputError


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs ``(i, j)`` with ``i < j`` of `n` images, row after row.

    Attributes
    ----------
    n
        Number of images.
    starts : (n + 1,) int64
        Row ``i`` owns the pairs ``starts[i]`` to ``starts[i + 1] - 1``.
    columns : (n_pairs,) int32
        The second image of each pair, rising within a row.
    """

    n: int
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.columns)

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """The first image of each pair, (n_pairs,)."""
        return np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.starts))

    @property
    def complete(self) -> bool:
        """Whether these are all pairs of the images."""
        return len(self.columns) == self.n * (self.n - 1) // 2

    def of(self, matrix: NDArray) -> NDArray:
        """Return the entries of an (n, n) `matrix` at the pairs, (n_pairs,)."""
        return matrix[self.rows, self.columns]

    def matrix(self, values: NDArray, *, diagonal: float = np.nan) -> NDArray[np.float64]:
        """Return the symmetric (n, n) matrix of one value a pair; NaN where no pair is."""
        full = np.full((self.n, self.n), np.nan)
        rows = self.rows
        full[rows, self.columns] = values
        full[self.columns, rows] = values
        np.fill_diagonal(full, diagonal)
        return full


def all_pairs(n: int) -> Pairs:
    """Return every pair of `n` images, ``n (n - 1) / 2`` of them.

    Raises
    ------
    InputError
        If there are fewer than three images: two images are one pair, which aligns
        with nothing.
    """
    if n < 3:
        raise InputError(f"an RSM needs at least three images, got {n}; add images")
    starts = np.concatenate([[0], np.cumsum(np.arange(n - 1, -1, -1))]).astype(np.int64)
    columns = np.concatenate([np.arange(i + 1, n, dtype=np.int32) for i in range(n)])
    return Pairs(n, starts, columns)


def pairs_within(groups: ArrayLike) -> Pairs:
    """Return the pairs of images that share a group (scene, prompt, reference).

    Parameters
    ----------
    groups : (n,)
        The group of each image.

    Raises
    ------
    InputError
        If fewer than three pairs share a group, as with one image a scene.
    """
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    rows = [np.flatnonzero(codes[i + 1 :] == codes[i]) + i + 1 for i in range(len(codes))]
    counts = [len(row) for row in rows]
    if sum(counts) < 3:
        raise InputError(
            f"only {sum(counts)} pairs of images share a scene; pairs within scenes need several "
            "images a scene: compare all pairs instead"
        )
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Pairs(len(codes), starts, np.concatenate(rows).astype(np.int32))
