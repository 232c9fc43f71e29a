"""The rated sets of the Audiovisual Technology Group in Ilmenau: generated images, H.265 images.

Goering, Rao, Merten and Raake 2023, IEEE Access; Goering, Rao and Raake 2023, QoMEX (scene =
prompt); and the image quality test of the same group (scene = frame of a video). Both come
with every single rating.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fechner.data.sets.published import ImageFiles, PublicSet, first_present
from fechner.errors import InputError
from fechner.records.cells import numbers, read_cells, require_columns
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import RATINGS_COLUMNS, ratings_from_table
from fechner.records.scales import Scale

STUDIES = {"appeal": "2022", "realism": "2022", "quality": "2023"}
"""Dimension of the generated images: the study, by its year, in which it is taken."""

QUESTIONS = {
    "range_image_appeal": "appeal",
    "range_realism": "realism",
    "range_image_quality": "quality",
}
"""Question as the authors' files name it, and the dimension that it asks for."""

FINISHED = 400 / 438
"""The authors' analysis keeps who gave more than 400 of the first study's 438 answers."""

SCALE = Scale(1, 5)


def avt(folder: Path, *, check_images: bool = True) -> PublicSet:
    """AVT-AI-Image-Dataset: quality (study 2), appeal and realism (study 1), all 1 to 5.

    Reads the authors' repository (``images/GENERATOR/pNN.png``, ``_ratings.csv`` of both
    studies), or the tables ``scores.csv`` and ``ratings_study*.csv`` made from it.
    Participants whom the authors excluded are left out: those who did not finish.
    Scene = prompt; extra columns: generator, prompt. An image whose file is not in the
    folder is left out with its ratings.
    """
    first = first_present(folder, ["scores.csv", "images/prompts.csv"])
    read = _avt_tables if first.name == "scores.csv" else _avt_repository
    scores, ratings, files = read(folder)
    scores["image"] = [_avt_image(folder, key, check_images) for key in scores["image_key"]]
    absent = scores["image_key"][scores["image"] == ""]
    scores = scores[scores["image"] != ""].reset_index(drop=True)
    if scores.empty:
        raise InputError(
            f"{folder} holds no images; expected images/GENERATOR/pNN.png or "
            "images_256/GENERATOR_pNN.png"
        )
    ratings["image"] = ratings["image"].map(scores.set_index("image_key")["image"])
    ratings = ratings.dropna(subset="image").reset_index(drop=True)
    table = scores[["image", "prompt_id"]].rename(columns={"prompt_id": "scene"})
    table = _with_means(table, ratings, ("quality", "appeal", "realism"))
    table[["generator", "prompt"]] = scores[["generator", "prompt"]]
    scales = dict.fromkeys(("quality", "appeal", "realism"), SCALE)
    notes = [f"without a file, left out: {', '.join(absent)}"] if len(absent) else []
    single = ratings_from_table(ratings, scales=scales)
    return PublicSet("avt", RatedImages(table, folder, scales), single, files, tuple(notes))


def avt_compressed(folder: Path, *, check_images: bool = True) -> PublicSet:
    """AVT's test of H.265-coded images: quality 1 to 5 of 371 images by 21 people.

    Reads ``per_user.csv``, one row an image and one column a person, and
    ``images/NAME.png`` beside it. Scene = source video; extra columns: crf, height. The
    images have no reference: the least compressed one of a scene is compressed too.
    """
    path = first_present(folder, ["test_1/per_user.csv", "per_user.csv"])
    cells = read_cells(path)
    require_columns(cells, ("image_name", "user1"), path)
    people = [name for name in cells.columns if name.startswith("user")]
    parts = cells["image_name"].str.extract(r"^(?P<scene>.+)_1frame_crf_(\d+)_height_(\d+)$")
    odd = parts.index[parts.isna().any(axis=1)]
    if len(odd):
        raise InputError(
            f"{path} row {odd[0] + 2}: {cells['image_name'][odd[0]]!r} is no image name of this "
            "set; expected SOURCE_1frame_crf_NN_height_NNNN"
        )
    place = (path.parent.relative_to(folder) / "images").as_posix()
    images = ImageFiles(folder, [place])
    table = pd.DataFrame(
        {
            "image": images.paths(cells["image_name"] + ".png", check_images=check_images),
            "scene": parts["scene"],
        }
    )
    each = [
        table[["image"]].assign(
            participant=person,
            dimension="quality",
            rating=numbers(cells, person, path, lowest=1, highest=5, blank=True),
        )
        for person in people
    ]
    ratings = pd.concat(each, ignore_index=True).dropna(subset="rating")
    ratings = ratings[list(RATINGS_COLUMNS)].reset_index(drop=True)
    table = _with_means(table, ratings, ("quality",))
    table[["crf", "height"]] = parts[[1, 2]].astype(int)
    rated = RatedImages(table, folder, {"quality": SCALE})
    single = ratings_from_table(ratings, scales=rated.scales)
    return PublicSet("avt_compressed", rated, single, (path,))


