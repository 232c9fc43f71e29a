"""One image and its map, in one line: the shortest way from a photograph to where it matters.

By default it needs neither ratings nor a selection: the map is the damage that a network sees
when the image is blurred, or, with an altered version given, where it sees that alteration
(`analysis.network.maps.damage`). With a selection it is what the selection predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.maps.importance import METHODS, made_map, recipe_for
from fechner.errors import InputError
from fechner.provenance import atomic_path
from fechner.records.images.files import read_image
from fechner.records.maps import counted, scale_of_ranges
from fechner.stimuli.overlays import coloured_map, overlaid
from fechner.study.maps import MapsAsked, degradation_of, mapping_network

if TYPE_CHECKING:
    from PIL import Image

    Picture = str | Path | NDArray[np.uint8] | Image.Image

DRAWN_SIDE = 900
"""Longest side in pixels of a picture in a panel: as many as the panel has."""


@dataclass(frozen=True, eq=False)
class Heatmap:
    """An image and where it matters; a notebook shows it as a picture.

    Attributes
    ----------
    image
        uint8 ``(height, width, 3)``, sRGB.
    values
        float32 ``(height, width)``, 0 or more, in `unit`.
    unit
        What a value is, in words.
    made
        How the map was made, in words.
    scale
        The value that the brightest colour stands for: the largest of this map, or of the set
        that it is drawn with.
    about
        Numbers of the map, as ``distance`` or ``remaining_error``.
    simulated
        Whether it rests on simulated ratings; the picture then says so.
    altered
        The altered version of the image, where one was given.
    """

    image: NDArray[np.uint8]
    values: NDArray[np.float32]
    unit: str
    made: str
    scale: float
    about: dict[str, Any] = field(default_factory=dict)
    simulated: bool = False
    altered: NDArray[np.uint8] | None = None

    @property
    def importance(self) -> NDArray[np.float32]:
        """The map over its scale, ``(height, width)`` in [0, 1]."""
        return np.clip(self.values / np.float32(self.scale), 0, 1)

    @property
    def overlay(self) -> NDArray[np.uint8]:
        """The map in colour with the image visible beneath, uint8 ``(height, width, 3)``."""
        return overlaid(self.image, self.importance)

    def png(self) -> bytes:
        """Return image, map, overlay and colour bar as PNG."""
        from fechner.report.heatmaps.heatmap_figure import Panels, heatmap_png

        image, importance = reduced(self.image), reduced(self.importance)
        panels = {"image": image}
        if self.altered is not None:
            panels["altered"] = reduced(self.altered)
        panels |= {"map": coloured_map(importance), "map over image": overlaid(image, importance)}
        return heatmap_png(
            Panels(panels, self.scale, self.unit, self.made, simulated=self.simulated)
        )

    def save(self, path: Path | str) -> Path:
        """Write `png` to a file, and return its path.

        Raises
        ------
        InputError
            If the name does not end in ``.png``, or the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".png":
            raise InputError(f"a heatmap is written as PNG, got {path.name}; end its name in .png")
        with atomic_path(path) as temporary:
            temporary.write_bytes(self.png())
        return path

    def _repr_png_(self) -> bytes:
        return self.png()


