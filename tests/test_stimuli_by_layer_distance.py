"""Arms that lie equally far from their intact picture within a network."""

import json
from dataclasses import replace

import pytest
import stimuli_pictures
from typer.testing import CliRunner

from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.maps.damage import local_distance, pair_distance
from fechner.cli.main import app
from fechner.errors import InputError, RefusedError
from fechner.executors import executor
from fechner.provenance import write_text
from fechner.records.images.files import read_image
from fechner.records.stimuli import read_stimulus_set
from fechner.records.study import read_study
from fechner.stimuli.build import build_stimuli
from fechner.stimuli.checks import problems_of

DISTANCES = (0.01, 0.02)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    found = stimuli_pictures.written(tmp_path_factory.mktemp("scenes"))
    return {name: found[name] for name in ("cat", "rocket")}


def build(scenes, folder, distances=DISTANCES, pool=None):
    return build_stimuli(
        scenes,
        folder,
        target_mse=distances,
        measure="layer distance",
        regions=stimuli_pictures.QUICK,
        max_strength_ratio=3.0,
        pool=pool,
    )


@pytest.fixture(scope="module")
def built(scenes, tmp_path_factory):
    return build(scenes, tmp_path_factory.mktemp("set"))


def test_every_arm_of_a_level_lies_at_its_distance(built):
    network = load_network(device="cpu")
    how = local_distance(network)
    degraded = [one for one in built.stimuli if one.region != "intact"]
    assert len(degraded) == 2 * 2 * 3
    for one in degraded:
        intact = read_image(built.image_path(f"{one.scene}_intact"))
        found = pair_distance(network, intact, read_image(built.image_path(one)), how)
        assert found == pytest.approx(DISTANCES[one.level - 1], rel=0.006)
        assert one.layer_distance == found


def test_it_is_another_match_than_that_of_errors(built):
    errors = {(one.scene, one.region): one.mse for one in built.stimuli if one.level == 2}
    apart = [errors[scene, "high"] / errors[scene, "low"] for scene in built.scenes]
    assert max(abs(ratio - 1) for ratio in apart) > 0.1


def test_verify_measures_the_distances_again(built):
    found = read_stimulus_set(built.folder)
    assert problems_of(found) == []
    record = json.loads(json.dumps(found.record))
    record["provenance"]["parameters"]["targets"] = [0.01, 0.03]
    lines = problems_of(replace(found, record=record))
    assert len(lines) == 6
    assert all("of distance within the network, not 0.03 within 0.5 %" in line for line in lines)
    record["layer_distance"]["weights_sha256"] = "0" * 64
    (line,) = problems_of(replace(found, record=record))
    assert "weights of efficientnet_lite0 that are not at hand" in line


def test_a_distance_out_of_reach_is_refused_with_the_range(scenes, tmp_path):
    with pytest.raises(RefusedError, match=r"cannot reach layer distance=0\.9: it reaches 0 to 0"):
        build(scenes, tmp_path, distances=(0.9,))


def test_one_picture_brings_no_network(scenes, tmp_path):
    image = str(scenes["cat"][0])
    words = ["degrade", image, "--target", "layer_distance=0.1", "--region", "everywhere"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "cat.png")])
    assert result.exit_code == 2
    assert "needs a network, which stimulus sets bring" in " ".join(result.output.split())


def test_coded_files_are_not_matched_by_it(tmp_path):
    text = 'title = "t"\n[stimuli]\nkind = "codecs"\n{}\n[claim]\nkind = "codec"\n'
    write_text(tmp_path / "study.toml", text.format('measure = "layer distance"'))
    with pytest.raises(InputError, match="measure is said of degraded regions"):
        read_study(tmp_path)
    coded = '[stimuli.codecs]\nmatch = "layer distance"'
    write_text(tmp_path / "study.toml", text.format(coded))
    with pytest.raises(InputError, match=r"'stimuli\.codecs\.match' got 'layer distance'"):
        read_study(tmp_path)


@pytest.mark.proof
def test_the_same_bytes_come_from_two_processes(built, scenes, tmp_path):
    with executor(2) as pool:
        shared = build(scenes, tmp_path, pool=pool)
    assert shared.sha256 == built.sha256
    pictures = list(built.folder.glob("*.png"))
    assert len(pictures) == len(built.stimuli)
    for path in pictures:
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
