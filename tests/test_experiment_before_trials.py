"""Before the first trial no accident ends a participant: asked twice, a way back, pauses."""

from itertools import pairwise

import pytest
from journals import header_for
from small_sets import write_small_set

from fechner.errors import InputError, RefusedError
from fechner.experiment.display import Response, SessionQuitError, SteppedBackError
from fechner.experiment.journal.journal import Journal
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.screens.answering import Input
from fechner.experiment.session.before_trials import PAUSE_MS
from fechner.experiment.session.session import run_session
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.run_participant import run_participant
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journal


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("before") / "set", scenes=3)


class Answering(SimulatedDisplay):
    """Answers the questions before the trials as a script says, and notes every screen."""

    def __init__(self, stimuli, script):
        super().__init__(SimulatedResponder(SimulatedObserver("S01", seed=3), stimuli))
        self.script, self.seen = {name: list(answers) for name, answers in script.items()}, []

    def _next(self, name, back):
        self.seen.append(name)
        wanted = self.script.get(name) or [None]
        answer = wanted.pop(0)
        if answer == "back":
            assert back, f"{name} has no way back"
            raise SteppedBackError
        return answer

    def text(self, page):
        self._next(page.name, page.back)

    def rate(self, question):
        if not question.name.startswith(("consent", "screening", "confirm")):
            return super().rate(question)
        answer = self._next(question.name, question.back)
        value = question.answer if answer is None else answer
        return Response(float(value), 900.0, ((900.0, float(value)),), "simulated")


class Trials(Exception):  # noqa: N818 - the end of what is looked at, no fault
    """The first trial begins."""


def begin(stimuli, folder, script, *, name="SIMULATED_sub-S01_ses-1.jsonl"):
    protocol = load_protocol("slider")
    plan = make_plan(protocol, stimuli, "S01")
    header = header_for(protocol, plan, model={})
    display = Answering(stimuli, script)
    with Journal.create(folder / name, header) as journal:
        record = run_session(protocol, stimuli, plan, display, journal)
    return record, display.seen


@pytest.mark.parametrize("name", ["consent", "screening.acuity", "screening.colour_vision"])
def test_an_answer_that_turns_away_is_asked_about_once_more(name, stimuli, tmp_path):
    confirm = f"confirm.{name.removeprefix('screening.')}"
    record, seen = begin(stimuli, tmp_path, {name: [1, 0], confirm: [0]})
    assert record.complete and len(record.trials) > 10
    place = seen.index(confirm)
    assert seen[place - 1 : place + 2] == [name, confirm, name]
    notes = [event.content for event in record.events if event.event == "note"]
    assert notes == [{"note": "answer taken back", "question": name.removeprefix("screening.")}]
    answers = [e for e in record.events if e.event == "screening"]
    assert all(answer.accepted for answer in answers) and len(answers) == 4


def test_whoever_means_it_is_turned_away_and_the_journal_says_so(stimuli, tmp_path):
    record, seen = begin(stimuli, tmp_path, {"consent": [1], "confirm.consent": [1]})
    assert (record.complete, record.turned_away, record.state) == (False, True, "not admitted")
    assert record.trials == () and seen == ["consent", "confirm.consent", "not-admitted"]


def test_every_screen_before_the_first_trial_has_a_way_back(stimuli, tmp_path):
    names = ["consent", "screening.acuity", "screening.colour_vision", "screening.age_band"]
    names += ["instructions-1", "instructions-2", "practice"]
    script = {name: ["back"] for name in names[1:]}
    record, seen = begin(stimuli, tmp_path, script)
    assert record.complete
    # Each screen is left once for the one before, and read again from there.
    expected = names[:1]
    for before, name in pairwise(names):
        expected += [name, before, name]
    assert seen[: len(expected)] == expected


def test_an_answer_that_was_changed_counts_as_it_was_changed(stimuli, tmp_path):
    script = {"screening.age_band": [1, 3], "instructions-1": ["back"]}
    record, _ = begin(stimuli, tmp_path, script)
    ages = [e.answer for e in record.events if getattr(e, "question", "") == "age_band"]
    assert ages == ["18_29", "45_59"]


def simulate(stimuli, folder, **options):
    return run_participant(
        stimuli.folder,
        "slider",
        "S01",
        sessions_folder=folder,
        window="none",
        observer=SimulatedObserver("S01", seed=3),
        **options,
    )


def test_a_code_is_used_again_only_where_the_experimenter_says_so(stimuli, tmp_path):
    record, _ = begin(stimuli, tmp_path, {"consent": [1], "confirm.consent": [1]})
    with pytest.raises(RefusedError, match=r"was not admitted to session 1 .* give --readmit"):
        simulate(stimuli, tmp_path)
    assert read_journal(record.path).events == record.events
    again = simulate(stimuli, tmp_path, readmit=True)
    assert again.complete and again.events[: len(record.events)] == record.events
    assert [e.event for e in again.events][len(record.events)] == "readmit"
    with pytest.raises(RefusedError, match="has finished session 1"):
        simulate(stimuli, tmp_path, readmit=True)


