"""How each arm of a codec study is encoded: one setting, from the coarsest file to the finest.

JPEGs are stored at 4:2:0 and decoded by Pillow (libjpeg-turbo), as a browser does. JPEG encoders
of others are ajpegli (jpegli, BSD-3; extra ``codecs``) and mozjpeg (`others`). ``jxl`` is libjxl's
own ``cjxl``; ``jxl-map`` is our JPEG packed losslessly, as ``fechner compress --format jxl`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from fechner.compression.formats import beyond_jpeg
from fechner.compression.jpeg.encoder import decode_jpeg, encode_jpeg, reference_encoder
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import COARSEST, FINEST, START_STRENGTH
from fechner.compression.ramp import centre_map, ramp
from fechner.errors import InputError, MissingPartError, nearest
from fechner.records.rules.codec_design import CODEC_ARMS
from fechner.stimuli.coded import others

SUBSAMPLING = "4:2:0"


@dataclass(frozen=True)
class Setting:
    """The one number that an encoder is steered by, and its range.

    Attributes
    ----------
    coarsest, finest
        Ends of the range.
    unit
        What the encoder calls it.
    whole
        Whether it takes whole numbers only.
    """

    coarsest: float
    finest: float
    unit: str = "quality"
    whole: bool = False

    def at(self, part: float) -> float:
        """Return the setting at a part of the way from coarsest (0) to finest (1).

        Distances, which end near 0, are passed in equal ratios, all else in equal steps.
        """
        if self.unit == "distance":
            return float(self.coarsest * (self.finest / self.coarsest) ** part)
        value = self.coarsest + part * (self.finest - self.coarsest)
        return float(round(value)) if self.whole else float(value)


@dataclass(frozen=True)
class Encoder:
    """An arm of one picture: bytes from a setting, pixels from bytes.

    Attributes
    ----------
    setting
        Of the encoder.
    encode
        Setting -> file.
    decode
        File -> uint8 (h, w, 3).
    suffix
        Of the file.
    """

    setting: Setting
    encode: Callable[[float], bytes]
    decode: Callable[[bytes], np.ndarray]
    suffix: str


OURS = Setting(COARSEST, FINEST)
WHOLE = Setting(1, 100, whole=True)
AVIF = Setting(1, 99, whole=True)
JPEGLI = JXL = Setting(25.0, 0.1, "distance")
"""distance 1 is where jpegli and libjxl expect that the difference begins to be seen."""


def unit_of(arm: str) -> str:
    """Return in what an arm's encoder is steered: its quality, or the distance it allows."""
    return "distance" if arm in ("jpegli", "jxl") else "quality"


def encoder(
    arm: str,
    picture: np.ndarray,
    *,
    importance: np.ndarray,
    donor: np.ndarray | None = None,
    trust: float = 1.0,
) -> Encoder:
    """Return the encoder of one arm of one picture.

    Parameters
    ----------
    arm
        A key of `CODEC_ARMS`.
    picture
        uint8 (h, w, 3) sRGB.
    importance
        The picture's own map (h, w).
    donor
        Another picture's map, resized to this one; only the arm ``donor`` needs it.
    trust
        How far maps are followed, [0, 1].

    Returns
    -------
    Encoder
        Ready to be called with settings.

    Raises
    ------
    InputError
        If the arm is unknown or lacks its map.
    MissingPartError
        If its codec is not installed.
    """
    require(arm)
    size = (picture.shape[0], picture.shape[1])
    if arm == "plain":
        return Encoder(
            WHOLE, lambda q: reference_encoder(picture, int(q), SUBSAMPLING), decode_jpeg, ".jpg"
        )
    if arm == "mozjpeg":
        return Encoder(
            WHOLE, lambda q: others.mozjpeg(picture, int(q), SUBSAMPLING), decode_jpeg, ".jpg"
        )
    if arm == "jpegli":
        return Encoder(JPEGLI, lambda distance: _jpegli(picture, distance), decode_jpeg, ".jpg")
    if arm == "jxl":
        return Encoder(JXL, lambda distance: others.jpeg_xl(picture, distance), _jxl_pixels, ".jxl")
    share = _share(arm, size, importance, donor)
    if arm.startswith("avif"):
        return _avif(picture, share, trust)
    source, strength = from_pixels(picture, subsampling=SUBSAMPLING), trust * START_STRENGTH

    def ours(quality: float) -> bytes:
        return encode_jpeg(source, share, quality=quality, strength=strength, effort="high")

    if arm == "jxl-map":
        return Encoder(OURS, lambda q: beyond_jpeg.jpeg_to_jxl(ours(q)), _jxl_pixels, ".jxl")
    return Encoder(OURS, ours, decode_jpeg, ".jpg")


