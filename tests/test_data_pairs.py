import os
from pathlib import Path

import numpy as np
import pandas as pd
import published_layouts as layouts
import pytest
from PIL import Image

from fechner.data.direction import direction_of_scores, psnr_of_files, require_direction
from fechner.data.pairs import reference_pairs
from fechner.errors import InputError
from fechner.records.rated_images import RatedImages, read_rated_images
from fechner.records.scales import Scale

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
LIVE = DATA / "live_pairs" / "pairs.csv"
needs_live = pytest.mark.skipif(not LIVE.is_file(), reason=f"no pairs at {LIVE}")
LIVE_DMOS = {"dmos": Scale(-20, 130, "low")}


def pairs_of(folder, *, references=3, levels=5, good="high", turned=False):
    """Pictures and a table in memory: 'b' of each reference is worse the higher its level."""
    rows = []
    for number in range(references):
        layouts.save(layouts.photograph(number), folder / "ref" / f"{number}.png")
        for level in range(1, levels + 1):
            name = f"{number}_{level}.png"
            layouts.save(layouts.distorted(number, level), folder / name)
            quality = 5 - 0.7 * level + 0.01 * number
            quality = 6 - quality if (good == "low") != turned else quality
            rows.append((name, f"s{number}", f"ref/{number}.png", quality, "noise", level))
    columns = ["image", "scene", "reference", "quality", "family", "level"]
    table = pd.DataFrame(rows, columns=columns)
    return RatedImages(table, folder, {"quality": Scale(1, 5, good)})


