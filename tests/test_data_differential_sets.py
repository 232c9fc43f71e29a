import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import published_layouts as layouts
import pytest
import scipy.io

from fechner.data.catalog import load, write_public_set
from fechner.data.pairs import reference_pairs
from fechner.errors import InputError, MissingPartError
from fechner.records.rated_images import read_rated_images

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
LIVE_SCORES = DATA / "scores" / "zsiqa_live.csv"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    return layouts.write_live(tmp_path_factory.mktemp("sets") / "live")


@pytest.fixture(scope="module")
def csiq(tmp_path_factory):
    pytest.importorskip("openpyxl")
    return layouts.write_csiq(tmp_path_factory.mktemp("more_sets") / "csiq", pictures=30)


def refused(name, folder, **options):
    with pytest.raises(InputError) as caught:
        load(name, folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_live_is_whole_with_779_pairs_and_without_203_copies_of_references(live):
    public = load("live", live)
    assert len(public.rated) == 779
    assert public.notes == ("203 scores of copies of references are left out",)
    assert public.rated.table["reference"].nunique() == 29
    assert public.rated.table.groupby("family").size().to_dict() == {
        "JPEG2000": 175,
        "JPEG": 169,
        "white noise": 145,
        "Gaussian blur": 145,
        "fast fading": 145,
    }


def test_each_score_of_live_belongs_to_the_image_of_its_number(live):
    table = load("live", live).rated.table.set_index("image")
    truth = layouts.live_table()
    for row in truth[~truth["copy"]].itertuples():
        read = table.loc[f"{row.folder}/{row.name}"]
        assert read["dmos"] == pytest.approx(row.dmos)
        assert read["level"] == pytest.approx(row.level)
        assert read["reference"] == f"refimgs/{row.original}"


def test_the_references_of_live_are_told_by_either_of_its_files(live, tmp_path):
    both = load("live", live, check_images=False).rated.table
    for options in ({"names": False}, {"infos": False}):
        folder = layouts.write_live(tmp_path / str(options), pictures=False, **options)
        alone = load("live", folder, check_images=False).rated.table
        assert alone["reference"].equals(both["reference"])
    neither = layouts.write_live(tmp_path / "neither", pictures=False, infos=False, names=False)
    assert "has no refnames_all.mat" in refused("live", neither, check_images=False)


def test_files_of_live_that_disagree_about_a_reference_are_named(tmp_path):
    folder = layouts.write_live(tmp_path, pictures=False)
    text = (folder / "wn" / "info.txt").read_bytes()
    (folder / "wn" / "info.txt").write_bytes(
        text.replace(b"scene02.bmp img1.bmp ", b"scene09.bmp img1.bmp ")
    )
    message = refused("live", folder, check_images=False)
    assert "gives wn/img1.bmp the reference scene02.bmp, wn/info.txt scene09.bmp" in message


def test_an_image_that_an_info_file_of_live_describes_twice_is_named(tmp_path):
    folder = layouts.write_live(tmp_path, pictures=False)
    info = folder / "gblur" / "info.txt"
    info.write_bytes(info.read_bytes() + b"\r\rscene02.bmp img1.bmp 2.0")
    message = refused("live", folder, check_images=False)
    assert "gblur/info.txt describes img1.bmp twice" in message


def test_scores_of_live_that_are_not_aligned_are_read_and_said(live, tmp_path):
    folder = layouts.write_live(tmp_path, pictures=False)
    content = scipy.io.loadmat(folder / "dmos_realigned.mat")
    (folder / "dmos_realigned.mat").unlink()
    old = {"dmos": content["dmos_new"], "orgs": content["orgs"]}
    scipy.io.savemat(folder / "dmos.mat", old)
    public = load("live", folder, check_images=False)
    assert "not aligned between sessions" in public.notes[1]
    assert "dmos_std_published" not in public.rated.table


def test_scores_of_release_1_of_live_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "dmos.mat", {"dmos": np.ones(460), "orgs": np.zeros(460)})
    message = refused("live", tmp_path)
    assert "orgs has 460 values, expected the 982 of release 2" in message


def test_a_matlab_file_without_the_scores_is_refused_with_what_it_holds(tmp_path):
    scipy.io.savemat(tmp_path / "dmos.mat", {"scores": np.ones(982)})
    assert "has no variable orgs, only scores" in refused("live", tmp_path)
    (tmp_path / "dmos.mat").write_text("not MATLAB")
    assert "is not a MATLAB file" in refused("live", tmp_path)


