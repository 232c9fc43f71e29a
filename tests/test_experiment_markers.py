"""Markers, feedback and debriefing: what laboratories attach to a session, and say in it."""

import sys
import types

import pytest
from small_sets import write_small_set

from fechner.errors import InputError
from fechner.experiment.session.markers import load_marker
from fechner.experiment.simulated.display import SimulatedDisplay
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting import run_participant as module
from fechner.protocols.methods import JndProtocol
from fechner.protocols.schema import load_protocol


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("markers") / "set", scenes=3, levels=3)


@pytest.fixture
def instrument(monkeypatch):
    """A module of a laboratory, with what it heard."""
    made = types.ModuleType("instrument")
    made.heard = []
    made.send = lambda moment, trial, seconds: made.heard.append((moment, trial, seconds))
    made.number = 5

    def fail(moment, trial, seconds):
        made.heard.append("failed")
        raise OSError("the cable is loose")

    made.fail = fail
    monkeypatch.setitem(sys.modules, "instrument", made)
    return made


def run(stimuli, folder, protocol="slider", markers=()):
    return module.run_participant(
        stimuli.folder,
        protocol,
        "S01",
        sessions_folder=folder,
        window="none",
        observer=SimulatedObserver("S01", seed=1),
        markers=markers,
    )


@pytest.mark.parametrize("name", ["slider", "dcr_sequential", "authenticity", "marks", "jnd"])
def test_a_marker_is_called_once_at_each_onset_and_once_at_each_answer(
    name, stimuli, tmp_path, instrument
):
    record = run(stimuli, tmp_path, name, ["instrument:send"])
    for moment in ("onset", "answer"):
        numbers = [trial.number for said, trial, _ in instrument.heard if said == moment]
        shown = [trial.trial for trial in record.trials if trial.stimulus]
        assert numbers == shown
    onsets = {t.number: s for said, t, s in instrument.heard if said == "onset"}
    for trial in record.trials:
        if trial.stimulus:
            assert onsets[trial.trial] == pytest.approx(trial.onset_s, abs=1e-5)
    times = [seconds for _, _, seconds in instrument.heard]
    assert times == sorted(times)
    assert {trial.stimulus for _, trial, _ in instrument.heard} <= {
        one.stimulus for one in stimuli.stimuli
    }


def test_a_marker_that_fails_is_noted_once_and_ends_nothing(stimuli, tmp_path, instrument):
    record = run(stimuli, tmp_path, markers=["instrument:fail", "instrument:send"])
    assert record.complete and instrument.heard.count("failed") == 1
    notes = [e.content for e in record.events if e.event == "note"]
    assert notes == [
        {
            "note": "marker failed",
            "marker": "instrument:fail",
            "problem": "OSError: the cable is loose",
            "trial": 1,
        }
    ]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nobody", "no marker is called 'nobody'"),
        ("instrument:nothing", "cannot load the marker"),
        ("no_module_of_this_name:send", "cannot load the marker"),
        ("instrument:number", "cannot be called"),
    ],
)
def test_a_marker_that_is_not_there_is_refused_before_the_session(
    name, complaint, stimuli, tmp_path, instrument
):
    with pytest.raises(InputError, match=complaint):
        load_marker(name)
    with pytest.raises(InputError, match=complaint):
        run(stimuli, tmp_path / "s", markers=[name])
    assert not (tmp_path / "s").exists()


def test_practice_is_followed_by_whether_it_was_right_and_the_end_by_a_debriefing(
    stimuli, tmp_path, monkeypatch
):
    seen = []
    text = SimulatedDisplay.text

    def noted(self, page):
        seen.append(page.name)
        return text(self, page)

    monkeypatch.setattr(SimulatedDisplay, "text", noted)
    protocol = load_protocol("jnd")
    trials = protocol.trials.model_copy(update={"feedback": True})
    texts = protocol.texts.model_copy(update={"debriefing": "What it was about."})
    record = run(stimuli, tmp_path, protocol.model_copy(update={"trials": trials, "texts": texts}))
    told = [name.removeprefix("feedback-") for name in seen if name.startswith("feedback")]
    practice = [trial for trial in record.trials if trial.block == 0]
    assert told == ["right" if trial.rating == 1 else "wrong" for trial in practice]
    assert len(told) == 4
    assert seen[-2:] == ["debriefing", "thanks"]


def test_feedback_without_right_answers_is_refused():
    protocol = load_protocol("acr")
    content = protocol.model_dump(mode="json", by_alias=True)
    content["trials"]["feedback"] = True
    with pytest.raises(ValueError, match="acr has no right answers"):
        type(protocol).model_validate(content)
    jnd = load_protocol("jnd").model_dump(mode="json", by_alias=True)
    jnd["trials"]["feedback"] = True
    assert JndProtocol.model_validate(jnd).trials.feedback
