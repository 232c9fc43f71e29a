"""Colour photographs to try things with, found inside packages that are installed anyway.

The demonstration and the examples use them; nothing is downloaded or copied into
fechner. Those of scikit-image, scikit-learn and matplotlib are always there, those
of PsychoPy's demos with the extra ``experiment``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Photograph:
    """A photograph inside an installed package: where it lies and whose it is."""

    name: str
    package: str
    file: str
    licence: str
    source: str

    @property
    def path(self) -> Path | None:
        """The file on this machine, or None where the package is not installed."""
        found = find_spec(self.package)
        for folder in (found.submodule_search_locations or []) if found else []:
            path = Path(folder) / self.file
            if path.is_file():
                return path
        return None


_PSYCHOPY_LICENCE = "distributed with PsychoPy (GPL-3.0), no licence of its own stated"
_HOUSES = "demos/builder/Design Templates/randomisedBlocks/stims"
_GAZE = "demos/coder/iohub/eyetracking/gcCursor/images"

CATALOGUE = (
    Photograph(
        "astronaut", "skimage", "data/astronaut.png", "public domain",
        "NASA, Eileen Collins, great images collection",
    ),
    Photograph(
        "cat", "skimage", "data/chelsea.png", "CC0", "Stefan van der Walt, Chelsea the cat",
    ),
    Photograph(
        "coffee", "skimage", "data/coffee.png", "CC0", "Rachel Michetti, Pikolo Espresso Bar",
    ),
    Photograph(
        "motorcycle", "skimage", "data/motorcycle_left.png", "CC0",
        "Middlebury 2014 stereo benchmark (Scharstein et al. 2014), left view",
    ),
    Photograph(
        "rocket", "skimage", "data/rocket.jpg", "CC0", "SpaceX, launch of DSCOVR",
    ),
    Photograph(
        "admiral", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "public domain",
        "James S. Davis, US Navy, Grace Hopper",
    ),
    Photograph(
        "temple", "sklearn", "datasets/images/china.jpg", "CC BY 2.0",
        "danielbuechele, flickr.com/photos/danielbuechele/6061409035",
    ),
    Photograph(
        "flower", "sklearn", "datasets/images/flower.jpg", "CC BY 2.0",
        "vultilion, flickr.com/photos/vultilion/6056698931",
    ),
    Photograph(
        "shop", "psychopy", f"{_HOUSES}/house02.jpg", _PSYCHOPY_LICENCE, "demo randomisedBlocks",
    ),
    Photograph(
        "brick_house", "psychopy", f"{_HOUSES}/house03.jpg", _PSYCHOPY_LICENCE,
        "demo randomisedBlocks",
    ),
    Photograph(
        "car_and_house", "psychopy", f"{_HOUSES}/house01.jpg", _PSYCHOPY_LICENCE,
        "demo randomisedBlocks",
    ),
    Photograph(
        "canal", "psychopy", f"{_GAZE}/canal.jpg", _PSYCHOPY_LICENCE, "demo gcCursor",
    ),
    Photograph(
        "autumn", "psychopy", f"{_GAZE}/fall.jpg", _PSYCHOPY_LICENCE, "demo gcCursor",
    ),
    Photograph(
        "lake", "psychopy", f"{_GAZE}/lake.jpg", _PSYCHOPY_LICENCE, "demo gcCursor",
    ),
)  # fmt: skip


def photographs() -> dict[str, Path]:
    """Return the photographs that are present on this machine: name -> file."""
    found = {photograph.name: photograph.path for photograph in CATALOGUE}
    return {name: path for name, path in found.items() if path is not None}
