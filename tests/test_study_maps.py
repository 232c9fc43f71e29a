"""What a study's maps rest on: a selection that predicts ratings, else the layer distance."""

import json

import numpy as np
import pytest
import stimuli_pictures
from report_study import candidate

from fechner.errors import InputError
from fechner.records.images.files import write_png
from fechner.records.maps import read_maps
from fechner.records.selection import ReadoutEvidence
from fechner.report.page import write_report
from fechner.study.maps import degradation_of_regions, distance_network, study_method
from fechner.study.opening import open_study
from fechner.study.steps import CHANNELS, MAPS, run_steps
from fechner.study.work import images_of_scenes

SCENES = list("abcdefghij")


def chosen(readout):
    rng = np.random.default_rng(0)
    return candidate("greedy", rng, SCENES, gain=(0.1, 0.1), readout=readout, simulated=True)


def test_only_a_selection_that_predicts_ratings_drives_the_maps_unasked():
    predicts, aligns = chosen(ReadoutEvidence(held_out_spearman=0.4)), chosen(None)
    assert study_method(predicts, "auto") == "removal"
    assert study_method(aligns, "auto") == "distance"
    assert study_method(None, "auto") == "distance"


def test_a_method_that_is_asked_for_is_taken_and_refused_where_it_needs_a_selection():
    assert study_method(chosen(None), "contribution") == "contribution"
    assert study_method(None, "distance_per_error") == "distance_per_error"
    with pytest.raises(InputError, match="maps by removal need a selection"):
        study_method(None, "removal")


@pytest.mark.parametrize("family", ["blur", "noise"])
def test_an_image_is_degraded_as_strongly_as_the_regions_of_the_stimuli(family):
    image = stimuli_pictures.photographs()["crew"]
    worse = degradation_of_regions(family, target_mse=40.0, share=0.2).apply(image)
    error = np.square(worse.astype(float) - image).mean()
    assert error == pytest.approx(200.0, rel=0.1)


def test_an_image_that_cannot_lose_so_much_loses_what_it_can():
    image = np.full((64, 80, 3), 90, np.uint8)
    image[:, 40:] = 110
    worse = degradation_of_regions("blur", target_mse=60.0, share=0.2).apply(image)
    assert 0 < np.square(worse.astype(float) - image).mean() < 300


def test_a_network_that_was_not_held_against_people_leaves_the_distance_to_the_packaged_one():
    assert distance_network("resnet50", device="cpu").name == "efficientnet_lite0"


@pytest.fixture(scope="module")
def unrated(tmp_path_factory):
    """A study of four photographs that nobody rated, with its maps."""
    folder = tmp_path_factory.mktemp("unrated")
    for name, picture in stimuli_pictures.photographs().items():
        write_png(folder / "photographs" / f"{name}.png", picture)
    text = (
        'title = "Unrated"\n[images]\nphotographs = "photographs"\n[network]\nname = "resnet50"\n'
    )
    (folder / "study.toml").write_text(text, "utf-8")
    place = open_study(folder)
    run_steps(place, (CHANNELS, MAPS), report=False)
    return place


def test_photographs_that_nobody_rated_get_maps_by_distance_without_channels(unrated):
    assert not unrated.channels.exists()
    maps = read_maps(unrated.maps)
    assert set(maps) == {"cat", "cup", "rocket", "crew"}
    record = json.loads((unrated.maps / "maps.json").read_text("utf-8"))
    made = record["provenance"]["parameters"]
    assert made["map_method"] == "distance" and made["network"] == "efficientnet_lite0"
    assert "300 squared grey levels" in made["degradation"]
    assert not record["provenance"]["simulated"]


def test_the_report_of_an_unrated_study_says_what_its_maps_are_and_asks_for_no_channels(unrated):
    page = write_report(unrated.folder).read_text("utf-8")
    assert "The maps show damage: where the network (efficientnet_lite0, blocks.3)" in page
    assert "Channels are not chosen" not in page
    assert "Stimuli are not built" in page


def test_photographs_and_a_table_of_rated_images_exclude_each_other(tmp_path):
    text = 'title = "Both"\n[images]\nphotographs = "p"\ntable = "rated.csv"\n'
    (tmp_path / "study.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match="photographs stand in place of rated images; leave out"):
        open_study(tmp_path)


def test_too_few_photographs_are_refused(tmp_path):
    write_png(tmp_path / "few" / "a.png", stimuli_pictures.photographs()["cat"])
    (tmp_path / "study.toml").write_text('title = "Few"\n[images]\nphotographs = "few"\n', "utf-8")
    with pytest.raises(InputError, match=r"needs 4 photographs .* holds 1"):
        images_of_scenes(open_study(tmp_path))
