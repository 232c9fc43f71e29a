import csv
import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from journals import edit
from small_stimuli import several_strengths, simulated_session, small_set, with_intact

from fechner.errors import InputError, RefusedError
from fechner.experiment.exports.bids import bids_files
from fechner.experiment.exports.export_folder import write_files
from fechner.experiment.exports.forms import FOLDERS, FORMS, export, export_files
from fechner.experiment.exports.ratings import ratings_table, write_ratings_table
from fechner.experiment.simulated.observers import simulated_panel
from fechner.protocols.schema import load_protocol, shipped
from fechner.records.journal import read_journals
from fechner.records.ratings import read_ratings
from fechner.records.scales import is_simulated

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return small_set(tmp_path_factory.mktemp("stimuli"), with_intact(6))


def sessions_of(folder, name, stimuli, participants=3, language="en"):
    protocol = load_protocol(name, language=language)
    for observer in simulated_panel(participants, "map", 3).values():
        simulated_session(folder, protocol, stimuli, observer)
    return read_journals(folder).intact()


@pytest.fixture(scope="module")
def journals(tmp_path_factory, stimuli):
    """Three simulated participants on the slider, as their journals on the disk say."""
    return sessions_of(tmp_path_factory.mktemp("sessions"), "slider", stimuli)


def as_table(content, **options):
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, **options)


def validate(folder):
    """Return what the BIDS validator finds, as (severity, code, place)."""
    run = subprocess.run(
        [VALIDATOR, "--format", "json", str(folder)], capture_output=True, text=True, check=False
    )
    found = json.loads(run.stdout)["issues"]["issues"]
    return [(issue["severity"], issue["code"], issue.get("location", "")) for issue in found]


def test_only_main_trials_count(journals):
    rows = ratings_table(journals).table
    assert {trial.kind for journal in journals for trial in journal.trials} == {
        "anchor",
        "practice",
        "stabilising",
        "main",
        "repeat",
        "catch",
    }
    assert len(rows) == 3 * 18, "six scenes in three conditions, once a participant"
    counted = set(zip(rows["participant"], rows["trial"], strict=True))
    for journal in journals:
        for trial in journal.trials:
            key = (journal.participant, trial.trial)
            assert (key in counted) == (trial.kind == "main")


def test_the_table_repeats_the_journal_to_the_digit(journals):
    table = ratings_table(journals).table.set_index(["participant", "trial"])
    for journal in journals:
        for trial in journal.trials:
            if trial.kind == "main":
                row = table.loc[journal.participant, trial.trial]
                assert row["rating"] == trial.rating
                assert row["image"] == trial.stimulus
                assert row["rt_ms"] == trial.rt_ms


def test_the_written_table_is_read_by_the_readers_of_ratings(journals, tmp_path):
    path = write_ratings_table(journals, tmp_path / "ratings.csv")
    assert path.name == "SIMULATED_ratings.csv"
    assert is_simulated(path)
    back = read_ratings(path).table
    pd.testing.assert_series_equal(
        back["rating"], ratings_table(journals).table["rating"], check_dtype=False
    )
    assert list(back["participant"].unique()) == ["S01", "S02", "S03"]


def test_a_folder_is_exported_only_where_none_of_its_journals_is_damaged(journals, tmp_path):
    folder = tmp_path / "sessions"
    shutil.copytree(journals[0].path.parent, folder)
    assert ratings_table(read_journals(folder)).sha256 == ratings_table(journals).sha256
    edit(folder / journals[1].path.name, 9, rating=1.0)
    found = read_journals(folder)
    for refused in (
        lambda: ratings_table(found),
        lambda: write_ratings_table(found, tmp_path / "r.csv"),
        lambda: export(found, "bids", tmp_path / "bids"),
    ):
        with pytest.raises(InputError, match=f"{journals[1].path.name} is damaged in line 9"):
            refused()
    assert [path.name for path in tmp_path.iterdir()] == ["sessions"]


