"""Draw docs/img/vision-plates.jpg: colour plates as seen by normal eyes, and without one cone.

Appearance as Vienot, Brettel and Mollon (1999) draw it: the missing cone's signal is what white and
one primary make of the two others (blue for L and M, red for S).

    python tools/vision_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fechner.compression.light import to_codes, to_light
from fechner.experiment.screens.fonts import find_font
from fechner.experiment.vision.confusion import CONES, CONES_OF_XYZ, XYZ_OF_RGB
from fechner.experiment.vision.plates import DIRECTIONS, Plate, PlateKind
from fechner.protocols.vision import Axis, ColourPlates

OUT = Path(__file__).parent.parent / "docs" / "img" / "vision-plates.jpg"

SIDE, GAP, LEFT, TOP = 200, 12, 130, 34

ROWS: dict[Axis | None, str] = {
    None: "normal",
    "protan": "without L",
    "deutan": "without M",
    "tritan": "without S",
}


def appearance(light: NDArray[np.float64], lacking: Axis) -> NDArray[np.float64]:
    """Return linear sRGB light as it looks to somebody without one kind of cone."""
    place = CONES.index(lacking)
    others = [k for k in range(3) if k != place]
    cones_of_rgb = CONES_OF_XYZ @ XYZ_OF_RGB
    anchors = (
        cones_of_rgb @ np.array([[1, 1, 1], [1, 0, 0] if lacking == "tritan" else [0, 0, 1]]).T
    )
    weights = np.linalg.solve(anchors[others].T, anchors[place])
    cones = light @ cones_of_rgb.T
    cones[..., place] = cones[..., others] @ weights
    seen: NDArray[np.float64] = np.clip(cones @ np.linalg.inv(cones_of_rgb).T, 0, 1)
    return seen


def main() -> None:
    """Draw every plate for everybody, side by side."""
    settings = ColourPlates()
    kinds: tuple[PlateKind, ...] = (*CONES, "control")
    width, height = LEFT + len(kinds) * (SIDE + GAP), TOP + len(ROWS) * (SIDE + GAP)
    sheet = Image.new("RGB", (width, height), (128, 128, 128))
    draw, font = ImageDraw.Draw(sheet), ImageFont.truetype(str(find_font("DejaVu Sans")), 19)
    for column, kind in enumerate(kinds):
        x = LEFT + column * (SIDE + GAP)
        draw.text((x + SIDE / 2, TOP / 2), f"{kind} plate", "black", font, anchor="mm")
        plate = Plate(kind, DIRECTIONS[column], settings.distance_uv, 5, SIDE)
        light = to_light(np.asarray(plate.draw())).astype(float)
        for row, (lacking, name) in enumerate(ROWS.items()):
            y = TOP + row * (SIDE + GAP)
            draw.text((12, y + SIDE / 2), name, "black", font, anchor="lm")
            seen = light if lacking is None else appearance(light, lacking)
            codes = np.rint(to_codes(seen.astype(np.float32))).astype(np.uint8)
            sheet.paste(Image.fromarray(codes), (x, y))
    sheet.save(OUT, quality=85)


if __name__ == "__main__":
    main()
