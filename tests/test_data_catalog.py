import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fechner.cli.importing.sets import SETS
from fechner.data.catalog import LOADERS, load, write_public_set
from fechner.data.sets.facts import FACTS
from fechner.errors import InputError
from fechner.records.rated_images import read_rated_images
from fechner.records.ratings import read_ratings

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
AVT = DATA / "avt_ai_images"
SCORES = DATA / "scores"
needs_avt = pytest.mark.skipif(not AVT.is_dir(), reason=f"no AVT data at {AVT}")
needs_scores = pytest.mark.skipif(not SCORES.is_dir(), reason=f"no score tables at {SCORES}")


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 12), (90, 120, 60)).save(path)


@needs_avt
def test_avt_scores_equal_those_the_authors_published():
    rated = load("avt", AVT).rated
    published = pd.read_csv(AVT / "scores.csv").dropna(subset="file").reset_index(drop=True)
    assert len(rated) == 145
    assert len(np.unique(rated.scenes)) == 27
    for name in ("quality", "appeal", "realism"):
        assert np.allclose(rated.scores(name), published[f"{name}_mean"], atol=6e-5)
        assert np.allclose(rated.table[f"{name}_sd"], published[f"{name}_std"], atol=6e-5)
    assert rated.table["quality_n"].equals(published["quality_n"].astype(int))
    assert set(rated.table["generator"]) == set(published["generator"])


@needs_avt
def test_avt_leaves_out_the_participants_whom_the_authors_left_out():
    ratings = load("avt", AVT).ratings.table
    people = ratings.groupby("dimension")["participant"].nunique()
    assert people.to_dict() == {"appeal": 22, "quality": 25, "realism": 22}


@needs_avt
def test_avt_becomes_a_table_that_reads_back_from_elsewhere(tmp_path):
    public = load("avt", AVT)
    written = write_public_set(public, tmp_path / "deep" / "avt.csv")
    rated = read_rated_images(written[0])
    assert all(path.is_file() for path in rated.paths)
    assert np.array_equal(rated.scores("quality"), public.rated.scores("quality"))
    ratings = read_ratings(written[1]).table
    means = ratings.groupby(["dimension", "image"])["rating"].mean()
    assert np.allclose(means["realism"].loc[rated.table["image"]], rated.scores("realism"))


def test_aigciqa2023_is_read_from_its_matlab_files(tmp_path):
    import scipy.io

    rng = np.random.default_rng(2)
    (tmp_path / "DATA" / "MOS").mkdir(parents=True)
    scores = rng.uniform(20, 80, (3, 2400))
    for k in range(3):
        scipy.io.savemat(
            tmp_path / "DATA" / "MOS" / f"mosz{k + 1}.mat", {"MOSz": scores[k][:, None]}
        )
    rated = load("aigciqa2023", tmp_path, check_images=False).rated
    assert np.allclose(rated.scores("authenticity"), scores[1])
    assert pd.Series(rated.scenes).value_counts().unique().tolist() == [24]
    assert rated.table["scene"][403] == rated.table["scene"][3] == "prompt_000"
    assert rated.table["generator"].value_counts().unique().tolist() == [400]


@needs_scores
def test_aigciqa2023_scenes_are_its_prompts():
    rated = load("aigciqa2023", SCORES, check_images=False).rated
    assert len(rated) == 2400
    assert (rated.table.groupby("scene")["prompt"].nunique() == 1).all()
    assert rated.table["prompt"].nunique() == len(set(rated.scenes)) == 100
    assert "quality_sd" not in rated.table


@needs_scores
def test_agiqa3k_is_read_with_generator_and_prompt():
    rated = load("agiqa3k", SCORES, check_images=False).rated
    assert len(rated) == 2982
    assert len(set(rated.scenes)) == 300
    assert set(rated.table["generator"]) >= {"AttnGAN_normal", "DALLE2_normal", "xl2.2_normal"}
    assert rated.scores("alignment").max() <= 5


def test_agiqa3k_finds_its_images(tmp_path):
    picture(tmp_path / "Images" / "AttnGAN_normal_000.jpg")
    (tmp_path / "data.csv").write_text(
        "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align\n"
        "AttnGAN_normal_000.jpg,a corgi,,,anime style,1.5,0.3,2.5,0.4\n"
    )
    rated = load("agiqa3k", tmp_path, partial=True).rated
    assert rated.paths[0].is_file()
    assert rated.table["style"].tolist() == ["anime style"]


def test_every_set_has_a_reader_its_facts_and_a_name_on_the_command_line():
    assert list(FACTS) == list(LOADERS) == list(SETS)


def test_an_image_name_that_numbers_nothing_is_named(tmp_path):
    header = "name,quality_mos,authenticity_mos,correspondence_mos"
    (tmp_path / "AIGCIQA2023.csv").write_text(f"{header}\n0.png,40,50,60\ncat.png,40,50,60\n")
    with pytest.raises(InputError, match=r"'cat\.png' is no image name of this set"):
        load("aigciqa2023", tmp_path, check_images=False)


def test_every_set_stands_in_the_guide_with_its_count_and_citation():
    guide = (Path(__file__).parents[1] / "docs" / "howto-rated-images.md").read_text("utf-8")
    for name, facts in FACTS.items():
        row = next(line for line in guide.splitlines() if line.startswith(f"| `{name}` | "))
        for part in (str(facts.counts[0]), facts.made_of, facts.citation):
            assert f"| {part} |" in row, name
        assert facts.terms.split(" (")[0] in row


@pytest.mark.parametrize("name", LOADERS)
def test_an_empty_folder_is_refused_with_what_was_expected(name, tmp_path):
    with pytest.raises(InputError, match=r"has no .*give the folder of the set itself"):
        load(name, tmp_path)


def test_an_unknown_set_is_met_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match="did you mean 'tid2013'"):
        load("tid2014", tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        load("avt", tmp_path / "none")