@pytest.mark.parametrize("form", FOLDERS)
def test_the_same_journals_give_the_same_bytes_in_any_order(journals, form):
    once = export_files(journals, form)
    again = export_files(read_journals(journals[0].path.parent).journals[::-1], form)
    assert once == again


def test_the_same_ratings_give_the_same_bytes(journals, tmp_path):
    paths = [write_ratings_table(journals, tmp_path / name / "r.csv") for name in ("a", "b")]
    for suffix in (".csv", ".json"):
        first, second = (path.with_suffix(suffix).read_bytes() for path in paths)
        assert first == second


@pytest.mark.parametrize("form", FOLDERS)
def test_every_form_is_written_whole_and_never_over_something_else(journals, tmp_path, form):
    out = tmp_path / form
    files = export(journals, form, out)
    assert files and all(path.is_file() for path in files)
    assert {p for p in out.rglob("*") if p.is_file()} == set(files)
    with pytest.raises(InputError, match="not empty; export into a new folder"):
        export(journals, form, out)
    assert [path.name for path in tmp_path.iterdir()] == [form]


@pytest.mark.skipif(VALIDATOR is None, reason="needs bids-validator-deno (extra dev)")
@pytest.mark.parametrize("with_images", [False, True])
def test_the_bids_validator_accepts_the_export(journals, stimuli, tmp_path, with_images):
    export(journals, "bids", tmp_path / "bids", stimuli=stimuli if with_images else None)
    issues = validate(tmp_path / "bids")
    assert [issue for issue in issues if issue[0] == "error"] == []
    assert {code for _, code, _ in issues} <= {
        "JSON_KEY_RECOMMENDED",
        "SIDECAR_KEY_RECOMMENDED",
        "TOO_FEW_AUTHORS",
    }


@pytest.mark.skipif(VALIDATOR is None, reason="needs bids-validator-deno (extra dev)")
def test_the_bids_validator_would_notice_a_broken_export(journals, tmp_path):
    export(journals, "bids", tmp_path / "bids")
    table = next((tmp_path / "bids").rglob("*_beh.tsv"))
    table.rename(table.with_name("ratings.tsv"))
    assert any(severity == "error" for severity, _, _ in validate(tmp_path / "bids"))


def test_bids_tables_hold_every_trial_and_describe_every_column(journals):
    files = bids_files(journals)
    for journal in journals:
        stem = f"sub-{journal.participant}/ses-1/beh/sub-{journal.participant}_ses-1_task-slider"
        table = as_table(files[f"{stem}_beh.tsv"], sep="\t")
        sidecar = json.loads(files[f"{stem}_beh.json"])
        assert len(table) == len(journal.trials)
        assert [float(r) for r in table["rating"]] == [t.rating for t in journal.trials]
        assert set(table.columns) <= set(sidecar)
        assert sidecar["ProtocolSHA256"] == journal.header.protocol_sha256
        catch = table[table["kind"] == "catch"]
        assert set(catch["stimulus"]) == {"n/a"}
        assert set(catch["passed"]) <= {"true", "false"}


def test_bids_response_times_are_seconds(journals):
    files = bids_files(journals)
    name = next(name for name in files if name.endswith("_beh.tsv"))
    seconds = as_table(files[name], sep="\t")["response_time"].astype(float)
    assert np.allclose(seconds * 1000, [t.rt_ms for t in journals[0].trials])


def test_bids_participants_carry_screening_and_catch_trials(journals):
    files = bids_files(journals)
    people = as_table(files["participants.tsv"], sep="\t")
    assert list(people["participant_id"]) == ["sub-S01", "sub-S02", "sub-S03"]
    assert set(people["age_band"]) == {"18_29"}
    assert set(people["catch_shown"]) == {"2"}
    assert set(people["simulated"]) == {"true"}
    assert set(people.columns) == set(json.loads(files["participants.json"]))


def test_bids_keeps_the_journals_byte_for_byte(journals):
    files = bids_files(journals)
    for journal in journals:
        assert files[f"sourcedata/{journal.path.name}"] == journal.path.read_bytes()


