"""What is chosen on one rated set and judged on another, and columns at the command line."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of
from PIL import Image, ImageFilter
from scipy import stats
from typer.testing import CliRunner

from fechner.analysis.network.choosing.readout import fit_readout
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.judging import OtherSet, judge_elsewhere
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.records.selection import read_selection

NAME = ("net", "mean")


def rated_set(name, *, sign=1.0, seed=0, n_scenes=12, each=6):
    """Images whose first five of 15 channels go up (or, `sign` -1, down) with quality."""
    rng = np.random.default_rng(seed)
    n = n_scenes * each
    quality = rng.normal(size=n)
    values = rng.normal(size=(n, 15)) + 5
    values[:, :5] += 1.5 * sign * quality[:, None]
    table = pd.DataFrame(
        {
            "image": [f"{name}{k}.png" for k in range(n)],
            "scene": np.repeat([f"s{k}" for k in range(n_scenes)], each),
            "quality": 50 + 8 * quality,
            "camera": np.tile(["a", "b"], n // 2),
        }
    )
    return channels_of(values), RatedImages(table, Path(), {"quality": Scale(0, 100)})


def judged(one, other, *names, **options):
    (values, rated), (theirs, others) = one, other
    levels = {"camera": others.table["camera"].to_numpy(dtype=str)}
    tried = [parse_strategy(name) for name in names]
    judge = OtherSet(others, "quality", {NAME: theirs}, levels)
    options = {"shuffles": 9, "seed": 0, **options}
    found = judge_elsewhere({NAME: values}, rated, "quality", tried, judge, **options)
    return found.set_index(["strategy", "measure"])


def test_what_another_set_judges_is_the_same_in_any_pool():
    sets, names = (rated_set("a"), rated_set("b", seed=1)), ("negative", "readout", "random")
    alone, steps = judged(*sets, *names, shuffles=2, nested=True), []
    with ThreadPoolExecutor(2) as pool:
        shared = judged(
            *sets, *names, shuffles=2, nested=True, pool=pool,
            progress=lambda *step: steps.append(step),
        )  # fmt: skip
    pd.testing.assert_frame_equal(shared, alone)
    # Three strategies under three ratings, and the impacts that two of them share.
    assert steps == [(k, 12) for k in range(1, 13)]


def test_channels_that_mean_the_same_in_both_sets_predict_the_other():
    found = judged(rated_set("a"), rated_set("b", seed=1), "negative", "readout")
    for measure in ("prediction", "prediction, within scenes", "prediction, within camera"):
        row = found.loc[("readout", measure)]
        assert row["low"] > 0.5
        assert row["shuffled"] < 0.4
        assert row["p"] == pytest.approx(0.1)
    aligned = found.loc[("negative", "alignment, all")]
    assert aligned["value"] > aligned["shuffled"]


def test_channels_that_mean_the_opposite_there_align_and_predict_the_wrong_way():
    found = judged(rated_set("a"), rated_set("b", sign=-1.0, seed=1), "readout").loc["readout"]
    assert found.loc["prediction", "high"] < -0.5
    # A matrix of similarities cannot tell up from down.
    assert found.loc["alignment, all", "low"] > 0


def test_the_prediction_is_that_of_a_readout_fitted_to_all_of_the_first_set():
    (values, rated), (theirs, others) = one, other = rated_set("a"), rated_set("b", seed=1)
    readout = fit_readout(values.values, rated.scores("quality"), rated.scenes)
    expected = stats.spearmanr(readout.predict(theirs.values), others.scores("quality")).statistic
    found = judged(one, other, "readout", shuffles=0)
    assert found.loc[("readout", "prediction"), "value"] == pytest.approx(expected)
    assert np.isnan(found.loc[("readout", "prediction"), "shuffled"])


def test_alignment_of_all_channels_is_that_of_the_other_sets_matrices():
    one, (theirs, others) = rated_set("a"), rated_set("b", seed=1)
    unit = theirs.values / np.linalg.norm(theirs.values, axis=1, keepdims=True)
    i, j = np.triu_indices(len(unit), 1)
    scores, scenes = others.scores("quality"), others.scenes
    alike, people = (unit[i] * unit[j]).sum(axis=1), -np.abs(scores[i] - scores[j])
    found = judged(one, (theirs, others), "all", shuffles=0)
    same = scenes[i] == scenes[j]
    for measure, pairs in (("alignment, all", same >= 0), ("alignment, within scenes", same)):
        expected = stats.spearmanr(alike[pairs], people[pairs]).statistic
        assert found.loc[("all", measure), "value"] == pytest.approx(expected)


def test_the_set_that_folds_of_the_first_table_choose_is_judged_by_the_other():
    here, there = rated_set("a"), rated_set("b", seed=1)
    noise = [channels_of(np.random.default_rng(k).random((len(one[1]), 15)))
             for k, one in enumerate((here, there))]  # fmt: skip
    sets = {("noise", "mean"): noise[0], NAME: here[0]}
    other = OtherSet(there[1], "quality", {("noise", "mean"): noise[1], NAME: there[0]}, {})
    tried = [parse_strategy("all"), parse_strategy("readout")]
    table = judge_elsewhere(sets, here[1], "quality", tried, other, nested=True, shuffles=0, seed=0)
    rows = table.set_index(["strategy", "features", "measure"])["value"].sort_index()
    assert rows["best held-out", "any of these"].to_dict() == rows["readout", "net"].to_dict()
    assert rows["readout", "noise"].to_dict() != rows["readout", "net"].to_dict()


def test_a_choice_is_not_judged_by_images_that_made_it():
    with pytest.raises(InputError, match="72 images are in both tables"):
        judged(rated_set("a"), rated_set("a", seed=1), "readout")


def fechner(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def table_of_blur(folder, dimension, seed):
    """Five scenes of noise at four strengths of blur by two makers, one blurring more."""
    rng, rows = np.random.default_rng(seed), []
    folder.mkdir()
    for scene in range(5):
        picture = Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8))
        for level in range(4):
            name = f"s{scene}_{level}.png"
            picture.filter(ImageFilter.GaussianBlur(level / 2)).save(folder / name)
            maker = "soft" if level > 1 else "sharp"
            rows.append((name, f"s{scene}", maker, f"no{scene}{level}", 90 - 20 * level))
    frame = pd.DataFrame(rows, columns=["image", "scene", "maker", "number", dimension])
    frame[dimension] += rng.normal(size=len(frame))
    frame.to_csv(folder / "rated.csv", index=False)
    scale = {"minimum": 0, "maximum": 100, "good": "high"}
    (folder / "rated.json").write_text(json.dumps({"dimensions": {dimension: scale}}))
    return folder / "rated.csv"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_sets")
    return table_of_blur(folder / "one", "quality", 0), table_of_blur(folder / "two", "appeal", 1)


def compare(table, out, *more):
    return fechner(
        "channels", "compare", table, "--out", out, "--size", 64, "--layer", "blocks.1", "-p",
        "mean", "-s", "readout", "--folds", 2, "--shuffles", 2, *more,
    )  # fmt: skip


def test_compare_judges_by_another_table_and_within_a_column(tables, tmp_path):
    one, other = tables
    said = compare(
        one, tmp_path, "--confound", "maker", "--judge", other, "--judge-dimension", "appeal"
    )
    assert said.exit_code == 0, said.output
    assert "maker alone, mean ratings of its 2 levels: predicts" in said.output
    table = pd.read_csv(tmp_path / "judged_quality.csv").set_index("measure")
    assert table.loc["prediction", "value"] > 0.5
    assert {"prediction, within scenes", "prediction, within maker"} <= set(table.index)
    within = pd.read_csv(tmp_path / "within_maker_quality.csv")
    assert set(within["level"].dropna()) == {"soft", "sharp"}
    assert (tmp_path / "columns_quality.csv").exists()
    record = json.loads((tmp_path / "judged_quality.json").read_text())
    assert set(record["inputs"]) == {"rated_images", "judge"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--confound", "makr"), "did you mean 'maker'?"),
        (("--confound", "number"), "20 levels for 20 images"),
        (("--judge", "OTHER"), "no dimension 'quality' to judge by"),
        (("--judge", "OTHER", "--judge-dimension", "apeal"), "did you mean 'appeal'?"),
        (("--judge", "OTHER", "--judge-dimension", "appeal", "--confound", "x"), "no column 'x'"),
        (("--judge", "nowhere.csv"), "nowhere.csv"),
        (("--judge", "ITSELF"), "20 images are in both tables"),
        (("--judge", "OTHER", "--partial-out", "quality"), "leave out one of them"),
    ],
)
def test_bad_words_are_refused_in_one_line_before_any_work(tables, tmp_path, words, message):
    one, other = tables
    files = {"OTHER": other, "ITSELF": one}
    said = compare(one, tmp_path / "out", *(files.get(word, word) for word in words))
    assert said.exit_code == 2, said.output
    assert said.stderr.startswith("error: ")
    assert "\n" not in said.stderr.strip()
    assert message in said.stderr
    assert not (tmp_path / "out").exists()


def test_select_says_which_column_predicts_better_and_keeps_it(tables, tmp_path):
    said = fechner(
        "channels", "select", tables[0], "--out", tmp_path, "--size", 64, "--layer", "blocks.1",
        "-p", "mean", "-s", "readout", "--shuffles", 2,
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    (column,) = read_selection(tmp_path / "selection.json").columns
    assert column.column == "maker"
    assert 0.5 < column.prediction < 1
