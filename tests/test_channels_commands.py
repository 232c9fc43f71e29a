import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of
from PIL import Image, ImageFilter
from typer.testing import CliRunner

from fechner.analysis.network.choosing.rated_features import RatedFeatures
from fechner.analysis.network.choosing.sets import pool_values
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.compare import COLUMNS, compare
from fechner.analysis.network.evidence.curves import trace_curves
from fechner.analysis.network.evidence.explain import breakdown, explain
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.records.selection import read_selection
from fechner.study.opening import open_study
from fechner.study.work import choose_channels


def fechner(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words):
    """Run a command that must end in one line on the error stream and exit code 2."""
    result = fechner(*words)
    assert result.exit_code == 2, result.output
    line = result.stderr.strip()
    assert line.startswith("error: ")
    assert "\n" not in line
    return line


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Six scenes of noise, each blurred more and more; ratings fall with blur."""
    folder = tmp_path_factory.mktemp("rated")
    rng, rows = np.random.default_rng(0), []
    for scene in range(6):
        picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
        for level in range(5):
            name = f"s{scene}_{level}.png"
            picture.filter(ImageFilter.GaussianBlur(level / 2)).save(folder / name)
            rows.append((name, f"s{scene}", f"blur{level}", 90 - 15 * level + rng.normal()))
    frame = pd.DataFrame(rows, columns=["image", "scene", "level", "quality"])
    frame.to_csv(folder / "rated.csv", index=False)
    scale = {"minimum": 0, "maximum": 100, "good": "high"}
    (folder / "rated.json").write_text(json.dumps({"dimensions": {"quality": scale}}))
    long = [
        (f"p{k}", row[0], "quality", float(np.clip(row[3] + rng.normal(0, 5), 0, 100)))
        for k in range(6)
        for row in rows
    ]
    names = ["participant", "image", "dimension", "rating"]
    pd.DataFrame(long, columns=names).to_csv(folder / "ratings.csv", index=False)
    return folder / "rated.csv"


@pytest.fixture(scope="module")
def selected(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("selected")
    result = fechner(
        "channels", "select", table, "--out", out, "--size", 64, "--layer", "blocks.2",
        "-s", "negative", "-s", "readout", "--shuffles", 5,
        "--ratings", table.with_name("ratings.csv"), "--cache", table.parent / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out, result.output


def test_select_writes_a_study_tables_and_figures(selected):
    out, said = selected
    study = read_selection(out / "selection.json")
    assert study.chosen in ("all", "negative", "readout")
    assert study.by_method("readout").evidence > 0.8
    assert 0.5 < study.noise_ceiling[0] < study.noise_ceiling[1] <= 1
    assert "noise ceiling" in said
    channels = pd.read_csv(out / "channels.csv")
    negative = channels[channels["candidate"] == "negative"]
    assert negative["kept"].tolist() == study.by_method("negative").kept
    assert negative["channel"].tolist()[:2] == ["blocks.2 0", "blocks.2 1"]
    evidence = pd.read_csv(out / "evidence.csv")
    assert evidence["held_out_after"].notna().all()
    curves = pd.read_csv(out / "curves.csv")
    assert curves["channels_left"].iloc[0] == study.choice.n_channels
    for name in ("impacts_negative", "impacts_readout", "curves"):
        assert Image.open(out / f"{name}.png").size[0] > 900


STUDY = """
title = "the same words"
seed = 0
[images]
table = "rated.csv"
ratings = "ratings.csv"
[network]
layers = ["blocks.2"]
size = 64
[channels]
strategies = ["negative", "readout"]
shuffles = 5
held_out = 0.33
"""


def test_a_study_writes_of_its_channels_what_the_command_writes(selected, table, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(table.parent, study)
    (study / "study.toml").write_text(STUDY)
    choose_channels(open_study(study))
    asked, found = selected[0], study / "channels"
    files = {path.name for path in asked.iterdir()}
    assert {path.name for path in found.iterdir()} == files
    for name in files - {name for name in files if name.endswith(".png")}:
        assert (found / name).read_text() == (asked / name).read_text()


def test_explain_shows_what_moved_by_any_column(selected, table, tmp_path):
    result = fechner(
        "channels", "explain", table, "--selection", selected[0] / "selection.json",
        "--method", "negative", "--by", "level", "--out", tmp_path,
        "--cache", table.parent / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    groups = pd.read_csv(tmp_path / "by_level.csv")
    assert sorted(groups["group"]) == [f"blur{k}" for k in range(5)]
    assert (tmp_path / "rsm.png").stat().st_size > 10_000
    line = refused(
        "channels", "explain", table, "--selection", selected[0] / "selection.json",
        "--by", "levl", "--out", tmp_path, "--cache", table.parent / "cache",
    )  # fmt: skip
    assert "did you mean 'level'" in line


ODD = ["0801", "null", "NA", "1e5", "True", "-1"]


def test_scenes_stay_text_whatever_they_look_like(table, tmp_path):
    shutil.copytree(table.parent, tmp_path, dirs_exist_ok=True)
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    rows["scene"] = rows["scene"].map({f"s{k}": name for k, name in enumerate(ODD)})
    rows.to_csv(tmp_path / "rated.csv", index=False)
    options = ("--cache", table.parent / "cache", "--out", tmp_path / "out")
    result = fechner(
        "channels", "select", tmp_path / "rated.csv", "--size", 64, "--layer", "blocks.2",
        "-s", "negative", "--shuffles", 2, *options,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    choice = read_selection(tmp_path / "out" / "selection.json").choice
    assert sorted(choice.scenes_selection + choice.scenes_held_out) == sorted(ODD)
    result = fechner(
        "channels", "explain", tmp_path / "rated.csv", "--all-images", "--by", "scene",
        "--selection", tmp_path / "out" / "selection.json", *options,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    groups = pd.read_csv(tmp_path / "out" / "by_scene.csv", dtype=str, keep_default_na=False)
    assert sorted(groups["group"]) == sorted(ODD)


def test_a_dimension_that_cannot_name_a_file_is_refused_before_any_work(table, tmp_path):
    pd.read_csv(table).rename(columns={"quality": "sharp/soft"}).to_csv(
        tmp_path / "rated.csv", index=False
    )
    scale = {"minimum": 0, "maximum": 100, "good": "high"}
    sidecar = {"dimensions": {"sharp/soft": scale}}
    (tmp_path / "rated.json").write_text(json.dumps(sidecar))
    shutil.copytree(
        table.parent,
        tmp_path,
        dirs_exist_ok=True,
        ignore=lambda _, names: [name for name in names if not name.endswith(".png")],
    )
    for words in (
        ("channels", "agree", tmp_path / "rated.csv", "--out", tmp_path / "out"),
        ("channels", "compare", tmp_path / "rated.csv", "--out", tmp_path / "out"),
        ("network", "finetune", tmp_path / "rated.csv", "--dimension", "sharp/soft",
         "--out", tmp_path / "out"),
    ):  # fmt: skip
        assert "rename the dimension" in refused(*words)
    assert not (tmp_path / "out").exists()


def test_compare_ranks_layers_and_strategies(table, tmp_path):
    result = fechner(
        "channels", "compare", table, "--out", tmp_path, "--size", 64, "-l", "blocks.2",
        "-l", "blocks.1+blocks.2", "-p", "mean", "-s", "all", "-s", "readout", "--nested",
        "--folds", 3, "--shuffles", 3, "--cache", table.parent / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "comparison_quality.csv")
    assert set(found["strategy"]) == {"all", "readout", "best held-out"}
    assert set(found["features"]) == {
        "efficientnet_lite0/blocks.2", "efficientnet_lite0/blocks.1+blocks.2", "any of these",
    }  # fmt: skip
    assert found["prediction"].min() > 0.8
    record = json.loads((tmp_path / "comparison_quality.json").read_text())
    assert record["parameters"]["shuffles"] == 3
    assert (tmp_path / "evidence_quality.png").is_file()
    assert (tmp_path / "stability_quality.png").is_file()


@pytest.mark.parametrize("command", ["agree", "select", "compare"])
def test_an_unknown_dimension_is_refused_before_any_image_is_read(table, tmp_path, command):
    line = refused("channels", command, table, "-d", "qality", "--out", tmp_path)
    assert "did you mean 'quality'" in line


@pytest.mark.parametrize("command", ["agree", "compare"])
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("-n", "efficientnet_lite0", "-n", "efficientnet_lite0=missing.pth"), "missing.pth"),
        (("-l", "blocks.2", "-l", "blocks.22"), "did you mean 'blocks.2'"),
        (("--ratings", "missing.csv"), "missing.csv"),
    ],
)
def test_what_is_missing_is_found_before_any_image_is_read(
    table, tmp_path, command, words, named, monkeypatch
):
    monkeypatch.setattr("fechner.analysis.network.choosing.sets.read_channels", pytest.fail)
    assert named in refused("channels", command, table, *words, "--out", tmp_path)


def test_tables_and_figures_of_simulated_ratings_say_so_in_their_names(table, tmp_path):
    folder = tmp_path / "simulated"
    folder.mkdir()
    for image in table.parent.glob("*.png"):
        (folder / image.name).write_bytes(image.read_bytes())
    for name in ("rated.csv", "rated.json"):
        (folder / f"SIMULATED_{name}").write_bytes(table.with_name(name).read_bytes())
    out = tmp_path / "out"
    common = (folder / "SIMULATED_rated.csv", "--out", out, "--size", 64, "-l", "blocks.2")
    for words in (
        ("agree", *common, "--permutations", 19),
        ("compare", *common, "-p", "mean", "-s", "all", "--folds", 3, "--shuffles", 1),
        ("select", *common, "-p", "mean", "-s", "negative", "--shuffles", 2),
    ):
        result = fechner("channels", *words)
        assert result.exit_code == 0, result.output
    names = {path.name for path in out.iterdir()} - {"selection.json"}
    assert len(names) > 8
    assert all(name.startswith("SIMULATED_") for name in names), names
    record = json.loads((out / "selection.json").read_text())
    assert record["candidates"][0]["provenance"]["simulated"] is True


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--dimension", "qality"], "quality"),
        (["-s", "greedi"], "did you mean 'greedy'"),
        (["--fit", "kendall"], "unknown fit measure"),
        (["--layer", "blocks.99"], "blocks"),
        (["--pool", "median"], "unknown pooling"),
        (["--layer", "blocks.1+blocks.2"], "joined layers differ in space"),
        (["--layer", "blocks.2:classifier"], "more than pooling lies between 'blocks.2'"),
        (["--layer", "bn2:fc"], "no fully connected layer 'fc'"),
        (["--partial-out", "realism"], "no dimension 'realism'"),
        (["--partial-out", "quality"], "equals what is aligned"),
        (["--select", "best heldout"], "did you mean 'best held-out'"),
        (["--network", "efficientnet"], "efficientnet"),
    ],
)
def test_wrong_words_are_answered_in_one_line(table, tmp_path, words, hint):
    cache = ["--cache", table.parent / "cache", "--size", 64]
    if "--layer" not in words:
        cache += ["--layer", "blocks.2"]
    assert hint in refused("channels", "select", table, "--out", tmp_path, *cache, *words)


@pytest.fixture(scope="module")
def two_dimensions(table):
    """The same images rated in a second dimension, half quality, half their own."""
    frame, rng = pd.read_csv(table), np.random.default_rng(7)
    frame["realism"] = frame["quality"] / 2 + rng.uniform(0, 50, len(frame))
    path = table.with_name("both.csv")
    frame.to_csv(path, index=False)
    scale = {"minimum": 0, "maximum": 100, "good": "high"}
    scales = {"dimensions": {"quality": scale, "realism": scale}}
    path.with_suffix(".json").write_text(json.dumps(scales))
    long = pd.read_csv(table.with_name("ratings.csv"))
    both = pd.concat([long, long.assign(dimension="realism")])
    both.to_csv(table.with_name("both_ratings.csv"), index=False)
    return path


def test_select_chooses_among_layers_and_maps_follow(two_dimensions, tmp_path):
    out, cache = tmp_path / "channels", two_dimensions.parent / "cache"
    result = fechner(
        "channels", "select", two_dimensions, "-d", "quality", "--out", out, "--size", 64,
        "-l", "blocks.1+blocks.2", "-l", "blocks.2", "-p", "mean", "-p", "mean_sd",
        "-s", "readout", "--shuffles", 3, "--select", "best held-out", "--cache", cache,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    study = read_selection(out / "selection.json")
    assert len(study.candidates) == 8
    assert study.choice.method == "readout"
    image = two_dimensions.parent / "s0_0.png"
    for method in ("contribution", "removal"):
        made = fechner(
            "maps", "make", image, "--selection", out / "selection.json",
            "--out", tmp_path / method, "--method", method,
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        assert (tmp_path / method / "s0_0.png").is_file()
    explained = fechner(
        "channels", "explain", two_dimensions, "--selection", out / "selection.json",
        "--method", "readout of blocks.1+blocks.2, mean_sd", "--out", tmp_path / "explained",
        "--cache", cache,
    )  # fmt: skip
    assert explained.exit_code == 0, explained.output


def test_agree_shows_every_usual_layer(two_dimensions, tmp_path):
    result = fechner(
        "channels", "agree", two_dimensions, "-d", "quality", "--out", tmp_path, "--size", 64,
        "--permutations", 19, "--ratings", two_dimensions.with_name("both_ratings.csv"),
        "--cache", two_dimensions.parent / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "layers_quality.csv")
    layers = ["blocks.2", "blocks.4", "blocks.6", "bn2", "penultimate"]
    assert list(dict.fromkeys(found["features"])) == [f"efficientnet_lite0/{k}" for k in layers]
    assert set(found["measure"]) == {"alignment, all", "alignment, within scenes", "prediction"}
    assert Image.open(tmp_path / "layers_quality.png").size[0] > 900
    assert "noise ceiling" in result.output


def test_select_judges_channels_by_the_classes_of_the_network_and_says_before_how_long_it_takes(
    two_dimensions, tmp_path, monkeypatch
):
    monkeypatch.setattr("fechner.cli.choosing.cost.WORTH_SAYING", 0.0)
    result = fechner(
        "channels", "select", two_dimensions, "--out", tmp_path, "--size", 64,
        "-l", "bn2:classifier", "-s", "negative", "--shuffles", 2,
        "--cache", two_dimensions.parent / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    study = read_selection(tmp_path / "selection.json")
    assert study.choice.target == "classifier"
    said = " ".join(result.output.split())
    assert said.startswith("classifier judges 1280 channels of bn2 on ")
    assert re.search(r"for all choices some \d+ minutes on one core", said)
    assert 0 < study.by_method("negative").n_kept < 1280


def test_a_dimension_is_held_constant_and_two_are_joined(two_dimensions, tmp_path):
    common = (
        two_dimensions, "--size", 64, "-l", "blocks.2", "-p", "mean", "-s", "negative",
        "--shuffles", 2, "--cache", two_dimensions.parent / "cache",
        "--ratings", two_dimensions.with_name("both_ratings.csv"),
    )  # fmt: skip
    result = fechner(
        "channels", "select", *common, "-d", "realism", "--partial-out", "quality",
        "--out", tmp_path / "partial",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    partial = read_selection(tmp_path / "partial" / "selection.json")
    assert (partial.dimension, partial.choice.partial_out) == ("realism", "quality")
    joint = fechner(
        "channels", "compare", *common, "-d", "quality+realism", "--folds", 3,
        "--out", tmp_path / "joint", "--kernel", "cosine",
    )  # fmt: skip
    assert joint.exit_code == 0, joint.output
    found = pd.read_csv(tmp_path / "joint" / "comparison_quality+realism.csv")
    assert found["held_out_after"].notna().all()
    assert "noise ceiling" in joint.output


def test_a_fitted_network_stands_beside_the_published_one_on_images_it_has_not_seen(
    table, tmp_path
):
    fitted = fechner(
        "network", "finetune", table, "--dimension", "quality", "--out", tmp_path,
        "--held-out", 0.34, "--part", "whole", "--epochs", 1, "--network", "efficientnet_lite0",
    )  # fmt: skip
    assert fitted.exit_code == 0, fitted.output
    weights = tmp_path / "efficientnet_lite0_quality_whole.pth"
    result = fechner(
        "channels", "compare", table, "--out", tmp_path, "--size", 64, "-p", "mean",
        "-n", "efficientnet_lite0", "-n", f"efficientnet_lite0={weights}",
        "-n", f"efficientnet_lite0+efficientnet_lite0={weights}", "-s", "readout",
        "--folds", 2, "--shuffles", 2, "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "judged by 10 images of 2 scenes" in result.output
    found = pd.read_csv(tmp_path / "comparison_quality.csv")
    own = "efficientnet_lite0=efficientnet_lite0_quality_whole"
    assert found["features"].tolist() == [
        "efficientnet_lite0/bn2", f"{own}/bn2", f"efficientnet_lite0+{own}",
    ]  # fmt: skip
    assert found["prediction"].notna().all()
    line = refused(
        "channels", "compare", table, "--out", tmp_path, "--size", 64, "-p", "mean",
        "-n", f"efficientnet_lite0={weights}", "--folds", 3, "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert "3 folds need as many scenes, got 2" in line
    line = refused(
        "channels", "compare", table, "--out", tmp_path, "--size", 64, "-p", "space",
        "-n", f"efficientnet_lite0+efficientnet_lite0={weights}", "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert "pool them by mean, max or mean_sd" in line


def test_a_selection_of_other_weights_is_refused(selected, table, tmp_path):
    content = json.loads((selected[0] / "selection.json").read_text())
    for one in content["candidates"]:
        one["weights_sha256"] = "f" * 64
    (tmp_path / "selection.json").write_text(json.dumps(content))
    line = refused(
        "channels", "explain", table, "--selection", tmp_path / "selection.json",
        "--out", tmp_path,
    )  # fmt: skip
    assert "made with other weights" in line


def small(n=30, channels=12):
    rng = np.random.default_rng(0)
    values = np.maximum(rng.normal(size=(n, channels, 2, 2)), 0)
    return values, rng.normal(size=n), np.arange(n) // 3


def test_keeping_every_channel_moves_nothing():
    found = explain(RatedFeatures(*small()), np.ones(12, bool))
    assert found.alignment_before == found.alignment_after
    assert np.nanmax(np.abs(found.movement)) == 0
    assert (found.pairs["moved"] == 0).all()
    assert (np.diff(found.ratings) >= 0).all()


def test_keeping_what_made_the_ratings_moves_pairs_toward_people():
    values, ratings, scenes = small()
    values[:, 0] = ratings[:, None, None] - ratings.min()
    values[:, 1] = ratings.max() - ratings[:, None, None]
    found = explain(RatedFeatures(values, ratings, scenes), np.arange(12) < 2)
    assert found.alignment_after > found.alignment_before
    assert found.pairs["moved"].mean() > 0
    total = (found.bands["moved"] * found.bands["pairs"]).sum()
    assert total == pytest.approx(found.pairs["moved"].sum())
    assert found.images["moved"].mean() == pytest.approx(found.pairs["moved"].mean())
    groups = breakdown(found, scenes % 3)
    assert (groups["moved"] * groups["images"]).sum() == pytest.approx(found.images["moved"].sum())


def test_a_selection_of_other_channels_cannot_be_explained():
    with pytest.raises(InputError, match="use those it was made from"):
        explain(RatedFeatures(*small()), np.ones(5, bool))


def test_pooling_gives_means_maxima_and_deviations_of_space():
    values, _, _ = small()
    assert np.allclose(pool_values(values, "mean"), values.mean(axis=(2, 3)))
    assert np.array_equal(pool_values(values, "max"), values.max(axis=(2, 3)))
    both = pool_values(values, "mean_sd")
    assert np.allclose(both[:, 12:], values.std(axis=(2, 3)))
    with pytest.raises(InputError, match="unknown pooling"):
        pool_values(values, "maen")


def test_compare_gives_one_row_a_combination():
    values, ratings, scenes = small()
    strategies = [parse_strategy(name) for name in ("all", "negative")]
    names = [f"{k}.png" for k in range(len(scenes))]
    rated = RatedImages(
        pd.DataFrame({"image": names, "scene": scenes, "quality": ratings}), ".",
        {"quality": Scale(-10, 10)},
    )  # fmt: skip

    pooled = values.mean(axis=(2, 3))
    sets = {
        ("a", "space"): channels_of(values),
        ("a", "mean"): channels_of(pooled, pool="mean"),
        ("b", "none"): channels_of(pooled),
    }
    compared = compare(sets, rated, "quality", strategies, folds=3, repeats=2, shuffles=2, seed=0)
    found = compared.table
    assert list(found.columns) == list(COLUMNS)
    assert found[["features", "pooling"]].drop_duplicates().to_numpy().tolist() == [
        ["a", "space"], ["a", "mean"], ["b", "none"],
    ]  # fmt: skip
    same = found.set_index(["pooling", "strategy"])["held_out_after"]
    assert same["mean", "negative"] == pytest.approx(same["none", "negative"])


def test_pruning_curves_start_alike_and_shuffled_training_starts_elsewhere():
    images = RatedFeatures(*small())
    curves = trace_curves(
        images.subset(np.arange(30) < 18),
        images.subset(np.arange(30) >= 18),
        parse_strategy("curve"),
        shuffles=4,
        seed=0,
    )
    assert curves.channels_left[0] == 12
    assert curves.channels_left[-1] == 1
    assert np.allclose(curves.train_random[:, 0], curves.train[0])
    assert np.allclose(curves.held_out_shuffled[:, 0], curves.held_out[0])
    assert not np.allclose(curves.train_shuffled[:, 0], curves.train[0])
    assert curves.train.max() > curves.train[0]
    assert list(curves.table()["channels_left"]) == curves.channels_left.tolist()
