import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fechner.data.catalog import LOADERS, load, write_public_set
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


@pytest.fixture
def tid(tmp_path):
    """A folder like TID2013: lines 'MOS NAME', names in mixed case, references as BMP."""
    lines, spreads = [], []
    for scene in (1, 2):
        picture(tmp_path / "reference_images" / f"I{scene:02d}.BMP")
        for family in (1, 24):
            for level in (1, 5):
                name = f"i{scene:02d}_{family:02d}_{level}.bmp"
                first = name.upper() if level == 5 else name
                picture(tmp_path / "distorted_images" / first)
                lines.append(f"{6.5 - level / 2 - scene / 10:.5f} {name}")
                spreads.append("0.13000")
    (tmp_path / "mos_with_names.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "mos_std.txt").write_text("\n".join(spreads) + "\n")
    return tmp_path


@pytest.fixture
def kadid(tmp_path):
    """A folder like KADID-10k: images/ with references and distorted images, dmos.csv."""
    lines = ["dist_img,ref_img,dmos,var"]
    for scene in (1, 2):
        picture(tmp_path / "images" / f"I{scene:02d}.png")
        for family in (1, 25):
            for level in (1, 5):
                name = f"I{scene:02d}_{family:02d}_{level:02d}.png"
                picture(tmp_path / "images" / name)
                lines.append(f"{name},I{scene:02d}.png,{5 - level * 0.7:.2f},0.49")
    (tmp_path / "dmos.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


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


def test_tid2013_is_read_with_scene_family_and_level(tid):
    rated = load("tid2013", tid).rated
    assert len(rated) == 8
    assert set(rated.scenes) == {"I01", "I02"}
    assert set(rated.table["family"]) == {
        "additive Gaussian noise",
        "sparse sampling and reconstruction",
    }
    assert sorted(set(rated.table["level"])) == [1, 5]
    assert rated.scores("quality")[0] == pytest.approx(5.9)
    assert (rated.table["quality_sd"] == 0.13).all()
    assert all(path.is_file() for path in rated.paths)
    assert all((tid / name).is_file() for name in rated.table["reference"])


def test_kadid10k_is_read_high_where_quality_is_good(kadid):
    rated = load("kadid10k", kadid).rated
    gentle = rated.table["level"] == 1
    assert rated.scores("quality")[gentle].min() > rated.scores("quality")[~gentle].max()
    assert np.allclose(rated.table["quality_sd"], 0.7)
    assert set(rated.table["family"]) == {"Gaussian blur", "contrast change"}
    assert rated.table["reference"].iloc[0] == "images/I01.png"


def test_tid2013_and_kadid10k_read_back_from_another_folder(tid, tmp_path_factory):
    csv = tmp_path_factory.mktemp("elsewhere") / "tid.csv"
    write_public_set(load("tid2013", tid), csv)
    rated = read_rated_images(csv)
    assert (rated.folder / rated.table["reference"].iloc[0]).is_file()


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
    rated = load("agiqa3k", tmp_path).rated
    assert rated.paths[0].is_file()
    assert rated.table["style"].tolist() == ["anime style"]


def test_missing_images_are_counted(tid):
    for path in (tid / "distorted_images").glob("*24*"):
        path.unlink()
    with pytest.raises(InputError, match=r"i01_24_1\.bmp is missing \(4 of 8 are\)"):
        load("tid2013", tid)


def test_names_that_do_not_belong_to_the_set_are_named(kadid):
    text = (kadid / "dmos.csv").read_text().replace("I02_25_05.png", "holiday.png")
    (kadid / "dmos.csv").write_text(text)
    with pytest.raises(InputError, match=r"'holiday\.png' is no image name of this set"):
        load("kadid10k", kadid)


@pytest.mark.parametrize("code", ["00", "26", "99"])
def test_a_distortion_that_the_set_does_not_have_is_named(kadid, code):
    text = (kadid / "dmos.csv").read_text().replace("I02_25_05.png", f"I02_{code}_05.png")
    (kadid / "dmos.csv").write_text(text)
    with pytest.raises(InputError, match=f"'I02_{code}_05.png' .* a distortion from 1 to 25"):
        load("kadid10k", kadid, check_images=False)


def test_an_image_name_that_numbers_nothing_is_named(tmp_path):
    header = "name,quality_mos,authenticity_mos,correspondence_mos"
    (tmp_path / "AIGCIQA2023.csv").write_text(f"{header}\n0.png,40,50,60\ncat.png,40,50,60\n")
    with pytest.raises(InputError, match=r"'cat\.png' is no image name of this set"):
        load("aigciqa2023", tmp_path, check_images=False)


def test_a_score_file_that_is_no_text_is_refused(tid):
    (tid / "mos_with_names.txt").write_bytes(b"\xff\xfe6.1 i01_01_1.bmp")
    with pytest.raises(InputError, match="cannot be read as text"):
        load("tid2013", tid)


def test_a_score_outside_the_published_scale_is_named_with_its_row(kadid):
    text = (kadid / "dmos.csv").read_text().replace("4.30", "7.30", 1)
    (kadid / "dmos.csv").write_text(text)
    with pytest.raises(InputError, match=r"row 2: 'dmos' is 7\.3, expected 1 to 5"):
        load("kadid10k", kadid)


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
