"""A plan is frozen before the first participant, and what is run is held to it line by line."""

import json
from dataclasses import replace

import pytest
from report_study import write_study
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.errors import InputError
from fechner.provenance import digest
from fechner.records.rules.frozen_plan import read_frozen_plan, read_plan_check
from fechner.records.stimuli import read_stimulus_set, write_stimulus_set
from fechner.report.page import write_report
from fechner.study.freezing import check_plan, freeze, plan_lines
from fechner.study.opening import open_study


@pytest.fixture
def place(tmp_path):
    """A study of real participants whose stimuli are built and whom nobody has rated."""
    return open_study(write_study(tmp_path / "study", simulated=False, people=False))


def declare(place, text):
    """Add tables to the study file and open the study anew."""
    file = place.folder / "study.toml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")
    return open_study(place.folder)


def rated(place, tmp_path):
    """Give the study the sessions and ratings of another one with the same stimuli."""
    other = write_study(tmp_path / "rated", simulated=False)
    for name in ("sessions", "ratings", "statistics"):
        (other / name).rename(place.folder / name)
    return place


def test_the_plan_names_everything_that_decides_and_its_digest_covers_it(place):
    plan = freeze(place)
    assert plan.lines["contrasts"] == ["low - high", "donor - high"]
    assert plan.lines["who is left out"]["rule"] == "blind"
    assert set(plan.lines) >= {
        "level of the intervals", "smallest difference that matters", "model that decides",
        "predictions", "stimuli", "protocol", "participants planned", "seed",
    }  # fmt: skip
    assert plan.sha256 == digest(plan.lines)
    assert read_frozen_plan(place.frozen_plan) == plan


def test_both_predictions_are_frozen_and_another_distance_is_another_plan(place):
    plan = freeze(place)
    assert "layer distance" in plan.lines["rivals of the prediction"]
    found = read_stimulus_set(place.stimuli)
    other = [replace(one, layer_distance=one.layer_distance * 2) for one in found.stimuli]
    write_stimulus_set(place.stimuli, other, found.record)
    with pytest.raises(InputError, match=r"with other .*predictions without a map"):
        freeze(place)
    without = [replace(one, layer_distance=None) for one in found.stimuli]
    write_stimulus_set(place.stimuli, without, found.record)
    lines = plan_lines(place)
    assert "predictions without a map" not in lines
    assert lines["predictions"] == plan.lines["predictions"]
    assert "layer distance" not in lines["rivals of the prediction"]


def test_freezing_twice_changes_nothing_and_another_plan_is_refused(place):
    plan = freeze(place)
    assert freeze(place) == plan
    changed = declare(place, "[claim]\nmargin = 4.0\n")
    with pytest.raises(InputError, match="with other smallest difference that matters"):
        freeze(changed)
    assert read_frozen_plan(place.frozen_plan) == plan


def test_after_the_first_session_nothing_is_frozen(place, tmp_path):
    with pytest.raises(InputError, match="13 sessions have begun"):
        freeze(rated(place, tmp_path))
    assert not place.frozen_plan.exists()


def test_a_plan_that_was_changed_by_hand_is_refused(place):
    freeze(place)
    content = json.loads(place.frozen_plan.read_text("utf-8"))
    content["lines"]["seed"] = 7
    place.frozen_plan.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match="was changed after it was frozen"):
        check_plan(place)


def test_a_study_without_a_plan_is_not_refused_and_its_report_says_so(place, tmp_path):
    assert check_plan(rated(place, tmp_path)) is None
    assert "No plan was frozen before the first participant" in write_report(
        place.folder
    ).read_text("utf-8")


def test_what_was_run_as_frozen_is_shown_line_by_line(place, tmp_path):
    plan = freeze(place)
    check = check_plan(rated(place, tmp_path))
    assert check.changed == []
    assert [line.name for line in check.lines] == list(plan.lines)
    assert check.first_session is not None
    page = write_report(place.folder).read_text("utf-8")
    assert "Every line was kept." in page
    assert page.count("<td>as frozen</td>") == len(plan.lines)


def test_what_differs_needs_a_reason_and_the_report_shows_both(place, tmp_path):
    freeze(place)
    changed = declare(rated(place, tmp_path), '[screening]\nrule = "everybody"\n')
    with pytest.raises(InputError, match=r"differs from .* in: who is left out; .*--deviation"):
        check_plan(changed)
    assert not changed.plan_check.exists()
    check = check_plan(changed, deviation="two booths had one monitor")
    assert [line.name for line in check.changed] == ["who is left out"]
    assert read_plan_check(changed.plan_check) == check
    page = write_report(changed.folder).read_text("utf-8")
    assert "One line was not kept. The reason given: two booths had one monitor" in page
    assert "DIFFERS" in page


def test_simulated_participants_may_begin_anew_with_another_plan(tmp_path):
    place = open_study(write_study(tmp_path / "study", people=False))
    plan = freeze(place)
    assert freeze(place) == plan
    again = freeze(declare(place, "[claim]\nmargin = 4.0\n"))
    assert again.sha256 != plan.sha256


def test_the_command_prints_the_lines_and_the_digest(place):
    result = CliRunner().invoke(app, ["study", "freeze", str(place.folder)])
    assert result.exit_code == 0, result.output
    assert f"sha256 {read_frozen_plan(place.frozen_plan).sha256}" in result.output
    assert "low - high" in result.output
