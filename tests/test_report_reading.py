"""How the report reads: contents, headline numbers, charts in two widths and as files, Chromium."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_pages import (
    BROWSER,
    check_charts,
    check_contents,
    check_in_browser,
    decoded,
    measured,
    taken,
)
from report_study import write_study

from fechner.records.claims.claim import read_claim
from fechner.records.images.files import write_png
from fechner.records.prediction import read_prediction
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.report.artefacts import read_artefacts
from fechner.report.manuscript.exact_tables import exact_tables
from fechner.report.opening.headline_numbers import headline_numbers
from fechner.report.opening.rated_pictures import MOST, rated_row
from fechner.report.opening.rating_distributions import arm_distribution
from fechner.report.page import render, write_report
from fechner.report.pictures import map_picture
from fechner.report.style import drawing
from fechner.stimuli.overlays import coloured_map, overlaid


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def page(study):
    return write_report(study).read_text("utf-8")


# What it begins with


def test_the_contents_name_every_part_of_the_page_and_lead_there(page):
    check_contents(page)


def test_the_headline_says_what_the_claim_and_the_prediction_say(study):
    claim = read_claim(study / "statistics" / "claim.json")
    prediction = read_prediction(study / "statistics" / "prediction.json")
    told = headline_numbers(claim, prediction, read_artefacts(study).selection)
    deciding = claim.contrast("low - high")
    assert told[0].value == f"+{deciding.estimate:#.3g} points"
    assert f"{deciding.low:#.3g} to {deciding.high:#.3g}" in told[0].rests_on
    by_question = {one.question: one for one in told}
    people = by_question["participants who decide"]
    assert (people.value, "nobody left out" in people.rests_on) == ("13", not claim.excluded)
    fair = [rival for rival in prediction.rivals if rival.spread >= 0.05]
    sure = [rival for rival in fair if rival.difference_low > 0]
    beaten = by_question["other predictions that the map surely beats"]
    assert beaten.value == f"{len(sure)} of {len(fair)}"
    held_out = by_question["ratings of unseen scenes, predicted by the chosen channels"]
    assert held_out.value.endswith("0.46") and "0.31 to 0.60" in held_out.rests_on


def test_a_study_that_is_not_finished_has_only_the_numbers_it_can_have(study):
    assert headline_numbers(None, None, None) == []
    (only,) = headline_numbers(None, None, read_artefacts(study).selection)
    assert "unseen scenes" in only.question


def test_rated_images_stand_from_the_worst_to_the_best_whichever_end_is_good(tmp_path):
    names = [f"{k}.png" for k in range(20)]
    for k, name in enumerate(names):
        write_png(tmp_path / name, np.full((8, 8, 3), 10 * k, np.uint8))
    table = pd.DataFrame({"image": names, "scene": names, "noise": np.arange(20.0)})
    rated = RatedImages(table, tmp_path, {"noise": Scale(0, 20, "low")})
    shown = [float(one.caption) for one in rated_row(rated, "noise", stamped=False)]
    assert (shown[0], shown[-1], len(shown)) == (19, 0, MOST)
    assert shown == sorted(shown, reverse=True)
    (tmp_path / names[-1]).unlink()
    assert float(rated_row(rated, "noise", stamped=False)[0].caption) == 18


def test_a_scale_of_few_steps_gets_a_bar_a_step():
    with drawing():
        figure = arm_distribution(
            {"low": np.array([1, 2, 2, 5]), "high": np.array([1, 3, 4, 4])}, Scale(1, 5),
            dimension="quality",
        )  # fmt: skip
    heights = [[bar.get_height() for bar in axis.patches] for axis in figure.axes]
    assert heights == [[0.25, 0.5, 0, 0, 0.25], [0.25, 0, 0.25, 0.5, 0]]


# Maps


def test_a_map_lies_over_its_photograph_with_the_map_alone_beneath(page):
    rng = np.random.default_rng(0)
    photograph = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    values = rng.random((40, 60))
    found = map_picture(photograph, values, side=None)
    for shown, expected in (
        (found, overlaid(photograph, values)),
        (found.plain, coloured_map(values)),
    ):
        with Image.open(io.BytesIO(decoded(shown.uri))) as picture:
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), expected)
    assert map_picture(None, values).plain is None
    maps = page[page.index('id="shown"') : page.index('id="channels"')]
    assert maps.count('class="over"') == maps.count('class="plain"') == 9
    assert maps.index('class="choose-over"') < maps.index('class="choose-plain"')


# Charts


def test_every_chart_has_two_widths_and_can_be_taken_along_as_svg_png_and_csv(study, page):
    check_charts(page)
    by_file = {table.file: table for table in exact_tables(read_artefacts(study)).values()}
    csv = {name: uri for name, uri in taken(page).items() if name.endswith(".csv")}
    assert {"SIMULATED_differences.csv", "SIMULATED_channel_impacts.csv"} <= set(csv)
    for name, uri in csv.items():
        assert decoded(uri).decode("utf-8") == by_file[name].text


def test_rounding_a_chart_leaves_its_words_alone():
    """Coordinates need two decimals; a tick at 0.0025 does not become 0.00."""
    from matplotlib.figure import Figure

    from fechner.report.style import stamped, svg_text

    with drawing():
        figure = Figure(figsize=(3, 2))
        figure.text(0.123456, 0.5, "0.0025 and 1.23456")
        text = svg_text(figure, stamped(figure, simulated=False))
    assert ">0.0025 and 1.23456<" in text
    assert not re.search(r'(?:x|y|d|transform)="[^"]*\d\.\d{3}', text)


def test_a_table_too_large_to_carry_is_named_instead(study, monkeypatch):
    monkeypatch.setattr("fechner.report.frame.frame.MOST_CARRIED", 20)
    small = render(read_artefacts(study))
    assert "data:text/csv" not in small
    assert "tables/SIMULATED_differences.csv (beside this page)" in small


# In a browser


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, Chrome or Edge")
def test_in_chromium_nothing_is_wider_than_the_screen_and_charts_are_readable(
    study, page, tmp_path
):
    check_in_browser(study / "report.html", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, Chrome or Edge")
def test_in_chromium_the_page_is_dark_where_the_reader_asked_for_dark(study, page, tmp_path):
    dark = measured(study / "report.html", tmp_path, "--blink-settings=preferredColorScheme=0")[2]
    light = measured(study / "report.html", tmp_path, "--blink-settings=preferredColorScheme=1")[2]
    assert dark["background"] == "rgb(22, 24, 27)"
    assert light["background"] == "rgb(253, 253, 252)"
