"""The commands for networks and maps: what they write and how they refuse."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.analysis.network.layers.activations import activations
from fechner.analysis.network.layers.networks import load_network
from fechner.cli.main import app
from fechner.cli.paths import by_name, image_paths
from fechner.errors import InputError
from fechner.records.images.files import write_png
from fechner.records.selection import ChannelSelection, Gain, SelectionStudy


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    from skimage import data

    folder = tmp_path_factory.mktemp("photos")
    write_png(folder / "cat.png", data.chelsea()[::2, ::2])
    write_png(folder / "coffee.png", data.coffee()[::2, ::2])
    return folder


@pytest.fixture(scope="module")
def selection(tmp_path_factory):
    weights = np.random.default_rng(0).normal(size=1280)
    chosen = ChannelSelection(
        network="efficientnet_lite0",
        layer="bn2",
        widths=[1280],
        size=224,
        weights_sha256=load_network(device="cpu").weights_sha256,
        preprocessing="",
        pool="mean",
        dimension="quality",
        method="readout",
        n_channels=1280,
        kept=[True] * 1280,
        weights=weights.tolist(),
        impact=[0.0] * 1280,
        alignment_selection=Gain(before=None, after=None),
        alignment_held_out=Gain(before=None, after=None),
        scenes_selection=["a"],
        scenes_held_out=["s1"],
        provenance={},
    )
    path = tmp_path_factory.mktemp("channels") / "selection.json"
    SelectionStudy(
        dimension="quality", candidates=[chosen], chosen="readout", reason="a test"
    ).write(path)
    return path


def test_networks_lists_every_network_with_layers_and_whether_it_is_here():
    answer = run("networks")
    assert answer.exit_code == 0
    for name in ("efficientnet_lite0 (default)", "vgg16", "densenet121", "squeezenet1_1"):
        assert name in answer.output
    assert "features.30 (default)" in answer.output
    assert "weights present" in answer.output


def test_networks_with_a_name_lists_every_layer_of_it():
    answer = run("networks", "efficientnet_lite0")
    assert "bn2, norm (default)" in answer.output
    assert "blocks.3.1.conv_dw" in answer.output
    assert "penultimate" in answer.output
    assert "100 %      1280  bn2" in answer.output


def test_networks_says_how_absent_weights_are_obtained():
    answer = run("networks")
    assert "weights not here, by file" in answer.output
    assert "timm:NAME --weights FILE" in answer.output


def test_networks_lists_an_untrained_network_of_timm_as_such():
    answer = run("networks", "timm:vit_tiny_patch16_224", "--weights", "random")
    assert "SIMULATED" in answer.output and "blocks.11, block (default)" in answer.output


def test_activations_are_stored_and_found_again(photos, tmp_path):
    arguments = ("network", "activations", photos, "--out", tmp_path, "--pool", "mean")
    first = run(*arguments, "--layer", "bn2", "--layer", "blocks.4", "--size", 96)
    assert first.exit_code == 0, first.output
    assert "bn2: 2 x 1280" in first.output
    assert "blocks.4: 2 x 112" in first.output
    assert sorted(np.load(path).shape for path in tmp_path.glob("*.npy")) == [(2, 112), (2, 1280)]


def test_activations_of_a_table_are_those_that_channels_look_for(tmp_path):
    names = ("b.png", "a.png")
    for k, name in enumerate(names):
        write_png(tmp_path / name, np.full((64, 64, 3), 60 * k, np.uint8))
    (tmp_path / "rated.csv").write_text("image,scene,quality\nb.png,s,1\na.png,t,2\n")
    (tmp_path / "rated.json").write_text(
        '{"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "high"}}}'
    )
    table, cache, how = tmp_path / "rated.csv", tmp_path / "cache", {"size": 64, "pool": "mean"}
    answer = run("network", "activations", table, "--out", cache, "--pool", "mean", "--size", 64)
    assert answer.exit_code == 0, answer.output
    paths = [tmp_path / name for name in names]
    key = activations(load_network(device="cpu"), ["bn2"], paths, **how)["bn2"].key
    assert np.load(cache / f"{key}.npy").shape == (2, 1280)


def test_maps_are_made_with_overlays(photos, selection, tmp_path):
    answer = run(
        "maps", "make", photos, "--selection", selection, "--out", tmp_path, "--method", "removal"
    )
    assert answer.exit_code == 0, answer.output
    assert "2 maps (removal) of quality by readout" in answer.output
    record = json.loads((tmp_path / "cat.json").read_text())
    assert record["provenance"]["parameters"]["degradation"].startswith("Gaussian blur")
    assert (tmp_path / "overlays" / "coffee.png").is_file()


@pytest.mark.parametrize(
    ("evidence", "words", "kind"),
    [
        (None, [], "contribution"),
        (0.4, [], "removal"),
        (0.4, ["--method", "contribution"], "contribution"),
    ],
)
def test_maps_are_of_removal_where_the_selection_predicts_ratings(
    evidence, words, kind, photos, selection, tmp_path
):
    found = json.loads(selection.read_text())
    if evidence is not None:
        found["candidates"][0]["readout"] = {"held_out_spearman": evidence}
    (tmp_path / "selection.json").write_text(json.dumps(found))
    answer = run(
        "maps", "make", photos, "--selection", tmp_path / "selection.json",
        "--out", tmp_path / "maps", "--no-overlays", *words,
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert f"2 maps ({kind})" in answer.output
    record = json.loads((tmp_path / "maps" / "cat.json").read_text())
    assert record["provenance"]["parameters"]["map_method"] == kind


def test_options_that_do_not_fit_the_kind_of_map_are_refused(photos, selection, tmp_path):
    words = ("maps", "make", photos, "--selection", selection, "--out", tmp_path)
    answer = run(*words, "--family", "noise", "--strength", 20)
    assert answer.exit_code == 2
    assert "belong to maps by removal" in answer.output
    answer = run(*words, "--method", "guess")
    assert answer.exit_code == 2
    assert "auto, contribution, removal" in answer.output
    assert not list(tmp_path.iterdir())


def test_maps_are_checked_against_their_model_for_a_named_degradation(photos, selection):
    answer = run(
        "maps", "check", photos / "cat.png", "--selection", selection,
        "--family", "noise", "--strength", 20,
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "contribution: beyond the interval better than" in answer.output
    assert "16 tiles each" in answer.output
    assert "nan" not in answer.output


def test_finetune_leaves_the_held_out_scenes_of_a_selection_alone(photos, selection, tmp_path):
    from skimage import data

    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        top = 10 * number
        name = f"i{number}.png"
        crop = data.astronaut()[top : top + 64, 100:164].astype(float)
        level = 40 * (number % 2)
        write_png(
            tmp_path / name,
            np.clip(crop + rng.normal(0, level, crop.shape), 0, 255).astype(np.uint8),
        )
        rows.append({"image": name, "scene": f"s{number // 2}", "quality": 4 - number % 2})
    pd.DataFrame(rows).to_csv(tmp_path / "rated.csv", index=False)
    scales = {"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "high"}}}
    (tmp_path / "rated.json").write_text(json.dumps(scales))
    answer = run(
        "network", "finetune", tmp_path / "rated.csv", "--dimension", "quality",
        "--out", tmp_path / "tuned", "--leave-out", selection,
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    record = json.loads((tmp_path / "tuned" / "efficientnet_lite0_quality_head.json").read_text())
    seen = record["scenes_training"] + record["scenes_validation"]
    assert "s1" not in seen
    assert len(seen) == 9


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("network", "activations", "{photos}", "--out", "x", "--layer", "bn22"), "'bn2'"),
        (("network", "activations", "{photos}", "--out", "x", "--network", "alexnett"), "alexnet"),
        (("network", "activations", "nowhere", "--out", "x"), "no file or folder nowhere"),
        (("maps", "make", "{photos}", "--selection", "none.json", "--out", "x"), "none.json"),
        (
            ("maps", "check", "{photos}", "--selection", "{selection}", "--strength", "4"),
            "give both",
        ),
        (
            ("maps", "check", "{photos}", "--selection", "{selection}", "--family", "jpeg"),
            "need a strength of the family 'jpeg'",
        ),
        (
            ("maps", "make", "{photos}", "--selection", "{selection}", "--out", "x",
             "--family", "blur"),
            "belong to maps by removal",
        ),
    ],
)  # fmt: skip
def test_bad_input_ends_in_one_line_and_exit_code_2(arguments, expected, photos, selection):
    filled = [str(word).format(photos=photos, selection=selection) for word in arguments]
    answer = run(*filled)
    assert answer.exit_code == 2
    assert expected in " ".join(answer.output.split())
    assert "Traceback" not in answer.output


def test_folders_are_searched_and_equal_names_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_png(tmp_path / folder / "one.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    found = image_paths([tmp_path])
    assert [path.name for path in found] == ["one.png", "one.png"]
    with pytest.raises(InputError, match="two images are called 'one'"):
        by_name(found)
    with pytest.raises(InputError, match="no image found"):
        image_paths([_empty(tmp_path)])


def _empty(folder):
    (folder / "empty").mkdir()
    return folder / "empty"
