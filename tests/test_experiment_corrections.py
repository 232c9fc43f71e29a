"""The way back to the last trial: the last answer counts, every answer stays in the journal."""

from dataclasses import replace

import pytest
from journals import forge, header_for
from small_sets import write_small_set

from fechner.errors import InputError, MissingPartError
from fechner.experiment.display import SessionQuitError, SteppedBackError
from fechner.experiment.exports.attention import attention_table
from fechner.experiment.exports.ratings import ratings_table
from fechner.experiment.exports.trial_tables import used_columns
from fechner.experiment.journal.journal import Journal
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.screens import pages
from fechner.experiment.screens.answering import Answering, Input
from fechner.experiment.session.presentation import rating_question
from fechner.experiment.session.session import run_session
from fechner.experiment.session.staircases import Staircases
from fechner.experiment.shown_pixels import ShownPixels
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.open_window import look_of
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.verify import verify_session
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journal
from fechner.records.journal.lines import BreakLine

NAME = "SIMULATED_sub-S01_ses-1.jsonl"


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("back") / "set", scenes=4, levels=2)


def allowing(name="slider", **trials):
    protocol = load_protocol(name)
    changed = {"correct_last": True, **trials}
    return protocol.model_copy(update={"trials": protocol.trials.model_copy(update=changed)})


class GoingBack(SimulatedDisplay):
    """Takes the way back wherever there is one, so many times a trial, and counts the ways."""

    def __init__(self, stimuli, times, *, quit_after=None):
        responder = SimulatedResponder(SimulatedObserver("S01", seed=3), stimuli)
        responder.goes_back = lambda question: False
        super().__init__(responder)
        self.times, self.quit_after, self.ways = dict(times), quit_after, []
        self.asked = 0

    def rate(self, question):
        self.asked += not question.name.startswith(("consent", "screening", "confidence"))
        if self.quit_after is not None and self.asked > self.quit_after:
            raise SessionQuitError("enough")
        if question.back and not question.name.startswith("screening"):
            self.ways.append(self.asked)
            if self.times.get(len(self.ways), 0):
                raise SteppedBackError
        return super().rate(question)


def journal_of(stimuli, folder, protocol, display):
    plan = make_plan(protocol, stimuli, "S01")
    header = header_for(protocol, plan, model={})
    with Journal.create(folder / NAME, header) as journal:
        return run_session(protocol, stimuli, plan, display, journal)


def test_no_shipped_protocol_has_the_way_back_and_their_digests_stay(stimuli, tmp_path):
    protocol = load_protocol("slider")
    assert not protocol.trials.correct_last
    assert allowing().sha256 != protocol.sha256
    display = GoingBack(stimuli, {})
    assert journal_of(stimuli, tmp_path, protocol, display).corrections == 0
    assert display.ways == []


def test_the_last_answer_counts_and_both_are_kept(stimuli, tmp_path):
    protocol = allowing()
    # From the tenth way back once, from the eleventh (the same question again) once more.
    record = journal_of(stimuli, tmp_path, protocol, GoingBack(stimuli, {10: 1, 11: 1}))
    assert record.complete and record.corrections == 2
    first, second, last = [line for line in record.answers if line.trial == _corrected(record)]
    assert [line.correction for line in (first, second, last)] == [None, 1, 2]
    assert first.stimulus == last.stimulus and first.rating != last.rating
    assert [t.trial for t in record.trials] == list(range(1, len(record.trials) + 1))
    assert record.trials[last.trial - 1] == last
    back = [e.content for e in record.events if e.event == "note"]
    assert back == 2 * [{"note": "went back", "trial": last.trial + 1}]
    verdict = verify_session(record, protocol=protocol, pixels=ShownPixels(stimuli))
    assert verdict.problems == () and "2 answers corrected" in verdict.notes
    assert read_journal(record.path).trials == record.trials
    with record.path.open("rb") as file:
        content = file.read()
    record.path.write_bytes(content.replace(f'"rating":{first.rating}'.encode(), b'"rating":1.0'))
    with pytest.raises(InputError, match="is damaged in line"):
        read_journal(record.path)


def _corrected(record):
    (number,) = {line.trial for line in record.answers if line.correction}
    return number