def _jxl_pixels(content: bytes) -> np.ndarray:
    return beyond_jpeg.decode(content, "jxl")


def _share(
    arm: str, size: tuple[int, int], importance: np.ndarray, donor: np.ndarray | None
) -> np.ndarray:
    """Return the share of the loss that each pixel bears in an arm, float32 (h, w)."""
    if arm in ("uniform", "avif"):
        return np.zeros(size, np.float32)
    if arm == "donor" and donor is None:
        raise InputError("the arm donor needs the map of another picture; give two scenes or more")
    given = {"donor": donor, "centre": centre_map(size)}.get(arm, importance)
    return ramp(np.asarray(given, np.float32), size)


def _avif(picture: np.ndarray, share: np.ndarray, trust: float) -> Encoder:
    def encode(quality: float) -> bytes:
        return beyond_jpeg.encode_blurred(
            picture, share, form="avif", quality=quality, strength=trust
        )

    return Encoder(AVIF, encode, lambda content: beyond_jpeg.decode(content, "avif"), ".avif")


def _jpegli(picture: np.ndarray, distance: float) -> bytes:
    return bytes(
        _ajpegli().encode(
            np.ascontiguousarray(picture),
            distance=distance,
            subsampling=SUBSAMPLING.replace(":", ""),
        )
    )


def require(arm: str) -> None:
    """Check that an arm is known and that its codec is installed.

    Raises
    ------
    InputError
        If there is no such arm.
    MissingPartError
        If a part is missing; the message says which.
    """
    if arm not in CODEC_ARMS:
        raise InputError(f"no codec arm is called {arm!r}; {nearest(arm, CODEC_ARMS)}")
    if arm == "jpegli":
        _ajpegli()
    if arm == "mozjpeg":
        others.mozjpeg_version()
    if arm == "jxl":
        others.jpeg_xl_version()
    if arm.startswith("jxl"):
        beyond_jpeg.require("jxl")
    if arm.startswith("avif"):
        beyond_jpeg.require("avif")


def versions(arms: tuple[str, ...]) -> Mapping[str, str]:
    """Return which version of whose encoder makes each of these arms."""
    found = {}
    for arm in arms:
        require(arm)
        if arm == "mozjpeg":
            found[arm] = others.mozjpeg_version()
        elif arm == "jxl":
            found[arm] = others.jpeg_xl_version()
        elif arm == "jpegli":
            found[arm] = f"ajpegli {metadata.version('ajpegli')}"
        elif arm == "plain" or arm.startswith("avif"):
            found[arm] = f"Pillow {metadata.version('pillow')}"
        else:
            found[arm] = f"fechner {metadata.version('fechner')}"
            if arm == "jxl-map":
                found[arm] += f", packed by pylibjxl {metadata.version('pylibjxl')}"
    return found


def _ajpegli() -> Any:
    try:
        import ajpegli
    except ImportError as error:
        raise MissingPartError(
            "the arm jpegli needs ajpegli; install it with: pip install 'fechner[codecs]'"
        ) from error
    return ajpegli
