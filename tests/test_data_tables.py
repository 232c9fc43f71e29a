import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fechner.errors import InputError
from fechner.records.cells import as_numbers
from fechner.records.rated_images import (
    RatedImages,
    read_rated_images,
    require_scenes,
    write_rated_images,
)
from fechner.records.ratings import Ratings, ratings_from_table, read_ratings, write_ratings
from fechner.records.scales import Scale, is_simulated

FIVE = {"quality": Scale(1, 5)}


def rated_csv(folder, text, *, sidecar=None, images=()):
    (folder / "rated.csv").write_text(text, encoding="utf-8")
    if sidecar is not None:
        (folder / "rated.json").write_text(json.dumps(sidecar))
    for name in images:
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder / "rated.csv"


def complaint(text, folder, *, scales=FIVE, check_images=False, **options):
    path = rated_csv(folder, text, **options)
    with pytest.raises(InputError) as caught:
        read_rated_images(path, scales=scales, check_images=check_images)
    message = str(caught.value)
    assert "\n" not in message
    return message


GOOD = """image,scene,quality,quality_sd,quality_n,generator,note
a.png,red car,3.5,0.5,20,glide,
b.png,red car,4,,1,midjourney,"x, y"
"""


def test_a_good_table_is_read_with_its_extra_columns(tmp_path):
    rated = read_rated_images(rated_csv(tmp_path, GOOD, images=["a.png", "b.png"]), scales=FIVE)
    assert len(rated) == 2
    assert rated.paths == [tmp_path / "a.png", tmp_path / "b.png"]
    assert rated.scores("quality").tolist() == [3.5, 4.0]
    assert rated.scenes.tolist() == ["red car", "red car"]
    assert rated.table["generator"].tolist() == ["glide", "midjourney"]
    assert rated.table["note"].tolist() == ["", "x, y"]
    assert np.isnan(rated.table["quality_sd"][1])
    assert not rated.simulated