def test_every_reader_takes_the_last_answer_and_corrections_are_counted(stimuli, tmp_path):
    record = journal_of(stimuli, tmp_path, allowing(), GoingBack(stimuli, {12: 1}))
    number = _corrected(record)
    last = record.trials[number - 1]
    table = ratings_table([record]).table
    row = table[table["image"] == last.stimulus]
    assert last.kind == "main" and row["rating"].tolist() == [last.rating]
    assert attention_table([record])["S01"].corrected == 1
    assert "correction" in [column.name for column in used_columns([record])]
    plain = run_participant(
        stimuli.folder,
        "slider",
        "S02",
        sessions_folder=tmp_path / "plain",
        window="none",
        observer=SimulatedObserver("S02"),
    )
    assert "correction" not in [column.name for column in used_columns([plain])]


def test_no_way_leads_back_to_an_attention_check_or_over_the_page_after_practice(stimuli, tmp_path):
    protocol = allowing(break_every=6)
    display = GoingBack(stimuli, {})
    record = journal_of(stimuli, tmp_path, protocol, display)
    practice = ("practice", "anchor")
    expected = [
        after.trial
        for before, after in zip(record.trials, record.trials[1:], strict=False)
        if before.kind != "catch" and (before.kind in practice) == (after.kind in practice)
    ]
    assert display.ways == expected and len(expected) < len(record.trials) - 3
    # A break is no obstacle: the picture before it was the last one seen.
    breaks = [e.after_trial for e in record.events if isinstance(e, BreakLine)]
    kinds = {t.trial: t.kind for t in record.trials}
    assert {b + 1 for b in breaks if kinds[b] != "catch"} <= set(expected)


def test_answers_that_were_told_right_or_wrong_are_not_corrected(stimuli, tmp_path):
    told = allowing("jnd", feedback=True)
    display = GoingBack(stimuli, {})
    record = journal_of(stimuli, tmp_path, told, display)
    practice = sum(t.kind in ("practice", "anchor") for t in record.trials)
    assert practice > 1 and min(display.ways) > practice + 1


def test_a_break_is_taken_once_though_somebody_goes_back_over_it(stimuli, tmp_path):
    protocol = allowing(break_every=6)
    record = journal_of(
        stimuli, tmp_path, protocol, GoingBack(stimuli, {k: 1 for k in range(3, 30)})
    )
    breaks = [e.after_trial for e in record.events if isinstance(e, BreakLine)]
    assert len(breaks) == len(set(breaks)) > 1 and record.corrections > 10


def test_a_session_that_ends_while_an_answer_is_corrected_keeps_the_earlier_one(stimuli, tmp_path):
    protocol = allowing()
    display = GoingBack(stimuli, {8: 1}, quit_after=None)
    whole = journal_of(stimuli, tmp_path / "whole", protocol, display)
    number = _corrected(whole)
    asked = next(k for k in display.ways[7:8])
    with pytest.raises(SessionQuitError):
        journal_of(stimuli, tmp_path, protocol, GoingBack(stimuli, {8: 1}, quit_after=asked))
    ended = read_journal(tmp_path / NAME)
    assert ended.last_trial == number and ended.corrections == 0
    plan = make_plan(protocol, stimuli, "S01")
    with Journal.resume(tmp_path / NAME) as journal:
        record = run_session(protocol, stimuli, plan, GoingBack(stimuli, {}), journal)
    assert record.complete and record.trials[: len(ended.trials)] == ended.trials


def test_a_staircase_forgets_an_answer_that_was_corrected(stimuli, tmp_path):
    protocol = allowing("jnd")
    protocol = protocol.model_copy(
        update={"quest": protocol.quest.model_copy(update={"trials_per_region": 10})}
    )
    record = journal_of(
        stimuli, tmp_path, protocol, GoingBack(stimuli, {k: 1 for k in (9, 14, 20)})
    )
    assert record.corrections == 3
    anew = Staircases(protocol.quest, stimuli)
    anew.replay(record.trials)
    found = {note.content["region"]: note.content for note in record.events if _threshold(note)}
    assert {t.region: (t.strength, t.trials) for t in anew.thresholds()} == {
        region: (content["strength"], content["trials"]) for region, content in found.items()
    }
    assert {content["trials"] for content in found.values()} == {10}


