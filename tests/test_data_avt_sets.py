import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fechner.data.catalog import load
from fechner.errors import InputError

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
AVT = DATA / "avt_ai_images"
COMPRESSED = DATA / "avt_compressed"
needs_avt = pytest.mark.skipif(not AVT.is_dir(), reason=f"no AVT data at {AVT}")
needs_compressed = pytest.mark.skipif(not COMPRESSED.is_dir(), reason=f"no data at {COMPRESSED}")

QUESTIONS = {
    "appeal": "range_image_appeal",
    "realism": "range_realism",
    "quality": "range_image_quality",
    "prompt_matching": "range_prompt_matching",
}


def as_the_authors_publish(folder):
    """Turn the tables made from the repository back into its files, with its images."""
    scores = pd.read_csv(AVT / "scores.csv", dtype=str).drop_duplicates("image_key")
    for key in scores["image_key"]:
        source = AVT / "images_256" / f"{key.replace('/', '_')}.png"
        if source.is_file():
            (folder / "images" / key).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / "images" / f"{key}.png")
    prompts = scores.drop_duplicates("prompt_id")[["prompt_id", "prompt"]].assign(category="own")
    prompts.columns = ["ID", "prompts", "category"]
    prompts.to_csv(folder / "images" / "prompts.csv", index=False)
    places = {
        "ratings_study1_2022.csv": "evaluation/subjective/2022_12_02",
        "ratings_study2_2023.csv": "quality_evaluation/subjective/2023_02_17",
    }
    for name, place in places.items():
        cells = pd.read_csv(AVT / name, dtype=str)
        answers = pd.DataFrame(
            {
                "user_ID": cells["participant"],
                "stimuli_ID": "1",
                "stimuli_file": "./stimuli/" + cells["image_key"] + ".png",
                "rating_type": cells["attribute"].map(QUESTIONS),
                "rating": cells["rating"],
                "timestamp": cells["timestamp"],
            }
        )
        other = answers.head(40).assign(rating_type="ww", rating="2560")
        (folder / place).mkdir(parents=True)
        pd.concat([other, answers]).to_csv(folder / place / "_ratings.csv", index=False)
    return folder


@needs_avt
def test_the_authors_repository_gives_the_same_images_and_ratings_as_the_tables(tmp_path):
    tables = load("avt", AVT)
    repository = load("avt", as_the_authors_publish(tmp_path))
    assert repository.notes == tables.notes == ("without a file, left out: midjourney/p25",)
    key = ["scene", "generator"]
    own = repository.rated.table.sort_values(key).reset_index(drop=True)
    other = tables.rated.table.sort_values(key).reset_index(drop=True)
    pd.testing.assert_frame_equal(own.drop(columns="image"), other.drop(columns="image"))
    assert own["image"].str.fullmatch(r"images/[\w-]+/p\d\d\.png").all()
    columns = ["participant", "dimension", "rating", "trial"]
    by = ["dimension", "participant", "trial"]
    pd.testing.assert_frame_equal(
        repository.ratings.table[columns].sort_values(by).reset_index(drop=True),
        tables.ratings.table[columns].sort_values(by).reset_index(drop=True),
    )


@needs_avt
def test_a_repository_without_one_of_its_studies_is_refused(tmp_path):
    folder = as_the_authors_publish(tmp_path)
    shutil.rmtree(folder / "quality_evaluation")
    with pytest.raises(InputError, match=r"no ratings of quality in .*two studies"):
        load("avt", folder)
    with pytest.raises(InputError, match=r"found in .*: give the folder of the set itself"):
        load("avt", folder / "images")


@needs_avt
def test_avt_with_more_images_missing_than_usual_is_a_part(tmp_path):
    folder = as_the_authors_publish(tmp_path)
    shutil.rmtree(folder / "images" / "own")
    with pytest.raises(InputError, match="134 rated images, expected 145 or 146"):
        load("avt", folder)
    public = load("avt", folder, partial=True)
    assert len(public.rated) == 134
    assert "own" not in set(public.rated.table["generator"])
    assert set(public.ratings.table["image"]) == set(public.rated.table["image"])


def wide_table(folder):
    """Write AVT's table of users for the images that are here; return the folder."""
    rated = pd.read_csv(COMPRESSED / "rated.csv", dtype=str)
    ratings = pd.read_csv(COMPRESSED / "ratings.csv", dtype=str)
    names = dict(zip(rated["image"], rated["original_name"], strict=True))
    ratings["image_name"] = ratings["image"].map(names)
    ratings["user"] = "user" + ratings["participant"].str[1:].astype(int).astype(str)
    wide = ratings.pivot(index="image_name", columns="user", values="rating")
    wide = wide[sorted(wide.columns, key=lambda user: int(user[4:]))].reset_index()
    wide["mos"], wide["ci"] = "3.0", ""
    (folder / "test_1").mkdir(parents=True)
    wide.to_csv(folder / "test_1" / "per_user.csv", index=False)
    for image, name in names.items():
        target = folder / "test_1" / "images" / f"{name}.png"
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(COMPRESSED / image)
    return folder


@needs_compressed
def test_the_wide_table_of_users_gives_every_rating_and_its_mean(tmp_path):
    public = load("avt_compressed", wide_table(tmp_path), partial=True)
    assert public.notes == ("a part of AVT image quality test: 324 of its 371 images",)
    truth = pd.read_csv(COMPRESSED / "rated.csv")
    name = public.rated.table["image"].str.extract(r"images/(.+)\.png$")[0]
    own = public.rated.table.assign(name=name).set_index("name").loc[truth["original_name"]]
    for column in ("quality", "quality_sd", "quality_n", "crf", "height"):
        assert np.allclose(own[column], truth[column]), column
    assert own["scene"].nunique() == truth["scene"].nunique() == 38
    assert len(public.ratings) == len(pd.read_csv(COMPRESSED / "ratings.csv"))


@needs_compressed
def test_a_foreign_name_in_the_wide_table_is_named_with_its_row(tmp_path):
    folder = wide_table(tmp_path)
    path = folder / "test_1" / "per_user.csv"
    path.write_text(path.read_text().replace("_1frame_crf_03_", "_frame_03_", 1))
    with pytest.raises(InputError, match=r"row 2: .* is no image name of this set"):
        load("avt_compressed", folder, partial=True)
