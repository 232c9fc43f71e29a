"""Encoders of others that are programs, or lie inside a library: mozjpeg and libjxl's own.

mozjpeg is the program ``cjpeg`` that FECHNER_CJPEG names, which must be mozjpeg's (that of
libjpeg-turbo has the same name); without one, the mozjpeg 4.0.3 inside jpeglib, whose files had the
sizes of those of mozjpeg 5.0's program to the byte where both were tried. JPEG XL is the program
``cjxl`` of libjxl, from the path or named in FECHNER_CJXL: pylibjxl 0.5's own encoder is not taken,
because its files grew worse below distance 2 (ss2 45 at distance 0.1, where ``cjxl`` has 96).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from fechner.errors import InputError, MissingPartError

CJPEG, CJXL = "FECHNER_CJPEG", "FECHNER_CJXL"
"""Variables of the environment that hold the paths of programs."""
INSIDE = "mozjpeg403"
"""What jpeglib calls the mozjpeg inside it."""


def mozjpeg(picture: np.ndarray, quality: int, subsampling: str) -> bytes:
    """Return what mozjpeg makes of a picture, by its own defaults (progressive, trellis).

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB.
    quality
        Its own, [1, 100].
    subsampling
        Of the colours: ``"4:2:0"`` or ``"4:4:4"``.

    Raises
    ------
    InputError
        If the program makes no file.
    """
    if not os.environ.get(CJPEG):
        return _inside(picture, quality, subsampling)
    raw = io.BytesIO()
    Image.fromarray(picture).save(raw, "PPM")
    sample = {"4:2:0": "2x2", "4:4:4": "1x1"}[subsampling]
    command = [os.environ[CJPEG], "-quality", str(quality), "-sample", sample]
    done = subprocess.run(command, input=raw.getvalue(), capture_output=True, check=False)
    return _made(command, done, done.stdout)


def _inside(picture: np.ndarray, quality: int, subsampling: str) -> bytes:
    import jpeglib

    with tempfile.TemporaryDirectory() as folder, jpeglib.version(INSIDE):
        path = Path(folder) / "a.jpg"
        pixels = jpeglib.from_spatial(np.ascontiguousarray(picture))
        pixels.samp_factor = subsampling
        pixels.write_spatial(str(path), qt=quality)
        return path.read_bytes()


def jpeg_xl(picture: np.ndarray, distance: float) -> bytes:
    """Return what cjxl makes of a picture, lossy, by its own defaults (effort 7).

    Parameters
    ----------
    picture
        uint8 (h, w, 3) sRGB.
    distance
        Butteraugli's, about 0.1 to 25.

    Raises
    ------
    InputError
        If the program makes no file.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "a.png", Path(folder) / "a.jxl"
        Image.fromarray(picture).save(source, compress_level=1)
        command = [_cjxl(), str(source), str(out), "-d", f"{distance:.6g}", "--num_threads", "0"]
        done = subprocess.run(command, capture_output=True, check=False)
        return _made(command, done, out.read_bytes() if out.is_file() else b"")


def _made(command: list[str], done: subprocess.CompletedProcess[bytes], content: bytes) -> bytes:
    if done.returncode or not content:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(f"{command[0]} made no file: {said[-1] if said else 'it said nothing'}")
    return content


def mozjpeg_version() -> str:
    """Return which mozjpeg is there.

    Raises
    ------
    MissingPartError
        If the program that is named is another's.
    """
    program = os.environ.get(CJPEG)
    if not program:
        from importlib import metadata

        return f"mozjpeg 4.0.3 in jpeglib {metadata.version('jpeglib')}"
    said = _said(program, "-version")
    if "mozjpeg" not in said.lower():
        raise MissingPartError(
            f"the arm mozjpeg expects mozjpeg's cjpeg in {CJPEG}, got {program} ({said}); name "
            "mozjpeg's own, or unset the variable: jpeglib brings one"
        )
    return said


def jpeg_xl_version() -> str:
    """Return the version of cjxl.

    Raises
    ------
    MissingPartError
        If it is not there.
    """
    program = _cjxl()
    said = _said(program, "--version") if program else "none is on the path"
    if not said.lower().startswith("cjxl"):
        raise MissingPartError(
            f"the arm jxl needs libjxl's cjxl on the path or named in {CJXL}, got {program or said}"
            "; install libjxl's tools (Debian: libjxl-tools) or leave the arm out"
        )
    return said


def _cjxl() -> str:
    return os.environ.get(CJXL) or shutil.which("cjxl") or ""


def _said(program: str, asked: str) -> str:
    """Return the first line of what a program says of itself, or why it says nothing."""
    try:
        done = subprocess.run([program, asked], capture_output=True, check=False)
    except OSError as error:
        return error.strerror or "it cannot be run"
    lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "silent"
