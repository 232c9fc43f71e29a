"""``fechner layers`` and channels on reference pairs: what they write, and how they refuse."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pair_worlds import LIVE, WEIGHTS, live_pairs, made_pairs
from scipy import stats
from typer.testing import CliRunner

from fechner.analysis.network.distances.passes import pass_pairs
from fechner.analysis.network.distances.published import beside_published, published_rows
from fechner.analysis.network.distances.readouts import distances
from fechner.analysis.network.layers.networks import load_network
from fechner.cli.main import app
from fechner.records.layers.results import (
    LAYERS_COLUMNS,
    distance_name,
    read_layer_results,
)
from fechner.records.layers.study import read_layer_study
from fechner.records.selection import read_selection

NETWORK = ("-n", "squeezenet1_1=random", "-l", "features.0", "-l", "features.1+features.3")
FEW = ("--resamples", 40)
real = pytest.mark.skipif(
    not (LIVE.is_dir() and WEIGHTS["alexnet"].is_file()), reason="the real test data are not here"
)


def fechner(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def done(*words):
    result = fechner(*words)
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


def refused(*words):
    """Run a command that must end in one line on the error stream and exit code 2."""
    result = fechner(*words)
    assert result.exit_code == 2, result.output + result.stderr
    line = result.stderr.strip()
    assert line.startswith("error: ")
    assert "\n" not in line
    return line


def write_pairs(folder, *, good="low", simulated=False, edit=None, name="made", **made):
    """Write pictures, their table and its scale; return the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = made_pairs(folder, size=(64, 72), **made)
    table = pd.DataFrame(
        {
            "image": [path.name for path in pairs.images],
            "reference": [path.name for path in pairs.references],
            "family": pairs.families,
            "dmos": pairs.dmos,
            "mine": pairs.dmos + np.random.default_rng(0).normal(0, 5, len(pairs.dmos)),
        }
    )
    table["mirrored"] = -table["mine"]
    if edit is not None:
        table = edit(table)
    table.to_csv(folder / f"{name}.csv", index=False)
    scale = {"dimensions": {"dmos": {"minimum": -10, "maximum": 100, "good": good}}}
    if simulated:
        scale["provenance"] = {"simulated": True}
    (folder / f"{name}.json").write_text(json.dumps(scale))
    return folder / f"{name}.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), references=5)


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    done(
        "layers", "run", table, *NETWORK, "-r", "rms", "-r", "gram", "--yardsticks",
        "--scores", "mine", "--scores", "mirrored:high", "--out", out, *FEW,
    )  # fmt: skip
    return out


def test_every_combination_stands_in_the_table_once_with_its_columns(finished):
    layers = pd.read_csv(finished / "layers.csv")
    assert tuple(layers.columns) == LAYERS_COLUMNS
    inside = layers[layers["network"] == "squeezenet1_1=random"]
    assert sorted(zip(inside["layer"], inside["readout"], strict=True)) == [
        ("features.0", "gram"), ("features.0", "rms"),
        ("features.1+features.3", "gram"), ("features.1+features.3", "rms"),
    ]  # fmt: skip
    assert not layers.duplicated(["network", "layer", "readout", "weights", "set"]).any()
    assert (layers["n_pairs"] == 30).all()
    assert (layers["n_references"] == 5).all()
    told = layers[layers["spearman"].notna()]
    assert (told["low"] <= told["high"]).all()


def test_every_yardstick_has_a_row_and_a_note_where_its_weights_cannot_be_had(finished):
    results = read_layer_results(finished)
    sticks = results.layers[results.layers["network"] == "yardstick"].set_index("layer")
    assert {"psnr", "ssim", "fsim", "lpips_alex", "dists", "mine"} <= set(sticks.index)
    without = sticks.index[sticks["spearman"].isna()]
    assert len(without)
    noted = results.notes.set_index("layer")["note"]
    assert all(noted[name] for name in without)
    assert set(without) <= set(noted.index)


def test_a_score_column_counts_in_the_direction_that_it_is_said_to_have(finished):
    layers = pd.read_csv(finished / "layers.csv").set_index("layer")
    assert layers.loc["mine", "spearman"] == layers.loc["mirrored", "spearman"] > 0.5


def test_a_score_column_in_the_wrong_direction_is_named(table, tmp_path):
    said = done("layers", "run", table, "--scores", "mirrored", "--out", tmp_path, *FEW)
    assert "say which end is good: mirrored:high" in said