def _avt_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, tuple[Path, ...]]:
    """Read the tables made from the repository: scores by image, single ratings, files."""
    files = tuple(
        first_present(folder, [name])
        for name in ("scores.csv", "ratings_study1_2022.csv", "ratings_study2_2023.csv")
    )
    scores = read_cells(files[0])
    require_columns(scores, ("image_key", "generator", "prompt_id", "prompt"), files[0])
    studies = []
    for path in files[1:]:
        cells = read_cells(path)
        needed = ("participant", "image_key", "attribute", "rating", "valid")
        require_columns(cells, needed, path)
        cells = cells.rename(columns={"image_key": "image", "attribute": "dimension"})
        studies.append(_avt_ratings(cells[cells["valid"] == "1"], path))
    return scores, pd.concat(studies, ignore_index=True), files


def _avt_repository(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, tuple[Path, ...]]:
    """Read the authors' repository: rated images, single ratings, files."""
    prompts = folder / "images" / "prompts.csv"
    files = sorted(folder.glob("*/subjective/*/*_ratings.csv"))
    if not files:
        raise InputError(
            f"{folder} has no STUDY/subjective/DATE/_ratings.csv; give the authors' repository as "
            "it is"
        )
    studies = [_avt_answers(path) for path in files]
    ratings = pd.concat(
        [_avt_ratings(_finished(cells), path) for cells, path in zip(studies, files, strict=True)],
        ignore_index=True,
    )
    missing = sorted(set(STUDIES) - set(ratings["dimension"]))
    if missing:
        raise InputError(
            f"{folder}: no ratings of {', '.join(missing)} in {', '.join(map(str, files))}; the "
            "repository has two studies: give it as it is"
        )
    keys = sorted(set(ratings["image"]))
    scores = pd.DataFrame({"image_key": keys}, dtype=object)
    scores[["generator", "prompt_id"]] = scores["image_key"].str.split("/", n=1, expand=True)
    texts = read_cells(prompts)
    require_columns(texts, ("ID", "prompts"), prompts)
    prompt_of = texts.set_index("ID")["prompts"]
    scores["prompt"] = scores["prompt_id"].map(prompt_of).fillna("").astype(object)
    return scores, ratings, (prompts, *files)


def _avt_answers(path: Path) -> pd.DataFrame:
    """Return the answers in one of the authors' files, with the columns of ratings."""
    cells = read_cells(path)
    require_columns(cells, ("user_ID", "stimuli_file", "rating_type", "rating"), path)
    cells = cells[cells["rating_type"].isin(list(QUESTIONS))].reset_index(drop=True)
    key = cells["stimuli_file"].str.extract(r"([^/\\]+)[/\\]([^/\\]+)\.\w+$")
    answers = pd.DataFrame(
        {
            "participant": cells["user_ID"],
            "image": key[0] + "/" + key[1],
            "dimension": cells["rating_type"].map(QUESTIONS),
            "rating": cells["rating"],
        }
    )
    return answers.astype(object)


def _finished(answers: pd.DataFrame) -> pd.DataFrame:
    """Keep the participants whom the authors kept: those who gave nearly all answers."""
    given = answers["participant"].value_counts()
    asked = answers["image"].nunique() * answers["dimension"].nunique()
    whole = given[given > FINISHED * asked].index
    return answers[answers["participant"].isin(whole)]


def _avt_ratings(cells: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the ratings of one study; `trial` counts a participant's rows in order."""
    ratings = cells.assign(rating=numbers(cells, "rating", path, lowest=1, highest=5))
    # Appeal was asked again in the second study: each dimension is taken from one alone.
    year = "2023" if (ratings["dimension"] == "quality").any() else "2022"
    ratings = ratings[ratings["dimension"].map(STUDIES) == year]
    ratings = ratings[list(RATINGS_COLUMNS)].reset_index(drop=True)
    ratings["participant"] = year + "-" + ratings["participant"].str.zfill(2)
    ratings["trial"] = ratings.groupby("participant").cumcount() + 1
    return ratings


def _avt_image(folder: Path, key: str, check_images: bool) -> str:
    flat = key.replace("/", "_")
    whole = f"images/{key}.png"
    for name in (f"images_256/{flat}.png", f"images/{flat}.webp", f"images/{flat}.png", whole):
        if (folder / name).is_file():
            return name
    return "" if check_images else whole


def _with_means(
    table: pd.DataFrame, ratings: pd.DataFrame, dimensions: Iterable[str]
) -> pd.DataFrame:
    """Join ``NAME``, ``NAME_sd`` and ``NAME_n`` of the single ratings to the images."""
    for name in dimensions:
        own = ratings[ratings["dimension"] == name].groupby("image")["rating"]
        statistics = own.agg(["mean", "std", "count"])
        statistics.columns = pd.Index([name, f"{name}_sd", f"{name}_n"])
        table = table.join(statistics, on="image")
    return table
