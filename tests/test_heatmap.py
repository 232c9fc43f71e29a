"""One image, one map: the call of a notebook, ``fechner map`` and ``fechner impact``."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import fechner
from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.maps.damage import damage, local_distance
from fechner.analysis.network.maps.removal import blurred
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.images.files import write_png
from fechner.report.heatmaps.heatmap_figure import Panels, _ticks, heatmap_png
from fechner.stimuli.overlays import coloured_map, overlaid
from fechner.study.heatmaps.heatmap import heatmap_by
from fechner.study.heatmaps.impact import LIVE_DISTANCES, LIVE_DMOS, impact
from fechner.study.heatmaps.places import top_place
from fechner.study.maps import mapping_network

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="module")
def asked():
    return mapping_network(device="cpu")


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    from skimage import data

    return np.ascontiguousarray(data.chelsea())


@pytest.fixture(scope="module")
def patched(cat) -> np.ndarray:
    """The cat with a blurred patch at the upper right."""
    worse = cat.copy()
    worse[20:80, 330:420] = blurred(blurred(cat))[20:80, 330:420]
    return worse


def run(*words) -> object:
    return CliRunner().invoke(app, [str(word) for word in words])


def said(result) -> str:
    return " ".join(result.output.split())


# the call


def test_a_heatmap_is_the_damage_of_a_blur_and_a_notebook_shows_it(cat):
    found = fechner.heatmap(cat, device="cpu")
    network = load_network(device="cpu")
    expected = damage(network, cat, blurred(cat), local_distance(network))
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.about["distance"] == expected.distance
    assert found.importance.max() == 1
    assert found.overlay.shape == cat.shape
    picture = Image.open(io.BytesIO(found._repr_png_()))
    assert picture.format == "PNG"
    assert picture.width > 3 * picture.height / 2


def test_a_file_an_array_and_a_pillow_image_give_the_same_map(cat, tmp_path):
    write_png(tmp_path / "cat.png", cat)
    values = [
        fechner.heatmap(one, device="cpu").values
        for one in (str(tmp_path / "cat.png"), tmp_path / "cat.png", Image.fromarray(cat))
    ]
    for one in values:
        np.testing.assert_array_equal(one, fechner.heatmap(cat, device="cpu").values)
    with pytest.raises(InputError, match="got list"):
        fechner.heatmap([1, 2])


def test_against_an_altered_version_the_map_is_where_it_was_altered(cat, patched):
    found = fechner.heatmap(cat, against=patched, device="cpu")
    inside = found.values[12:88, 322:428].sum() / found.values.sum()
    assert inside > 0.6
    assert "the altered version" in found.made
    two, three = (
        Image.open(io.BytesIO(one.png())).width for one in (replace(found, altered=None), found)
    )
    assert three > two


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"against": np.zeros((300, 450, 3), np.uint8)}, "450 x 300 pixels and the original"),
        ({"family": "jpeg"}, "need a strength"),
        ({"method": "removal"}, "need a selection"),
        ({"method": "damage"}, "no method 'damage'"),
        ({"layers": ["blocks.9"]}, "no layer"),
        ({"network": "lite"}, "no network"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(cat, options, words):
    with pytest.raises(InputError, match=words) as caught:
        fechner.heatmap(cat, device="cpu", **options)
    assert "\n" not in str(caught.value)


def test_a_flat_image_and_a_pair_without_difference_are_refused(asked, cat):
    with pytest.raises(InputError, match="the image is flat"):
        heatmap_by(asked, np.full((90, 90, 3), 8, np.uint8))
    with pytest.raises(InputError, match="no difference to find"):
        heatmap_by(asked, cat, altered=cat.copy())


def test_a_heatmap_is_written_whole_as_png_only(asked, cat, tmp_path):
    found = heatmap_by(asked, cat)
    path = found.save(tmp_path / "map.png")
    assert path.read_bytes() == found.png()
    with pytest.raises(InputError, match=r"end its name in \.png"):
        found.save(tmp_path / "map.jpg")
    assert [one.name for one in tmp_path.iterdir()] == ["map.png"]


# the picture


def test_the_overlay_has_the_colour_of_the_map_and_the_detail_of_the_image(cat):
    """On a grey image the overlay is the map's colour; on a photograph its detail is seen."""
    values = np.tile(np.linspace(0, 1, 451, dtype=np.float32), (300, 1))
    grey = np.full((300, 451, 3), 119, np.uint8)
    apart = np.abs(overlaid(grey, values).astype(int) - coloured_map(values))
    assert apart.mean() < 4
    flat = overlaid(cat, np.full((300, 451), 0.25, np.float32)).mean(axis=2)
    light = cat.mean(axis=2)

    def detail(one):
        return one - np.array(
            Image.fromarray(one.astype(np.float32)).resize((9, 6)).resize((451, 300))
        )

    assert np.corrcoef(detail(flat).ravel(), detail(light).ravel())[0, 1] > 0.8


@pytest.mark.parametrize("scale", [0.0314, 1.02, 1.6, 2.0, 4.9, 7.7, 9.9, 123.0, 3e-7])
def test_the_colour_bar_has_round_numbers_up_to_its_end(scale):
    ticks = _ticks(scale)
    assert ticks[0] == 0
    assert len(ticks) >= 3
    assert ticks == sorted(set(ticks))
    assert scale / 2.6 <= ticks[-1] <= scale


