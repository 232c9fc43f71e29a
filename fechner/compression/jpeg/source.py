"""What the JPEG encoder starts from: a picture, or a JPEG that exists already.

Pixels are transformed once (`from_pixels`); a JPEG is taken apart into the coefficients
that it stores (`from_jpeg`), so that compressing it again never passes through pixels and
loses nothing but what is dropped on purpose. `sample` cuts a mosaic of tiles out of a
large source, on which the search for a target is quick.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from fechner.compression.jpeg import markers as jpeg_markers
from fechner.compression.jpeg.dct import ZIGZAG, Component, Role, components
from fechner.compression.pictures import checked_picture
from fechner.errors import InputError, nearest
from fechner.records.images.decoding import decoded

SUBSAMPLINGS = ("4:2:0", "4:4:4")
ROLES: dict[str, Role] = {"Cb": "blue", "Cr": "red"}
SAMPLE_TILE, SAMPLE_TILES = 256, 12
"""Side of a sample's tiles in pixels (a multiple of every MCU) and how many there are."""


@dataclass(frozen=True)
class Source:
    """A picture in the coefficient domain.

    Attributes
    ----------
    components
        Y; Y, Cb, Cr; or four components of a CMYK source.
    picture
        uint8 (h, w, 3) sRGB, what the compressed file is judged against; turned as stored.
    markers
        Segments that the compressed file begins with.
    turn
        EXIF orientation of the stored picture, 1 to 8; maps are made for the upright one.
    stored
        True where the coefficients come from a JPEG and carry its quantisation.
    """

    components: tuple[Component, ...]
    picture: np.ndarray
    markers: tuple[bytes, ...]
    turn: int = 1
    stored: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the stored picture, pixels."""
        return self.picture.shape[0], self.picture.shape[1]

    @property
    def subsampling(self) -> str:
        """``"4:2:0"`` where chroma is stored at half size in both directions, else ``"4:4:4"``."""
        return "4:2:0" if self.components[0].sampling == (2, 2) else "4:4:4"


def from_pixels(
    picture: np.ndarray,
    *,
    subsampling: str = "4:2:0",
    markers: tuple[bytes, ...] | None = None,
) -> Source:
    """Transform a picture.

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB; equal channels everywhere are stored as grey.
    subsampling
        ``"4:2:0"`` or ``"4:4:4"``.
    markers
        Segments to begin the file with; a plain JFIF one by default.

    Raises
    ------
    InputError
        If the picture is no such array, is larger than a JPEG can be, or `subsampling` is
        unknown.
    """
    picture = checked_picture(picture)
    if subsampling not in SUBSAMPLINGS:
        raise InputError(
            f"no subsampling is called {subsampling!r}; {nearest(subsampling, SUBSAMPLINGS)}"
        )
    if max(picture.shape[:2]) > 65535:
        raise InputError(
            f"expected sides of at most 65535 pixels for a JPEG, got {picture.shape[1]} x "
            f"{picture.shape[0]}; scale or cut the picture"
        )
    kept = (jpeg_markers.jfif(),) if markers is None else markers
    return Source(tuple(components(picture, subsampling=subsampling)), picture, kept)


def from_jpeg(path: Path | str, *, metadata: bool = False) -> Source:
    """Take a JPEG apart into the coefficients that it stores.

    Parameters
    ----------
    path
        The file.
    metadata
        Keep all that it says beside the picture, not only what the picture needs.

    Raises
    ------
    InputError
        If the file cannot be read, is truncated or corrupt, or is of a kind of JPEG that
        has no 8-bit DCT coefficients (arithmetic coding, 12 bits, lossless).
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check the path") from error
    picture = _decoded(content, path)
    found, colours = _stored_components(content, path)
    markers = jpeg_markers.kept_markers(content, metadata=metadata)
    if colours == "RGB" and not any(marker[1] == jpeg_markers.ADOBE for marker in markers):
        markers = [marker for marker in markers if marker[1] != jpeg_markers.JFIF]
        markers.insert(0, jpeg_markers.adobe(0))
    return Source(
        tuple(found),
        picture,
        tuple(markers),
        turn=jpeg_markers.orientation(content),
        stored=True,
    )


