"""Comparisons at equal bytes: the arithmetic of curves, and what maps do to pictures."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner

from fechner.cli.compress import app
from fechner.compression.folders.curves import (
    CONDITIONS,
    Point,
    at_bytes,
    bd_rate,
    curves,
    maps_of,
    parts,
)
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.ramp import centre_map
from fechner.errors import InputError
from fechner.records.images.files import write_map_png


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:256, 100:356])


@pytest.fixture(scope="module")
def points(photograph) -> list[Point]:
    left = np.linspace(1, 0, 256)[None, :].repeat(256, axis=0)
    return curves(
        from_pixels(photograph),
        left,
        other=centre_map((100, 120)),
        judges={"top": left.T},
        qualities=(60, 75, 85, 92),
    )


def test_bytes_scaled_by_a_factor_are_that_many_per_cent_at_every_quality():
    sizes, scores = np.array([10.0, 20, 40, 80]), np.array([50.0, 62, 71, 78])
    assert bd_rate(0.8 * sizes, scores, sizes, scores) == pytest.approx(-20)
    assert bd_rate(1.5 * sizes, scores, sizes, scores) == pytest.approx(50)
    assert bd_rate(sizes, scores, sizes, scores) == pytest.approx(0)


def test_the_delta_rate_is_the_mean_of_log_rates_over_the_shared_qualities():
    # log R = q / 10 against log R = q / 10 + 0.1 + 0.01 q: the mean gap over [2, 4] is 0.13.
    quality = np.linspace(0, 4, 9)
    base = np.exp(quality / 10)
    other_quality = np.linspace(2, 6, 9)
    other = np.exp(other_quality / 10 + 0.1 + 0.01 * other_quality)
    expected = 100 * np.expm1(0.13)
    assert bd_rate(other, other_quality, base, quality) == pytest.approx(expected, rel=1e-6)


def test_curves_that_share_no_quality_have_no_delta_rate():
    sizes = np.array([10.0, 20])
    assert np.isnan(bd_rate(sizes, np.array([80.0, 90]), sizes, np.array([20.0, 30])))
    with pytest.raises(InputError, match="two or more different"):
        bd_rate(sizes, np.array([50.0, 50]), sizes, np.array([40.0, 60]))


def test_a_curve_is_read_between_its_points_and_not_beyond():
    points = [Point("map", q, size, {"p": s}) for q, size, s in
              [(1, 100, 50.0), (2, 200, 60.0), (3, 400, 66.0)]]  # fmt: skip
    assert at_bytes(points, "map", "p", 200) == pytest.approx(60)
    assert 50 < at_bytes(points, "map", "p", 150) < 60
    assert np.isnan(at_bytes(points, "map", "p", 500))
    with pytest.raises(InputError, match="no curve for 'anti'"):
        at_bytes(points, "anti", "p", 200)


def test_every_condition_is_measured_in_every_part(points):
    assert {p.condition for p in points} == set(CONDITIONS)
    assert all(set(p.ss2) == {"whole", "important", "rest", "important by top"} for p in points)


def equal_bytes(points: list[Point], part: str) -> dict[str, float]:
    """ss2 of every condition in a part at the bytes that our map takes at quality 85."""
    size = next(p.bytes for p in points if p.condition == "map" and p.quality == 85)
    return {condition: at_bytes(points, condition, part, size) for condition in CONDITIONS}


def test_at_equal_bytes_the_map_wins_its_quarter_and_the_anti_map_loses_it(points):
    level = equal_bytes(points, "important")
    assert level["map"] == max(level.values())
    assert level["map"] - level["anti"] > 5
    assert level["map"] > level["uniform"] > level["plain"]


def test_a_map_without_a_bias_up_or_down_wins_nothing_by_a_judge_of_up_and_down(points):
    own = equal_bytes(points, "important")
    judged = equal_bytes(points, "important by top")
    gain = own["map"] - own["uniform"]
    assert abs(judged["map"] - judged["uniform"]) < gain + 4
    assert judged["map"] - judged["anti"] < own["map"] - own["anti"]


def test_the_maps_of_the_conditions_are_what_their_names_say(photograph):
    importance = np.random.default_rng(0).uniform(0, 1, (256, 256)).astype(np.float32)
    maps = maps_of(importance, None, (256, 256))
    assert "shuffled" not in maps
    assert maps["uniform"] is None
    assert np.allclose(maps["anti"] + importance, importance.max())
    inside = parts(importance, {}, (256, 256))["important"] > 0
    outside = parts(maps["anti"], {}, (256, 256))["important"] > 0
    assert not (inside & outside).any()


def test_the_command_writes_tables_summary_and_figure(photograph, tmp_path):
    for number, name in enumerate(("one", "two")):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(np.roll(photograph, 90 * number, 1)).save(tmp_path / "in" / f"{name}.png")
        write_map_png(tmp_path / "maps" / f"{name}.png", centre_map((256, 256)))
        write_map_png(tmp_path / "judge" / f"{name}.png", 1 - centre_map((256, 256)))
    out = tmp_path / "out"
    words = ["compare", tmp_path / "in", "--out", out, "--map", tmp_path / "maps", "--jobs", 1,
             "--judge", tmp_path / "judge"]  # fmt: skip
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    summary = json.loads((out / "summary.json").read_text())
    level = summary["equal_bytes"]
    assert level["important"]["map"] > level["important"]["plain"]
    assert level["important by judge"]["map"] < level["important by judge"]["anti"]
    assert summary["bd_rate_percent"]["important"]["map"] < -5
    assert len((out / "equal_bytes.csv").read_text().splitlines()) == 1 + 2 * 4
    assert Image.open(out / "curves.png").size[0] > 800
    assert "fewer bytes" in result.output
    assert set(summary["provenance"]["inputs"]) == {
        f"{name} {what}"
        for name in ("one.png", "two.png")
        for what in ("image", "map", "judge judge", "other map")
    }
