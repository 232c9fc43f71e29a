"""Butteraugli and VMAF, where their own programs are installed.

Neither comes with a package that fechner requires: `butteraugli` runs libjxl's
``butteraugli_main``, `vmaf` runs Netflix's ``vmaf``, both looked for on the search path.
They judge whole pictures; neither tells a region's score.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from fechner.compression.pictures import checked_picture
from fechner.errors import MissingPartError
from fechner.provenance import read_json
from fechner.records.images.files import write_png

TIMEOUT_S = 600
"""Seconds after which a program that does not answer is ended."""


def butteraugli(reference: np.ndarray, test: np.ndarray) -> float:
    """Return the Butteraugli distance (largest over the picture): 0 equal, 1 just noticeable.

    Parameters
    ----------
    reference, test
        uint8 (h, w, 3) sRGB, of one size.

    Raises
    ------
    MissingPartError
        If ``butteraugli_main`` is not installed or fails.
    InputError
        If the arrays are not such pictures.
    """
    reference = checked_picture(reference)
    test = checked_picture(test, shape=reference.shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("reference.png", "test.png")]
        for file, picture in zip(files, (reference, test), strict=True):
            write_png(file, picture)
        answer = _run("butteraugli_main", *map(str, files))
    return float(answer.split()[0])


def vmaf(reference: np.ndarray, test: np.ndarray) -> float:
    """Return VMAF of the luma by the program's default model: 100 is equal, 0 worst.

    Parameters
    ----------
    reference, test
        uint8 (h, w, 3) sRGB, of one size.

    Raises
    ------
    MissingPartError
        If ``vmaf`` is not installed or fails.
    InputError
        If the arrays are not such pictures.
    """
    reference = checked_picture(reference)
    test = checked_picture(test, shape=reference.shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("reference.y4m", "test.y4m")]
        for file, picture in zip(files, (reference, test), strict=True):
            file.write_bytes(_one_frame(picture))
        out = Path(folder) / "scores.json"
        _run("vmaf", "--reference", str(files[0]), "--distorted", str(files[1]),
             "--json", "--output", str(out))  # fmt: skip
        return float(read_json(out)["pooled_metrics"]["vmaf"]["mean"])


def _one_frame(picture: np.ndarray) -> bytes:
    """Return a picture as a YUV4MPEG2 stream of one 4:4:4 frame."""
    height, width = picture.shape[:2]
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    header = f"YUV4MPEG2 W{width} H{height} F1:1 Ip A1:1 C444\nFRAME\n".encode()
    return header + luma.tobytes() + blue.tobytes() + red.tobytes()


def _run(program: str, *arguments: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise MissingPartError(
            f"this metric needs the program {program}, which is not on the search path; "
            "install it or leave the metric out"
        )
    try:
        done = subprocess.run(
            [found, *arguments], check=True, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise MissingPartError(f"the program {program} failed ({error}); try it by hand") from error
    return done.stdout
