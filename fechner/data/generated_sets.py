"""Public sets of generated images: AVT-AI-Image-Dataset, AIGCIQA2023 and AGIQA-3K.

Scene = prompt, so that a split never has the same content on both sides. Goering et
al. 2023, IEEE Access and QoMEX; Wang et al. 2023, arXiv 2307.00211; Li et al. 2023,
arXiv 2306.04717.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from fechner.records.ratings import RATINGS_COLUMNS, ratings_from_table
from fechner.records.scales import Scale


def avt(folder: Path, *, check_images: bool = True) -> PublicSet:
    """AVT-AI-Image-Dataset: quality (study 2), appeal and realism (study 1), all 1 to 5.

    Ratings of participants whom the authors excluded (``valid`` is not 1) are left
    out. Scene = prompt; extra columns: generator, prompt. An image whose file is not
    in the folder is left out with its ratings.
    """
    files = tuple(
        first_present(folder, [name])
        for name in ("scores.csv", "ratings_study1_2022.csv", "ratings_study2_2023.csv")
    )
    scores = read_cells(files[0])
    require_columns(scores, ("image_key", "generator", "prompt_id", "prompt"), files[0])
    scores["image"] = [_avt_image(folder, key, check_images) for key in scores["image_key"]]
    scores = scores[scores["image"] != ""].reset_index(drop=True)
    if scores.empty:
        raise InputError(f"{folder} holds no images; expected images_256/GENERATOR_PROMPT.png")
    long = pd.concat(
        [
            _avt_ratings(files[2], "2023", ("quality",)),
            _avt_ratings(files[1], "2022", ("appeal", "realism")),
        ],
        ignore_index=True,
    )
    long["image"] = long["image"].map(scores.set_index("image_key")["image"])
    scales = dict.fromkeys(("quality", "appeal", "realism"), Scale(1, 5))
    ratings = ratings_from_table(long.dropna(subset="image"), scales=scales)
    table = scores[["image", "prompt_id"]].rename(columns={"prompt_id": "scene"})
    for name in scales:
        own = ratings.table[ratings.table["dimension"] == name].groupby("image")["rating"]
        table = table.join(_named(own.agg(["mean", "std", "count"]), name), on="image")
    table[["generator", "prompt"]] = scores[["generator", "prompt"]]
    rated = RatedImages(table, folder, scales)
    return PublicSet(rated, ratings, files, "Goering et al. 2023, AVT-AI-Image-Dataset")


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
    where = files_by_name(folder / "Image" / "allimg") or files_by_name(folder / "allimg")
    table["image"] = paths(folder, stems, where, check_images)
    index = _numbered(stems, files[0])
    table["scene"] = [f"prompt_{number:03d}" for number in index % 400 // 4]
    table["generator"] = [f"generator_{number}" for number in index // 400 + 1]
    scales = dict.fromkeys(names, Scale(0, 100))
    rated = RatedImages(ordered(table, names), folder, scales)
    return PublicSet(rated, None, files, "Wang et al. 2023, AIGCIQA2023, arXiv 2307.00211")


def agiqa3k(folder: Path, *, check_images: bool = True) -> PublicSet:
    """AGIQA-3K: 2982 generated images, quality and alignment with the prompt, 0 to 5.

    Scene = prompt; extra columns: generator, style and the prompt's adjectives.
    """
    path = first_present(folder, ["data.csv", "AGIQA-3K.csv"])
    cells = read_cells(path)
    published = {"quality": ("mos_quality", "std_quality"), "alignment": ("mos_align", "std_align")}
    require_columns(cells, ("name", "prompt", *sum(published.values(), ())), path)
    images = files_by_name(folder / "images") or files_by_name(folder / "Images")
    table = pd.DataFrame({"image": paths(folder, cells["name"], images, check_images)})
    table["scene"] = cells["prompt"]
    for name, (mean, sd) in published.items():
        table[name] = numbers(cells, mean, path, lowest=0, highest=5)
        table[f"{name}_sd"] = numbers(cells, sd, path, lowest=0)
    table["generator"] = cells["name"].str.rsplit("_", n=1).str[0]
    for name in ("style", "adj1", "adj2"):
        if name in cells.columns:
            table[name] = cells[name]
    rated = RatedImages(table, folder, dict.fromkeys(published, Scale(0, 5)))
    return PublicSet(rated, None, (path,), "Li et al. 2023, AGIQA-3K, arXiv 2306.04717")


def _numbered(names: pd.Series, path: Path) -> pd.Series:
    """Return k of each ``k.png``, as published."""
    odd = names.index[~names.str.fullmatch(r"\d+(\.png)?")]
    if len(odd):
        raise InputError(
            f"{path}: {names[odd[0]]!r} is no image name of this set; expected one like 17.png"
        )
    return names.str.removesuffix(".png").astype(int)


def _avt_image(folder: Path, key: str, check_images: bool) -> str:
    flat = key.replace("/", "_")
    for name in (f"images_256/{flat}.png", f"images/{flat}.webp", f"images/{flat}.png"):
        if (folder / name).is_file():
            return name
    whole = f"images/{key}.png"
    return whole if (folder / whole).is_file() or not check_images else ""


def _avt_ratings(path: Path, session: str, dimensions: Iterable[str]) -> pd.DataFrame:
    """Return the valid ratings of one study; `trial` counts a participant's rows in order."""
    cells = read_cells(path)
    needed = ("participant", "image_key", "attribute", "rating", "valid")
    require_columns(cells, needed, path)
    cells["rating"] = numbers(cells, "rating", path, lowest=1, highest=5)
    cells = cells[(cells["valid"] == "1") & cells["attribute"].isin(list(dimensions))]
    ratings = cells.rename(columns={"image_key": "image", "attribute": "dimension"})
    ratings = ratings[list(RATINGS_COLUMNS)].reset_index(drop=True)
    ratings["participant"] = session + "-" + ratings["participant"].str.zfill(2)
    ratings["trial"] = ratings.groupby("participant").cumcount() + 1
    return ratings


def _named(statistics: pd.DataFrame, name: str) -> pd.DataFrame:
    statistics.columns = pd.Index([name, f"{name}_sd", f"{name}_n"])
    return statistics


def _only_vector(path: Path) -> np.ndarray:
    """Return the one vector in a MATLAB file, float64 ``(n,)``, within 0..100."""
    import scipy.io

    try:
        content = scipy.io.loadmat(path)
    except (OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path} is not a MATLAB file that is read ({error})") from error
    vectors = [value for name, value in content.items() if not name.startswith("__")]
    if len(vectors) != 1 or not np.issubdtype(vectors[0].dtype, np.number):
        raise InputError(f"{path} holds {len(vectors)} variables, expected the scores alone")
    values = vectors[0].ravel().astype(np.float64)
    if not ((values >= 0) & (values <= 100)).all():
        raise InputError(f"{path} holds scores outside 0 to 100; restore the published file")
    return values
