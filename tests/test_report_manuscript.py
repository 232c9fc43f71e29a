"""What a report gives to a paper: words and tables from the records alone, and the printed page."""

import base64
import csv
import html
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_study import write_study

from fechner.errors import MissingPartError
from fechner.records.claims.claim import read_claim
from fechner.records.prediction import read_prediction
from fechner.report import pdf
from fechner.report.artefacts import read_artefacts
from fechner.report.manuscript.apa import contrast_in_words, decimals, listed, p_of, share
from fechner.report.manuscript.exact_tables import exact_tables, write_tables
from fechner.report.manuscript.references import REFERENCES
from fechner.report.manuscript.written import as_html, manuscript
from fechner.report.page import write_report

BROWSER = pdf.browser() is not None


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"))
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def text(study):
    return (study / "manuscript.md").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")


def changed(study, folder, file, edit):
    """Return the manuscript of a copy of the study in which one record says something else."""
    shutil.copytree(study, folder)
    path = folder / "statistics" / file
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), "utf-8")
    found = manuscript(read_artefacts(folder))
    told = " ".join(text for _, text in [*found.methods, *found.results])
    return told.replace("\N{NO-BREAK SPACE}", " ")


def cells(csv):
    """Return a table as text, so that no reader rounds a number or drops a name."""
    return pd.read_csv(csv, dtype=str, keep_default_na=False)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0004, "*p* < .001"), (0.001, "*p* = .001"), (0.0496, "*p* = .050"), (1.0, "*p* = 1.00")],
)
def test_p_values_are_written_as_the_manual_asks(value, written):
    """APA 7, section 6.36: exact to three decimals, below .001 as an inequality, no zero."""
    assert p_of(value).replace("\N{NO-BREAK SPACE}", " ") == written


def test_numbers_that_round_to_zero_have_no_sign():
    assert decimals(-0.001) == "0.00"
    assert share(-0.004) == ".00"
    assert share(0.999) == "1.00"
    assert listed(["a", "b", "c"]) == "a, b, and c"


def test_every_deciding_contrast_is_told_with_its_test(study, text):
    claim = read_claim(study / "statistics" / "claim.json")
    for row in claim.contrasts:
        if row.decides:
            t, df = row.estimate / row.standard_error, f"{row.df:.2f}"
            p = f"{row.p:.3f}".removeprefix("0")
            told = f"*t*({df}) = {t:.2f}, *p* = {p}, 95 % CI [{row.low:.2f}, {row.high:.2f}]"
            assert told.replace("-", "\N{MINUS SIGN}") in text


def test_effect_sizes_are_told_beside_their_contrasts(study, text):
    claim = read_claim(study / "statistics" / "claim.json")
    assert set(claim.effects) == {"low - high", "donor - high"}
    for effect in claim.effects.values():
        told = f"*d* = {effect.d:.2f}, 95 % CI [{effect.low:.2f}, {effect.high:.2f}]"
        assert told.replace("-", "\N{MINUS SIGN}") in text


def test_choices_between_two_images_are_told_as_shares_not_points(study, tmp_path):
    def pairs(claim):
        claim["provenance"]["parameters"]["method"] = "pair"

    told = changed(study, tmp_path / "pairs", "claim.json", pairs)
    assert "A contrast is the share of comparisons" in told
    assert " points, *t*" not in told


def test_a_test_without_degrees_of_freedom_is_a_z_test(study):
    claim = read_claim(study / "statistics" / "claim.json")
    row = claim.contrasts[0].model_copy(update={"df": None})
    assert "*z*\N{NO-BREAK SPACE}=" in contrast_in_words(row, 0.95)


def test_correlations_are_told_with_intervals_and_rivals_with_their_differences(study, text):
    found = read_prediction(study / "statistics" / "prediction.json")
    assert f"*r*({found.pearson.df}) = " in text
    for rival in found.rivals:
        ends = f"[{rival.difference_low:.2f}, {rival.difference_high:.2f}]"
        assert ends.replace("-", "\N{MINUS SIGN}") in text
        assert rival.about in text