def test_scales_come_from_the_sidecar_when_none_are_given(tmp_path):
    sidecar = {"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "low"}}}
    rated = read_rated_images(rated_csv(tmp_path, GOOD, sidecar=sidecar), check_images=False)
    assert rated.scales == {"quality": Scale(1, 5, "low")}
    assert rated.scores("quality").tolist() == [2.5, 2.0]


def test_scores_keep_their_scale_when_the_low_end_is_good(tmp_path):
    values = np.array([1.0, 2.25, 5.0])
    table = pd.DataFrame({"image": list("abc"), "scene": "s", "dmos": values})
    rated = RatedImages(table, tmp_path, {"dmos": Scale(1, 5, "low")})
    assert rated.scores("dmos").tolist() == [5.0, 3.75, 1.0]


def test_writing_and_reading_returns_the_same_table(tmp_path):
    rated = read_rated_images(rated_csv(tmp_path, GOOD), scales=FIVE, check_images=False)
    write_rated_images(rated, tmp_path / "again.csv", {"simulated": False})
    again = read_rated_images(tmp_path / "again.csv", check_images=False)
    pd.testing.assert_frame_equal(again.table, rated.table)
    assert again.scales == rated.scales
    assert again.sha256 == rated.sha256


def test_the_digest_moves_with_a_rating_and_with_a_scale(tmp_path):
    path = rated_csv(tmp_path, GOOD)
    one = read_rated_images(path, scales=FIVE, check_images=False).sha256
    other_scale = read_rated_images(path, scales={"quality": Scale(0, 5)}, check_images=False)
    assert other_scale.sha256 != one
    path.write_text(GOOD.replace("3.5", "3.6"))
    assert read_rated_images(path, scales=FIVE, check_images=False).sha256 != one


def test_tab_separated_tables_and_byte_order_marks_are_read(tmp_path):
    path = tmp_path / "rated.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace('"x, y"', "x").replace(",", "\t").encode())
    assert len(read_rated_images(path, scales=FIVE, check_images=False)) == 2


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv is missing"):
        read_rated_images(tmp_path / "none.csv", scales=FIVE)


def test_a_misspelt_column_is_met_with_the_nearest(tmp_path):
    message = complaint("image,scene,qualty\na.png,s,3\n", tmp_path)
    assert message.endswith("has no column 'quality'; did you mean 'qualty'?")


def test_a_misspelt_scene_column_is_met_with_the_nearest(tmp_path):
    assert "did you mean 'scenes'?" in complaint("image,scenes,quality\na,s,3\n", tmp_path)


@pytest.mark.parametrize("value", ["6", "0.99", "-3"])
def test_a_rating_outside_its_scale_is_named_with_its_row(tmp_path, value):
    message = complaint(f"image,scene,quality\na,s,3\nb,s,{value}\n", tmp_path)
    assert f"row 3: 'quality' is {float(value):g}, expected 1 to 5" in message


@pytest.mark.parametrize(("value", "shown"), [("good", "'good'"), ("", "an empty cell")])
@pytest.mark.parametrize("column", ["quality"])
def test_a_rating_that_is_no_number_is_named_with_its_row(tmp_path, value, shown, column):
    message = complaint(f"image,scene,{column}\na,s,3\nb,s,{value}\n", tmp_path)
    assert f"row 3: 'quality' expects a number, got {shown}" in message


@pytest.mark.parametrize("value", ["nan", "inf", "3,5"])
def test_numbers_that_are_not_finite_or_use_a_decimal_comma_are_refused(tmp_path, value):
    assert "expects a number" in complaint(f'image,scene,quality\na,s,"{value}"\n', tmp_path)


def test_a_negative_standard_deviation_is_refused(tmp_path):
    message = complaint("image,scene,quality,quality_sd\na,s,3,-1\n", tmp_path)
    assert "'quality_sd' is -1, expected 0 or more" in message


def test_two_images_with_the_same_name_are_refused_with_both_rows(tmp_path):
    text = "image,scene,quality\nx/a.png,s,3\nb.png,s,3\n./x/a.png,t,4\n"
    assert "rows 2 and 4 both rate the image 'x/a.png'" in complaint(text, tmp_path)


def test_missing_image_files_are_counted_and_the_first_named(tmp_path):
    message = complaint(GOOD, tmp_path, check_images=True, images=["a.png"])
    assert "row 3" in message
    assert "b.png is missing (1 of 2 are)" in message


def test_an_image_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "b.png").write_text("hello")
    message = complaint(GOOD, tmp_path, check_images=True, images=["a.png"])
    assert "b.png is not an image" in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        ("image,scene,quality\n", "has a header but no rows"),
        ("image;scene;quality\na;s;3\n", "separates columns by ';'"),
        ("image\tscene\tquality\na\ts\t3\n", "separates columns by tabs"),
        ("image,scene,quality\na,s\n", "row 2 has 2 cells, expected 3"),
        ("image,scene,quality,quality\na,s,3,3\n", "has two columns 'quality'"),
        ("image,scene,quality\n,s,3\n", "row 2: column 'image' is empty"),
        ("image,scene,quality\na,,3\n", "row 2: column 'scene' is empty"),
    ],
)
def test_odd_tables_end_in_one_clear_line(tmp_path, text, part):
    assert part in complaint(text, tmp_path)


