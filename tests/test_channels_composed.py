"""Several networks, several sizes, and statistics of scenes: side by side, and averaged."""

import json

import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of
from PIL import Image, ImageFilter
from scipy import optimize, signal, special
from sklearn.linear_model import Ridge
from typer.testing import CliRunner

from fechner.analysis.network.choosing.averaging import fit_averaged
from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.readout import fit_readout, grouped_folds
from fechner.analysis.network.choosing.scene_statistics import scene_statistics
from fechner.analysis.network.choosing.sets import joined
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.cli.main import app
from fechner.errors import InputError


def two_networks(seed=0):
    """60 images of 15 scenes: 30 channels of which 5 know the ratings, and 4 of which one does."""
    rng = np.random.default_rng(seed)
    ratings = rng.normal(size=60)
    large, small = rng.normal(size=(60, 30)), rng.normal(size=(60, 4))
    large[:, :5] += 0.5 * ratings[:, None]
    small[:, 0] += 0.7 * ratings
    return large, small, ratings, np.repeat(np.arange(15), 4)


def test_the_average_is_of_ridge_predictions_in_units_of_their_held_out_sd():
    large, small, ratings, scenes = two_networks()
    found = fit_averaged(np.hstack([large, small]), ratings, scenes, parts=(30, 4))
    predicted, spreads = [], []
    for part in (large, small):
        alpha = fit_readout(part, ratings, scenes).alpha
        mean, sd = part.mean(axis=0), part.std(axis=0)
        model = Ridge(alpha).fit((part - mean) / sd, ratings)
        predicted.append(model.predict((part - mean) / sd) - ratings.mean())
        guess = np.zeros(60)
        for train, test in grouped_folds(scenes, 5):
            mean, sd = part[train].mean(axis=0), part[train].std(axis=0)
            model = Ridge(alpha).fit((part[train] - mean) / sd, ratings[train])
            guess[test] = model.predict((part[test] - mean) / sd) - ratings[train].mean()
        spreads.append(guess.std())
    expected = np.mean(spreads) * np.mean(np.array(predicted) / np.array(spreads)[:, None], axis=0)
    assert found.predict(np.hstack([large, small])) - ratings.mean() == pytest.approx(expected)


def test_the_average_of_one_network_is_its_readout():
    large, _, ratings, scenes = two_networks()
    alone = fit_readout(large, ratings, scenes)
    found = fit_averaged(large, ratings, scenes, parts=(30,))
    assert found.weights == pytest.approx(alone.weights)
    assert found.intercept == pytest.approx(alone.intercept)


def test_a_part_that_says_nothing_has_no_say():
    _, small, ratings, scenes = two_networks()
    silent = np.hstack([small, np.ones((60, 3))])
    found = fit_averaged(silent, ratings, scenes, parts=(4, 3))
    assert found.weights[:4] == pytest.approx(fit_readout(small, ratings, scenes).weights)
    assert found.weights[4:].tolist() == [0, 0, 0]


def test_averaging_is_a_strategy_whose_parts_are_the_networks_that_are_joined():
    large, small, ratings, scenes = two_networks()
    both = joined([channels_of(large), channels_of(small)])
    assert both.parts == (30, 4)
    images = RatedFeatures(both.values, ratings, scenes, parts=both.parts)
    one = RatedFeatures(both.values, ratings, scenes)
    rng, strategy = np.random.default_rng(0), parse_strategy("averaged")
    chosen = strategy(images, ratings, rng)
    expected = fit_averaged(both.values, ratings, scenes, parts=(30, 4))
    assert chosen.weights == pytest.approx(expected.weights)
    side_by_side = parse_strategy("readout")(one, ratings, rng).weights
    assert strategy(one, ratings, rng).weights == pytest.approx(side_by_side)
    assert strategy.predicts
    (judged,) = evaluate(images, [strategy], folds=3, shuffles=0, seed=0)
    assert judged.prediction > 0.5


def mscn(luma):
    """Luminance less its local mean, over its local SD: equation 1 of Mittal and others 2012."""
    place = np.arange(-3, 4)
    window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    mean = signal.convolve2d(luma, window, mode="same")
    spread = np.sqrt(np.abs(signal.convolve2d(luma**2, window, mode="same") - mean**2))
    return (luma - mean) / (spread + 1)


def moment(shape):
    """(E|x|)^2 / E(x^2) of a generalised Gaussian of that shape."""
    return special.gamma(2 / shape) ** 2 / (special.gamma(1 / shape) * special.gamma(3 / shape))


def photograph(seed=1):
    rng = np.random.default_rng(seed)
    rough = Image.fromarray(rng.integers(0, 256, (96, 128), np.uint8))
    grey = np.asarray(rough.filter(ImageFilter.GaussianBlur(1.5)), dtype=float)
    grey = (grey - grey.min()) / np.ptp(grey) * 255
    return np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)