def test_the_words_follow_the_records(study, tmp_path):
    def other(claim):
        claim["excluded"] = ["P03"]
        claim["participants"][3] |= {"kept": False, "reason": "answered in less than 200 ms"}
        claim["n_ratings"] = 12345
        claim["contrasts"][0]["model"] = "REML slopes"

    told = changed(study, tmp_path / "claim", "claim.json", other)
    assert "It left out 1 (P03: answered in less than 200 ms)." in told
    assert "12,345 ratings" in told
    assert "random intercepts and slopes of participants and of images" in told


def test_a_saturating_harm_is_told_with_its_place(study, tmp_path):
    def bent(prediction):
        place = {"at": 123.0, "low": 101.0, "high": 152.0}
        prediction["bend"] |= {"saturates": True, "place": place}

    told = changed(study, tmp_path / "bent", "prediction.json", bent)
    assert "Harm saturated (" in told
    assert "The bend lay at an impact of 123.00, 95 % CI [101.00, 152.00]." in told


def test_versions_and_seeds_are_those_of_the_records(study, tmp_path):
    def other(prediction):
        prediction["software"] = {"Python": "3.99.1", "numpy": "9.8.7"}
        prediction["provenance"]["seed"] = 4242

    told = changed(study, tmp_path / "versions", "prediction.json", other)
    assert "Python 3.99.1 and numpy 9.8.7 computed." in told
    assert "(seed 4242)" in told


def test_every_work_in_the_text_stands_among_the_references_and_no_other(study):
    found = manuscript(read_artefacts(study))
    told = " ".join(text for _, text in [*found.methods, *found.results])
    pattern = r"[A-Z][a-z]+(?: et al\.| & [A-Z][a-z]+)?, (?:19|20)\d\d"
    keys = set(re.findall(pattern, told))
    assert keys
    assert keys <= set(REFERENCES)
    assert found.references == [entry for key, entry in REFERENCES.items() if key in keys]
    assert list(REFERENCES) == sorted(REFERENCES)


def test_the_page_carries_the_same_words(study, text):
    page = (study / "report.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert as_html(line) in page


def test_simulated_stands_in_the_manuscript_and_in_the_names_of_its_tables(study, text):
    assert text.startswith("# SIMULATED: Blur on noise")
    assert "13 SIMULATED participants took part." in text
    names = {path.name for path in (study / "tables").glob("*.csv")}
    assert {"SIMULATED_contrasts.csv", "SIMULATED_rivals.csv"} <= names


def test_real_data_is_never_called_simulated(tmp_path):
    folder = write_study(tmp_path / "real", simulated=False)
    assert "SIMULATED" not in write_report(folder).read_text("utf-8")
    assert "SIMULATED" not in (folder / "manuscript.md").read_text("utf-8")
    assert not any("SIMULATED" in path.name for path in (folder / "tables").iterdir())
    assert (folder / "tables" / "contrasts.csv").is_file()


def test_tables_hold_every_digit_of_the_records(study):
    claim = read_claim(study / "statistics" / "claim.json")
    table = cells(study / "tables" / "SIMULATED_contrasts.csv")
    assert [float(cell) for cell in table["estimate"]] == [row.estimate for row in claim.contrasts]
    assert [float(cell) for cell in table["p"]] == [row.p for row in claim.contrasts]
    assert float(table["variance_image"][0]) == claim.contrasts[0].variances["image"]
    found = read_prediction(study / "statistics" / "prediction.json")
    table = cells(study / "tables" / "SIMULATED_prediction_by_image.csv")
    assert table["image"].tolist() == [row.image for row in found.images]
    saliency = [row.rivals["saliency"] for row in found.images]
    assert [float(cell) for cell in table["rival_saliency"]] == saliency


def test_the_page_carries_the_bytes_of_the_tables(study):
    page = (study / "report.html").read_text("utf-8")
    links = dict(re.findall(r'download="([^"]+)" href="data:text/csv;base64,([^"]*)"', page))
    assert {"SIMULATED_participants.csv", "SIMULATED_calibration.csv"} <= set(links)
    for name, code in links.items():
        assert base64.b64decode(code) == (study / "tables" / name).read_bytes()


def test_the_record_of_the_tables_says_what_each_holds(study):
    record = json.loads((study / "tables" / "tables.json").read_text("utf-8"))
    files = {path.name for path in (study / "tables").glob("*.csv")}
    assert set(record["tables"]) == files
    assert record["provenance"]["simulated"] is True
    for name, about in record["tables"].items():
        header = (study / "tables" / name).read_text("utf-8").splitlines()[0]
        assert next(csv.reader([header])) == about["columns"]
        assert about["about"]


def test_a_table_of_an_earlier_report_does_not_stay(study, tmp_path):
    shutil.copytree(study, tmp_path / "later")
    stays = tmp_path / "later" / "tables" / "mine.csv"
    stays.write_text("not ours", "utf-8")
    path = tmp_path / "later" / "statistics" / "prediction.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"shuffled": []}), "utf-8")
    names = write_tables(read_artefacts(tmp_path / "later"))
    assert "SIMULATED_shuffled_maps.csv" not in names
    assert not (tmp_path / "later" / "tables" / "SIMULATED_shuffled_maps.csv").exists()
    assert stays.exists()


def test_a_study_without_people_tells_its_stimuli_only(tmp_path):
    folder = write_study(tmp_path / "early", people=False)
    found = manuscript(read_artefacts(folder))
    assert [heading for heading, _ in found.methods] == ["Stimuli", "Importance maps", "Software"]
    assert found.results == []
    assert set(exact_tables(read_artefacts(folder))) == {
        "alignment", "arms", "channel_impacts", "columns", "rated_images", "readouts",
        "refused_scenes", "scenes",
    }  # fmt: skip


def test_marks_of_html_in_names_are_escaped():
    assert as_html("a < b & *c*") == "a &lt; b &amp; <em>c</em>"
    assert html.unescape(as_html("sea & sky")) == "sea & sky"


def test_without_a_browser_one_line_says_what_to_install(study, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match=r"needs Chromium.*print .*report\.html") as refused:
        pdf.write_pdf(study / "report.html", tmp_path / "report.pdf")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "report.pdf").exists()


