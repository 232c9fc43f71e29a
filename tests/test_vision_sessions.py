"""Tests of vision and a comment in whole sessions: admission, journals, resuming, exports."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from journals import forge, header_for
from small_sets import write_small_set

from fechner.errors import InputError, RefusedError
from fechner.experiment.calibration import Calibration
from fechner.experiment.display import (
    Response,
    SessionQuitError,
    SteppedBackError,
    WrittenText,
    pixels_sha256,
)
from fechner.experiment.exports.bids import bids_files
from fechner.experiment.journal.journal import Journal
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.session.session import run_session
from fechner.experiment.simulated.display import COMMENT, SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.open_window import look_of
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.starting.vision_ready import check_acuity, require_vision
from fechner.experiment.verify import verify_session
from fechner.experiment.vision.letters import Letter
from fechner.experiment.vision.plates import Plate
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journal


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("vision") / "set", scenes=3)


@pytest.fixture(scope="module")
def protocol():
    return load_protocol("acr_vision")


class Participant(SimulatedDisplay):
    """Answers pictures as `sees` says: its number, the picture and the right answer come in."""

    def __init__(self, stimuli, sees=lambda number, picture, right: right, comment="Fine."):
        super().__init__(SimulatedResponder(SimulatedObserver("S01", seed=3), stimuli))
        self.sees, self.comment, self.screens, self.pictures = sees, comment, [], []
        self.back = set()

    def text(self, page):
        self.screens.append((page.name, page.body))
        if page.name in self.back:
            assert page.back
            self.back.remove(page.name)
            raise SteppedBackError

    def rate(self, question):
        if not question.name.startswith("vision."):
            if question.name.startswith(("consent", "screening")):
                self.screens.append((question.name, ""))
            return super().rate(question)
        self.pictures.append(question.picture)
        value = self.sees(len(self.pictures), question.picture, question.answer)
        return Response(float(value), 900.0, ((900.0, float(value)),), "simulated")

    def write(self, task):
        self.screens.append((task.name, task.text))
        if isinstance(self.comment, Exception):
            raise self.comment
        return WrittenText(self.comment[: task.most], 4000.0, "simulated")

    @property
    def names(self):
        return [name for name, _ in self.screens]


def run(protocol, stimuli, folder, display, *, readmit=False):
    path = folder / "SIMULATED_sub-S01_ses-1.jsonl"
    plan = make_plan(protocol, stimuli, "S01")
    header = header_for(protocol, plan, model={}, screen={"pixels_per_degree": 60.0})
    opened = (
        Journal.resume(path, readmit=readmit) if path.exists() else Journal.create(path, header)
    )
    with opened as journal:
        return run_session(protocol, stimuli, plan, display, journal)


def lines(record, event):
    return [line for line in record.events if line.event == event]


def findings(record):
    found = lines(record, "screening")
    return {line.question: (line.answer, line.accepted) for line in found}


def deuteranope(number, picture, right):
    """Say that no ring is seen where only M cones tell it from the ground."""
    return 4 if getattr(picture, "axis", "") == "deutan" else right


def test_who_sees_everything_is_admitted_and_the_journal_has_every_picture(
    protocol, stimuli, tmp_path
):
    display = Participant(stimuli)
    record = run(protocol, stimuli, tmp_path, display)
    assert record.complete
    assert findings(record)["colour_plates"] == (
        "protan 5/5, deutan 5/5, tritan 5/5, control 2/2",
        True,
    )
    assert findings(record)["tumbling_e"] == ("0.00", True)
    shown = lines(read_journal(record.path), "vision")
    assert [line.number for line in shown] == [*range(1, 36), *range(1, 18)]
    assert all(line.right == line.answer and line.attempt == 1 for line in shown)
    plates = [line for line in shown if line.check == "colour_plates"]
    drawn = [picture for picture in display.pictures if isinstance(picture, Plate)]
    again = [Plate(line.axis, line.right, 0.05, line.seed, 480, 128) for line in plates]
    assert again == drawn  # 8 degrees at 60 pixels a degree


def test_a_deuteranope_is_tested_twice_and_not_admitted(protocol, stimuli, tmp_path):
    display = Participant(stimuli, deuteranope)
    record = run(protocol, stimuli, tmp_path, display)
    assert record.state == "not admitted" and record.trials == ()
    assert findings(record)["colour_plates"] == (
        "protan 5/5, deutan 0/5, tritan 5/5, control 2/2",
        False,
    )
    assert display.names[-2:] == ["vision-once-more", "not-admitted"]
    assert "no medical examination" in display.screens[-1][1]
    plates = [line for line in lines(record, "vision") if line.check == "colour_plates"]
    first, second = ([p for p in plates if p.attempt == k] for k in (1, 2))
    assert len(first) == len(second) == 17
    assert {line.seed for line in first}.isdisjoint({line.seed for line in second})
    missed = [line for line in plates if line.answer == "unseen"]
    assert {line.axis for line in missed} == {"deutan"} and len(missed) == 10


def test_a_test_failed_by_accident_is_passed_the_second_time(protocol, stimuli, tmp_path):
    def hasty(number, picture, right):
        return (right + 1) % 4 if number <= 5 else right

    display = Participant(stimuli, hasty)
    record = run(protocol, stimuli, tmp_path, display)
    assert record.complete
    assert display.names.count("vision-once-more") == 1
    letters = [line for line in lines(record, "vision") if line.check == "tumbling_e"]
    assert [line.attempt for line in letters] == [1] * 5 + [2] * 35
    assert findings(record)["tumbling_e"] == ("0.00", True)


def test_a_protocol_may_admit_everybody_and_keep_the_finding(protocol, stimuli, tmp_path):
    plates = protocol.colour_plates.model_copy(update={"decides": False, "tries": 1})
    lenient = protocol.model_copy(update={"colour_plates": plates})
    record = run(lenient, stimuli, tmp_path, Participant(stimuli, deuteranope))
    assert record.complete
    answer, accepted = findings(record)["colour_plates"]
    assert accepted and "deutan 0/5" in answer


@pytest.mark.parametrize("stopped", [3, 20, 40, 52])
def test_an_interrupted_test_goes_on_after_its_last_answer(stopped, protocol, stimuli, tmp_path):
    def leaves(number, picture, right):
        if number == stopped:
            raise SessionQuitError("ended")
        return right

    display = Participant(stimuli, leaves)
    with pytest.raises(SessionQuitError):
        run(protocol, stimuli, tmp_path, display)
    later = Participant(stimuli)
    record = run(protocol, stimuli, tmp_path, later)
    assert record.complete
    assert [line.number for line in lines(record, "vision")] == [*range(1, 36), *range(1, 18)]
    alone = Participant(stimuli)
    run(protocol, stimuli, tmp_path / "alone", alone)
    assert display.pictures[:-1] + later.pictures == alone.pictures


def test_no_way_leads_back_into_a_test_that_was_taken(protocol, stimuli, tmp_path):
    display = Participant(stimuli)
    display.back = {"tumbling-e", "instructions-2"}
    record = run(protocol, stimuli, tmp_path, display)
    assert record.complete and not display.back
    names = display.names
    place = names.index("tumbling-e")
    assert names[place : place + 3] == ["tumbling-e", "screening.age_band", "tumbling-e"]
    display = Participant(stimuli)
    display.back = {"colour-plates"}
    with pytest.raises(AssertionError):
        run(protocol, stimuli, tmp_path / "again", display)


def test_who_is_admitted_anew_is_tested_anew(protocol, stimuli, tmp_path):
    run(protocol, stimuli, tmp_path, Participant(stimuli, deuteranope))
    display = Participant(stimuli)
    record = run(protocol, stimuli, tmp_path, display, readmit=True)
    assert record.complete
    assert len(display.pictures) == 35 + 17


def shown_by_a_window(stimuli):
    """Return a participant before a window: letters and the first plate have their digests."""

    class Watching(Participant):
        def rate(self, question):
            response = super().rate(question)
            digested = isinstance(question.picture, Letter) or len(self.pictures) == 36
            if question.picture is None or not digested:
                return response
            return replace(response, shown_sha256=pixels_sha256(question.picture.draw()))

    return Watching(stimuli)


@pytest.fixture(scope="module")
def watched(protocol, stimuli, tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    return run(protocol, stimuli, folder, shown_by_a_window(stimuli)).path


def test_verify_takes_the_tests_again_and_finds_nothing_wrong(protocol, stimuli, watched, tmp_path):
    def hasty(number, picture, right):
        return (right + 1) % 4 if number <= 5 else right

    run(protocol, stimuli, tmp_path / "anew", Participant(stimuli, deuteranope))
    anew = run(protocol, stimuli, tmp_path / "anew", Participant(stimuli), readmit=True)
    twice = run(protocol, stimuli, tmp_path / "twice", Participant(stimuli, hasty))
    for record in (read_journal(watched), anew, twice):
        assert verify_session(record, protocol=protocol).problems == ()
    assert sum(line.shown_sha256 is not None for line in lines(record, "vision")) == 0
    assert sum(one.shown_sha256 is not None for one in lines(read_journal(watched), "vision")) == 36


@pytest.mark.parametrize(
    ("place", "changes", "problem"),
    [
        (40, {"seed": 5}, "picture 6 of try 1 of colour_plates is not the one that the protocol"),
        (0, {"logmar": 0.5}, "picture 1 of try 1 of tumbling_e is not the one"),
        (3, {"shown_sha256": "0" * 64}, "picture 4 of try 1 of tumbling_e was shown with other"),
        (
            35,
            {"shown_sha256": "0" * 64},
            "picture 1 of try 1 of colour_plates was shown with",
        ),
        (51, {"number": 18}, "picture 18 of try 1 of colour_plates does not come there"),
        (51, {"attempt": 2, "number": 1}, "colour_plates did not find what was answered"),
    ],
)
def test_verify_names_the_picture_that_was_altered(
    place, changes, problem, protocol, watched, tmp_path
):
    def change(events):
        [one for one in events if one["event"] == "vision"][place].update(changes)

    record = read_journal(forge(copied(watched, tmp_path), change))
    problems = verify_session(record, protocol=protocol).problems
    assert any(one.startswith(problem) for one in problems), problems


def test_verify_names_a_finding_that_the_answers_do_not_give(protocol, watched, tmp_path):
    def better(events):
        found = [one for one in events if one["event"] == "screening"]
        next(one for one in found if one["question"] == "tumbling_e").update(answer="-0.10")

    record = read_journal(forge(copied(watched, tmp_path), better))
    verdict = verify_session(record, protocol=protocol)
    assert verdict.problems == ("tumbling_e did not find what was answered",)
    other = protocol.model_copy(update={"name": "another"})
    assert verify_session(record, protocol=other).problems[0].startswith("the protocol is not")


def test_simulated_participants_pass_without_a_window(protocol, stimuli, tmp_path):
    record = run_participant(
        stimuli.folder,
        protocol,
        "S01",
        sessions_folder=tmp_path,
        window="none",
        observer=SimulatedObserver("S01", seed=3),
    )
    assert record.complete
    # A screen of unknown size is taken as the protocol asks for: 40 pixels a degree.
    assert findings(record)["tumbling_e"] == ("0.20", True)
    assert [line.text for line in lines(record, "comment")] == [COMMENT]


def test_a_comment_is_kept_and_exported_on_one_line(protocol, stimuli, tmp_path):
    text = "Schöne Bilder,\n\taber zu viele.\n…"
    record = run(protocol, stimuli, tmp_path, Participant(stimuli, comment=text))
    comment = lines(read_journal(record.path), "comment")
    assert [line.text for line in comment] == [text]
    files = bids_files([record])
    header, row = files["participants.tsv"].decode("utf-8").splitlines()
    values = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert values["comment"] == "Schöne Bilder, / aber zu viele. / …"
    assert values["tumbling_e"] == "0.00"
    assert values["colour_plates"].startswith("protan 5/5")
    sidecar = json.loads(files["participants.json"])
    assert set(sidecar) == set(values)
    assert "logMAR" in sidecar["tumbling_e"]["Description"]


def test_nobody_gets_a_comment_column_who_was_not_asked(stimuli, tmp_path):
    record = run(load_protocol("acr"), stimuli, tmp_path, Participant(stimuli))
    assert lines(record, "comment") == []
    assert b"comment" not in bids_files([record])["participants.tsv"]


def test_a_session_that_ends_before_the_comment_asks_for_it_later(protocol, stimuli, tmp_path):
    stops = Participant(stimuli, comment=SessionQuitError("power cut"))
    with pytest.raises(SessionQuitError):
        run(protocol, stimuli, tmp_path, stops)
    later = Participant(stimuli)
    record = run(protocol, stimuli, tmp_path, later)
    assert record.complete
    assert later.names == ["comment", "thanks"]
    assert [line.text for line in lines(record, "comment")] == ["Fine."]


@pytest.fixture(scope="module")
def taken(protocol, stimuli, tmp_path_factory):
    return run(protocol, stimuli, tmp_path_factory.mktemp("taken"), Participant(stimuli)).path


def copied(path, folder):
    return Path(shutil.copy(path, folder))


@pytest.mark.parametrize(
    ("event", "changes", "message"),
    [
        ("vision", {"answer": "unseen"}, "letters have no answer 'unseen'"),
        ("vision", {"axis": "protan"}, "a colour plate has an axis and a seed"),
        ("vision", {"right": "north"}, "right"),
        ("comment", {"device": "voice"}, "device"),
    ],
)
def test_lines_that_no_session_writes_are_refused(event, changes, message, taken, tmp_path):
    def change(events):
        next(one for one in events if one["event"] == event).update(changes)

    with pytest.raises(InputError, match=message):
        read_journal(forge(copied(taken, tmp_path), change))


def test_older_journals_hold_no_tests_of_vision(taken, tmp_path):
    def older(events):
        events[0]["schema"] = 4

    with pytest.raises(InputError, match="vision lines stand in schema 5 or later"):
        read_journal(forge(copied(taken, tmp_path), older))


def test_letters_need_a_calibrated_screen_that_is_fine_enough(protocol):
    look = look_of(protocol, (1280, 1024))
    with pytest.raises(RefusedError, match=r"size of a pixel is unknown; calibrate with a card"):
        require_vision(look, protocol, None, simulated=False)
    coarse = Calibration(pixels_per_cm=30, distance_cm=50)
    with pytest.raises(RefusedError, match=r"logMAR 0.36, to pass: 0.3; sit at 58 cm or more"):
        require_vision(look, protocol, coarse, simulated=False)
    assert [check.state for check in check_acuity(protocol, coarse)] == ["bad"]
    enough = Calibration(pixels_per_cm=30, distance_cm=58)
    require_vision(look, protocol, enough, simulated=False)
    require_vision(look, protocol, None, simulated=True)
    assert check_acuity(load_protocol("acr"), None) == []


def test_plates_that_do_not_fit_the_window_are_refused_before_the_session(protocol):
    near = Calibration(pixels_per_cm=70, distance_cm=80)
    with pytest.raises(RefusedError, match=r"colour_plates.*larger window, or smaller pictures"):
        require_vision(look_of(protocol, (800, 600)), protocol, near, simulated=False)