def test_simulated_is_drawn_into_the_picture(cat):
    made = {"image": cat, "map": coloured_map(np.ones(cat.shape[:2]))}
    plain, stamped = (
        np.asarray(
            Image.open(io.BytesIO(heatmap_png(Panels(made, 1.0, "u", "m", simulated=one))))
        ).astype(int)
        for one in (False, True)
    )
    changed = (plain != stamped).any(axis=2)
    red = stamped[changed]
    assert changed.any()
    assert (red[:, 0] > red[:, 2]).mean() > 0.9


# where it is


def test_the_top_place_is_the_region_that_holds_most():
    values = np.full((90, 120), 0.01, np.float32)
    values[10:20, 90:110] = 1.0
    values[60:66, 10:16] = 1.0
    found = top_place(values)
    assert (found.left, found.top, found.width, found.height) == (90, 10, 20, 10)
    assert found.words == "upper right"
    assert found.area == pytest.approx(200 / values.size)
    assert found.share == pytest.approx(200 / values.sum())
    assert "20 x 10 px at (90, 10)" in found.told


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((5, 5), "upper left"),
        ((45, 60), "centre"),
        ((45, 115), "middle right"),
        ((85, 60), "lower centre"),
    ],
)
def test_places_are_named_by_ninths(place, words):
    values = np.zeros((90, 120), np.float32)
    values[place] = 1
    assert top_place(values).words == words


# impact


def test_an_impact_is_the_distance_and_the_error_weighted_by_the_map(asked, cat, patched):
    found = impact(asked, cat, patched)
    expected = damage(asked.network, cat, patched, asked.distance)
    error = np.square(cat.astype(float) - patched).mean(axis=2)
    weights = expected.values / expected.values.mean(dtype=float)
    assert found.distance == expected.distance
    assert found.mse == pytest.approx(error.mean())
    assert found.weighted_error == pytest.approx((error * weights).mean(), rel=1e-5)
    assert found.weighted_error > 5 * found.mse
    assert found.place.words == "upper right"


def test_a_distance_is_put_beside_what_people_said_only_where_that_was_measured(cat, patched):
    usual, other = mapping_network(device="cpu"), mapping_network(layers=["blocks.1"], device="cpu")
    assert 0 < impact(usual, cat, patched).dmos < 30
    assert impact(other, cat, patched).dmos is None
    noise = np.random.default_rng(0).integers(0, 256, cat.shape, dtype=np.uint8)
    far = impact(usual, cat, noise)
    assert far.distance > LIVE_DISTANCES[-1]
    assert far.dmos is None


@pytest.mark.proof
def test_the_distances_of_live_are_those_in_the_table(asked):
    """Every seventh of the 105 pairs has the median distance and the mean DMOS of the table."""
    import pandas as pd

    from fechner.records.images.files import read_image

    folder = DATA / "live_pairs"
    if not folder.is_dir():
        pytest.skip(f"no LIVE pairs in {DATA}")
    table = pd.read_csv(folder / "pairs.csv")
    found = np.array(
        [
            damage(
                asked.network,
                read_image(folder / row.reference),
                read_image(folder / row.image),
                asked.distance,
            ).distance
            for row in table.itertuples()
        ]
    )
    sevenths = np.array_split(np.argsort(found), 7)
    assert [np.median(found[one]) for one in sevenths] == pytest.approx(LIVE_DISTANCES, abs=1e-3)
    assert [table.dmos[one].mean() for one in sevenths] == pytest.approx(LIVE_DMOS, abs=0.6)
    assert pd.Series(found).corr(table.dmos, method="spearman") > 0.93


# the commands


def test_maps_of_several_images_are_drawn_on_one_scale(cat, tmp_path, monkeypatch):
    from fechner.study.heatmaps.heatmap import Heatmap

    drawn = {}
    true = Heatmap.save
    monkeypatch.setattr(
        Heatmap, "save", lambda one, path: drawn.update({path.name: one}) or true(one, path)
    )
    write_png(tmp_path / "sharp.png", cat)
    write_png(tmp_path / "soft.png", blurred(blurred(cat)))
    result = run("map", tmp_path / "sharp.png", tmp_path / "soft.png", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        "sharp-map.png",
        "soft-map.png",
    ]
    assert drawn["sharp-map.png"].scale == drawn["soft-map.png"].scale
    assert "most at the" in said(result)


def test_one_bad_file_is_named_and_the_others_are_drawn(cat, tmp_path):
    write_png(tmp_path / "good.png", cat)
    (tmp_path / "bad.png").write_bytes(b"no image")
    result = run("map", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "1 of 2 images have no map" in said(result)
    assert "bad.png" in said(result)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["good-map.png"]


def test_impact_prints_the_harm_and_where_it_is(cat, patched, tmp_path):
    write_png(tmp_path / "a.png", cat)
    write_png(tmp_path / "b.png", patched)
    result = run("impact", tmp_path / "a.png", tmp_path / "b.png", "--out", tmp_path / "i.png")
    assert result.exit_code == 0, result.output
    words = said(result)
    assert "predicted harm: 0.0" in words
    assert "DMOS of about" in words
    assert "where the network sees it" in words
    assert "where: upper right" in words
    assert (tmp_path / "i.png").is_file()
    result = run("impact", tmp_path / "a.png", tmp_path / "a.png", "--out", tmp_path / "j.png")
    assert result.exit_code == 2
    assert "no difference to find" in said(result)
    assert not (tmp_path / "j.png").exists()


def test_the_call_is_lazy():
    code = "import fechner, sys; fechner.heatmap.__doc__; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
