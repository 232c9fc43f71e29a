import os
from pathlib import Path

import numpy as np
import pandas as pd
import published_layouts as layouts
import pytest

from fechner.data.catalog import load, write_public_set
from fechner.data.pairs import reference_pairs
from fechner.errors import InputError
from fechner.records.rated_images import read_rated_images

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
TID_SCORES = DATA / "scores" / "zsiqa_tid2013.csv"


@pytest.fixture(scope="module")
def tid2013(tmp_path_factory):
    return layouts.write_tid(tmp_path_factory.mktemp("tid2013"), distortions=24, levels=5)


@pytest.fixture(scope="module")
def tid2008(tmp_path_factory):
    return layouts.write_tid(tmp_path_factory.mktemp("sets") / "tid2008", distortions=17, levels=4)


@pytest.fixture(scope="module")
def kadid(tmp_path_factory):
    return layouts.write_kadid(tmp_path_factory.mktemp("kadid"), pictures=range(1, 4))


@pytest.fixture(scope="module")
def pipal(tmp_path_factory):
    return layouts.write_pipal(tmp_path_factory.mktemp("more_sets") / "pipal", pictures=(1, 2))


def refused(name, folder, **options):
    with pytest.raises(InputError) as caught:
        load(name, folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_tid2013_is_whole_with_3000_pairs_of_25_references(tid2013):
    public = load("tid2013", tid2013)
    table = public.rated.table
    assert len(table) == 3000
    assert table["reference"].nunique() == 25
    assert table.groupby("family").size().unique().tolist() == [125]
    assert sorted(table["level"].unique()) == [1, 2, 3, 4, 5]
    assert public.notes == ()


def test_tid2013_files_are_found_in_whatever_case_they_are_written(tid2013):
    rated = load("tid2013", tid2013).rated
    assert all(path.is_file() for path in [*rated.paths, *rated.references])
    assert {path.name for path in rated.references} >= {"I24.BMP", "i25.bmp"}


def test_tid2008_is_whole_with_1700_pairs_and_the_first_17_distortions(tid2008):
    table = load("tid2008", tid2008).rated.table
    assert len(table) == 1700
    assert table["family"].iloc[-1] == "contrast change"
    assert sorted(table["level"].unique()) == [1, 2, 3, 4]


def test_the_sd_of_a_mean_is_not_taken_for_that_of_ratings(tid2013):
    table = load("tid2013", tid2013).rated.table
    assert (table["quality_std_published"] == 0.13).all()
    assert "quality_sd" not in table


def test_scores_without_names_are_read_in_the_order_of_the_names(tid2013, tmp_path):
    (tmp_path / "mos.txt").write_bytes((tid2013 / "mos.txt").read_bytes())
    nameless = load("tid2013", tmp_path, check_images=False).rated.table
    named = load("tid2013", tid2013).rated.table
    assert nameless[["scene", "family", "level"]].equals(named[["scene", "family", "level"]])
    assert np.array_equal(nameless["quality"], named["quality"])
    assert "1700" in refused("tid2008", tmp_path, check_images=False)


def test_images_converted_without_loss_are_found_and_lossy_ones_are_not(tmp_path):
    for ending, found in (("png", True), ("jpg", False)):
        folder = layouts.write_tid(
            tmp_path / ending, distortions=17, levels=4, pictures=(1, 2), ending=ending
        )
        if found:
            assert len(load("tid2008", folder, partial=True).rated) == 136
        else:
            assert "holds none of the images" in refused("tid2008", folder, partial=True)


def test_of_two_spellings_the_one_that_the_table_gives_is_taken(tid2013, tmp_path):
    layouts.write_tid(tmp_path, distortions=24, levels=5, pictures=(1, 2))
    layouts.save(layouts.photograph(99), tmp_path / "distorted_images" / "i01_01_1.bmp")
    assert load("tid2013", tmp_path, partial=True).rated.paths[0].name == "I01_01_1.bmp"
    layouts.save(layouts.photograph(99), tmp_path / "distorted_images" / "I01_04_1.BMP")
    message = refused("tid2013", tmp_path, partial=True)
    assert "could both be the image 'i01_04_1.bmp'" in message


def test_a_table_of_another_release_is_named(tid2008, tid2013, tmp_path):
    message = refused("tid2013", tid2008)
    assert "1700 rated images, expected 3000" in message
    assert "as many as in TID2008: if it is that set, import it as tid2008" in message
    assert "distortion 18 is not of this set, which has 17" in refused("tid2008", tid2013)


def test_scores_that_were_rescaled_are_refused(tid2013, tmp_path):
    lines = (tid2013 / "mos_with_names.txt").read_text().splitlines()
    for change in (lambda mos: mos / 9, lambda mos: 9 - mos):
        scores = [(change(float(line.split()[0])), line.split()[1]) for line in lines]
        text = "\n".join(f"{mos:.5f} {name}" for mos, name in scores)
        (tmp_path / "mos_with_names.txt").write_text(text)
        message = refused("tid2013", tmp_path, check_images=False)
        assert "those published from below 0.5 to above 7" in message


@pytest.mark.skipif(not TID_SCORES.is_file(), reason=f"no score tables at {TID_SCORES.parent}")
def test_the_true_scores_of_tid2013_reach_as_far_as_is_expected(tmp_path):
    cells = pd.read_csv(TID_SCORES)
    lines = [
        f"{100 - mos:.5f} {name}" for mos, name in zip(cells["mos"], cells["dis"], strict=True)
    ]
    (tmp_path / "mos_with_names.txt").write_text("\n".join(lines))
    rated = load("tid2013", tmp_path, check_images=False).rated
    assert len(rated) == 3000
    assert rated.scores("quality").min() == pytest.approx(0.2424)


def test_a_part_of_a_set_is_read_only_where_asked_and_said(tmp_path):
    folder = layouts.write_tid(tmp_path, distortions=24, levels=5, pictures=(3, 7))
    message = refused("tid2013", folder)
    assert "is missing (2760 of 3000 are)" in message
    assert "--partial" in message
    public = load("tid2013", folder, partial=True)
    assert len(public.rated) == 240
    assert public.notes == ("a part of TID2013: 240 of its 3000 images",)
    assert all(path.is_file() for path in public.rated.paths)


def test_an_image_without_its_reference_is_no_part_of_a_partial_set(tmp_path):
    folder = layouts.write_tid(tmp_path, distortions=24, levels=5, pictures=(3, 7))
    (folder / "reference_images" / "I07.BMP").unlink()
    assert set(load("tid2013", folder, partial=True).rated.scenes) == {"I03"}


def test_a_folder_one_level_too_high_or_too_low_is_met_with_the_right_one(tid2008, kadid, pipal):
    assert f"found in {tid2008}" in refused("tid2008", tid2008.parent)
    assert f"found in {tid2008}" in refused("tid2008", tid2008 / "distorted_images")
    assert f"found in {kadid}" in refused("kadid10k", kadid / "images")
    assert f"found in {pipal}" in refused("pipal", pipal.parent)
    assert f"found in {pipal}" in refused("pipal", pipal / "Train_Label")


def test_renamed_images_are_told_from_missing_ones(tmp_path):
    folder = layouts.write_tid(tmp_path, distortions=17, levels=4, pictures=range(1, 26))
    image = folder / "distorted_images" / "I02_17_4.bmp"
    image.rename(image.with_name("boat_contrast_4.bmp"))
    message = refused("tid2008", folder)
    assert "image I02_17_4.bmp is missing (1 of 1700 are)" in message
    assert "1 images that the table does not name, first boat_contrast_4.bmp" in message
    image.with_name("boat_contrast_4.bmp").unlink()
    assert "does not name" not in refused("tid2008", folder)


def test_kadid10k_is_whole_with_10125_pairs_high_where_quality_is_good(kadid):
    table = load("kadid10k", kadid, check_images=False).rated.table
    assert len(table) == 10125
    assert table["reference"].nunique() == 81
    assert table.groupby("level")["quality"].mean().is_monotonic_decreasing
    assert table.groupby("family").size().unique().tolist() == [405]


def test_what_kadid10k_calls_var_are_sds_unless_they_are_too_small_for_it(kadid, tmp_path):
    # 30 whole ratings of mean 4.57: 13 fours, 17 fives, SD .4955, the least that is possible
    ratings = np.repeat([4, 5], [13, 17])
    assert ratings.std() == pytest.approx(0.496, abs=5e-4)
    table = load("kadid10k", kadid, check_images=False).rated.table
    assert (table["quality_sd"] == 0.496).all()
    variances = (kadid / "dmos.csv").read_text().replace(",0.496", f",{ratings.var():.3f}")
    (tmp_path / "dmos.csv").write_text(variances)
    table = load("kadid10k", tmp_path, check_images=False).rated.table
    assert np.allclose(table["quality_sd"], 0.4955, atol=1e-3)


def test_kadid10k_is_found_with_references_in_a_folder_of_their_own(tmp_path):
    folder = layouts.write_kadid(
        tmp_path, pictures=(1, 2), places=("distorted_images", "reference_images")
    )
    rated = load("kadid10k", folder, partial=True).rated
    assert len(rated) == 250
    assert rated.references[0].parent.name == "reference_images"


def test_scores_of_kadid10k_on_another_scale_are_named_with_their_row(kadid, tmp_path):
    text = (kadid / "dmos.csv").read_text().replace(",4.57,", ",0.89,")
    (tmp_path / "dmos.csv").write_text(text)
    assert "row 2: 'dmos' is 0.89, expected 1 to 5" in refused(
        "kadid10k", tmp_path, check_images=False
    )


def test_pipal_is_whole_with_23200_pairs_and_numbered_classes(pipal):
    table = load("pipal", pipal, check_images=False).rated.table
    assert len(table) == 23200
    assert table["reference"].nunique() == 200
    assert sorted(table["family"].unique()) == [f"class 0{k}" for k in range(7)]
    assert table["distortion"].nunique() == 116
    assert "level" not in table


@pytest.mark.parametrize("place", ["Train_Dist", "Distortion_{}", "Train_Dist/Distortion_{}"])
def test_pipal_images_are_found_in_one_folder_or_in_four_parts(place, tmp_path):
    folder = layouts.write_pipal(tmp_path, pictures=(1, 2), place=place)
    public = load("pipal", folder, partial=True)
    assert len(public.rated) == 232
    assert len(reference_pairs(public.rated, "quality")) == 232


def test_codes_of_pipal_stay_text_in_a_written_table(pipal, tmp_path):
    csv = tmp_path / "deep" / "pipal.csv"
    write_public_set(load("pipal", pipal, partial=True), csv)
    rated = read_rated_images(csv)
    assert rated.table["distortion"].iloc[0] == "00_00"
    assert rated.table["family"].iloc[0] == "class 00"
    assert all(path.is_file() for path in rated.references)


def test_scores_of_pipal_scaled_to_one_are_refused(pipal, tmp_path):
    (tmp_path / "Train_Label").mkdir()
    text = (pipal / "Train_Label" / "A0001.txt").read_text().replace(".0000", "e-4")
    (tmp_path / "Train_Label" / "A0001.txt").write_text(text)
    message = refused("pipal", tmp_path, partial=True)
    assert "A0001.txt line 1: expected a number from 500 to 2500, got" in message


@pytest.mark.parametrize("line", ["5.5", "5.5 I01_01_1.bmp extra", "high I01_01_1.bmp"])
def test_a_line_that_is_no_score_and_name_is_named(line, tmp_path):
    (tmp_path / "mos_with_names.txt").write_text(f"5.5 I01_01_2.bmp\n{line}\n")
    message = refused("tid2013", tmp_path, check_images=False)
    assert "line 2: expected a" in message
