import numpy as np
import pandas as pd
import pytest

from fechner.data.description import describe
from fechner.data.distortion_figures import draw_distortions
from fechner.data.distortions import scores_by_distortion
from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale


@pytest.fixture
def rated(tmp_path):
    """Two references; noise at levels 1 to 4, JPEG at twenty bit rates, and the references."""
    rows = [("a.png", "a", "a.png", 4.9, "none", np.nan), ("b.png", "b", "b.png", 4.9, "none", 0)]
    for scene, shift in (("a", 0.0), ("b", 0.2)):
        for level in range(1, 5):
            rows.append(
                (f"{scene}n{level}", scene, f"{scene}.png", 5 - level + shift, "noise", level)
            )
        for step in range(10):
            rate = 0.1 * 1.5**step + shift / 100
            rows.append((f"{scene}j{step}", scene, f"{scene}.png", 1 + step / 3, "JPEG", rate))
    columns = ["image", "scene", "reference", "quality", "family", "level"]
    table = pd.DataFrame(rows, columns=columns)
    return RatedImages(table, tmp_path, {"quality": Scale(0, 9)})


def row(table, family, level=None):
    own = table[table["family"] == family]
    return (own[own["level"].isna()] if level is None else own[own["level"] == level]).iloc[0]


def test_each_distortion_and_each_of_its_levels_has_a_row(rated):
    table = scores_by_distortion(rated, "quality")
    noise = rated.table[rated.table["family"] == "noise"]
    whole = row(table, "noise")
    assert (whole["n"], whole["references"]) == (8, 2)
    assert whole["mean"] == pytest.approx(noise["quality"].mean())
    assert whole["sd"] == pytest.approx(noise["quality"].std())
    third = row(table, "noise", 3)
    assert (third["n"], third["minimum"], third["maximum"]) == (2, 2, 2.2)
    assert len(table[table["family"] == "noise"]) == 5


def test_a_reference_that_is_rated_is_no_distortion(rated):
    assert set(scores_by_distortion(rated, "quality")["family"]) == {"noise", "JPEG"}


def test_the_sign_of_a_level_is_shown_by_its_rank_correlation(rated):
    table = scores_by_distortion(rated, "quality")
    assert row(table, "noise")["level_spearman"] > 0.9
    assert row(table, "JPEG")["level_spearman"] < -0.9
    turned = RatedImages(rated.table, rated.folder, {"quality": Scale(0, 9, "low")})
    other = scores_by_distortion(turned, "quality")
    assert row(other, "noise")["level_spearman"] == -row(table, "noise")["level_spearman"]


def test_continuous_levels_are_put_into_quarters(rated):
    quarters = scores_by_distortion(rated, "quality").query("family == 'JPEG' and level == level")
    assert quarters["n"].tolist() == [5, 5, 5, 5]
    assert (quarters["level_high"].to_numpy()[:-1] < quarters["level_low"].to_numpy()[1:]).all()
    assert quarters["mean"].is_monotonic_increasing


def test_any_column_of_numbers_can_be_the_level_and_no_other(rated):
    table = rated.table.rename(columns={"level": "rate"})
    other = RatedImages(table, rated.folder, rated.scales)
    assert scores_by_distortion(other, "quality")["level"].isna().all()
    assert len(scores_by_distortion(other, "quality", "rate")) == 10
    with pytest.raises(InputError, match="no column 'rat'; did you mean 'rate'"):
        scores_by_distortion(other, "quality", "rat")
    with pytest.raises(InputError, match="'scene' expects a number, got 'a'"):
        scores_by_distortion(other, "quality", "scene")


def test_the_figure_has_a_panel_a_distortion_that_says_its_name(rated):
    figure = draw_distortions(rated, "quality", simulated=False)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0].startswith("noise\nn 8, Spearman")
    assert titles[1].startswith("JPEG\nn 20, Spearman")
    assert figure.axes[1].get_xscale() == "log"


def test_without_a_level_the_distortions_are_compared_and_it_is_said(rated, tmp_path):
    table = rated.table.drop(columns="level")
    other = RatedImages(table, rated.folder, rated.scales)
    found = describe(other, tmp_path / "out")
    assert "quality: by distortion alone, because there is no column 'level'" in found.notes
    assert (tmp_path / "out" / "distortions_quality.png").is_file()
    written = pd.read_csv(tmp_path / "out" / "distortions_quality.csv")
    assert written["family"].tolist() == ["noise", "JPEG"]


def test_a_level_is_refused_where_there_are_no_pairs(rated, tmp_path):
    other = RatedImages(rated.table.drop(columns="reference"), rated.folder, rated.scales)
    with pytest.raises(InputError, match="no columns 'reference' and 'family'"):
        describe(other, tmp_path, level="level")
    assert not describe(other, tmp_path).table.empty
    assert not list(tmp_path.glob("distortions*"))
