"""Answers that come too fast to be answers: flagged, counted by screening, or not accepted."""

import pytest
from small_sets import write_small_set

from fechner.experiment.display import Response
from fechner.experiment.exports.attention import attention_table
from fechner.experiment.session.presentation import present_trial
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.run_participant import run_participant
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journals


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("fast") / "set", scenes=3)


class Fast(SimulatedDisplay):
    """Answers every question after so many milliseconds."""

    def __init__(self, stimuli, rt_ms):
        super().__init__(SimulatedResponder(SimulatedObserver("S01", seed=1), stimuli))
        self.rt_ms, self.asked = list(rt_ms), []

    def rate(self, question):
        self.asked.append(question)
        rt_ms = self.rt_ms.pop(0) if self.rt_ms else 800.0
        return Response(question.values[0], rt_ms, ((rt_ms, question.values[0]),), "simulated")


def presented(name, stimuli, *rt_ms, **timing):
    protocol = load_protocol(name)
    from fechner.experiment.plan.plan import Trial

    one = stimuli.stimuli[1]
    trial = Trial(1, 1, "main", one.stimulus, one.scene, one.region, protocol.dimension)
    display = Fast(stimuli, rt_ms)
    times = protocol.timing.model_copy(update=timing)
    return present_trial(protocol, trial, stimuli, display, timing=times), display.asked


@pytest.mark.parametrize(
    ("name", "rt_ms", "flagged"),
    [
        ("acr", (149.9,), True),
        ("acr", (150.0,), False),
        ("authenticity", (900.0, 100.0), True),
        ("authenticity", (900.0, 200.0), False),
    ],
)
def test_answers_below_the_limit_of_the_protocol_are_flagged(name, rt_ms, flagged, stimuli):
    found, _ = presented(name, stimuli, *rt_ms)
    assert found.record()["anticipated"] is flagged


def test_the_limit_is_the_protocols(stimuli):
    assert presented("acr", stimuli, 240.0, anticipation_ms=250.0)[0].anticipated
    assert not presented("acr", stimuli, 1.0, anticipation_ms=0.0)[0].anticipated


def test_where_they_are_refused_no_question_opens_before_the_limit(stimuli):
    _, asked = presented("acr", stimuli, anticipation="refuse", anticipation_ms=180.0)
    assert [question.not_before_ms for question in asked] == [180.0]
    _, asked = presented("authenticity", stimuli, anticipation="refuse")
    assert [question.not_before_ms for question in asked][1] == 150.0
    _, asked = presented("slider", stimuli, anticipation="refuse")
    assert [question.not_before_ms for question in asked] == [1000.0]


def test_screening_counts_them(stimuli, tmp_path):
    protocol = load_protocol("acr")
    slow = protocol.timing.model_copy(update={"anticipation_ms": 600_000.0})
    record = run_participant(
        stimuli.folder,
        protocol.model_copy(update={"timing": slow}),
        "S01",
        sessions_folder=tmp_path,
        window="none",
        observer=SimulatedObserver("S01", seed=1),
    )
    counted = attention_table(read_journals(tmp_path))["S01"].anticipated
    assert counted == len(record.trials) > 0
    assert all(trial.anticipated for trial in record.trials)