def test_the_kept_distances_give_the_correlations_of_the_table(finished):
    results = read_layer_results(finished)
    for row in results.measured.itertuples():
        values = results.distances[
            distance_name((row.network, row.layer, row.readout, row.weights))
        ]
        rho = stats.spearmanr(values, results.distances["dmos"]).statistic
        assert row.spearman == pytest.approx(rho, abs=1e-12)
        mine = results.distortions.query(
            "network == @row.network and layer == @row.layer and readout == @row.readout"
        )
        assert row.within_distortion == pytest.approx(mine["spearman"].mean(), abs=1e-12)


def test_differences_say_among_how_many_the_best_was_chosen(finished):
    results = read_layer_results(finished)
    found = results.differences
    assert (found["compared"] == len(found)).all()
    inside = found[found["first"].str.startswith("squeezenet1_1=random/")]
    assert (inside["best_of"] == 4).all()
    assert {"yardstick/psnr/metric/none", "yardstick/mine/score/none"} <= set(inside["second"])
    values, dmos = results.distances, results.distances["dmos"]
    for row in found.itertuples():
        first, second = (
            stats.spearmanr(values[x], dmos).statistic for x in (row.first, row.second)
        )
        assert row.difference == pytest.approx(first - second, abs=1e-12)


def test_a_second_run_computes_no_pass_again_and_finds_the_same(table, finished, monkeypatch):
    from fechner.analysis.network.distances import passes

    def again(*_):
        raise AssertionError("a pass was made again")

    monkeypatch.setattr(passes, "_compare_images", again)
    out = finished.parent / "again"
    done(
        "layers", "run", table, *NETWORK, "-r", "gram", "-r", "rms", "--out", out, *FEW,
        "--cache", finished / "cache",
    )  # fmt: skip
    keys = ["network", "layer", "readout"]
    before = pd.read_csv(finished / "layers.csv").set_index(keys)["low"]
    after = pd.read_csv(out / "layers.csv").set_index(keys)["low"]
    assert after.to_dict() == before.loc[after.index].to_dict()


def test_a_table_may_name_images_by_their_whole_paths(table, finished, tmp_path):
    rows = pd.read_csv(table)
    for column in ("image", "reference"):
        rows[column] = [str(table.parent / name) for name in rows[column]]
    (tmp_path / "made.json").write_text(table.with_suffix(".json").read_text())
    rows.to_csv(tmp_path / "made.csv", index=False)
    out = tmp_path / "out"
    done("layers", "run", tmp_path / "made.csv", "--out", out, *NETWORK, "-r", "rms", *FEW,
         "--cache", finished / "cache")  # fmt: skip
    found, before = (pd.read_csv(folder / "distances.csv") for folder in (out, finished))
    assert found["image"].tolist() == rows["image"].tolist()
    name = found.columns[-1]
    assert found[name].tolist() == before[name].tolist()


def test_a_study_file_says_the_same_as_options(table, finished, tmp_path):
    (tmp_path / "study.toml").write_text(
        f"""
        readouts = ["rms", "gram"]
        resamples = 40
        [[sets]]
        table = {json.dumps(str(table))}
        scores = ["mine", "mirrored:high"]
        [[networks]]
        name = "squeezenet1_1"
        weights = "random"
        layers = ["features.0", "features.1+features.3"]
        """
    )
    done("layers", "run", tmp_path / "study.toml", "--out", tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "layers.csv")
    keys = ["network", "layer", "readout"]
    before = pd.read_csv(finished / "layers.csv").set_index(keys)
    pd.testing.assert_frame_equal(
        found.set_index(keys), before.loc[list(zip(*[found[k] for k in keys], strict=True))]
    )


