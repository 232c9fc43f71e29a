"""Public sets of distorted photographs: TID2013 and KADID-10k.

Scene = reference photograph, so that a split never has the same picture on both
sides. Ponomarenko et al. 2015, Signal Processing: Image Communication 30:57; Lin,
Hosu and Saupe 2019, QoMEX.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fechner.data.published import (
    PublicSet,
    files_by_name,
    first_present,
    ordered,
    paths,
)
from fechner.errors import InputError
from fechner.records.cells import numbers, read_cells, require_columns
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale

TID2013_DISTORTIONS = (
    "additive Gaussian noise", "noise in colour components", "spatially correlated noise",
    "masked noise", "high frequency noise", "impulse noise", "quantization noise",
    "Gaussian blur", "image denoising", "JPEG", "JPEG2000", "JPEG transmission errors",
    "JPEG2000 transmission errors", "non-eccentricity pattern noise", "local block distortions",
    "mean shift", "contrast change", "colour saturation change", "multiplicative noise",
    "comfort noise", "lossy compression of noisy images", "colour quantization with dither",
    "chromatic aberrations", "sparse sampling and reconstruction",
)  # fmt: skip
"""The 24 distortions of TID2013, in the order of its file names (Ponomarenko et al. 2015)."""

KADID10K_DISTORTIONS = (
    "Gaussian blur", "lens blur", "motion blur", "colour diffusion", "colour shift",
    "colour quantization", "colour saturation 1", "colour saturation 2", "JPEG2000", "JPEG",
    "white noise", "white noise in colour component", "impulse noise", "multiplicative noise",
    "denoise", "brighten", "darken", "mean shift", "jitter", "non-eccentricity patch",
    "pixelate", "quantization", "colour block", "high sharpen", "contrast change",
)  # fmt: skip
"""The 25 distortions of KADID-10k, in the order of its file names (Lin et al. 2019)."""


def tid2013(folder: Path, *, check_images: bool = True) -> PublicSet:
    """TID2013: MOS 0 to 9 of 25 references x 24 distortions x 5 levels, scene = reference."""
    mos = first_present(folder, ["mos_with_names.txt"])
    lines = [line.split() for line in _text(mos).splitlines() if line.strip()]
    if any(len(line) != 2 for line in lines):
        raise InputError(f"{mos}: expected lines 'MOS NAME', as published; restore the file")
    table = pd.DataFrame(lines, columns=["quality", "name"], dtype=object)
    table["quality"] = numbers(table, "quality", mos, lowest=0, highest=9)
    spread = folder / "mos_std.txt"
    files = (mos, spread) if spread.is_file() else (mos,)
    if spread.is_file():
        sd = pd.DataFrame({"quality_sd": _text(spread).split()}, dtype=object)
        if len(sd) != len(table):
            raise InputError(f"{spread} has {len(sd)} values, expected {len(table)}; restore it")
        table["quality_sd"] = numbers(sd, "quality_sd", spread, lowest=0)
    distorted = files_by_name(folder / "distorted_images")
    references = files_by_name(folder / "reference_images")
    parts = _coded_names(table["name"], TID2013_DISTORTIONS, mos)
    table["image"] = paths(folder, table["name"], distorted, check_images)
    table["scene"] = parts["scene"]
    table["reference"] = paths(folder, parts["scene"] + ".bmp", references, check_images)
    table[["family", "level"]] = parts[["family", "level"]]
    rated = RatedImages(ordered(table, ["quality"]), folder, {"quality": Scale(0, 9)})
    return PublicSet(rated, None, files, "Ponomarenko et al. 2015, TID2013")


def kadid10k(folder: Path, *, check_images: bool = True) -> PublicSet:
    """KADID-10k: 81 references x 25 distortions x 5 levels, 1 to 5, scene = reference.

    The column that its table calls ``dmos`` is high where quality is good.
    """
    scores = first_present(folder, ["dmos.csv"])
    cells = read_cells(scores)
    require_columns(cells, ("dist_img", "ref_img", "dmos", "var"), scores)
    images = files_by_name(folder / "images")
    parts = _coded_names(cells["dist_img"], KADID10K_DISTORTIONS, scores)
    table = pd.DataFrame(
        {
            "image": paths(folder, cells["dist_img"], images, check_images),
            "scene": parts["scene"],
            "reference": paths(folder, cells["ref_img"], images, check_images),
            "quality": numbers(cells, "dmos", scores, lowest=1, highest=5),
            "quality_sd": np.sqrt(numbers(cells, "var", scores, lowest=0)),
            "family": parts["family"],
            "level": parts["level"],
        }
    )
    rated = RatedImages(table, folder, {"quality": Scale(1, 5)})
    return PublicSet(rated, None, (scores,), "Lin, Hosu and Saupe 2019, KADID-10k")


def _coded_names(names: pd.Series, distortions: tuple[str, ...], path: Path) -> pd.DataFrame:
    """Split ``I01_02_3.bmp`` into scene ``I01``, the name of distortion 2, and level 3."""
    parts = names.str.extract(r"^(?P<scene>[iI]\d+)_(?P<family>\d+)_(?P<level>\d+)\.\w+$")
    number = pd.to_numeric(parts["family"])
    odd = parts.index[~number.between(1, len(distortions))]
    if len(odd):
        raise InputError(
            f"{path}: {names[odd[0]]!r} is no image name of this set; expected one like "
            f"I01_01_1.bmp, with a distortion from 1 to {len(distortions)}"
        )
    parts["scene"] = parts["scene"].str.upper()
    parts["family"] = [distortions[k - 1] for k in number.astype(int)]
    parts["level"] = parts["level"].astype(int)
    return parts


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text ({error}); restore the file") from error