def refused(rated, **options):
    with pytest.raises(InputError) as caught:
        reference_pairs(rated, "quality", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(rated, **columns):
    return RatedImages(rated.table.assign(**columns), rated.folder, rated.scales, rated.simulated)


def with_references(rated, ratings, *, own=True):
    """Add a row for each reference, whose reference is itself or empty."""
    names = list(dict.fromkeys(rated.table["reference"]))
    scenes = rated.table.drop_duplicates("reference")["scene"].tolist()
    extra = pd.DataFrame({"image": names, "scene": scenes, "quality": ratings})
    extra["reference"] = extra["image"] if own else ""
    extra["family"], extra["level"] = "none", 0
    table = pd.concat([extra, rated.table], ignore_index=True)
    return RatedImages(table, rated.folder, rated.scales)


@needs_live
def test_pairs_of_live_are_its_table():
    rated = read_rated_images(LIVE, scales=LIVE_DMOS)
    pairs = reference_pairs(rated, "dmos", name="live")
    assert len(pairs) == 105
    assert np.array_equal(pairs.dmos, rated.table["dmos"])
    assert sorted(set(pairs.scenes)) == sorted(rated.table["scene"].unique())
    assert pd.Series(pairs.families).value_counts().to_dict() == {
        "jpeg": 43,
        "gblur": 31,
        "wnoise": 31,
    }
    assert pairs.levels is None
    assert pairs.name == "live"
    assert not pairs.simulated


@needs_live
def test_psnr_of_live_equals_the_published_column():
    rated = read_rated_images(LIVE, scales=LIVE_DMOS, check_images=False)
    pairs = reference_pairs(rated, "dmos", check_files=False)
    own = [psnr_of_files(pair) for pair in zip(pairs.images, pairs.references, strict=True)]
    assert np.allclose(own, rated.table["published_psnr"], atol=1e-3)


@pytest.mark.parametrize("good", ["high", "low"])
def test_dmos_is_higher_where_the_image_is_worse_whichever_end_is_good(good, tmp_path):
    pairs = reference_pairs(pairs_of(tmp_path, good=good), "quality")
    assert np.array_equal(np.argsort(pairs.dmos[:5]), np.arange(5))
    assert pairs.levels.tolist() == [1, 2, 3, 4, 5] * 3
    # references unrated: the good end of the scale, as 0 lies on neither
    assert pairs.dmos[0] == pytest.approx(0.7)


def test_a_rated_reference_gives_its_own_rating(tmp_path):
    plain = pairs_of(tmp_path)
    for own in (True, False):
        pairs = reference_pairs(with_references(plain, [4.9, 4.5, 4.7], own=own), "quality")
        expected = np.repeat([4.9, 4.5, 4.7], 5) - plain.table["quality"]
        assert np.allclose(pairs.dmos, expected)
        assert len(pairs) == 15
    given = reference_pairs(plain, "quality", reference_rating=4.0)
    assert np.allclose(given.dmos, 4.0 - plain.table["quality"])


def test_references_of_which_only_some_are_rated_are_refused(tmp_path):
    rated = with_references(pairs_of(tmp_path), [4.9, 4.5, 4.7])
    part = RatedImages(rated.table.drop(index=1).reset_index(drop=True), tmp_path, rated.scales)
    message = refused(part)
    assert "2 references are rated, but 1 are not, first 'ref/1.png'" in message


def test_images_of_unequal_size_are_named_and_never_resized(tmp_path):
    rated = pairs_of(tmp_path)
    Image.new("RGB", (9, 8), (90, 90, 90)).save(tmp_path / "1_3.png")
    message = refused(rated)
    assert "1_3.png is 9 x 8 px, its reference" in message
    assert "8 x 8 px (1 of 15 pairs are unequal); nothing is resized here" in message
    assert len(reference_pairs(rated, "quality", check_files=False)) == 15


def test_a_missing_reference_is_named_and_counted(tmp_path):
    rated = pairs_of(tmp_path)
    (tmp_path / "ref" / "2.png").unlink()
    message = refused(rated)
    assert "the reference" in message
    assert "2.png is missing (1 of 3 are)" in message


def test_an_image_that_is_a_copy_of_its_reference_is_refused(tmp_path):
    rated = pairs_of(tmp_path)
    (tmp_path / "2_1.png").write_bytes((tmp_path / "ref" / "2.png").read_bytes())
    assert "2_1.png is a copy of its reference" in refused(rated)


def test_an_image_that_is_its_own_reference_is_refused(tmp_path):
    rated = pairs_of(tmp_path)
    references = rated.table["reference"].where(rated.table.index != 4, rated.table["image"])
    message = refused(changed(rated, reference=references))
    assert "row 6: '0_5.png' is its own reference (1 of 15 are)" in message


def test_an_image_without_a_reference_is_refused(tmp_path):
    rated = pairs_of(tmp_path)
    references = rated.table["reference"].where(rated.table.index != 4, "")
    message = refused(changed(rated, reference=references))
    assert "row 6: '0_5.png' has no reference (1 of 15 images have none)" in message
    no_column = RatedImages(rated.table.drop(columns="reference"), tmp_path, rated.scales)
    assert "no column 'reference'" in refused(no_column)


def test_one_reference_alone_is_refused(tmp_path):
    assert "all 5 pairs have one reference or scene, 's0'" in refused(
        pairs_of(tmp_path, references=1)
    )


def test_constant_scores_are_refused(tmp_path):
    message = refused(changed(pairs_of(tmp_path), quality=3.0))
    assert "all 15 pairs have the same quality, 3" in message


def test_a_reference_in_two_scenes_is_refused(tmp_path):
    rated = pairs_of(tmp_path)
    scenes = rated.table["scene"].where(rated.table.index != 4, "other")
    assert "stands in two scenes, 's0' and 'other'" in refused(changed(rated, scene=scenes))


def test_two_references_may_share_a_scene(tmp_path):
    rated = pairs_of(tmp_path)
    scenes = rated.table["scene"].replace("s1", "s0")
    assert set(reference_pairs(changed(rated, scene=scenes), "quality").scenes) == {"s0", "s2"}


def test_an_unknown_dimension_is_met_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match="did you mean 'quality'"):
        reference_pairs(pairs_of(tmp_path), "qualty")


