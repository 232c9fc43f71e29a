"""How each arm of a codec study is encoded: one setting, from the coarsest file to the finest.

JPEGs are stored at 4:2:0 and decoded by Pillow (libjpeg-turbo), as a browser does. JPEG encoders
of others are ajpegli (jpegli, BSD-3; extra ``codecs``) and the program ``cjpeg`` of mozjpeg, which
no package carries: it is taken from the path, or from the variable FECHNER_CJPEG.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from PIL import Image

from fechner.compression.formats import beyond_jpeg
from fechner.compression.jpeg.encoder import decode_jpeg, encode_jpeg, reference_encoder
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import COARSEST, FINEST, START_STRENGTH
from fechner.compression.ramp import centre_map, ramp
from fechner.errors import InputError, MissingPartError, nearest
from fechner.records.rules.codec_design import CODEC_ARMS

SUBSAMPLING = "4:2:0"
CJPEG = "FECHNER_CJPEG"
"""Variable of the environment that holds the path of mozjpeg's cjpeg."""


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
JPEGLI = Setting(25.0, 0.1, "distance")
"""distance 1 is where jpegli expects that the difference begins to be seen."""


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
        return Encoder(WHOLE, lambda q: _mozjpeg(picture, int(q)), decode_jpeg, ".jpg")
    if arm == "jpegli":
        return Encoder(JPEGLI, lambda distance: _jpegli(picture, distance), decode_jpeg, ".jpg")
    share = _share(arm, size, importance, donor)
    if arm.startswith("avif"):
        return _avif(picture, share, trust)
    source, strength = from_pixels(picture, subsampling=SUBSAMPLING), trust * START_STRENGTH

    def ours(quality: float) -> bytes:
        return encode_jpeg(source, share, quality=quality, strength=strength, effort="high")

    return Encoder(OURS, ours, decode_jpeg, ".jpg")


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


def _mozjpeg(picture: np.ndarray, quality: int) -> bytes:
    """Return what mozjpeg makes of a picture, by its own defaults (progressive, trellis)."""
    raw = io.BytesIO()
    Image.fromarray(picture).save(raw, "PPM")
    command = [_cjpeg(), "-quality", str(quality), "-sample", "2x2"]
    done = subprocess.run(command, input=raw.getvalue(), capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(f"{command[0]} made no JPEG: {said[-1] if said else 'it said nothing'}")
    return done.stdout


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
        _mozjpeg_version()
    if arm.startswith("avif"):
        beyond_jpeg.require("avif")


def versions(arms: tuple[str, ...]) -> Mapping[str, str]:
    """Return which version of whose encoder makes each of these arms."""
    found = {}
    for arm in arms:
        require(arm)
        if arm == "mozjpeg":
            found[arm] = _mozjpeg_version()
        elif arm == "jpegli":
            found[arm] = f"ajpegli {metadata.version('ajpegli')}"
        elif arm == "plain" or arm.startswith("avif"):
            found[arm] = f"Pillow {metadata.version('pillow')}"
        else:
            found[arm] = f"fechner {metadata.version('fechner')}"
    return found


def _ajpegli() -> Any:
    try:
        import ajpegli
    except ImportError as error:
        raise MissingPartError(
            "the arm jpegli needs ajpegli; install it with: pip install 'fechner[codecs]'"
        ) from error
    return ajpegli


def _cjpeg() -> str:
    return os.environ.get(CJPEG) or shutil.which("cjpeg") or ""


def _mozjpeg_version() -> str:
    """Return the version of the cjpeg that is there, which must be mozjpeg's."""
    program, said = _cjpeg(), ""
    if program:
        try:
            done = subprocess.run([program, "-version"], capture_output=True, check=False)
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
        except OSError as error:
            said = error.strerror or ""
    if "mozjpeg" not in said.lower():
        found = f"{program} ({said.splitlines()[0] if said else 'silent'})" if program else "none"
        raise MissingPartError(
            f"the arm mozjpeg needs mozjpeg's cjpeg on the path or named in {CJPEG}, got {found}; "
            "install mozjpeg or leave the arm out"
        )
    return said.splitlines()[0]