def test_simulated_stands_in_every_dataset(journals):
    assert b"SIMULATED" in export_files(journals, "bids")["README.md"]
    for form in ("bids", "psychds"):
        description = json.loads(export_files(journals, form)["dataset_description.json"])
        name = description.get("Name") or description.get("name")
        assert name.startswith("SIMULATED")
    assert all(name.startswith("SIMULATED_") for name in export_files(journals, "psychopy"))
    dataset = json.loads(export_files(journals, "sureal")["dataset.json"])
    assert dataset["dataset_name"].startswith("SIMULATED")


def test_psychds_describes_every_column_of_every_table(journals):
    files = export_files(journals, "psychds")
    description = json.loads(files["dataset_description.json"])
    measured = {variable["name"] for variable in description["variableMeasured"]}
    assert description["@type"] == "Dataset" and "schema.org" in description["@context"]
    tables = [name for name in files if name.startswith("data/")]
    assert tables == [f"data/subject-S0{k}_session-1_task-slider_data.csv" for k in (1, 2, 3)]
    used = set()
    for name, journal in zip(tables, journals, strict=True):
        table = as_table(files[name])
        used |= set(table.columns)
        assert len(table) == len(journal.trials)
    assert used == measured


def test_the_sureal_matrix_is_the_ratings_table_pivoted(journals):
    files = export_files(journals, "sureal")
    matrix = np.loadtxt(io.BytesIO(files["matrix.csv"]), delimiter=",")
    table = ratings_table(journals).table
    expected = table.pivot(index="image", columns="participant", values="rating")
    np.testing.assert_array_equal(matrix, expected.to_numpy())
    assert list(as_table(files["rows.csv"])["stimulus"]) == list(expected.index)
    assert list(as_table(files["columns.csv"])["session"]) == [
        f"{code}_ses-1" for code in expected.columns
    ]


def test_the_sureal_dataset_gives_the_mos_of_the_table(journals):
    """MOS as sureal computes it: the mean over the `os` of each of the dis_videos."""
    dataset = json.loads(export_files(journals, "sureal")["dataset.json"])
    mos = {video["path"]: np.mean(list(video["os"].values())) for video in dataset["dis_videos"]}
    expected = ratings_table(journals).table.groupby("image")["rating"].mean()
    assert mos == pytest.approx(expected.to_dict())
    contents = {video["content_id"] for video in dataset["dis_videos"]}
    assert contents == {video["content_id"] for video in dataset["ref_videos"]}


def test_an_unrated_image_leaves_an_empty_cell_in_the_matrix(journals):
    first = journals[0]
    gone = next(t for t in first.trials if t.kind == "main")
    shorter = replace(first, events=tuple(e for e in first.events if e is not gone))
    files = export_files([shorter, *journals[1:]], "sureal")
    row = list(as_table(files["rows.csv"])["stimulus"]).index(gone.stimulus)
    cells = list(csv.reader(io.StringIO(files["matrix.csv"].decode())))[row]
    assert cells[0] == "" and "" not in cells[1:]
    matrix = pd.read_csv(io.BytesIO(files["matrix.csv"]), header=None)
    assert matrix.isna().sum().sum() == 1


def test_wide_tables_speak_psychopy(journals):
    files = export_files(journals, "psychopy")
    assert sorted(files) == [f"SIMULATED_sub-S0{k}_ses-1.csv" for k in (1, 2, 3)]
    content = files["SIMULATED_sub-S01_ses-1.csv"]
    assert not content.startswith(b"\xef\xbb\xbf") and b",\n" not in content.split(b"\n")[0] + b"\n"
    table = as_table(content)
    wanted = {"trials.thisN", "rating.response", "rating.rt", "participant", "session", "expName"}
    assert wanted <= set(table.columns)
    assert list(table["trials.thisN"].astype(int)) == list(range(len(journals[0].trials)))
    assert table["frameRate"].astype(float)[0] == pytest.approx(60, abs=0.01)