@needs_live
def test_the_direction_of_live_agrees_with_psnr_and_the_other_is_refused():
    rated = read_rated_images(LIVE, scales=LIVE_DMOS, check_images=False)
    direction = direction_of_scores(rated, "dmos")
    assert direction.spearman > 0.8
    assert str(direction).startswith("dmos: lower is better: agrees with PSNR, Spearman .")
    assert str(direction).endswith("on 60 pairs")
    require_direction(direction, "pairs.csv")
    wrong = RatedImages(rated.table, rated.folder, {"dmos": Scale(-20, 130)})
    with pytest.raises(InputError) as caught:
        require_direction(direction_of_scores(wrong, "dmos"), "pairs.csv")
    assert "higher is better: contradicts PSNR, Spearman -." in str(caught.value)
    assert "declare low as good" in str(caught.value)


def test_scores_that_have_nothing_to_do_with_psnr_are_not_refused(tmp_path):
    rated = pairs_of(tmp_path)
    values = np.random.default_rng(5).permutation(rated.table["quality"])
    direction = direction_of_scores(changed(rated, quality=values), "quality")
    assert "PSNR says nothing clear" in str(direction)
    require_direction(direction, "table")


def test_too_few_pairs_say_nothing_of_the_direction(tmp_path):
    direction = direction_of_scores(pairs_of(tmp_path, levels=2, turned=True), "quality")
    assert str(direction).endswith("not checked, 6 pairs are too few")
    require_direction(direction, "table")


def test_equal_images_have_infinite_psnr_and_one_grey_level_48_db(tmp_path):
    for value in (90, 91):
        Image.new("RGB", (8, 8), (value,) * 3).save(tmp_path / f"{value}.png")
    one, other = tmp_path / "90.png", tmp_path / "91.png"
    assert psnr_of_files((one, one)) == np.inf
    assert psnr_of_files((one, other)) == pytest.approx(20 * np.log10(255))


TABLE = """image,reference,score,family
a/1.png,ref/0801.png,10,08
a/2.png,./ref/0801.png,20,08
b/1.png,ref/null.png,30,1e5
"""


def test_any_csv_with_image_reference_and_score_is_read(tmp_path):
    (tmp_path / "pairs.csv").write_text(TABLE)
    scales = {"score": Scale(0, 100, "low")}
    rated = read_rated_images(tmp_path / "pairs.csv", scales=scales, check_images=False)
    assert rated.scenes.tolist() == ["0801", "0801", "null"]
    assert rated.table["reference"].tolist() == ["ref/0801.png", "ref/0801.png", "ref/null.png"]
    pairs = reference_pairs(rated, "score", check_files=False)
    assert pairs.dmos.tolist() == [10, 20, 30]
    assert pairs.families.tolist() == ["08", "08", "1e5"]


def test_references_that_share_a_file_name_give_scenes_with_their_folder(tmp_path):
    (tmp_path / "pairs.csv").write_text(TABLE.replace("ref/null.png", "other/0801.png"))
    rated = read_rated_images(
        tmp_path / "pairs.csv", scales={"score": Scale(0, 100)}, check_images=False
    )
    assert set(rated.scenes) == {"ref/0801.png", "other/0801.png"}


def test_a_missing_reference_file_is_named_with_its_row_when_a_table_is_read(tmp_path):
    rated = pairs_of(tmp_path)
    rated.table.to_csv(tmp_path / "pairs.csv", index=False)
    assert len(read_rated_images(tmp_path / "pairs.csv", scales=rated.scales).references) == 3
    (tmp_path / "ref" / "1.png").unlink()
    with pytest.raises(InputError, match=r"row 7: reference .*1\.png is missing \(1 of 3 are\)"):
        read_rated_images(tmp_path / "pairs.csv", scales=rated.scales)