def _threshold(line):
    return line.event == "note" and line.content["note"] == "threshold"


def test_a_session_of_marks_only_refuses_the_way_back():
    protocol = load_protocol("marks")
    content = protocol.model_dump(by_alias=True)
    content["trials"]["correct_last"] = True
    with pytest.raises(ValueError, match="marks are taken back on their own screen"):
        type(protocol).model_validate(content)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda events, at: events[at].update(trial=events[at]["trial"] - 1), "not the last one"),
        (lambda events, at: events[at].update(correction=2), "correction 2 follows 0"),
        (lambda events, at: events[at].update(scene="scene9"), "shows another scene"),
        (lambda events, at: events[at].pop("correction"), "numbers must rise"),
        (lambda events, at: events[0].update(schema=4), "schema 5 or later"),
    ],
)
def test_what_is_no_correction_of_the_last_answer_is_refused(change, complaint, stimuli, tmp_path):
    record = journal_of(stimuli, tmp_path, allowing(), GoingBack(stimuli, {9: 1}))
    at = 1 + next(k for k, e in enumerate(record.events) if getattr(e, "correction", None))
    with pytest.raises(InputError, match=complaint):
        read_journal(forge(record.path, lambda events: change(events, at)))


def test_a_journal_of_a_protocol_without_the_way_back_holds_no_corrections(stimuli, tmp_path):
    record = journal_of(stimuli, tmp_path, allowing(), GoingBack(stimuli, {9: 1}))
    plain = load_protocol("slider")

    def change(events):
        events[0]["protocol_sha256"] = plain.sha256
        events[0]["plan_sha256"] = make_plan(plain, stimuli, "S01").sha256

    found = verify_session(
        read_journal(forge(record.path, change)), protocol=plain, pixels=ShownPixels(stimuli)
    )
    assert any("which the protocol does not allow" in problem for problem in found.problems)


SLIDER = allowing()
LOOK = look_of(SLIDER, (800, 600))


def pressed(keys):
    from fechner.experiment.plan.plan import Trial

    trial = Trial(1, 1, "main", "x", "s", "r", "quality")
    question = replace(rating_question(SLIDER, trial), back=SLIDER.texts.back)
    state = Answering(question, pages.question(LOOK, question, below=True), LOOK, SLIDER.keys)
    for place, key in enumerate(keys):
        state.take(Input("key", 1.0 + place, key))
    return state


def test_backspace_leads_back_only_where_it_has_nothing_to_erase():
    assert pressed(["backspace"]).stepped_back
    assert pressed(["num_subtract"]).stepped_back
    assert pressed(["right", "backspace"]).stepped_back
    erased = pressed(["6", "2", *5 * ["backspace"]])
    assert not erased.stepped_back and erased.value is None


def test_nothing_moves_between_questions_with_and_without_the_way_back():
    from fechner.experiment.plan.plan import Trial

    for name in ("slider", "acr"):
        protocol = allowing(name)
        trial = Trial(1, 1, "main", "x", "s", "r", protocol.dimension)
        asked, look = rating_question(protocol, trial), look_of(protocol, (800, 600))
        with_back = pages.question(look, replace(asked, back="Back"), below=True)
        zones = dict(with_back.zones)
        assert zones.pop("back") and zones == pages.question(look, asked, below=True).zones


@pytest.mark.window
@pytest.mark.parametrize("name", ["slider", "authenticity"])
def test_simulated_participants_go_back_in_the_window_as_without_one(
    name, stimuli, tmp_path, monkeypatch
):
    pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
    monkeypatch.setattr("fechner.experiment.simulated.display.GOES_BACK", 0.3)
    protocol = allowing(name, repeats=0, design="latin square")
    run = {"observer": SimulatedObserver("S01", seed=2), "verify_pixels": "none"}
    found = {}
    for window in ("none", "psychopy"):
        folder = tmp_path / window
        try:
            record = run_participant(
                stimuli.folder, protocol, "S01", sessions_folder=folder, window=window, **run
            )
        except MissingPartError as error:  # pragma: no cover - depends on the machine
            pytest.skip(f"no screen: {error}")
        assert record.complete and record.corrections >= 2
        found[window] = [(line.trial, line.correction) for line in record.answers]
    assert found["none"] == found["psychopy"]