def test_a_table_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "rated.csv").write_bytes("image,scene,quality\nà.png,s,3\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_rated_images(tmp_path / "rated.csv", scales=FIVE)


def test_a_scale_is_never_guessed(tmp_path):
    message = complaint(GOOD, tmp_path, scales=None)
    assert "not declared; write it in rated.json" in message
    assert '"minimum": 1' in message


IN_STUDY = """title = "t"
[images]
table = "images/rated.csv"
ratings = "images/single.csv"
[images.scales.quality]
minimum = 1
maximum = 5
good = "low"
"""


def study_of(folder, text=IN_STUDY):
    """Write a study file into `folder` and its table into ``images/``; return the table."""
    (folder / "study.toml").write_text(text)
    (folder / "images").mkdir()
    return rated_csv(folder / "images", GOOD)


def test_a_scale_declared_in_the_study_file_holds_for_its_tables(tmp_path):
    rated = read_rated_images(study_of(tmp_path), check_images=False)
    assert rated.scales == {"quality": Scale(1, 5, "low")}
    ratings_frame().to_csv(tmp_path / "images" / "single.csv", index=False)
    assert read_ratings(tmp_path / "images" / "single.csv").scales == rated.scales


def test_a_study_file_says_nothing_of_tables_that_it_does_not_name(tmp_path):
    other = study_of(tmp_path).rename(tmp_path / "images" / "other.csv")
    with pytest.raises(InputError, match="is not declared"):
        read_rated_images(other, check_images=False)


@pytest.mark.parametrize("text", ["not toml = = =", "images = 3", "[images]\ntable = 7"])
def test_a_foreign_or_damaged_study_file_stops_no_table(tmp_path, text):
    table = study_of(tmp_path, text)
    assert len(read_rated_images(table, scales=FIVE, check_images=False)) == 2
    with pytest.raises(InputError, match="is not declared"):
        read_rated_images(table, check_images=False)


def test_a_scale_declared_in_two_ways_is_refused(tmp_path):
    table = study_of(tmp_path)
    beside = {"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "high"}}}
    table.with_suffix(".json").write_text(json.dumps(beside))
    with pytest.raises(InputError, match=r"as 1 to 5 \(low is good\).*as 1 to 5 \(high is good\)"):
        read_rated_images(table, check_images=False)
    with pytest.raises(InputError, match="as 0 to 9"):
        read_rated_images(table, scales={"quality": Scale(0, 9)}, check_images=False)


ODD_NAMES = ["0801", "null", "NA", "1e5", "True", "2024-01-02", "-1", "a,b", "nan", "inf", '"q"']


def test_names_stay_the_text_that_stands_in_the_file(tmp_path):
    table = pd.DataFrame({"image": [f"{name}.png" for name in ODD_NAMES], "scene": ODD_NAMES})
    table["reference"], table["batch"], table["quality"] = ODD_NAMES[0], "0801", 3.0
    made = RatedImages(table, tmp_path, FIVE)
    write_rated_images(made, tmp_path / "rated.csv", {})
    again = read_rated_images(tmp_path / "rated.csv", check_images=False)
    assert again.scenes.tolist() == ODD_NAMES
    assert again.table["image"].tolist() == table["image"].tolist()
    assert again.table["batch"].tolist() == ["0801"] * len(ODD_NAMES)
    assert again.sha256 == made.sha256


def test_names_of_ratings_stay_text_whatever_made_the_table(tmp_path):
    frame = pd.DataFrame({"participant": ["01", "02"], "image": ["0801", "null"]})
    frame = frame.assign(dimension="quality", rating=[1, 5], session="01", region="NA")
    write_ratings(ratings_from_table(frame, scales=FIVE), tmp_path / "r.csv")
    again = read_ratings(tmp_path / "r.csv").table
    pd.testing.assert_frame_equal(again[frame.columns], frame.astype({"rating": float}))


def test_a_missing_name_is_refused_however_a_table_reader_wrote_it(tmp_path):
    for missing in (None, float("nan"), pd.NA, ""):
        frame = ratings_frame().astype({"image": object})
        frame.loc[1, "image"] = missing
        with pytest.raises(InputError, match="row 3: column 'image' is empty"):
            ratings_from_table(frame, scales=FIVE)


@pytest.mark.parametrize(
    ("sidecar", "part"),
    [
        ({"dimensions": {"quality": {"minimum": 5, "maximum": 1}}}, "5 is not below maximum 1"),
        ({"dimensions": {"quality": {"minimum": 1}}}, "dimensions.quality.maximum"),
        ({"dimensions": {"quality": {"minimum": 1, "maximum": 5, "god": 1}}}, "quality.god"),
        ({"dimension": {}}, "rated.json: dimension"),
        ({"dimensions": {}}, "is not declared; write it in rated.json"),
        ({"dimensions": {"scene": {"minimum": 1, "maximum": 5}}}, "cannot be called 'scene'"),
    ],
)
def test_a_wrong_declaration_of_scales_ends_in_one_clear_line(tmp_path, sidecar, part):
    assert part in complaint(GOOD, tmp_path, scales=None, sidecar=sidecar)


def test_an_unknown_dimension_is_met_with_the_nearest(tmp_path):
    rated = read_rated_images(rated_csv(tmp_path, GOOD), scales=FIVE, check_images=False)
    with pytest.raises(InputError, match="did you mean 'quality'"):
        rated.scores("qualty")


def test_fewer_than_four_scenes_are_refused(tmp_path):
    rated = read_rated_images(rated_csv(tmp_path, GOOD), scales=FIVE, check_images=False)
    with pytest.raises(InputError, match=r"at least 4 scenes.*got 1 \(red car\)"):
        require_scenes(rated, 4)
    require_scenes(rated, 1)


def ratings_frame():
    return pd.DataFrame(
        {
            "participant": ["07", "07", "8"],
            "image": ["a.png", "b.png", "a.png"],
            "dimension": "quality",
            "rating": [1.0, 2.5, 5.0],
            "rt_ms": [300, 400, 500],
        }
    )


def test_ratings_come_back_as_they_were_written(tmp_path):
    write_ratings(Ratings(ratings_frame(), FIVE), tmp_path / "ratings.csv")
    again = read_ratings(tmp_path / "ratings.csv").table
    assert again["participant"].tolist() == ["07", "07", "8"]
    assert again["rating"].tolist() == [1.0, 2.5, 5.0]
    assert again["rt_ms"].tolist() == [300, 400, 500]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"rating": [1, 2, 6]}, "row 4: 'rating' is 6, expected 1 to 5"),
        ({"dimension": ["quality", "qualty", "quality"]}, "row 3: dimension 'qualty' has no"),
        ({"image": ["a.png"] * 3, "participant": ["1", "2", "1"]}, "row 4 repeats an earlier row"),
        ({"participant": ["1", "", "2"]}, "row 3: column 'participant' is empty"),
    ],
)
def test_wrong_ratings_are_named_with_their_row(tmp_path, change, part):
    ratings_frame().assign(**change).to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(InputError) as caught:
        read_ratings(tmp_path / "r.csv", scales=FIVE)
    assert part in str(caught.value)


