"""How an image lies in the input of the network, and where each cell of a layer looks.

Importance maps come from a coarse grid of cells that has to be laid over the image.
Zero padding at the border of a network's input changes what the outer cells say, up to
several cells deep; a `ReflectedView` therefore continues the image by reflection, so that the
zeros lie far outside it.

The cells are placed symmetrically in the view. Their structural centres (Araujo, Norris
and Sim 2019, Distill) may lie elsewhere: for the padding of EfficientNet-Lite0 half a
cell to the lower right. Trained weights make up for that: the map of a mirrored
photograph, mirrored back, agrees best with the map itself when the first cell of Lite0
is put at pixel 15 to 19 of 32, and the symmetric place is 15.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

VIEW_MULTIPLE = 32
"""Views are multiples of the deepest layers' step, so that every size is padded alike."""


@dataclass(frozen=True)
class ReflectedView:
    """An image scaled to the network's size and continued by reflection on all sides.

    Attributes
    ----------
    shape
        Height and width of the image in pixels.
    scaled
        Height and width it is scaled to.
    before, after
        Reflected pixels above and left of it, below and right of it.
    """

    shape: tuple[int, int]
    scaled: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def whole(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        sides = zip(self.before, self.scaled, self.after, strict=True)
        height, width = (before + scaled + after for before, scaled, after in sides)
        return height, width

    def show(self, image: np.ndarray) -> np.ndarray:
        """Return the network's view of uint8 ``(height, width, 3)``, antialiased when shrunk."""
        from PIL import Image

        height, width = self.scaled
        if (height, width) != image.shape[:2]:
            resized = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
            image = np.asarray(resized)
        around = [*zip(self.before, self.after, strict=True), (0, 0)]
        return np.pad(image, around, mode="symmetric")

    def cell_places(self, cells: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return the place of each pixel row and column of the image, counted in cells.

        The centre of image pixel ``i`` lies at ``(i + 1/2) scaled / n - 1/2 + before`` input
        pixels, and cell ``k`` at ``first + k step`` (`cell_grid`).
        """
        rows, columns = (
            ((np.arange(n) + 0.5) * (scaled / n) - 0.5 + before - first) / step
            for n, scaled, before, (first, step) in zip(
                self.shape, self.scaled, self.before, self._grids(cells), strict=True
            )
        )
        return rows, columns

    def cells_inside(self, cells: tuple[int, ...]) -> np.ndarray:
        """Return bool ``(rows, columns)``: the cells whose centre lies on the image."""
        inside = []
        for n, scaled, before, (first, step) in zip(
            cells, self.scaled, self.before, self._grids(cells), strict=True
        ):
            centres = first + step * np.arange(n)
            inside.append((before - 0.5 <= centres) & (centres <= before + scaled - 0.5))
        return inside[0][:, None] & inside[1][None, :]

    def cell_size(self, cells: tuple[int, ...]) -> float:
        """Return the distance of neighbouring cells in pixels of the image, the larger of two."""
        steps = (step for _, step in self._grids(cells))
        sides = zip(self.shape, self.scaled, steps, strict=True)
        return max(step * n / scaled for n, scaled, step in sides)

    def _grids(self, cells: tuple[int, ...]) -> list[tuple[float, int]]:
        return [cell_grid(side, n) for side, n in zip(self.whole, cells, strict=True)]


def cell_grid(side: int, n_cells: int) -> tuple[float, int]:
    """Return place of the first cell and distance of cells, in pixels of an input of `side`.

    The distance is the power of two nearest to ``side / n_cells`` (all networks here halve),
    and the row of cells is centred in the input.
    """
    step = int(2 ** np.round(np.log2(side / n_cells)))
    return (side - 1 - (n_cells - 1) * step) / 2, step


def reflected_view(shape: tuple[int, ...], *, short_side: int | None, margin: int) -> ReflectedView:
    """Return the view of an image of `shape` whose short side becomes `short_side` pixels.

    At least `margin` pixels are reflected on every side, and as many more as make height
    and width multiples of `VIEW_MULTIPLE`. Where `short_side` is None the image keeps its size.
    """
    scale = 1.0 if short_side is None else short_side / min(shape)
    height, width = (max(1, round(side * scale)) for side in shape)
    tops, rests = [], []
    for side in (height, width):
        total = -(-(side + 2 * margin) // VIEW_MULTIPLE) * VIEW_MULTIPLE
        tops.append((total - side) // 2)
        rests.append(total - side - tops[-1])
    return ReflectedView(
        shape=(int(shape[0]), int(shape[1])),
        scaled=(height, width),
        before=(tops[0], tops[1]),
        after=(rests[0], rests[1]),
    )
