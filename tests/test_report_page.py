"""The report page: whole, self-contained, honest about what is simulated and what is missing."""

import html
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from journals import edit
from report_study import SCENES, write_study

from fechner.errors import InputError
from fechner.provenance import sha256_file
from fechner.records.images.files import write_map_png, write_png
from fechner.records.stimuli import read_stimulus_set
from fechner.report.page import write_report
from fechner.report.pictures import densest, picture
from fechner.report.style import PALETTE, arm_colour, drawing, svg
from fechner.report.tables import arm_tables
from fechner.stimuli import overlays
from fechner.stimuli.overlays import coloured_map, outlined

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Balance(HTMLParser):
    """Collects what an HTML reader would stumble over."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.external = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and not value.startswith(("data:", "#")):
                self.external.append(value)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def page(study):
    return write_report(study).read_text("utf-8")


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(page):
    reader = Balance()
    reader.feed(page)
    assert reader.wrong == []
    assert reader.open == []
    assert reader.external == []
    sources = re.findall(r"(?:url\(|src=[\"']?)(.{5})", page)
    assert {source[:5] for source in sources if not source.startswith("#")} <= {"data:"}
    assert not re.search(r"@import|<link|<script", page)


def test_the_page_is_small_enough_to_mail(study, page):
    assert (study / "report.html").stat().st_size < 5e6


def test_the_claim_and_its_two_sentences_come_first(study, page):
    from fechner.records.claims.claim import read_claim

    claim = read_claim(study / "statistics" / "claim.json")
    text = page.replace("&#39;", "'")
    first_heading = text.index("<h2")
    for sentence in claim.sentences:
        assert 0 < text.index(sentence) < first_heading


def test_simulated_stands_in_the_title_and_on_every_chart_that_rests_on_it(page):
    assert "<title>SIMULATED" in page
    charts = re.findall(r'<figure class="chart">(.*?)</figure>', page, re.S)
    assert len(charts) == 12
    assert all(chart.count(">SIMULATED<") == 2 for chart in charts)


def test_charts_take_their_colours_from_the_page(page):
    charts = "".join(re.findall(r"<svg.*?</svg>", page, re.S))
    assert "var(--low)" in charts
    assert not any(colour in charts for colour in PALETTE.values())


def test_every_scene_every_arm_and_every_refused_scene_is_shown(page):
    for scene in SCENES:
        assert f"<figcaption>{html.escape(scene)}</figcaption>" in page
    assert len(re.findall(r'src="data:image/webp', page)) == 9 * 6 + 3 * 4
    assert "hubble" in page
    assert "the constraint edge_fine binds" in page


def test_numbers_in_the_table_are_those_of_the_claim(study, page):
    from fechner.records.claims.claim import read_claim

    claim = read_claim(study / "statistics" / "claim.json")
    assert len(claim.contrasts) == 8
    for row in claim.contrasts:
        assert f"<td>{row.estimate:#.3g}".replace("-", "\N{MINUS SIGN}") in page
        assert row.model in page


def test_the_lead_of_a_column_over_the_channels_stands_with_its_interval_in_a_part_of_its_own(page):
    part = page[page.index("<h3>What needs no network</h3>") :]
    rows = re.findall(r"<tr(.*?)>(.*?)</tr>", part[: part.index("</table>")], re.S)[1:]
    (sure, first), (unsure, second) = rows
    assert "strong" in sure
    assert "<td>0.215 (0.121 to 0.302)</td>" in first
    assert "strong" not in unsure
    assert "<td>0.010 (\N{MINUS SIGN}0.137 to 0.113)</td>" in second
    assert "camera &amp; lens" in second
    assert "SIMULATED_columns.csv" in part


def test_warnings_of_the_statistics_stand_among_the_limits(study, page):
    from fechner.records.claims.claim import read_claim

    limits = page[page.index(">Limits</h2>") :]
    for warning in read_claim(study / "statistics" / "claim.json").warnings:
        assert warning.replace("'", "&#39;") in limits


def test_provenance_is_folded_away_and_its_digests_are_not(study, page):
    part = page[page.index(">Provenance</h2>") :]
    shown, _, folded = part.partition("<details>")
    digest = sha256_file(study / "statistics" / "claim.json")
    assert f"<td>statistics/claim.json</td><td><code>{digest}</code></td>" in shown
    assert "agreement_share" not in shown
    assert "statistics/claim.json" in folded
    assert "agreement_share" in folded


def test_an_unfinished_study_names_the_next_command(tmp_path):
    page = write_report(write_study(tmp_path / "half", people=False)).read_text("utf-8")
    assert "Not tested yet" in page
    assert "Nobody has rated; next: <code>fechner session run" in page
    assert "What was shown" in page


def test_a_study_with_ratings_but_no_statistics_is_told_to_finish(tmp_path):
    page = write_report(write_study(tmp_path / "rated", statistics=False)).read_text("utf-8")
    assert "The claim is not tested; next: <code>fechner study finish" in page


def test_a_study_without_stimuli_shows_its_maps(tmp_path, study):
    early = tmp_path / "early"
    shutil.copytree(study, early)
    for name in ("stimuli", "sessions", "ratings", "statistics"):
        shutil.rmtree(early / name)
    page = write_report(early).read_text("utf-8")
    assert ">Importance maps</h2>" in page
    assert "Stimuli are not built" in page


def test_the_same_artefacts_give_the_same_page(study, page):
    assert write_report(study).read_text("utf-8") == page


def test_a_damaged_journal_is_named_and_not_told_as_a_short_session(tmp_path, study):
    damaged = tmp_path / "damaged"
    shutil.copytree(study, damaged)
    first, second = sorted((damaged / "sessions").glob("*.jsonl"))[:2]
    edit(first, 9, rating=1.0)
    lines = second.read_bytes().splitlines(keepends=True)
    second.write_bytes(b"".join([*lines[:19], lines[19][:-9] + b"\n", *lines[20:]]))
    with pytest.raises(InputError, match="2 of 13 journals cannot be read") as refused:
        write_report(damaged)
    for path, line in ((first, 9), (second, 20)):
        assert f"{path.name} is damaged in line {line}" in str(refused.value)


def test_a_torn_journal_line_does_not_stop_the_report(tmp_path, study):
    torn = tmp_path / "torn"
    shutil.copytree(study, torn)
    journal = next((torn / "sessions").glob("*.jsonl"))
    journal.write_text(journal.read_text()[:-15])
    assert "13, 12 finished" in write_report(torn).read_text("utf-8")


def test_the_session_is_shown_where_its_screens_were_kept(tmp_path, study, page):
    kept = tmp_path / "kept"
    shutil.copytree(study, kept)
    for name in ("page-instructions-1", "question-quality-answered", "test-pattern"):
        write_png(
            kept / "sessions" / "screens" / f"{name}.png", np.full((64, 80, 3), 127, np.uint8)
        )
    with_screens = write_report(kept).read_text("utf-8")
    assert with_screens.count("data:image/webp") == page.count("data:image/webp") + 2
    assert "36 of 36 trials bit-exact" in with_screens


def test_families_and_levels_get_a_table_each(study):
    table = read_stimulus_set(study / "stimuli").table
    second = table[table["region"] != "intact"].assign(level=2, strength=6.0)
    tables = arm_tables(pd.concat([table, second]))
    assert [name for name, _ in tables] == ["blur, level 1", "blur, level 2"]
    assert [table.rows[0][1] for _, table in tables] == ["3.00", "6.00"]


def test_an_outline_follows_the_mask_and_leaves_the_inside_alone():
    image, mask = np.zeros((60, 60, 3), np.uint8), np.zeros((60, 60), bool)
    mask[20:40, 20:40] = True
    drawn = outlined(image, {"low": mask})
    assert drawn[20, 30].any()
    assert not drawn[30, 30].any()
    assert not drawn[5, 5].any()
    assert not image.any()


def test_a_map_is_coloured_as_matplotlib_colours_its_square_root():
    import matplotlib

    values = np.linspace(0, 1, 256)[None] ** 2
    expected = matplotlib.colormaps["viridis"](np.arange(256))[:, :3] * 255
    assert np.abs(coloured_map(values)[0] - expected).max() < 1.5


@pytest.mark.parametrize("arm", ["low", "high", "donor", "random", "an arm of your own"])
def test_an_arm_has_one_colour_in_charts_and_in_pictures(arm):
    red, green, blue = overlays.arm_rgb(arm)
    assert arm_colour(arm) == f"#{red:02x}{green:02x}{blue:02x}"
    image, mask = np.zeros((60, 60, 3), np.uint8), np.zeros((60, 60), bool)
    mask[20:40, 20:40] = True
    assert (outlined(image, {arm: mask}) == (red, green, blue)).all(axis=2).any()


def test_the_native_window_lies_where_the_mask_is():
    mask = np.zeros((100, 200), bool)
    mask[70:90, 150:180] = True
    rows, columns = densest(mask, 50)
    assert rows.start <= 70 < 90 <= rows.stop
    assert columns.start <= 150 < 180 <= columns.stop


def test_a_native_picture_keeps_every_pixel():
    import base64
    import io

    from PIL import Image

    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    code = picture(image, "crop", side=None).uri.split(",")[1]
    decoded = Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")
    np.testing.assert_array_equal(np.asarray(decoded), image)


@pytest.mark.parametrize(
    ("name", "whole", "broken", "complaint"),
    [
        ("study.toml", 'title = ', 'titel = ', "unknown key 'titel'"),
        ("images/SIMULATED_rated.csv", "50.0", "500.0", "row 2: 'quality' is 500"),
        ("ratings/SIMULATED_ratings.csv", ",quality,", ",realism,", "has no declared scale"),
        ("stimuli/stimuli.csv", "0801_low,", "0801_high,", "'0801_high' is there twice"),
        ("statistics/claim.json", '"verdict"', '"vredict"', "is not a claim of this version"),
        ("statistics/prediction.json", '"pearson"', '"person"', "is not a prediction"),
        ("channels/selection.json", '"chosen"', '"chsoen"', "selection.json"),
    ],
)  # fmt: skip
def test_a_damaged_artefact_is_refused_by_name_as_everywhere(
    tmp_path, study, name, whole, broken, complaint
):
    shutil.copytree(study, tmp_path / "damaged")
    path = tmp_path / "damaged" / name
    text = path.read_text("utf-8")
    assert whole in text
    path.write_text(text.replace(whole, broken, 1), "utf-8")
    with pytest.raises(InputError, match=re.escape(complaint)):
        write_report(tmp_path / "damaged")


def test_a_changed_map_is_refused(tmp_path, study):
    shutil.copytree(study, tmp_path / "damaged")
    write_map_png(tmp_path / "damaged" / "maps" / "null.png", np.ones((160, 200)))
    with pytest.raises(InputError, match=r"null\.png was changed"):
        write_report(tmp_path / "damaged")


def test_drops_effects_and_screening_on_the_page_are_those_of_the_claim(tmp_path, study):
    """The page shows what stands in claim.json, even where the ratings would say otherwise."""
    shutil.copytree(study, tmp_path / "told")
    path = tmp_path / "told" / "statistics" / "claim.json"
    content = json.loads(path.read_text("utf-8"))
    content["participants"][0].update(participant="P77", mean=12.3)
    path.write_text(json.dumps(content), "utf-8")
    page = write_report(tmp_path / "told").read_text("utf-8")
    assert "<td>P77</td><td>36</td><td>12.3</td>" in page
    assert "<td>P00</td>" not in page


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(InputError, match="fechner study init"):
        write_report(tmp_path)
    with pytest.raises(InputError, match="fechner study init"):
        write_report(tmp_path / "nowhere")


def test_rivals_and_calibration_stand_on_the_page_with_their_intervals(study, page):
    from fechner.records.prediction import read_prediction

    prediction = read_prediction(study / "statistics" / "prediction.json")
    assert {rival.name for rival in prediction.rivals} >= {"mirrored map", "saliency", "centre"}
    for rival in prediction.rivals:
        ends = f"{rival.difference_low:.2f} to {rival.difference_high:.2f}"
        assert f"<td>{ends}</td>".replace("-", "\N{MINUS SIGN}") in page
    line = prediction.calibration[0]
    assert f"<td>{100 * line.slope:#.3g}</td>" in page
    assert "median impact of" in page


def test_names_of_the_user_are_no_formulas_in_any_chart():
    import matplotlib.pyplot as plt

    with drawing():
        figure, axis = plt.subplots()
        axis.set_title("scene a$b_c$ of $x")
        assert "scene a$b_c$ of $x" in svg(figure, label="names")


def test_rivals_of_any_name_are_drawn_and_what_each_is_stands_on_the_page(study, page):
    import matplotlib.pyplot as plt

    from fechner.records.prediction import read_prediction
    from fechner.report import prediction_figures

    found = read_prediction(study / "statistics" / "prediction.json")
    for rival in found.rivals:
        assert f"<li><strong>{rival.name}</strong>: {rival.about}</li>" in page
    names = ["gaze at $x^$", "what the participants of an earlier study looked at first"]
    called = [
        row.model_copy(update={"name": name})
        for row, name in zip(found.rivals, names, strict=False)
    ]
    with drawing():
        figure = prediction_figures.rivals(found.model_copy(update={"rivals": called}))
        left = figure.axes[0]
        figure.canvas.draw()
        assert left.get_position().width > 0.25
        plt.close(figure)


def test_both_predictions_of_the_stimuli_stand_side_by_side_with_their_intervals(study, page):
    tested = json.loads((study / "statistics" / "prediction.json").read_text("utf-8"))["tested"]
    assert [one["name"] for one in tested] == ["map-weighted error", "layer distance"]
    for one in tested:
        ends = (
            f"{one['pearson'][end]:.2f}".replace("-", "\N{MINUS SIGN}") for end in ("low", "high")
        )
        r = f"{one['pearson']['r']:.2f}".replace("-", "\N{MINUS SIGN}")
        assert f"<td>{one['name']}</td><td>{r}</td><td>{' to '.join(ends)}</td>" in page


def test_a_study_whose_harm_saturates_says_where(tmp_path, study):
    shutil.copytree(study, tmp_path / "bent")
    path = tmp_path / "bent" / "statistics" / "prediction.json"
    content = json.loads(path.read_text("utf-8"))
    content["bend"] |= {"saturates": True, "place": {"at": 123.0, "low": 101.0, "high": 152.0}}
    path.write_text(json.dumps(content), "utf-8")
    page = write_report(tmp_path / "bent").read_text("utf-8")
    assert "impact of 123 (101 to 152)" in page
    assert "bends at about 123" in page