def _decoded(content: bytes, path: Path) -> np.ndarray:
    """Decode the whole file, or refuse it: jpeglib patches damage over, or ends the process."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.format not in ("JPEG", "MPO"):
                raise InputError(f"{path} is no JPEG but {image.format}; read its pixels instead")
            return np.asarray(decoded(image, path, content=content).convert("RGB"))
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no picture that can be read; replace the file") from error
    except Exception as error:  # Pillow raises many kinds for a broken file
        raise InputError(f"{path} is no whole JPEG ({error}); replace the file") from error


def _stored_components(content: bytes, path: Path) -> tuple[list[Component], str]:
    import jpeglib

    # jpeglib holds at most 50 markers, so it is given the file without them.
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "source.jpg"
        bare.write_bytes(jpeg_markers.without_markers(content))
        try:
            jpeg = jpeglib.read_dct(str(bare))
            jpeg.load()
        except Exception as error:  # jpeglib raises many kinds
            raise InputError(
                f"{path} is a kind of JPEG that cannot be taken apart ({error}); "
                "convert it to PNG first"
            ) from error
    names = ["Y", "Cb", "Cr", "K"][: jpeg.num_components]
    colours = jpeg.jpeg_color_space.name.removeprefix("JCS_")
    found = []
    for number, name in enumerate(names):
        steps = np.asarray(jpeg.qt[jpeg.quant_tbl_no[number]], np.int64).reshape(8, 8)
        stored = np.asarray(getattr(jpeg, name), np.float32)
        blocks = (stored * steps.astype(np.float32)).reshape(*stored.shape[:2], 64)[..., ZIGZAG]
        down, across = (int(factor) for factor in jpeg.samp_factor[number])
        role = ROLES.get(name, "luma") if colours in ("YCbCr", "YCCK") else "luma"
        found.append(Component(np.ascontiguousarray(blocks), (across, down), role, steps))
    return found, colours


def upright_to_stored(plane: np.ndarray, turn: int) -> np.ndarray:
    """Turn an upright map (h, w) the way the pixels of an EXIF orientation are stored."""
    undo: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(undo[turn](plane))


def sample(source: Source, *maps: np.ndarray) -> tuple[Source, list[np.ndarray]]:
    """Cut the same mosaic of tiles, spread evenly, out of a source and its maps (h, w).

    A source that is not larger than the mosaic is returned whole.
    """
    height, width = source.size
    rows, columns = height // SAMPLE_TILE, width // SAMPLE_TILE
    if rows * columns <= SAMPLE_TILES or max(max(p.sampling) for p in source.components) > 2:
        return source, list(maps)
    # A golden-ratio walk over the grid spreads the tiles over rows and columns alike.
    order = np.floor(np.arange(SAMPLE_TILES) * (rows * columns) / SAMPLE_TILES).astype(int)
    places = [
        (row, int(column + row * 0.618 * columns) % columns)
        for row, column in (divmod(int(index), columns) for index in order)
    ]
    corners = [(row * SAMPLE_TILE, column * SAMPLE_TILE) for row, column in places]
    largest = (
        max(plane.sampling[0] for plane in source.components),
        max(plane.sampling[1] for plane in source.components),
    )
    cut = []
    for plane in source.components:
        down = SAMPLE_TILE * plane.sampling[1] // largest[1] // 8
        across = SAMPLE_TILE * plane.sampling[0] // largest[0] // 8
        tiles = [
            plane.blocks[
                y // SAMPLE_TILE * down : (y // SAMPLE_TILE + 1) * down,
                x // SAMPLE_TILE * across : (x // SAMPLE_TILE + 1) * across,
            ]
            for y, x in corners
        ]
        cut.append(replace(plane, blocks=_mosaic(tiles)))
    pieces = [_tiles(array, corners) for array in (source.picture, *maps)]
    return replace(source, components=tuple(cut), picture=pieces[0]), pieces[1:]


def _tiles(array: np.ndarray, corners: list[tuple[int, int]]) -> np.ndarray:
    return _mosaic([array[y : y + SAMPLE_TILE, x : x + SAMPLE_TILE] for y, x in corners])


def _mosaic(tiles: list[np.ndarray]) -> np.ndarray:
    """Join twelve tiles as three rows of four."""
    rows = [np.concatenate(tiles[i : i + 4], axis=1) for i in range(0, len(tiles), 4)]
    return np.ascontiguousarray(np.concatenate(rows, axis=0))