def test_a_browser_is_found_where_windows_and_macos_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    edge = tmp_path / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.write_bytes(b"")
    monkeypatch.setenv("PROGRAMFILES(X86)", str(tmp_path))
    assert pdf.browser("win32") == str(edge)
    assert pdf.browser("linux") is None
    chrome = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    monkeypatch.setattr(Path, "is_file", lambda path: path.as_posix() == chrome)
    assert Path(pdf.browser("darwin")).as_posix() == chrome


def test_a_browser_that_fails_leaves_no_half_pdf(study, tmp_path, monkeypatch):
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\necho first >&2\necho 'cannot open display' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingPartError, match=r"made no PDF \(cannot open display\)"):
        pdf.write_pdf(study / "report.html", tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


def test_pictures_become_jpeg_before_printing():
    from PIL import Image

    picture = np.add.outer(np.arange(40), np.arange(60))[..., None] + np.array([40, 80, 120])
    picture = picture.astype(np.uint8)
    webp = io.BytesIO()
    Image.fromarray(picture).save(webp, "WEBP", lossless=True)
    code = base64.b64encode(webp.getvalue()).decode()
    page = pdf.as_jpeg(f'<img src="data:image/webp;base64,{code}" alt="a">')
    found = re.fullmatch(r'<img src="data:image/jpeg;base64,([^"]+)" alt="a">', page)
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as printed:
        assert printed.format == "JPEG"
        assert np.abs(np.asarray(printed, int) - picture).mean() < 4


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs Chromium, Chrome or Edge")
def test_the_printed_report_has_pages_of_a4_and_can_be_mailed(study, tmp_path):
    """Chromium writes pages as plain objects, so that they can be counted in the bytes."""
    printed = pdf.write_pdf(study / "report.html", tmp_path / "report.pdf").read_bytes()
    pages = re.findall(rb"/Type\s*/Page\b(?!s)", printed)
    assert 5 <= len(pages) <= 25
    assert {tuple(box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", printed)} == {
        (b"0", b"0", b"594.95996", b"841.91998")
    }
    assert len(printed) < 8e6
