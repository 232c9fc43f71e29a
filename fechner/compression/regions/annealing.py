"""A second way to the choice of two matched sets of patches, for when the solver finds none.

Simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983) over the places of the
patches: a patch moves to a neighbouring or to any free place; what is minimised is the
negative difference in importance plus a penalty for what is not matched. It counts
its steps, not seconds, so it ends alike on every machine, busy or not. On photographs
it reached about 80 % of the gap that the solver reached.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

STEPS = 80_000
"""Moves tried; about two seconds."""

HOT, COLD = 0.3, 0.03
"""First and last temperature, in units of the importance's standard deviation."""

PENALTY = 2.0
"""Cost of a mismatch as large as the covariate itself, in the same unit."""

NEAR = 0.7
"""Share of moves that go to a neighbouring place."""


class Annealer:
    """The state of one search: which places are taken, and by which set.

    Parameters
    ----------
    shape
        Rows and columns of places.
    value
        ``(n_places,)``, importance.
    covariates
        Name -> ``(n_places,)``, not negative.
    patches, side
        K, of each set, and their side in blocks.
    tolerance
        Largest difference of a covariate relative to the mean of the two sets.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        value: np.ndarray,
        covariates: Mapping[str, np.ndarray],
        *,
        patches: int,
        side: int,
        tolerance: float,
        seed: int = 0,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape, self.patches, self.tolerance = shape, patches, tolerance
        self.side = side
        self.value = value / max(float(value.std()), 1e-12)
        rows = [v / max(float(v.mean()), 1e-12) for v in covariates.values()]
        self.covariates = np.array(rows).reshape(len(rows), value.size)
        self.best: np.ndarray | None = None
        self.best_gap = -np.inf

    def run(self) -> np.ndarray | None:
        """Return the places of high, then of low, ``(2 K,)``, of the best matched choice found."""
        places = self._start()
        if places is None:
            return None
        energy = self._energy(places)
        for temperature in np.geomspace(HOT, COLD, STEPS):
            moved = self._moved(places)
            if moved is None:
                continue
            tried = self._energy(moved)
            if tried <= energy or self.rng.random() < np.exp((energy - tried) / temperature):
                places, energy = moved, tried
        return self.best

    def _start(self) -> np.ndarray | None:
        """Return random places side by side; None where they do not fit."""
        for _ in range(50):
            places: list[int] = []
            for place in self.rng.permutation(self.value.size):
                if self._free(place, np.array(places, int)):
                    places.append(int(place))
                if len(places) == 2 * self.patches:
                    return np.array(places)
        return None

    def _free(self, place: int, others: np.ndarray) -> bool:
        columns = self.shape[1]
        down = np.abs(others // columns - place // columns) >= self.side
        across = np.abs(others % columns - place % columns) >= self.side
        return bool((down | across).all())

    def _moved(self, places: np.ndarray) -> np.ndarray | None:
        """Return the places after one move (or an exchange between the sets), None if not free."""
        moved = places.copy()
        which = self.rng.integers(places.size)
        if self.rng.random() < 0.1:
            other = (which + self.patches) % places.size
            moved[[which, other]] = moved[[other, which]]
            return moved
        moved[which] = self._target(int(places[which]))
        return moved if self._free(int(moved[which]), np.delete(places, which)) else None

    def _target(self, place: int) -> int:
        if self.rng.random() > NEAR:
            return int(self.rng.integers(self.value.size))
        rows, columns = self.shape
        down, across = self.rng.integers(-2, 3, 2)
        row = min(max(place // columns + int(down), 0), rows - 1)
        return row * columns + min(max(place % columns + int(across), 0), columns - 1)

    def _energy(self, places: np.ndarray) -> float:
        """Return the energy of a choice, and remember it if it is matched and the best so far."""
        value, covariates = self.value[places], self.covariates[:, places]
        k = self.patches
        gap = float(value[:k].sum() - value[k:].sum()) / k
        high, low = covariates[:, :k].sum(1), covariates[:, k:].sum(1)
        middle = (high + low) / 2 + 1e-12
        excess = np.maximum(np.abs(high - low) / middle - self.tolerance, 0.0)
        if gap > self.best_gap and not excess.any():
            self.best, self.best_gap = places, gap
        return PENALTY * float(excess.sum()) - gap