@pytest.mark.skipif(not LIVE_SCORES.is_file(), reason=f"no score tables at {LIVE_SCORES.parent}")
def test_the_true_scores_of_live_lie_on_its_scale_and_reach_as_far_as_is_expected(tmp_path):
    scores = pd.read_csv(LIVE_SCORES)["mos"].to_numpy()
    folder = layouts.write_live(tmp_path, pictures=False)
    content = scipy.io.loadmat(folder / "dmos_realigned.mat")
    realigned = np.zeros(982)
    realigned[content["orgs"].ravel() == 0] = scores
    scipy.io.savemat(
        folder / "dmos_realigned.mat", {"dmos_new": realigned, "orgs": content["orgs"]}
    )
    rated = load("live", folder, check_images=False).rated
    assert rated.table["dmos"].min() == pytest.approx(-2.64, abs=1e-3)
    assert rated.table["dmos"].max() == pytest.approx(111.775, abs=1e-3)
    with pytest.raises(InputError, match="they were rescaled"):
        scipy.io.savemat(
            folder / "dmos_realigned.mat", {"dmos_new": realigned / 112, "orgs": content["orgs"]}
        )
        load("live", folder, check_images=False)


def test_one_distortion_of_live_given_for_the_set_is_met_with_its_folder(live):
    assert f"found in {live}: give the folder of the set itself" in refused("live", live / "jp2k")


def test_the_dmos_of_a_pair_of_live_is_its_score_because_its_reference_has_none(live):
    rated = load("live", live).rated
    pairs = reference_pairs(rated, "dmos", name="live")
    assert np.allclose(pairs.dmos, rated.table["dmos"])
    assert len(set(pairs.scenes)) == 29
    assert pairs.levels is not None


def test_csiq_is_whole_with_866_pairs_of_30_references(csiq):
    table = load("csiq", csiq).rated.table
    assert len(table) == 866
    assert table["reference"].nunique() == 30
    assert table.groupby("family").size().to_dict() == {
        "white noise": 150,
        "Gaussian blur": 150,
        "contrast": 116,
        "pink noise": 150,
        "JPEG": 150,
        "JPEG2000": 150,
    }


def test_a_name_of_csiq_that_is_a_number_in_the_workbook_stays_a_name(csiq, tmp_path):
    public = load("csiq", csiq)
    assert public.rated.table["scene"].iloc[0] == "1600"
    assert public.rated.table["image"].iloc[0] == "dst_imgs/awgn/1600.AWGN.1.png"
    write_public_set(public, tmp_path / "csiq.csv")
    rated = read_rated_images(tmp_path / "csiq.csv")
    assert rated.scenes[0] == "1600"
    assert rated.references[0].name == "1600.png"


def test_the_workbook_of_csiq_its_csv_and_its_text_say_the_same(csiq, tmp_path):
    workbook = load("csiq", csiq, check_images=False).rated.table
    shared = ["scene", "reference", "dmos", "family", "level"]
    for kind in ("csv", "txt"):
        folder = layouts.write_csiq(tmp_path / kind, table=kind)
        other = load("csiq", folder, check_images=False).rated.table
        pd.testing.assert_frame_equal(other[shared], workbook[shared])


def test_without_its_reader_the_workbook_is_refused_with_both_ways_out(csiq, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingPartError) as caught:
        load("csiq", csiq)
    assert "pip install 'fechner[spreadsheets]'" in str(caught.value)
    assert "or save it as CSV: the sheet all_by_image as csiq.DMOS.csv" in str(caught.value)
    folder = layouts.write_csiq(tmp_path, table="txt")
    assert len(load("csiq", folder, check_images=False).rated) == 866


def test_a_damaged_workbook_ends_in_one_line(tmp_path):
    pytest.importorskip("openpyxl")
    (tmp_path / "csiq.DMOS.xlsx").write_bytes(b"PK\x03\x04 nonsense")
    assert "is no workbook that is read" in refused("csiq", tmp_path)


def test_a_workbook_without_the_table_says_which_columns_it_lacks(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    openpyxl.Workbook().save(tmp_path / "csiq.DMOS.xlsx")
    assert "no sheet with the columns image, dst_type, dst_lev, dmos" in refused("csiq", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("1600,1,noise", "1600,1,nois", "'nois' is no distortion of CSIQ; expected noise, blur"),
        (",0.06\n", ",62\n", "row 2: 'dmos' is 62, expected 0 to 1"),
        ("dmos_std,dmos", "dmos_std,dmo", "has no column 'dmos'"),
    ],
)
def test_a_wrong_cell_of_csiq_is_named(old, new, part, tmp_path):
    folder = layouts.write_csiq(tmp_path, table="csv")
    text = (folder / "csiq.DMOS.csv").read_text()
    assert old in text
    (folder / "csiq.DMOS.csv").write_text(text.replace(old, new, 1))
    assert part in refused("csiq", folder, check_images=False)
