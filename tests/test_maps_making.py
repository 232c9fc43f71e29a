"""Sets of maps: no work done twice, one bad file named, in this process and in others."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.maps import making
from fechner.analysis.network.maps.damage import LocalDistance, damage
from fechner.analysis.network.maps.making import UNFINISHED, importance_maps
from fechner.analysis.network.maps.removal import blurred
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.executors import executor
from fechner.records.images.files import read_image, write_png
from fechner.records.maps import read_maps

FAST = LocalDistance(("blocks.1",))


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network(device="cpu")


@pytest.fixture
def pictures(tmp_path):
    from skimage import data

    folder = tmp_path / "photos"
    folder.mkdir()
    parts = {"0801": data.chelsea()[:120, :160], "null": data.coffee()[:130, :97]}
    parts["1e5"] = data.astronaut()[:96, :96]
    for name, pixels in parts.items():
        write_png(folder / f"{name}.png", np.ascontiguousarray(pixels))
    return {name: folder / f"{name}.png" for name in parts}


@pytest.fixture
def counted(monkeypatch):
    """How many maps are made, by hooking what makes one."""
    made = []
    true = making.made_map
    monkeypatch.setattr(making, "made_map", lambda *a, **k: made.append(1) or true(*a, **k))
    return made


def test_maps_by_distance_need_no_selection_and_say_what_they_are(lite0, pictures, tmp_path):
    made = importance_maps(lite0, pictures, folder=tmp_path / "maps", distance=FAST)
    again = read_maps(tmp_path / "maps")
    assert set(again) == set(pictures)
    assert max(one.values.max() for one in again.values()) == 1
    for name, one in again.items():
        image = read_image(pictures[name])
        expected = damage(lite0, image, blurred(image), FAST)
        np.testing.assert_allclose(one.raw, expected.values, atol=1e-4 * one.record["scale"])
        assert one.record["distance"] == pytest.approx(expected.distance)
        assert one.record["method"].startswith("damage: where the network sees the difference")
        assert one.record["unit"] == "distance in blocks.1, 1 - cosine"
        how = one.record["provenance"]["parameters"]
        assert (how["layer"], how["readout"], how["short_side"]) == ("blocks.1", "cosine", None)
        assert "blur" in how["degradation"]
    assert made.record["counts"] == "positive"
    assert not (tmp_path / "maps" / UNFINISHED).exists()


def test_the_two_kinds_of_distance_say_which_they_are(lite0, pictures, tmp_path):
    for kind, word in (("distance", "damage:"), ("distance_per_error", "damage per error:")):
        made = importance_maps(lite0, pictures, folder=tmp_path / kind, method=kind, distance=FAST)
        assert made.record["method"].startswith(word)
    assert made.record["unit"].endswith("per squared grey level")


def test_a_finished_set_is_not_made_again_and_a_changed_one_is(lite0, pictures, tmp_path, counted):
    folder = tmp_path / "maps"
    first = importance_maps(lite0, pictures, folder=folder, distance=FAST)
    assert len(counted) == 3
    again = importance_maps(lite0, pictures, folder=folder, distance=FAST)
    assert len(counted) == 3
    assert again.record == first.record
    importance_maps(lite0, pictures, folder=folder, distance=LocalDistance(("blocks.0",)))
    assert len(counted) == 6
    (folder / "null.png").unlink()
    importance_maps(lite0, pictures, folder=folder, distance=LocalDistance(("blocks.0",)))
    assert (folder / "null.png").exists()


def test_a_stopped_run_goes_on_where_it_was(lite0, pictures, tmp_path, monkeypatch, counted):
    folder = tmp_path / "maps"
    true = making.made_map

    def stopped(network, image, *given, **options):
        if image.shape[:2] == (96, 96):
            raise KeyboardInterrupt
        return true(network, image, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(making, "made_map", stopped)
        with pytest.raises(KeyboardInterrupt):
            importance_maps(lite0, pictures, folder=folder, distance=FAST)
    assert not (folder / "maps.json").exists()
    assert len(counted) == 2
    importance_maps(lite0, pictures, folder=folder, distance=FAST)
    assert len(counted) == 3
    assert set(read_maps(folder)) == set(pictures)


def test_one_bad_file_is_named_and_the_others_go_on(lite0, pictures, tmp_path, counted):
    folder = tmp_path / "maps"
    good = pictures["null"].read_bytes()
    pictures["null"].write_bytes(good[: len(good) // 2])
    with pytest.raises(InputError, match=r"1 of 3 images have no map.*null\.png.*other 2") as said:
        importance_maps(lite0, pictures, folder=folder, distance=FAST)
    assert "\n" not in str(said.value)
    assert set(read_maps(folder)) == {"0801", "1e5"}
    pictures["null"].write_bytes(good)
    importance_maps(lite0, pictures, folder=folder, distance=FAST)
    assert len(counted) == 3
    assert set(read_maps(folder)) == set(pictures)


def test_a_flat_image_is_named(lite0, pictures, tmp_path):
    write_png(pictures["1e5"], np.full((80, 80, 3), 60, np.uint8))
    with pytest.raises(InputError, match=r"1e5\.png: the image is flat"):
        importance_maps(lite0, pictures, folder=tmp_path / "maps", distance=FAST)
    alone = {"1e5": pictures["1e5"]}
    with pytest.raises(InputError, match="the image is flat"):
        importance_maps(lite0, alone, folder=tmp_path / "alone", distance=FAST)
    assert not (tmp_path / "alone").exists()


def test_degraded_images_of_ones_own(lite0, pictures, tmp_path):
    worse = {}
    for name, path in pictures.items():
        image = read_image(path).copy()
        image[40:60, 20:40] = 255 - image[40:60, 20:40]
        worse[name] = tmp_path / f"worse_{name}.png"
        write_png(worse[name], image)
    made = importance_maps(lite0, pictures, folder=tmp_path / "maps", against=worse, distance=FAST)
    for one in made.maps.values():
        y, x = np.unravel_index(np.argmax(one.values), one.values.shape)
        assert 36 <= y < 64
        assert 16 <= x < 44
        assert any(name.startswith("degraded ") for name in one.record["provenance"]["inputs"])
    with pytest.raises(InputError, match="2 of 3 images have no degraded version"):
        importance_maps(
            lite0, pictures, folder=tmp_path / "m", against={"null": worse["null"]}, distance=FAST
        )
    same = dict(pictures)
    with pytest.raises(InputError, match="equal, pixel by pixel"):
        importance_maps(lite0, pictures, folder=tmp_path / "m", against=same, distance=FAST)
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_other_processes_make_the_same_maps(lite0, pictures, tmp_path):
    here = importance_maps(lite0, pictures, folder=tmp_path / "here", distance=FAST)
    with executor(2) as pool:
        there = importance_maps(
            lite0, pictures, folder=tmp_path / "there", distance=FAST, pool=pool
        )
    for name in pictures:
        np.testing.assert_array_equal(here.maps[name].values, there.maps[name].values)


# the command


def fechner(*words) -> object:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_maps_without_a_selection_at_the_command_line(pictures, tmp_path):
    folder = pictures["null"].parent
    result = fechner("maps", "make", folder, "--out", tmp_path / "maps", "--layer", "blocks.1")
    assert result.exit_code == 0, result.output
    assert "3 maps (damage) of all channels" in " ".join(result.output.split())
    assert "distance in blocks.1, 1 - cosine" in " ".join(result.output.split())
    record = json.loads((tmp_path / "maps" / "maps.json").read_text())
    assert record["provenance"]["parameters"]["map_method"] == "distance"
    for name in pictures:
        overlay = read_image(tmp_path / "maps" / "overlays" / f"{name}.png")
        assert overlay.shape == read_image(pictures[name]).shape


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--method", "removal"), "need a selection"),
        (("--method", "distnace"), "no method 'distnace'.*did you mean"),
        (("--against", ".", "--family", "jpeg", "--strength", "2"), "give one of the two"),
        (("--family", "jpeg"), "need a strength"),
        (("--layer", "blocks.77"), "no layer 'blocks.77'"),
        (("--short-side", "20"), "64 pixels or more"),
        (("--network", "alexnet9"), "no network"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(pictures, tmp_path, words, said):
    result = fechner("maps", "make", pictures["null"], "--out", tmp_path / "maps", *words)
    assert result.exit_code == 2, result.output
    assert re.search(said, " ".join(result.output.split())), result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "maps").exists()


def test_a_folder_of_the_user_stays_where_no_map_was_made(lite0, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError):
        importance_maps(lite0, {"a": tmp_path / "no.png"}, folder=tmp_path / "mine")
    assert (tmp_path / "mine").is_dir()