def test_a_repeated_judgement_is_kept_when_a_trial_number_tells_it_apart(tmp_path):
    frame = ratings_frame().assign(image="a.png", trial=[1, 2, 1])
    frame.to_csv(tmp_path / "r.csv", index=False)
    assert len(read_ratings(tmp_path / "r.csv", scales=FIVE)) == 3


def test_simulated_tables_are_known_by_name_or_by_provenance(tmp_path):
    write_ratings(Ratings(ratings_frame(), FIVE, simulated=True), tmp_path / "r.csv")
    write_ratings(Ratings(ratings_frame(), FIVE), tmp_path / "SIMULATED_r.csv")
    write_ratings(Ratings(ratings_frame(), FIVE), tmp_path / "people.csv")
    assert is_simulated(tmp_path / "r.csv")
    assert is_simulated(tmp_path / "SIMULATED_r.csv")
    assert not is_simulated(tmp_path / "people.csv")


words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\/\ufeff"), min_size=1
).filter(lambda word: word.strip() == word and word not in (".", ".."))


@given(
    names=st.lists(words, min_size=1, max_size=6, unique=True),
    ratings=st.lists(st.floats(1, 5), min_size=6, max_size=6),
)
def test_any_table_of_ratings_survives_writing_and_reading(tmp_path_factory, names, ratings):
    csv = tmp_path_factory.mktemp("any") / "ratings.csv"
    frame = pd.DataFrame({"participant": "1", "image": names, "dimension": "quality"})
    frame["rating"] = ratings[: len(names)]
    write_ratings(Ratings(frame, FIVE), csv)
    again = read_ratings(csv).table
    assert again["image"].tolist() == names
    assert again["rating"].tolist() == ratings[: len(names)]


def test_every_decimal_becomes_the_double_nearest_to_it():
    cells = pd.Series(["1.0157495183198915", "1.0157495183198917", "", "0.1", "x"])
    numbers = as_numbers(cells)
    assert numbers[:2].tolist() == [1.0157495183198915, 1.0157495183198917]
    assert numbers.isna().tolist() == [False, False, True, False, True]
    assert as_numbers(pd.Series(["3", "4"])).dtype == "int64"


def test_rated_images_and_ratings_meet_however_a_path_is_spelt(tmp_path):
    frame = ratings_frame().assign(image=["./x/a.png", "x\\b.png", "x//a.png"])
    frame.to_csv(tmp_path / "r.csv", index=False)
    read = read_ratings(tmp_path / "r.csv", scales=FIVE).table
    assert read["image"].tolist() == ["x/a.png", "x/b.png", "x/a.png"]