def test_the_statistics_are_the_moments_of_normalised_luminance_and_of_its_neighbours():
    image = photograph()
    field = mscn(image[..., 0].astype(float))
    found = scene_statistics(image)
    ratio = np.abs(field).mean() ** 2 / (field**2).mean()
    shape = optimize.brentq(lambda one: moment(one) - ratio, 0.2, 10)
    assert found[0] == pytest.approx(shape, abs=2e-3)
    assert found[1] == pytest.approx((field**2).mean(), rel=1e-6)
    for first, shift in ((2, (0, 1)), (6, (1, 0)), (10, (1, 1)), (14, (-1, 1))):
        products = field * np.roll(field, shift, axis=(0, 1))
        left, right = (products[products < 0] ** 2).mean(), (products[products > 0] ** 2).mean()
        ratio = np.abs(products).mean() ** 2 / (products**2).mean()
        side = np.sqrt(left / right)
        ratio *= (side**3 + 1) * (side + 1) / (side**2 + 1) ** 2
        shape = optimize.brentq(lambda one, ratio=ratio: moment(one) - ratio, 0.2, 10)
        scale = special.gamma(2 / shape) / np.sqrt(
            special.gamma(1 / shape) * special.gamma(3 / shape)
        )
        mean = (np.sqrt(right) - np.sqrt(left)) * scale
        assert found[first] == pytest.approx(shape, abs=2e-3)
        assert found[first + 1] == pytest.approx(mean, abs=2e-3)
        assert found[first + 2 : first + 4] == pytest.approx([left, right], rel=1e-6)


def test_turning_an_image_over_swaps_right_with_below_and_nothing_else():
    image = photograph()
    found, turned = scene_statistics(image), scene_statistics(image.transpose(1, 0, 2))
    assert turned[2:6] == pytest.approx(found[6:10])
    assert turned[6:10] == pytest.approx(found[2:6])
    assert turned[[0, 1, 10, 11, 12, 13]] == pytest.approx(found[[0, 1, 10, 11, 12, 13]])


@pytest.mark.parametrize("shape", [(64, 64, 3), (3, 3, 3), (1, 40, 3)])
def test_an_image_without_variation_is_named_in_one_line(shape):
    flat = np.full(shape, 90, np.uint8)
    with pytest.raises(InputError, match=f"wall.png \\({shape[1]}x{shape[0]}\\) is too flat"):
        scene_statistics(flat, of="wall.png")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Five scenes of noise at four strengths of blur."""
    folder, rng, rows = tmp_path_factory.mktemp("blurred"), np.random.default_rng(0), []
    for scene in range(5):
        picture = Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8))
        for level in range(4):
            name = f"s{scene}_{level}.png"
            picture.filter(ImageFilter.GaussianBlur(level / 2)).save(folder / name)
            rows.append((name, f"s{scene}", 90 - 20 * level + rng.normal()))
    frame = pd.DataFrame(rows, columns=["image", "scene", "quality"])
    frame.to_csv(folder / "rated.csv", index=False)
    scale = {"minimum": 0, "maximum": 100, "good": "high"}
    (folder / "rated.json").write_text(json.dumps({"dimensions": {"quality": scale}}))
    return folder / "rated.csv"


def channels(command, *words):
    return CliRunner().invoke(app, ["channels", command, *map(str, words)])


def test_sizes_and_scene_statistics_stand_beside_each_other_joined_and_averaged(table, tmp_path):
    lite = "efficientnet_lite0"
    said = channels(
        "compare", table, "--out", tmp_path, "--size", 64, "-l", "blocks.0", "-p", "mean",
        "-n", lite, "-n", f"{lite}@96", "-n", "scene_statistics", "-n", f"{lite}+{lite}@96",
        "-n", f"{lite}+scene_statistics", "-s", "readout", "-s", "averaged", "--folds", 2,
        "--shuffles", 0,
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    found = pd.read_csv(tmp_path / "comparison_quality.csv").set_index(["features", "strategy"])
    assert list(found.index.get_level_values(0).unique()) == [
        f"{lite}/blocks.0", f"{lite}@96/blocks.0", "scene_statistics", f"{lite}+{lite}@96",
        f"{lite}+scene_statistics",
    ]  # fmt: skip
    reached = found["prediction"]
    assert (reached > 0.7).all()
    for alone in (f"{lite}/blocks.0", f"{lite}@96/blocks.0", "scene_statistics"):
        assert reached[alone, "averaged"] == pytest.approx(reached[alone, "readout"])
    before = found["held_out_before"].unstack()["readout"]
    assert before[f"{lite}/blocks.0"] != pytest.approx(before[f"{lite}@96/blocks.0"])
    assert found.loc[f"{lite}+scene_statistics", "pooling"].tolist() == ["mean", "mean"]


@pytest.mark.parametrize(
    "name", ["efficientnet_lite0+alexnet", "efficientnet_lite0@96", "scene_statistics"]
)
def test_what_is_no_single_network_at_one_size_drives_no_map_and_says_so(table, tmp_path, name):
    said = channels("select", table, "--network", name, "--out", tmp_path / "out")
    assert said.exit_code == 2
    assert f"{name!r} predicts ratings in fechner channels compare and agree; a map" in said.stderr
    assert not (tmp_path / "out").exists()


def test_a_size_that_is_no_number_is_refused_in_one_line(table, tmp_path):
    said = channels("compare", table, "-n", "alexnet@large", "--out", tmp_path / "out")
    assert said.exit_code == 2
    assert "after '@' stands the side in pixels" in said.stderr