def reduced(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a picture or a map with a long side of no more than `DRAWN_SIDE` pixels."""
    import cv2

    scale = DRAWN_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def heatmap(
    image: Picture,
    *,
    against: Picture | None = None,
    selection: Path | str | None = None,
    method: str = "auto",
    family: str | None = None,
    strength: float | None = None,
    network: str | None = None,
    layers: Sequence[str] | None = None,
    readout: str | None = None,
    weights: Path | str | None = None,
    device: str = "auto",
) -> Heatmap:
    """Return where an image matters, as a picture and as numbers.

    Parameters
    ----------
    image
        A file, a uint8 array ``(height, width, 3)`` in sRGB, or a Pillow image.
    against
        An altered version of equal size: the map then shows where that alteration is seen.
    selection
        File of a channel selection; left out, all channels of the network's usual layer count.
    method
        ``"distance"`` (damage), ``"distance_per_error"``, ``"removal"``, ``"contribution"``, or
        ``"auto"``: removal where the selection predicts ratings, distance without one.
    family, strength
        How detail is removed where no altered version is given; a blur if left out.
    network
        Its name, where no selection names one; the packaged EfficientNet-Lite0 if left out.
    layers, readout
        What is compared, for maps by distance.
    weights, device
        As for `fechner.load_network`.

    Returns
    -------
    Heatmap
        Shown by a notebook as it is; ``save("map.png")`` writes the same picture.

    Raises
    ------
    InputError
        If the image cannot be read or is flat, the two images differ in size or not at all, or
        the options do not fit each other.

    Examples
    --------
    >>> from skimage import data
    >>> found = heatmap(data.chelsea(), device="cpu")
    >>> found.values.shape, found.unit
    ((300, 451), 'distance in blocks.3, 1 - cosine')
    >>> found.overlay.shape, b"PNG" in found.png()[:8]
    ((300, 451, 3), True)
    """
    asked = _network_once(
        None if selection is None else Path(selection),
        method,
        network,
        None if layers is None else tuple(layers),
        readout,
        None if weights is None else Path(weights),
        device,
    )
    if against is not None and (family, strength) != (None, None):
        raise InputError("an altered version is given, and a family to make one; give one of both")
    return heatmap_by(
        asked,
        pixels_of(image),
        altered=None if against is None else pixels_of(against),
        family=family,
        strength=strength,
    )


@lru_cache(maxsize=2)
def _network_once(
    selection: Path | None,
    method: str,
    network: str | None,
    layers: tuple[str, ...] | None,
    readout: str | None,
    weights: Path | None,
    device: str,
) -> MapsAsked:
    """Read selection and network; a notebook that draws many maps loads them once."""
    return mapping_network(
        selection,
        method=method,
        network=network,
        layers=layers,
        readout=readout,
        weights=weights,
        device=device,
    )


def heatmap_by(
    asked: MapsAsked,
    image: NDArray[np.uint8],
    *,
    altered: NDArray[np.uint8] | None = None,
    family: str | None = None,
    strength: float | None = None,
) -> Heatmap:
    """Return the heatmap of an image with a network that is loaded.

    Parameters
    ----------
    asked
        Network, selection and kind of map.
    image, altered
        uint8 ``(height, width, 3)``, sRGB.
    family, strength
        How detail is removed where no altered version is given.

    Raises
    ------
    InputError
        As for `heatmap`.
    """
    if altered is not None and asked.method == "contribution":
        raise InputError(
            "maps by contribution compare no images; leave out the altered one or ask for maps by "
            "distance"
        )
    degradation = degradation_of(family, strength)
    recipe = recipe_for(
        asked.network,
        asked.selection,
        method=asked.method,
        degradation=degradation,
        distance=asked.distance,
    )
    found = made_map(asked.network, image, recipe, worse=altered)
    words, counts = METHODS[asked.method]
    values = counted(found.values, counts).astype(np.float32)
    against = "" if asked.method == "contribution" else degradation.words
    if altered is not None:
        against = "the altered version"
    selected = asked.selection
    return Heatmap(
        image=image,
        values=values,
        unit=recipe.unit,
        made=_in_words(asked, words, against),
        scale=scale_of_ranges([(float(values.min()), float(values.max()))]),
        about=found.about,
        simulated=selected is not None and bool(selected.provenance.get("simulated", False)),
        altered=altered,
    )


def _in_words(asked: MapsAsked, words: str, against: str) -> str:
    kind = words.partition(":")[0] if asked.distance is not None else words
    by = f"{asked.network.name}"
    if asked.selection is not None:
        by += f", {asked.selection.n_kept} channels for {asked.selection.dimension}"
    return "; ".join(part for part in (kind, against, by) if part)


def pixels_of(picture: Picture) -> NDArray[np.uint8]:
    """Return the pixels of a file, an array or a Pillow image, uint8 ``(height, width, 3)``.

    Raises
    ------
    InputError
        If it is none of these, or a file cannot be read.
    """
    if isinstance(picture, str | Path):
        return read_image(picture)
    if isinstance(picture, np.ndarray):
        return picture
    if hasattr(picture, "convert"):
        return np.asarray(picture.convert("RGB"))
    raise InputError(
        f"an image is a file, an array or a Pillow image, got {type(picture).__name__}; "
        "give one of these"
    )
