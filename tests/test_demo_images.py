import re

import numpy as np
import pandas as pd
import pytest

import fechner.study.demo_images as demo
from fechner.cli.study import say_how_long
from fechner.data.photographs import CATALOGUE, photographs
from fechner.provenance import read_json
from fechner.records.images.files import read_image
from fechner.records.rated_images import read_rated_images
from fechner.records.ratings import read_ratings
from fechner.study.codec_demonstration import write_codec_demonstration
from fechner.study.demo_images import (
    LEVELS,
    Raters,
    simulated_quality,
    simulated_rated_images,
    simulated_ratings,
    square,
)
from fechner.study.demonstration import write_demonstration
from fechner.study.opening import open_study

pytest.importorskip("psychopy", reason="the demonstration's photographs need psychopy's demos")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four scenes distorted and rated, written to a folder."""
    folder = tmp_path_factory.mktemp("images")
    some = {name: photographs()[name] for name in ("cat", "temple", "flower", "shop")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "photographs", lambda: some)
        return simulated_rated_images(folder, seed=1)


def test_at_least_ten_colour_photographs_are_at_hand():
    found = photographs()
    assert len(found) >= 10
    for path in found.values():
        pixels = read_image(path).astype(int)
        assert min(pixels.shape[:2]) >= 300
        assert np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 5


def test_every_photograph_names_its_licence_and_source():
    assert all(photograph.licence and photograph.source for photograph in CATALOGUE)
    assert len({photograph.name for photograph in CATALOGUE}) == len(CATALOGUE)


def test_every_scene_has_its_photograph_and_every_family_at_three_levels(made):
    counts = made.table.groupby(["scene", "family"]).size().unstack()
    assert (counts["pristine"] == 1).all()
    assert (counts[list(LEVELS)] == 3).all(axis=None)


def test_the_files_say_simulated_and_read_back_the_same(made):
    again = read_rated_images(made.folder / "SIMULATED_rated.csv")
    assert again.simulated
    assert again.sha256 == made.sha256
    block = read_json(made.folder / "SIMULATED_rated.json")["provenance"]
    assert block["simulated"] is True
    assert block["seed"] == 1
    assert all(len(digest) == 64 for digest in block["inputs"].values())


def test_the_table_holds_the_means_of_the_single_ratings(made):
    ratings = read_ratings(made.folder / "SIMULATED_ratings.csv").table
    assert ratings["participant"].str.match(r"^SIM\d\d$").all()
    assert ratings["rating"].between(0, 100).all()
    means = ratings.groupby("image")["rating"].mean().loc[made.table["image"]]
    assert np.allclose(means, made.scores("quality"))
    assert (made.table["quality_n"] == Raters().number).all()


def test_quality_spreads_over_levels_in_every_scene_and_family(made):
    levels = made.table[made.table["level"] > 0]
    for _, group in levels.groupby(["scene", "family"]):
        assert group.sort_values("level")["simulated_quality"].is_monotonic_decreasing
    assert made.table.groupby("scene")["quality"].std().min() > 15


def test_the_photograph_itself_is_rated_best_whoever_the_raters_are(made):
    for seed in range(30):
        ratings = simulated_ratings(made.table, Raters(), np.random.default_rng(seed))
        means = ratings.groupby("image")["rating"].mean().loc[made.table["image"]].to_numpy()
        best = pd.Series(means).groupby(made.scenes).idxmax()
        assert (made.table["level"].iloc[best] == 0).all()


def test_raters_without_noise_give_the_simulated_quality(made):
    ideal = Raters(number=3, bias_sd=0, inconsistency=0)
    ratings = simulated_ratings(made.table, ideal, np.random.default_rng(0))
    expected = np.tile(np.rint(made.table["simulated_quality"]), 3)
    assert np.array_equal(ratings["rating"], expected)


def test_biases_and_inconsistencies_come_out_as_they_went_in():
    flat = pd.DataFrame({"image": [f"{k}.png" for k in range(400)], "simulated_quality": 50.0})
    raters = Raters(number=400, bias_sd=5.0, inconsistency=6.0, inconsistency_spread=0.3)
    ratings = simulated_ratings(flat, raters, np.random.default_rng(4))
    by_rater = ratings.groupby("participant")["rating"]
    assert by_rater.mean().std() == pytest.approx(5.0, rel=0.1)
    assert np.log(by_rater.std()).mean() == pytest.approx(np.log(6.0), abs=0.05)
    assert np.log(by_rater.std()).std() == pytest.approx(0.3, abs=0.06)


def test_the_same_seed_gives_the_same_ratings_and_another_does_not(made):
    first, same, other = (
        simulated_ratings(made.table, Raters(), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert first.equals(same)
    assert not first.equals(other)


def test_equal_images_have_the_highest_quality_and_crops_keep_pixels(made):
    image = read_image(made.paths[0])
    assert simulated_quality(image, image) > 99
    assert np.array_equal(square(image), image)
    wide = np.dstack([np.tile(np.arange(200, dtype=np.uint8), (50, 1))] * 3)
    assert square(wide, x=0.0)[0, 0, 0] == 0
    assert square(wide, x=1.0)[0, -1, 0] == 199
    assert square(np.zeros((900, 1200, 3), np.uint8)).shape == (demo.SIDE, demo.SIDE, 3)


def test_a_demonstration_says_how_long_it_takes_unless_it_has_begun(tmp_path, capsys):
    place = open_study(write_demonstration(tmp_path / "demo"))
    say_how_long(place, 2, None)
    said = re.search(r"about (\d+) to (\d+) minutes here \(2 processes\)", capsys.readouterr().out)
    assert 0 < int(said[1]) < int(said[2])
    codecs = open_study(write_codec_demonstration(tmp_path / "codecs"))
    say_how_long(codecs, 1, None)
    assert "minutes here (1 process)" in capsys.readouterr().out
    place.finished.mkdir()
    say_how_long(place, 2, None)
    assert capsys.readouterr().out == ""