@pytest.mark.parametrize("name", [name for name in shipped() if name != "slider"])
def test_sessions_of_every_protocol_can_be_exported(tmp_path, name):
    pictures = several_strengths(4) if name == "jnd" else with_intact(4)
    small = small_set(tmp_path / "stimuli", pictures)
    found = sessions_of(tmp_path / "sessions", name, small, participants=1, language="it")
    assert found[0].complete
    table = ratings_table(found).table
    protocol = load_protocol(name)
    assert table["rating"].between(protocol.scale.minimum, protocol.scale.maximum).all()
    assert ("second" in table) == (protocol.method == "pair")
    assert ("confidence" in table) == (protocol.method == "authenticity")
    assert ("strength" in table) == (protocol.method == "jnd")
    read_ratings(write_ratings_table(found, tmp_path / "ratings.csv"))
    for form in ("bids", "psychds", "psychopy"):
        export(found, form, tmp_path / form)
    if protocol.method in ("pair", "authenticity", "jnd", "marks"):
        with pytest.raises(InputError, match="no scores of single images"):
            export_files(found, "sureal")
    else:
        assert export_files(found, "sureal")
    if VALIDATOR is not None and name in ("pair", "acr"):
        errors = [issue for issue in validate(tmp_path / "bids") if issue[0] == "error"]
        assert errors == []


def test_journals_that_do_not_belong_together_are_refused(journals, tmp_path):
    first = journals[0]
    header = journals[1].header
    real = replace(journals[1], header=header.model_copy(update={"simulated": False}))
    with pytest.raises(InputError, match="mix simulated and real"):
        ratings_table([first, real])
    with pytest.raises(InputError, match="both session 1 of participant S01"):
        ratings_table([first, first])
    with pytest.raises(InputError, match="run sessions first"):
        export_files([], "bids")
    wider = header.scale.model_copy(update={"maximum": 110.0})
    for changed, complaint in (
        ({"scale": wider}, "different scales"),
        ({"scale": header.scale.model_copy(update={"good": "low"})}, "good is low"),
        ({"labels": (*header.labels[:-1], "Superb")}, "different words.*Superb"),
    ):
        other = replace(journals[1], header=header.model_copy(update=changed))
        with pytest.raises(
            InputError, match=f"{first.path.name} and {other.path.name}.*{complaint}"
        ):
            write_ratings_table([first, other], tmp_path / "r.csv")
    assert not list(tmp_path.iterdir())


def test_a_session_without_trials_leaves_no_empty_table(journals):
    turned_away = replace(journals[0], events=())
    files = bids_files([turned_away, *journals[1:]])
    assert not any(name.startswith("sub-S01") for name in files)
    assert f"sourcedata/{journals[0].path.name}" in files


def test_images_go_only_where_they_are_carried(journals, stimuli, tmp_path):
    for form in FORMS:
        if form != "bids":
            with pytest.raises(InputError, match="only the form bids carries images"):
                export(journals, form, tmp_path / "x", stimuli=stimuli)


def test_a_picture_that_changes_while_it_is_exported_is_refused(journals, stimuli, tmp_path):
    files = export_files(journals, "bids", stimuli=stimuli)
    picture = stimuli.image_path(stimuli.stimuli[3])
    kept = picture.read_bytes()
    try:
        picture.write_bytes(kept + b" ")
        with pytest.raises(RefusedError, match=f"{picture.name} is not the picture that was shown"):
            write_files(tmp_path / "bids", files)
    finally:
        picture.write_bytes(kept)
    assert not (tmp_path / "bids").exists()


def test_another_stimulus_set_than_the_one_shown_is_not_shipped(journals, tmp_path):
    other = small_set(tmp_path / "set", with_intact(6)[::-1])
    with pytest.raises(RefusedError, match="not those that were shown: scene0_high"):
        bids_files(journals, stimuli=other)


def test_an_unknown_form_names_the_nearest(journals, tmp_path):
    with pytest.raises(InputError, match="did you mean 'bids'"):
        export(journals, "bid", tmp_path / "x")
