"""Public sets of distorted photographs with mean opinion scores: TID, KADID-10k and PIPAL.

In all of them a file name is a code of reference, distortion and level. Scene = reference
photograph, so that a split never has the same picture on both sides. Higher is better.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fechner.data.sets.published import (
    ImageFiles,
    PublicSet,
    first_present,
    ordered,
    read_lines,
    scored_names,
    scores_of_lines,
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

TID2008_DISTORTIONS = TID2013_DISTORTIONS[:17]
"""The 17 distortions of TID2008: TID2013 kept them in their order (Ponomarenko et al. 2009)."""

KADID10K_DISTORTIONS = (
    "Gaussian blur", "lens blur", "motion blur", "colour diffusion", "colour shift",
    "colour quantization", "colour saturation 1", "colour saturation 2", "JPEG2000", "JPEG",
    "white noise", "white noise in colour component", "impulse noise", "multiplicative noise",
    "denoise", "brighten", "darken", "mean shift", "jitter", "non-eccentricity patch",
    "pixelate", "quantization", "colour block", "high sharpen", "contrast change",
)  # fmt: skip
"""The 25 distortions of KADID-10k, in the order of its file names (Lin et al. 2019)."""

PIPAL_SCALE = Scale(500, 2500)
"""Elo scores have no ends of their own; those published lie around 900 to 1900."""


def tid2008(folder: Path, *, check_images: bool = True) -> PublicSet:
    """TID2008: MOS 0 to 9 of 25 references x 17 distortions x 4 levels, scene = reference."""
    return _tid("tid2008", folder, TID2008_DISTORTIONS, 4, check_images)


def tid2013(folder: Path, *, check_images: bool = True) -> PublicSet:
    """TID2013: MOS 0 to 9 of 25 references x 24 distortions x 5 levels, scene = reference."""
    return _tid("tid2013", folder, TID2013_DISTORTIONS, 5, check_images)


def _tid(
    name: str, folder: Path, distortions: tuple[str, ...], levels: int, check_images: bool
) -> PublicSet:
    """Read either TID: ``mos_with_names.txt``, or ``mos.txt``, whose order is that of the names.

    ``mos_std.txt`` holds the SD of the mean (about .1 on a scale of 0 to 9), not that of the
    single ratings, so it is kept as ``quality_std_published`` and not as ``quality_sd``.
    """
    mos = first_present(folder, ["mos_with_names.txt", "mos.txt"])
    if mos.name.lower() == "mos.txt":
        scored = _tid_in_order(mos, len(distortions), levels)
    else:
        scored = scored_names(mos, lowest=0, highest=9)
    table = scored.rename(columns={"score": "quality"})
    files = [mos]
    spread = folder / "mos_std.txt"
    if spread.is_file():
        lines = read_lines(spread)
        if len(lines) != len(table):
            raise InputError(f"{spread} has {len(lines)} values, expected {len(table)}; restore it")
        table["quality_std_published"] = scores_of_lines(lines, spread, lowest=0, highest=9)
        files.append(spread)
    distorted = ImageFiles(folder, ["distorted_images"])
    references = ImageFiles(folder, ["reference_images"])
    parts = _coded_names(table["name"], mos, r"[iI]\d+", "I01_01_1.bmp")
    table["image"] = distorted.paths(table["name"], check_images=check_images)
    table["scene"] = parts["scene"]
    table["reference"] = references.paths(parts["scene"] + ".bmp", check_images=check_images)
    table["family"] = _families(parts["family"], distortions, mos)
    table["level"] = parts["level"].astype(int)
    rated = RatedImages(ordered(table, ["quality"]), folder, {"quality": Scale(0, 9)})
    return PublicSet(name, rated, None, tuple(files))


def _tid_in_order(mos: Path, distortions: int, levels: int) -> pd.DataFrame:
    lines = read_lines(mos)
    names = [
        f"I{reference:02d}_{family:02d}_{level}.bmp"
        for reference in range(1, 26)
        for family in range(1, distortions + 1)
        for level in range(1, levels + 1)
    ]
    if len(lines) != len(names):
        raise InputError(
            f"{mos} has {len(lines)} scores, expected {len(names)} in the order of the file "
            "names; restore mos_with_names.txt, or import the set that has as many"
        )
    scores = scores_of_lines(lines, mos, lowest=0, highest=9)
    return pd.DataFrame({"name": pd.Series(names, dtype=object), "score": scores})


def kadid10k(folder: Path, *, check_images: bool = True) -> PublicSet:
    """KADID-10k: 81 references x 25 distortions x 5 levels, 1 to 5, scene = reference.

    The column that its table calls ``dmos`` is high where quality is good, and the one that
    it calls ``var`` holds SDs (see `_kadid_sd`).
    """
    scores = first_present(folder, ["dmos.csv"])
    cells = read_cells(scores)
    require_columns(cells, ("dist_img", "ref_img", "dmos", "var"), scores)
    images = ImageFiles(folder, ["images", "distorted_images", "reference_images"])
    parts = _coded_names(cells["dist_img"], scores, r"[iI]\d+", "I01_01_01.png")
    quality = numbers(cells, "dmos", scores, lowest=1, highest=5)
    table = pd.DataFrame(
        {
            "image": images.paths(cells["dist_img"], check_images=check_images),
            "scene": parts["scene"],
            "reference": images.paths(cells["ref_img"], check_images=check_images),
            "quality": quality,
            "quality_sd": _kadid_sd(quality, numbers(cells, "var", scores, lowest=0)),
            "family": _families(parts["family"], KADID10K_DISTORTIONS, scores),
            "level": parts["level"].astype(int),
        }
    )
    rated = RatedImages(table, folder, {"quality": Scale(1, 5)})
    return PublicSet("kadid10k", rated, None, (scores,))


def _kadid_sd(mean: pd.Series, spread: pd.Series) -> pd.Series:
    """Return the SDs of the single ratings, whichever of SD and variance the column holds.

    Whole ratings with mean m, a part f above a whole number, have a variance of f (1 - f)
    at least. The published column keeps to the root of this bound everywhere (.496 beside
    4.57 is the bound itself), so it holds SDs; variances would fall below it where people
    agree.
    """
    # The means are rounded to two decimals: near a whole number the bound is not sharp.
    apart = np.maximum(np.abs(mean - mean.round()) - 0.005, 0)
    least = np.sqrt(apart * (1 - apart))
    holds_variances = (spread < least - 0.005).any()
    return np.sqrt(spread) if holds_variances else spread


def pipal(folder: Path, *, check_images: bool = True) -> PublicSet:
    """PIPAL, the training part: Elo scores of 200 references x 116 distortions.

    A name ``A0001_03_12`` says reference, class of distortion and distortion in that class.
    The classes are numbered, not named, in what was published, and there are no levels:
    ``family`` is the class, ``distortion`` the distortion.
    """
    labels = folder / "Train_Label"
    files = sorted(labels.glob("*.txt")) if labels.is_dir() else []
    if not files:
        first_present(folder, ["Train_Label/A0001.txt"])
        raise InputError(f"{labels} holds no .txt files; restore the published folder")
    ends = {"lowest": PIPAL_SCALE.minimum, "highest": PIPAL_SCALE.maximum}
    each = [scored_names(file, separator=",", **ends) for file in files]
    scored = pd.concat(each, ignore_index=True)
    parts = _coded_names(scored["name"], labels, r"A\d+", "A0001_00_00.bmp")
    distorted = ImageFiles(folder, ["Train_Dist", *(f"Distortion_{k}" for k in range(1, 5))])
    references = ImageFiles(folder, ["Train_Ref"])
    table = pd.DataFrame(
        {
            "image": distorted.paths(scored["name"], check_images=check_images),
            "scene": parts["scene"],
            "reference": references.paths(parts["scene"] + ".bmp", check_images=check_images),
            "quality": scored["score"],
            "family": "class " + parts["family"],
            "distortion": parts["family"] + "_" + parts["level"],
        }
    )
    rated = RatedImages(table, folder, {"quality": PIPAL_SCALE})
    return PublicSet("pipal", rated, None, tuple(files))


def _coded_names(names: pd.Series, path: Path, scene: str, example: str) -> pd.DataFrame:
    """Split ``I01_02_3.bmp`` into scene ``I01``, family ``02`` and level ``3``, all text."""
    parts = names.str.extract(rf"^(?P<scene>{scene})_(?P<family>\d+)_(?P<level>\d+)\.\w+$")
    odd = parts.index[parts.isna().any(axis=1)]
    if len(odd):
        raise InputError(
            f"{path}: {names[odd[0]]!r} is no image name of this set; expected one like {example}"
        )
    parts["scene"] = parts["scene"].str.upper()
    return parts


def _families(codes: pd.Series, distortions: tuple[str, ...], path: Path) -> list[str]:
    numbers_of_codes = codes.astype(int)
    unknown = codes[(numbers_of_codes < 1) | (numbers_of_codes > len(distortions))]
    if len(unknown):
        raise InputError(
            f"{path}: distortion {unknown.iloc[0]} is not of this set, which has "
            f"{len(distortions)}; import the table with the set that it belongs to"
        )
    return [distortions[number - 1] for number in numbers_of_codes]