def test_an_unknown_key_of_a_study_file_names_the_nearest(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('yardstics = true\n[[sets]]\ntable = "x.csv"\n')
    assert "unknown key 'yardstics': did you mean 'yardsticks'?" in refused(
        "layers", "run", path, "--out", tmp_path
    )
    path.write_text('yardsticks = true\n[[sets]]\ntable = "x.csv"\ndimensoin = "dmos"\n')
    assert "did you mean 'dimension'?" in refused("layers", "run", path, "--out", tmp_path)


def test_paths_of_a_study_file_are_relative_to_it(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        '[[sets]]\ntable = "x.csv"\n[[networks]]\nname = "alexnet"\nweights = "a.pth"\n'
    )
    study = read_layer_study(path)
    assert study.sets[0].table == tmp_path / "x.csv"
    assert study.sets[0].name == "x"
    assert study.networks[0].weights == tmp_path / "a.pth"


def test_bad_pairs_are_named_and_the_others_measured(tmp_path):
    table = write_pairs(tmp_path, references=4)
    (tmp_path / "r0_dark_40.png").unlink()
    (tmp_path / "r1_dark_40.png").write_bytes(b"no picture")
    (tmp_path / "r2_dark_40.png").write_bytes((tmp_path / "r2.png").read_bytes())
    done("layers", "run", table, *NETWORK, "-r", "rms", "--out", tmp_path / "out", *FEW)
    results = read_layer_results(tmp_path / "out")
    assert (results.layers["n_pairs"] == 21).all()
    for name in ("r0_dark_40.png", "r1_dark_40.png", "r2_dark_40.png"):
        assert results.notes["note"].str.contains(name).any()


def test_a_network_without_weights_gets_a_row_that_says_why(table, tmp_path):
    done(
        "layers", "run", table, "-n", "alexnet_places365", *NETWORK, "-r", "rms",
        "--out", tmp_path, *FEW,
    )  # fmt: skip
    results = read_layer_results(tmp_path)
    row = results.layers[results.layers["network"] == "alexnet_places365"]
    assert row["spearman"].isna().all()
    assert len(row) == 1
    note = results.notes[results.notes["network"] == "alexnet_places365"]["note"].item()
    assert "weights" in note
    assert (results.measured["network"] == "squeezenet1_1=random").all()


def test_nothing_measured_is_an_error(table, tmp_path):
    said = refused("layers", "run", table, "-n", "alexnet_places365", "--out", tmp_path)
    assert "nothing could be measured; first: the weights of alexnet_places365" in said


def test_single_ratings_give_the_share_of_the_noise_ceiling(tmp_path):
    table = write_pairs(tmp_path, references=4)
    rng, rated = np.random.default_rng(2), pd.read_csv(table)
    single = pd.concat(
        pd.DataFrame(
            {
                "participant": f"p{person}",
                "image": rated["image"],
                "dimension": "dmos",
                "rating": np.clip(rated["dmos"] + rng.normal(0, 8, len(rated)), -10, 100),
            }
        )
        for person in range(8)
    )
    single.to_csv(tmp_path / "ratings.csv", index=False)
    ratings = ("--ratings", tmp_path / "ratings.csv")
    done("layers", "run", table, "--scores", "mine", *ratings, "--out", tmp_path / "out", *FEW)
    row = read_layer_results(tmp_path / "out").intervals.iloc[0]
    # Eight people with noise of 8 around scores of SD 15: the mean of a second panel agrees
    # nearly perfectly, so that the share is the correlation and a little more.
    assert row["spearman"] < row["share_of_ceiling"] < row["spearman"] / 0.9


def test_simulated_scores_mark_every_table(tmp_path):
    table = write_pairs(tmp_path, simulated=True)
    done("layers", "run", table, "--scores", "mine", "--out", tmp_path / "out", *FEW)
    written = [path.name for path in (tmp_path / "out").glob("*.csv")]
    assert written
    assert all(name.startswith("SIMULATED_") for name in written)
    assert read_layer_results(tmp_path / "out").simulated


def test_bad_input_is_refused_in_one_line(table, tmp_path):
    run, out = ("layers", "run", table), ("--out", tmp_path)
    assert "no read-out 'cosin'; did you mean 'cosine'?" in refused(
        *run, *NETWORK, "-r", "cosin", *out
    )
    assert "did you mean 'features.0'" in refused(
        *run, "-n", "squeezenet1_1=random", "-l", "feature.0", *out
    )
    assert "no network 'alexnat'; did you mean" in refused(*run, "-n", "alexnat", *out)
    assert "nothing to measure" in refused(*run, *out)
    assert "no column 'min' of scores; did you mean 'mine'?" in refused(
        *run, "--scores", "min", *out
    )
    assert "expected COLUMN:low or COLUMN:high" in refused(*run, "--scores", "mine:up", *out)
    assert "belongs to no --network" in refused(*run, *NETWORK, "-l", "alexnet/features.3", *out)


def test_one_reference_constant_scores_and_upturned_scores_are_refused(tmp_path):
    one = write_pairs(tmp_path / "one", references=1)
    assert "one reference or scene" in refused("layers", "run", one, *NETWORK, "--out", tmp_path)
    same = write_pairs(tmp_path / "same", edit=lambda table: table.assign(dmos=5.0))
    assert "constant scores" in refused("layers", "run", same, *NETWORK, "--out", tmp_path)
    upturned = write_pairs(tmp_path / "up", good="high")
    assert "contradicts PSNR" in refused("layers", "run", upturned, *NETWORK, "--out", tmp_path)


def test_fitted_weights_are_judged_elsewhere_and_serve_a_run(table, tmp_path):
    other = write_pairs(tmp_path / "other", references=4, seed=3, name="other")
    asked = ("-n", "squeezenet1_1=random", "-l", "features.1", "-r", "rms")
    said = done("layers", "finetune", table, other, *asked, "--out", tmp_path / "tuned", *FEW)
    assert "judged on other (another set)" in said
    crossed = pd.read_csv(tmp_path / "tuned" / "crossed.csv")
    assert list(zip(crossed["fitted_on"], crossed["judged_on"], strict=True)) == [
        ("made", "made"), ("made", "other"), ("other", "made"), ("other", "other"),
    ]  # fmt: skip
    weights = tmp_path / "tuned" / "squeezenet1_1-random_features.1_rms_on_made.json"
    chosen = read_selection(weights).choice
    assert min(chosen.weights) >= 0
    assert not set(chosen.scenes_selection) & set(chosen.scenes_held_out)
    done(
        "layers", "run", other, *asked, "--channel-weights", f"tuned={weights}",
        "--out", tmp_path / "out", *FEW,
    )  # fmt: skip
    found = pd.read_csv(tmp_path / "out" / "layers.csv").set_index("weights")["spearman"]
    row = crossed[(crossed["fitted_on"] == "made") & (crossed["judged_on"] == "other")].iloc[0]
    assert found["none"] == pytest.approx(row["before"], abs=1e-9)
    assert found["tuned"] == pytest.approx(row["after"], abs=1e-9)
    notes = read_layer_results(tmp_path / "out").notes
    assert notes["note"].str.contains("flattered").any()  # r0, r1 ... are names of both sets.


def test_a_split_by_image_is_labelled(table, tmp_path):
    done(
        "layers", "finetune", table, "-n", "squeezenet1_1=random", "-l", "features.0",
        "--split", "image", "--out", tmp_path, *FEW,
    )  # fmt: skip
    assert pd.read_csv(tmp_path / "crossed.csv")["part"].tolist() == ["image"]
    (path,) = tmp_path.glob("*_by_image.json")
    assert read_selection(path).choice.provenance["parameters"]["split"] == "image"


def test_channels_are_selected_compared_and_explained_on_reference_pairs(table, tmp_path):
    asked = ("-n", "squeezenet1_1=random", "-l", "features.0")
    network = ("--network", "squeezenet1_1", "--weights", "random", "-l", "features.0")
    said = done(
        "channels", "select", table, "-s", "negative:reference", *network,
        "--shuffles", 3, "--out", tmp_path / "sel",
    )  # fmt: skip
    assert "shuffled scores" in said
    assert "random channels" in said
    chosen = read_selection(tmp_path / "sel" / "selection.json").by_method("negative:reference")
    assert chosen.distance == "rms"
    assert len(chosen.alignment_random) == len(chosen.alignment_shuffled.held_out) == 3
    done(
        "channels", "compare", table, "-s", "negative:reference", *asked,
        "--shuffles", 1, "--out", tmp_path / "cmp",
    )  # fmt: skip
    compared = pd.read_csv(tmp_path / "cmp" / "comparison_dmos.csv").set_index("strategy")
    assert compared.loc["negative:reference", ["shuffled", "random"]].notna().all()
    said = done(
        "channels", "explain", table, "--selection", tmp_path / "sel" / "selection.json",
        "--method", "negative:reference", "--weights", "random", "--out", tmp_path / "exp",
    )  # fmt: skip
    held = chosen.alignment_held_out
    assert f"{held.before:.3f} -> {held.after:.3f}" in said
    assert set(pd.read_csv(tmp_path / "exp" / "by_family.csv")["family"]) == {"noise", "dark"}


def test_strategies_on_pairs_and_on_images_are_not_mixed(table, tmp_path):
    assert "run them apart" in refused(
        "channels", "select", table, "-s", "negative:reference", "-s", "greedy", "--out", tmp_path
    )
    assert "--pool is for rated images" in refused(
        "channels", "select", table, "-s", "negative:reference", "-p", "mean", "--out", tmp_path
    )


def published_run(**changed):
    """Return layers as a run on TID2013 would that found exactly what was published."""
    rows = published_rows().query("set == 'tid2013'").assign(weights="none", set="TID2013")
    rows = rows.assign(spearman=rows["published_low"])
    return rows[["network", "layer", "readout", "weights", "set", "n_pairs", "spearman"]].assign(
        **changed
    )


def test_published_numbers_stand_beside_a_run_with_a_verdict():
    found = beside_published(published_run())
    mine = found[found["set"] == "tid2013"]
    assert (mine["verdict"] == "agrees").all()
    vgg = mine[(mine["network"] == "vgg16")].set_index("published_layer")["published_low"]
    assert vgg[["input", "block4 conv1", "block5 pool"]].tolist() == [0.687, 0.841, 0.767]
    assert mine["protocol"].str.len().min() > 0
    others = found[found["set"] == "kadid10k"]
    assert (others["verdict"] == "the run has no set kadid10k").all()
    worse = published_run(spearman=0.3)
    assert (beside_published(worse).query("set == 'tid2013'")["verdict"] == "differs").all()


def test_a_part_of_a_published_set_is_not_compared():
    found = beside_published(published_run(n_pairs=105)).query("set == 'tid2013'")
    assert found["spearman"].isna().all()
    assert found["verdict"].str.contains("105 pairs of tid2013, published was all 3000").all()


def test_expect_says_what_it_could_not_compare(finished, tmp_path):
    said = done("layers", "expect", finished, "--out", tmp_path / "expected.csv")
    assert "the run has no set tid2013" in said
    assert "run" in refused("layers", "expect", tmp_path / "nothing")
    assert len(pd.read_csv(tmp_path / "expected.csv")) == len(published_rows())


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The LIVE pairs of the test data, as a table whose images are found from anywhere."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "set").symlink_to(LIVE)
    table = pd.read_csv(LIVE / "pairs.csv")
    for column in ("image", "reference"):
        table[column] = "set/" + table[column]
    table.to_csv(folder / "live.csv", index=False)
    scale = {"dimensions": {"dmos": {"minimum": -20, "maximum": 120, "good": "low"}}}
    (folder / "live.json").write_text(json.dumps(scale))
    return folder / "live.csv"


@real
def test_the_command_reproduces_an_independent_program_on_live(live, tmp_path):
    done(
        "layers", "run", live, "-n", f"alexnet={WEIGHTS['alexnet']}",
        "-l", "input", "-l", "features.5", "-l", "features.11",
        *(word for name in ("euclid", "rms", "mean", "mean_sd", "cosine", "unit", "balanced")
          for word in ("-r", name)),
        "--scores", "published_psnr:high", "--resamples", 0, "--out", tmp_path,
    )  # fmt: skip
    found = pd.read_csv(tmp_path / "layers.csv").set_index(["layer", "readout"])["spearman"]
    oracle = pd.read_csv(LIVE / "oracle_layers.csv").query("network == 'alexnet'")
    # Their `normalised` divides by the mean difference over the pairs, our `balanced`.
    oracle = oracle.replace({"readout": {"normalised": "balanced"}})
    oracle = oracle.set_index(["layer", "readout"])["spearman"]
    ours = [key for key in found.index if key[0] != "published_psnr"]
    assert len(ours) == 21
    for key in ours:
        assert found[key] == pytest.approx(oracle[key], abs=0.002), key
    assert found["published_psnr", "score"] == pytest.approx(0.893, abs=0.002)


@real
def test_a_distance_of_the_command_is_the_read_out_of_its_pass(live, tmp_path):
    pairs = live_pairs()
    few = pairs.some(np.isin(pairs.scenes, ["buildings", "parrots"]) & (pairs.families == "gblur"))
    network = load_network("alexnet", weights=WEIGHTS["alexnet"], device="cpu")
    found = pass_pairs(network, few, ["features.5"])
    expected = distances("cosine", [found.layer("features.5")])
    table = pd.read_csv(live)
    names = {"set/" + path.relative_to(LIVE).as_posix() for path in few.images}
    table = table[table["image"].isin(names)]
    path = live.with_name("few.csv")
    table.to_csv(path, index=False)
    path.with_suffix(".json").write_text(live.with_suffix(".json").read_text())
    done(
        "layers", "run", path, "-n", f"alexnet={WEIGHTS['alexnet']}", "-l", "features.5",
        "-r", "cosine", "--resamples", 0, "--out", tmp_path,
    )  # fmt: skip
    values = read_layer_results(tmp_path).distances
    np.testing.assert_allclose(values["alexnet/features.5/cosine/none"], expected, rtol=1e-6)