def test_nobody_is_readmitted_who_was_not_turned_away(stimuli, tmp_path):
    record = simulate(stimuli, tmp_path)
    from journals import forge

    def change(events):
        events.append({"event": "readmit", "written": events[-1]["written"]})

    with pytest.raises(InputError, match="admitted anew who was not turned away"):
        read_journal(forge(record.path, change))


@pytest.fixture(scope="module")
def window():
    pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
    from fechner.errors import MissingPartError
    from fechner.experiment.starting.open_window import open_window

    try:
        display = open_window(load_protocol("slider"), size=(800, 600))
    except MissingPartError as error:  # pragma: no cover - depends on the machine
        pytest.skip(f"no screen: {error}")
    yield display
    display.close()


class Clock:
    """A window's clock and inputs as a list says: every flip takes 50 ms."""

    def __init__(self, display, monkeypatch, presses):
        self.now, self.presses = 0.0, sorted(presses)
        window, flip = display.window, display.window.flip

        def flips():
            flip()
            self.now += 0.05
            return self.now

        def inputs():
            assert self.now < 60, "nothing more is pressed and a screen still waits"
            due = [one for one in self.presses if one[0] <= self.now]
            self.presses = self.presses[len(due) :]
            return [Input("key", time, key) for time, key in due]

        for name, does in (
            ("flip", flips),
            ("inputs", inputs),
            ("now", lambda: self.now),
            ("pause", lambda: None),
        ):
            monkeypatch.setattr(window, name, does)
        monkeypatch.setattr("fechner.experiment.window.asking.PRESS_MS", 0.0)
        window.pause_ends = 0.0

        def first_trial(_):
            raise Trials

        monkeypatch.setattr(display, "fixation", first_trial)
        monkeypatch.setattr(display, "preload", lambda frame: None)


def screening(stimuli, folder, display):
    """Run a person's session until its first trial; return the journal."""
    protocol = load_protocol("slider")
    plan = make_plan(protocol, stimuli, "P01")
    header = header_for(protocol, plan)
    with Journal.create(folder / "sub-P01_ses-1.jsonl", header) as journal:
        with pytest.raises((Trials, SessionQuitError)):
            run_session(protocol, stimuli, plan, display, journal)
        return journal.record


@pytest.mark.window
@pytest.mark.parametrize(
    "gap_ms",
    [
        pytest.param(gap, marks=[] if gap in (50, 300, 500) else pytest.mark.proof)
        for gap in range(50, 501, 50)
    ],
)
def test_a_double_press_answers_one_screen(gap_ms, window, stimuli, tmp_path, monkeypatch):
    # Every second answer would turn away, and is taken back: 1 asks again.
    keys = ["2", "1", "1", "2", "1", "1", "2", "1", "1", "2", "return", "return", "return"]
    times = [1.2 + 1.3 * k for k in range(len(keys))]
    presses = [
        press
        for t, key in zip(times, keys, strict=True)
        for press in ((t, key), (t + gap_ms / 1000, key))
    ]
    clock = Clock(window, monkeypatch, presses)
    record = screening(stimuli, tmp_path, window)
    answers = [(e.question, e.accepted) for e in record.events if e.event == "screening"]
    assert answers == [
        ("consent", True),
        ("acuity", True),
        ("colour_vision", True),
        ("age_band", True),
    ]
    assert not record.turned_away
    # The last pages took one press each, and nothing is left over but the last second press.
    assert len(clock.presses) <= 1


@pytest.mark.window
def test_a_screen_takes_nothing_before_its_pause_is_over(window, stimuli, tmp_path, monkeypatch):
    early, late = PAUSE_MS / 1000 - 0.05, PAUSE_MS / 1000 + 0.3
    Clock(window, monkeypatch, [(early, "1"), (9.0, "escape"), (late + 9.0, "2")])
    record = screening(stimuli, tmp_path, window)
    assert [e.event for e in record.events] == ["quit"]


@pytest.mark.window
def test_backspace_goes_back_in_the_window(window, stimuli, tmp_path, monkeypatch):
    keys = [*"1112", "backspace", "3", "return", *2 * ["backspace"], "4", *3 * ["return"]]
    Clock(window, monkeypatch, [(1.0 + k, key) for k, key in enumerate(keys)])
    record = screening(stimuli, tmp_path, window)
    ages = [e.answer for e in record.events if getattr(e, "question", "") == "age_band"]
    assert ages == ["18_29", "30_44", "45_59"]
