"""The distance of the network's layer as a rival: numbers that the statistics can take."""

import numpy as np
import pytest
from report_study import candidate
from scipy.ndimage import gaussian_filter

from fechner.provenance import sha256_file
from fechner.records.images.files import write_png
from fechner.records.selection import SelectionStudy
from fechner.records.stimuli import Stimulus, StimulusSet
from fechner.study.layer_distance import layer_distance
from fechner.study.opening import open_study

SCENES = ("0801", "null")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "study.toml").write_text('title = "Two scenes"\n')
    rng = np.random.default_rng(0)
    chosen = candidate("readout", rng, list(SCENES) * 4, gain=(0.1, 0.1), simulated=True)
    study = SelectionStudy(dimension="quality", candidates=[chosen], chosen="readout", reason="-")
    study.write(tmp_path / "channels" / "selection.json")
    said = []
    return open_study(tmp_path, say=said.append), said


@pytest.fixture
def stimuli(tmp_path):
    """Two scenes whose high arm is blurred three times as wide as the low one, at two levels."""
    rng, rows = np.random.default_rng(1), []
    for scene in SCENES:
        picture = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
        for region, level, sd in (("intact", 0, 0), ("low", 1, 0.4), ("low", 2, 0.5),
                                  ("high", 1, 1.2), ("high", 2, 1.5)):  # fmt: skip
            name = f"{scene}_{region}{level}"
            write_png(tmp_path / f"{name}.png", gaussian_filter(picture, (sd, sd, 0)))
            sha = sha256_file(tmp_path / f"{name}.png")
            figures = (level, sd, "px", 0.2, 1, 9.0, 0.9, 5.0, 5.0)
            rows.append(Stimulus(name, f"{name}.png", scene, region, "blur", *figures, sha))
    return StimulusSet(tmp_path, tuple(rows), {})


def test_what_is_degraded_more_lies_further_away(place, stimuli):
    found = layer_distance(place[0], stimuli)
    assert set(found.arms) == set(SCENES)
    for low, high in found.arms.values():
        assert 0 < low < high
    assert found.about == "distance of efficientnet_lite0, layer blocks.6.0, all channels"


def test_an_arm_that_is_the_intact_picture_lies_at_distance_zero(place, stimuli, tmp_path):
    rows = [one for one in stimuli.stimuli if one.region == "intact"]
    same = [
        Stimulus(**(vars(one) | {"stimulus": f"{one.scene}_{arm}", "region": arm}))
        for one in rows
        for arm in ("low", "high")
    ]
    found = layer_distance(place[0], StimulusSet(tmp_path, (*rows, *same), {}))
    assert found.arms == dict.fromkeys(SCENES, (0.0, 0.0))


def test_without_a_selection_there_is_no_distance(place, stimuli):
    place[0].selection.unlink()
    assert layer_distance(place[0], stimuli) is None


def test_a_network_that_cannot_be_loaded_is_said_and_does_not_stop_the_claim(place, stimuli):
    path = place[0].selection
    path.write_text(path.read_text("utf-8").replace("efficientnet_lite0", "efficientnet_lite9"))
    assert layer_distance(place[0], stimuli) is None
    assert len(place[1]) == 1
    assert "is left out: " in place[1][0]
