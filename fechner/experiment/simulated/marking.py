"""Where simulated participants mark an image, in a world whose truth is declared.

What they see is the damage: the squared error against the scene's intact picture, weighted by
what their world says that counts. In the world ``map`` that is the importance map of the scene,
where maps are given (else every place counts the same, and the journal says so); in ``null``
every place; in ``centre`` the nearness to the centre.

    harm_p  = slope_p * harm(error) + N(0, inconsistency / 4)         points on 0..100
    seen(c) = (1 + damage(c)) * exp(N(0, 0.5))                        in each cell c of the image

Below 6 points of harm they answer "nowhere". Else they mark the cell with the largest `seen`,
off by a scatter of half a radius, then the largest one that is not covered yet, one mark for
every 15 points of harm; with a brush a mark goes on to the best cell nearby. Cells are half a
radius wide. Every draw depends only on the seed and on names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.errors import InputError
from fechner.experiment.display import MarkTask, load_pixels
from fechner.experiment.simulated.observers import SimulatedObserver, error_of, harm_of
from fechner.records.stimuli import INTACT
from fechner.stimuli.impact import importance_weights

if TYPE_CHECKING:
    from fechner.records.stimuli import Stimulus, StimulusSet

NOTICED = 6.0
"""Points of harm from which an image is marked."""

HARM_A_MARK = 15.0
"""Points of harm for which one more mark is placed."""

SEEING_SD = 0.5
"""Standard deviation of the logarithm of the damage that is seen, from cell to cell."""

Pixels = list[tuple[int, int]]
"""The pixels (x, y) that one mark goes through."""


class Damage:
    """What there is to be marked: the weighted squared error of every stimulus of a set.

    Parameters
    ----------
    stimuli
        With an intact picture of every scene.
    maps
        A folder of importance maps, one of each scene, for the world ``map``; None for none.
    """

    def __init__(self, stimuli: StimulusSet, maps: Path | None = None) -> None:
        self._stimuli, self._maps = stimuli, maps
        self._intact = {s.scene: s for s in stimuli.stimuli if s.region == INTACT}

    def weights_of(self, world: str) -> str:
        """Return what a world weights the error by, as the journal's header says it."""
        named = {"map": "importance map" if self._maps else "nothing", "centre": "centre"}
        return named.get(world, "nothing")

    def of(self, stimulus: Stimulus, world: str) -> np.ndarray:
        """Return the weighted squared error of every pixel, (height, width), grey levels squared.

        Raises
        ------
        InputError
            If the scene has no intact picture, or its map is missing or of another size.
        """
        if stimulus.scene not in self._intact:
            raise InputError(
                f"simulated participants mark what differs from the intact picture, and scene "
                f"{stimulus.scene!r} has none; build the stimulus set with intact images"
            )
        intact = np.asarray(load_pixels(self._stimuli.image_path(self._intact[stimulus.scene])))
        degraded = np.asarray(load_pixels(self._stimuli.image_path(stimulus)), np.float64)
        error: np.ndarray = np.square(degraded - intact).mean(axis=2)
        if world == "centre":
            from fechner.rival_maps import centre_weights  # brings OpenCV

            error = error * centre_weights(*error.shape)
        elif world == "map" and self._maps is not None:
            error = error * self._map_weights(self._maps, stimulus.scene, error.shape)
        return error

    def _map_weights(self, maps: Path, scene: str, shape: tuple[int, ...]) -> np.ndarray:
        from fechner.records.maps import read_map

        values = read_map(maps, scene).values
        if values.shape != shape:
            raise InputError(
                f"the map of {scene!r} has {values.shape[1]} x {values.shape[0]} px and its "
                f"stimuli {shape[1]} x {shape[0]}; give the maps that the stimuli were built with"
            )
        return importance_weights(values)


def simulated_marks(
    observer: SimulatedObserver,
    stimulus: Stimulus,
    damage: np.ndarray,
    task: MarkTask,
    *,
    repetition: int = 1,
) -> list[Pixels]:
    """Return what a simulated participant marks: the pixels of each mark; none for "nowhere".

    Parameters
    ----------
    observer
        Whose seed, slope, inconsistency and lapses decide.
    stimulus
        The marked image.
    damage
        ``(height, width)``, what there is to be seen (`Damage.of`).
    task
        Tool, radius and limits.
    repetition
        How often the image was seen, now included.

    Returns
    -------
    list
        Pixels ``(x, y)`` inside the image.
    """
    draw = observer.generator("marks", stimulus.stimulus, repetition)
    harm = observer.slope * harm_of(error_of(stimulus, observer.world))
    harm += observer.inconsistency / 4 * draw.standard_normal()
    blind = observer.lapses(f"marks {stimulus.stimulus}", repetition)
    if not blind and harm < NOTICED:
        return []
    seen, side = _seen(damage, task.radius, draw, blind=blind)
    count = min(max(1 + int(harm // HARM_A_MARK), task.least), task.most)
    marks: list[Pixels] = []
    for _ in range(count):
        if not np.isfinite(seen).any() and len(marks) >= task.least:
            break
        marks.append(_mark(seen, side, damage.shape, task, draw))
    return marks


def _seen(
    damage: np.ndarray, radius: int, draw: np.random.Generator, *, blind: bool
) -> tuple[np.ndarray, int]:
    """Return the damage as it is seen in each cell, and the side of a cell in px."""
    side = max(2, radius // 2)
    height, width = (-(-length // side) for length in damage.shape)
    padding = ((0, height * side - damage.shape[0]), (0, width * side - damage.shape[1]))
    cells = np.pad(damage, padding, mode="edge").reshape(height, side, width, side)
    seen = np.zeros((height, width)) if blind else cells.mean(axis=(1, 3))
    return (1 + seen) * np.exp(SEEING_SD * draw.standard_normal(seen.shape)), side


def _mark(
    seen: np.ndarray,
    side: int,
    shape: tuple[int, ...],
    task: MarkTask,
    draw: np.random.Generator,
) -> Pixels:
    """Return one mark at the best cell that is left, and take what it covers out of `seen`."""
    first = np.unravel_index(int(np.argmax(seen)), seen.shape)
    cells = [first]
    if task.tool == "brush":
        rows, columns = np.indices(seen.shape)
        away = np.hypot(rows - first[0], columns - first[1]) * side
        near = (away > task.radius) & (away <= 4 * task.radius) & np.isfinite(seen)
        if near.any():
            best = np.argmax(np.where(near, seen, -np.inf))
            cells.append(np.unravel_index(int(best), seen.shape))
    scatter = task.radius / 2 * draw.standard_normal(2)
    path = [_pixel(cell, side, shape, scatter) for cell in cells]
    for cell in cells:
        rows, columns = np.indices(seen.shape)
        seen[np.hypot(rows - cell[0], columns - cell[1]) * side <= 2 * task.radius] = -np.inf
    return path


def _pixel(
    cell: tuple[np.intp, ...], side: int, shape: tuple[int, ...], scatter: np.ndarray
) -> tuple[int, int]:
    y, x = (int(np.floor((c + 0.5) * side + s)) for c, s in zip(cell, scatter, strict=True))
    return min(max(x, 0), shape[1] - 1), min(max(y, 0), shape[0] - 1)
