"""Public sets of generated images: AIGCIQA2023 and AGIQA-3K.

Scene = prompt, so that a split never has the same content on both sides. Wang et al.
2023, arXiv 2307.00211; Li et al. 2023, arXiv 2306.04717.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fechner.data.sets.published import (
    ImageFiles,
    PublicSet,
    first_present,
    matlab_variables,
    ordered,
)
from fechner.errors import InputError
from fechner.records.cells import numbers, read_cells, require_columns
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale


def aigciqa2023(folder: Path, *, check_images: bool = True) -> PublicSet:
    """AIGCIQA2023: 6 generators x 100 prompts x 4 images; three scores, rescaled to 0..100.

    Reads ``DATA/MOS/mosz1.mat`` to ``mosz3.mat`` as published, or the table
    ``AIGCIQA2023.csv`` that circulates. Image k (from 0) shows prompt ``(k mod 400) // 4``
    of generator ``k // 400``; the order of the generators is not published, so they
    are numbered. The published SDs are those of raw 1..5 scores, not of the rescaled
    MOS, so they are kept as ``NAME_std_published`` and not as ``NAME_sd``.
    """
    names = ("quality", "authenticity", "correspondence")
    path = folder / "AIGCIQA2023.csv"
    if path.is_file():
        files: tuple[Path, ...] = (path,)
        cells = read_cells(path)
        require_columns(cells, ("name", *(f"{name}_mos" for name in names)), path)
        table = pd.DataFrame({n: numbers(cells, f"{n}_mos", path) for n in names})
        for name in names:
            if f"{name}_std" in cells.columns:
                table[f"{name}_std_published"] = numbers(cells, f"{name}_std", path)
        stems = cells["name"]
        extra = [name for name in ("prompt", "style", "class") if name in cells.columns]
        table[extra] = cells[extra]
    else:
        files = tuple(
            first_present(folder, [f"DATA/MOS/mosz{k}.mat", f"mosz{k}.mat"]) for k in (1, 2, 3)
        )
        table = pd.DataFrame(dict(zip(names, map(_only_vector, files), strict=True)))
        stems = pd.Series([f"{k}.png" for k in range(len(table))])
    images = ImageFiles(folder, ["Image/allimg", "allimg"])
    table["image"] = images.paths(stems, check_images=check_images)
    index = _numbered(stems, files[0])
    table["scene"] = [f"prompt_{number:03d}" for number in index % 400 // 4]
    table["generator"] = [f"generator_{number}" for number in index // 400 + 1]
    scales = dict.fromkeys(names, Scale(0, 100))
    rated = RatedImages(ordered(table, names), folder, scales)
    return PublicSet("aigciqa2023", rated, None, files)


def agiqa3k(folder: Path, *, check_images: bool = True) -> PublicSet:
    """AGIQA-3K: 2982 generated images, quality and alignment with the prompt, 0 to 5.

    Scene = prompt; extra columns: generator, style and the prompt's adjectives.
    """
    path = first_present(folder, ["data.csv", "AGIQA-3K.csv"])
    cells = read_cells(path)
    published = {"quality": ("mos_quality", "std_quality"), "alignment": ("mos_align", "std_align")}
    require_columns(cells, ("name", "prompt", *sum(published.values(), ())), path)
    images = ImageFiles(folder, ["images"])
    table = pd.DataFrame({"image": images.paths(cells["name"], check_images=check_images)})
    table["scene"] = cells["prompt"]
    for name, (mean, sd) in published.items():
        table[name] = numbers(cells, mean, path, lowest=0, highest=5)
        table[f"{name}_sd"] = numbers(cells, sd, path, lowest=0)
    table["generator"] = cells["name"].str.rsplit("_", n=1).str[0]
    for name in ("style", "adj1", "adj2"):
        if name in cells.columns:
            table[name] = cells[name]
    rated = RatedImages(table, folder, dict.fromkeys(published, Scale(0, 5)))
    return PublicSet("agiqa3k", rated, None, (path,))


def _numbered(names: pd.Series, path: Path) -> pd.Series:
    """Return k of each ``k.png``, as published."""
    odd = names.index[~names.str.fullmatch(r"\d+(\.png)?")]
    if len(odd):
        raise InputError(
            f"{path}: {names[odd[0]]!r} is no image name of this set; expected one like 17.png"
        )
    return names.str.removesuffix(".png").astype(int)


def _only_vector(path: Path) -> np.ndarray:
    """Return the one vector in a MATLAB file, float64 ``(n,)``, within 0..100."""
    vectors = list(matlab_variables(path).values())
    if len(vectors) != 1 or not np.issubdtype(vectors[0].dtype, np.number):
        raise InputError(f"{path} holds {len(vectors)} variables, expected the scores alone")
    values = vectors[0].ravel().astype(np.float64)
    if not ((values >= 0) & (values <= 100)).all():
        raise InputError(f"{path} holds scores outside 0 to 100; restore the published file")
    return values
