"""Draw the gallery: run each script of docs/gallery and keep its figure beside it as JPEG."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
import time
from pathlib import Path

GALLERY = Path(__file__).resolve().parent.parent / "docs" / "gallery"
WIDEST = 1400
QUALITY = 85


def main() -> None:
    """Draw the figures named on the command line, or all of them."""
    import matplotlib

    matplotlib.use("Agg")
    wanted = sys.argv[1:] or [script.stem for script in sorted(GALLERY.glob("*.py"))]
    for name in wanted:
        begun = time.perf_counter()
        draw(name)
        print(f"{name}: {time.perf_counter() - begun:.1f} s")


def draw(name: str) -> None:
    """Run a script in an empty folder, and take its PNG in on white."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            runpy.run_path(str(GALLERY / f"{name}.py"), run_name="__main__")
            drawn = Image.open(f"{name}.png").convert("RGBA")
        finally:
            os.chdir(before)
    paper = Image.new("RGBA", drawn.size, "white")
    paper.alpha_composite(drawn)
    paper.thumbnail((WIDEST, WIDEST))
    paper.convert("RGB").save(GALLERY / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
