"""The rivals of a study's maps: made with its network, or brought by the user, and held to."""

import json

import numpy as np
import pytest
import stimuli_pictures
from report_study import write_study
from test_network_importance import selection_of
from typer.testing import CliRunner

from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.maps.contribution import contribution_map
from fechner.analysis.network.maps.removal import BLURRED
from fechner.analysis.network.sanity.rival_selections import (
    all_channels_of,
    all_channels_selection,
    permuted_selection,
)
from fechner.analysis.ratings.prediction.rivals import pixel_predictions
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.experiment.exports.attention import attention_table
from fechner.records.images.files import write_map_png, write_png
from fechner.records.journal import read_journal_files
from fechner.records.map_worth.study_rivals import RivalMaps, read_rivals, write_rivals
from fechner.records.maps import read_maps
from fechner.records.prediction import read_prediction
from fechner.records.screening.attention import write_attention
from fechner.records.stimuli import read_stimulus_set
from fechner.report.page import write_report
from fechner.study.freezing import freeze, plan_lines
from fechner.study.map_rivals.given import rivals_of
from fechner.study.map_rivals.made import draw_rivals
from fechner.study.opening import open_study
from fechner.study.steps import CLAIM, MAPS, STIMULI
from fechner.study.work import check_the_claim


@pytest.fixture(scope="module")
def lite0():
    return load_network(device="cpu")


@pytest.fixture(scope="module")
def pictures():
    """Four small photographs by name."""
    return {name: image[:96, :112] for name, image in stimuli_pictures.photographs().items()}


def photographs_study(folder, pictures, text=""):
    """A study of photographs that nobody rated."""
    for name, picture in pictures.items():
        write_png(folder / "photographs" / f"{name}.png", picture)
    head = 'title = "Rivals"\n[images]\nphotographs = "photographs"\n[stimuli]\nscenes = 4\n'
    (folder / "study.toml").write_text(head + text, "utf-8")
    return open_study(folder)


def bring(folder, pictures, change=None):
    """Write a picture of the user's for each photograph; `change` is done to that of the cup."""
    folder.mkdir()
    for name, picture in pictures.items():
        values = np.random.default_rng(1).random(picture.shape[:2]).astype(np.float32)
        np.save(folder / f"{name}.npy", change(values) if change and name == "cup" else values)


GIVEN = '[maps]\nrivals = {fixations = "fixations"}\n'


def test_maps_by_distance_get_the_activation_of_their_own_layer_and_no_permuted_weights(
    tmp_path, pictures, lite0
):
    place = photographs_study(tmp_path, pictures)
    MAPS.run(place)
    (rival,) = read_rivals(place.rival_maps)
    assert rival.name == "all channels"
    assert rival.about.endswith("all channels of blocks.3 alike")
    found = read_maps(rival.folder)
    assert set(found) == set(pictures)
    alike = selection_of(lite0, np.ones(80), layer="blocks.3")
    own = contribution_map(lite0, pictures["cup"], alike, short_side=96, margin=32)
    np.testing.assert_allclose(found["cup"].raw, own, atol=np.abs(own).max() / 5000)
    stimuli, claim = STIMULI.key(place), CLAIM.reads(place)
    assert not [path for path in STIMULI.reads(place) if "rivals" in path.parts]
    assert {path.parent.name for path in claim} >= {"rivals", "all_channels", "signed"}
    (place.rival_maps / "rivals.json").unlink()
    assert STIMULI.key(place) == stimuli


def test_maps_by_a_selection_get_all_channels_alike_and_its_weights_dealt_anew(
    tmp_path, pictures, lite0
):
    place = photographs_study(tmp_path, pictures)
    weights = np.random.default_rng(0).normal(size=1280)
    chosen = selection_of(lite0, weights, size=64, provenance={"simulated": True})
    images = {"cup": tmp_path / "photographs" / "cup.png"}
    draw_rivals(place, lite0, images, chosen, method="removal", degradation=BLURRED)
    alike, permuted = read_rivals(place.rival_maps)
    assert [alike.name, permuted.name] == ["all channels", "weights permuted"]
    own = contribution_map(lite0, pictures["cup"], all_channels_selection(chosen))
    found = read_maps(alike.folder)["cup"].raw
    np.testing.assert_allclose(found, own, atol=np.abs(own).max() / 5000)
    made = json.loads((permuted.folder / "maps.json").read_text("utf-8"))["provenance"]
    assert made["parameters"]["selection_method"] == "readout, weights permuted"
    assert made["simulated"]
    about = json.loads((permuted.folder / "cup.json").read_text("utf-8"))
    assert about["points"] == 18
    dealt = permuted_selection(chosen, seed=place.study.seed).weights
    assert sorted(dealt) == sorted(weights) and dealt != weights.tolist()


def test_all_channels_of_a_network_are_those_of_a_selection_of_the_same_layers(lite0):
    layers = ["blocks.3", "bn2"]
    found = all_channels_of(lite0, layers)
    chosen = selection_of(lite0, np.zeros(1360), layer="blocks.3+bn2", widths=[80, 1280])
    wanted = all_channels_selection(chosen)
    assert (found.weights, found.kept, found.widths) == (wanted.weights, wanted.kept, [80, 1280])
    with pytest.raises(InputError, match=r"no layer 'blocks\.33'"):
        all_channels_of(lite0, ["blocks.33"])


def shape(values):
    return values[:-3]


def nan(values):
    values[5, 7] = np.nan
    return values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shape, "cup.npy is 112 x 93 px, its image 112 x 96 px"),
        (nan, "cup.npy holds nan at x 7, y 5"),
        (np.negative, "importance is 0 or more"),
        (np.zeros_like, "cup.npy is 0 everywhere and weighs no error"),
    ],
)
def test_a_picture_of_the_users_that_does_not_fit_stops_the_study_before_anything_is_made(
    tmp_path, pictures, change, message
):
    place = photographs_study(tmp_path, pictures, GIVEN)
    bring(tmp_path / "fixations", pictures, change)
    refused(place, message)


def test_a_missing_picture_a_coloured_one_and_a_missing_folder_are_refused(tmp_path, pictures):
    place = photographs_study(tmp_path, pictures, GIVEN)
    refused(place, "fixations of maps")
    bring(tmp_path / "fixations", pictures)
    (tmp_path / "fixations" / "cup.npy").unlink()
    refused(place, "holds no map of 'cup'")
    write_png(tmp_path / "fixations" / "cup.png", pictures["cup"])
    refused(place, "cup.png")


def refused(place, message):
    result = CliRunner().invoke(app, ["study", "run", str(place.folder)])
    said = " ".join(result.output.split())
    assert result.exit_code == 2, result.output
    assert message in said, said
    assert said.count("error:") == 1
    assert not place.maps.exists()


@pytest.mark.parametrize("name", ["saliency", "all channels", "centre", " "])
def test_pictures_of_the_users_may_not_be_called_as_another_rival(tmp_path, pictures, name):
    place = photographs_study(tmp_path, pictures, f'[maps]\nrivals = {{"{name}" = "mine"}}\n')
    with pytest.raises(InputError, match="may not be called"):
        rivals_of(place)


def test_a_study_of_coded_files_has_no_prediction_to_hold_rivals_against(tmp_path):
    text = 'title = "t"\n[stimuli]\nkind = "codecs"\n[claim]\nkind = "codec"\n' + GIVEN
    (tmp_path / "study.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match="this study compares coded files"):
        open_study(tmp_path)


@pytest.fixture
def stimuli_built(tmp_path):
    """A study whose stimuli are built, with a rival of its network and one of the user's."""
    folder = write_study(tmp_path / "study", simulated=False, people=False)
    plain = open_study(folder)
    before = plan_lines(plain)
    maps = read_maps(plain.maps)
    for place in (plain.rival_maps / "all_channels", folder / "fixations"):
        for name, one in maps.items():
            write_map_png(place / f"{name}.png", one.values)
    write_rivals(
        plain.rival_maps, [RivalMaps("all channels", "alike", plain.rival_maps / "all_channels")]
    )
    file = folder / "study.toml"
    file.write_text(file.read_text("utf-8") + GIVEN, "utf-8")
    return open_study(folder), before


def test_the_plan_freezes_which_rivals_there_are_and_their_maps(stimuli_built):
    place, before = stimuli_built
    assert "maps of the rivals" not in before
    lines = freeze(place).lines
    named = [*before["rivals of the prediction"], "all channels", "fixations"]
    assert lines["rivals of the prediction"] == named
    maps = read_maps(place.maps)
    name = next(iter(maps))
    write_map_png(place.folder / "fixations" / f"{name}.png", 1 - maps[name].values)
    with pytest.raises(InputError, match="with other maps of the rivals"):
        freeze(place)


def test_the_claim_step_predicts_by_every_rival_and_one_that_is_the_map_does_as_the_map(tmp_path):
    folder = write_study(tmp_path / "study", statistics=False)
    place = open_study(folder)
    write_attention(attention_table(read_journal_files(place.journals).intact()), place.attention)
    check_the_claim(place)
    without = read_prediction(place.prediction)
    file = folder / "study.toml"
    file.write_text(file.read_text("utf-8") + '[maps]\nrivals = {"the same" = "maps"}\n', "utf-8")
    place = open_study(folder)
    check_the_claim(place)
    found = read_prediction(place.prediction)
    assert found.rivals[:-1] == without.rivals
    assert (found.rivals[-1].name, found.pearson) == ("the same", without.pearson)
    by_map = pixel_predictions(read_stimulus_set(place.stimuli), place.maps).cross.diagonal()
    assert [row.rivals["the same"] for row in found.images] == by_map.tolist()
    page = write_report(folder).read_text("utf-8")
    assert "<td>the same</td>" in page
    assert "the same (errors weighted by the maps in maps)" in place.manuscript.read_text("utf-8")
