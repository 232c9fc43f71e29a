"""The session loop without a window: nothing is lost, whatever ends it."""

import multiprocessing
import os
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from journals import forge, header_for, trial_line
from small_sets import write_small_set

from fechner.errors import InputError, RefusedError
from fechner.experiment.display import Response, SessionQuitError, TrialInterruptedError
from fechner.experiment.journal.journal import Journal
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.plan.rows import row_of
from fechner.experiment.session.codes import check_code, offer_code
from fechner.experiment.session.session import run_session
from fechner.experiment.session.signals import ending_signals, held
from fechner.experiment.session.staircases import Staircases
from fechner.experiment.shown_pixels import ShownPixels
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.starting.run_participant import run_participant
from fechner.experiment.verify import verify_session
from fechner.protocols.schema import load_protocol, shipped
from fechner.records.journal import read_journal
from fechner.records.stimuli import write_stimulus_set

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX processes and signals")


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("session") / "set", scenes=6, levels=2)


def simulate(stimuli, folder, *, protocol="slider", participant="S01", **options):
    observer = SimulatedObserver(participant, seed=3)
    return run_participant(
        stimuli.folder,
        protocol,
        participant,
        sessions_folder=folder,
        window="none",
        observer=observer,
        **options,
    )


@pytest.mark.parametrize("name", shipped())
def test_every_protocol_runs_to_its_end_and_verifies(name, stimuli, tmp_path):
    record = simulate(stimuli, tmp_path, protocol=name)
    protocol = load_protocol(name)
    assert record.complete
    assert [t.trial for t in record.trials] == list(range(1, len(record.trials) + 1))
    assert all(protocol.scale.contains(trial.rating) for trial in record.trials)
    verdict = verify_session(record, protocol=protocol, pixels=ShownPixels(stimuli))
    assert verdict.problems == ()


def test_an_ordinary_session_without_a_window_takes_under_two_seconds(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=10)
    began = time.process_time()
    record = simulate(stimuli, tmp_path)
    assert len(record.trials) >= 50
    assert time.process_time() - began < 2


class Stubborn(SimulatedDisplay):
    """Quits, or is interrupted, at chosen trials."""

    def __init__(self, responder, *, quit_at=None, interrupt_at=()):
        super().__init__(responder)
        self.quit_at, self.interrupt_at = quit_at, list(interrupt_at)
        self.fixations = 0

    def fixation(self, ms):
        self.fixations += 1
        if self.fixations == self.quit_at:
            raise SessionQuitError("enough")
        if self.fixations in self.interrupt_at:
            raise TrialInterruptedError
        super().fixation(ms)


def open_session(stimuli, folder, name="slider", participant="S01"):
    protocol = load_protocol(name)
    plan = make_plan(protocol, stimuli, participant)
    header = header_for(protocol, plan, model={})
    return protocol, plan, Journal.create(folder / "SIMULATED_j.jsonl", header)


def responder(stimuli, participant="S01"):
    return SimulatedResponder(SimulatedObserver(participant, seed=3), stimuli)


def test_quitting_keeps_every_answered_trial_and_says_so(stimuli, tmp_path):
    protocol, plan, journal = open_session(stimuli, tmp_path)
    with journal, pytest.raises(SessionQuitError, match="enough"):
        display = Stubborn(responder(stimuli), quit_at=11)
        run_session(protocol, stimuli, plan, display, journal)
    record = read_journal(journal.path)
    assert record.last_trial == 10
    assert record.events[-1].event == "quit"
    assert not record.complete


def test_an_interrupted_trial_is_shown_anew_and_noted(stimuli, tmp_path):
    protocol, plan, journal = open_session(stimuli, tmp_path)
    with journal:
        display = Stubborn(responder(stimuli), interrupt_at=(3, 4))
        record = run_session(protocol, stimuli, plan, display, journal)
    notes = [event for event in record.events if event.event == "note"]
    assert [note.content["trial"] for note in notes] == [3, 3]
    assert record.complete and record.last_trial == len(plan.trials)


def test_breaks_are_taken_once_each(stimuli, tmp_path):
    protocol = load_protocol("slider")
    protocol = protocol.model_copy(
        update={"trials": protocol.trials.model_copy(update={"break_every": 10})}
    )
    record = simulate(stimuli, tmp_path, protocol=protocol)
    taken = [event.after_trial for event in record.events if event.event == "break"]
    assert taken == list(make_plan(protocol, stimuli, "S01").breaks)


def test_the_experimenters_line_counts_to_the_end(stimuli, tmp_path):
    heard = []
    record = simulate(stimuli, tmp_path, on_trial=heard.append)
    assert [one.done for one in heard] == list(range(1, len(record.trials) + 1))
    assert heard[-1].minutes_left == 0
    assert heard[-1].catch_shown == 2
    assert heard[0].minutes_left > heard[-2].minutes_left > 0


def test_a_spammer_is_admitted_and_fails_the_catch_trials(stimuli, tmp_path):
    record = run_participant(
        stimuli.folder,
        "slider",
        "S01",
        sessions_folder=tmp_path,
        window="none",
        observer=SimulatedObserver("S01", lapse=1.0),
    )
    assert record.complete and len(record.trials) > 40
    catches = [trial for trial in record.trials if trial.kind == "catch"]
    assert not all(trial.passed for trial in catches)


@pytest.mark.parametrize("name", shipped())
def test_who_does_what_an_attention_check_asks_passes_it(name, stimuli, tmp_path):
    protocol = load_protocol(name)
    catch = protocol.catch.model_copy(update={"count": 2, "kind": "instructed"})
    record = simulate(stimuli, tmp_path, protocol=protocol.model_copy(update={"catch": catch}))
    checks = [trial for trial in record.trials if trial.kind == "catch"]
    assert len(checks) == 2 and all(trial.passed for trial in checks)
    assert [trial.rating for trial in checks] == [trial.target for trial in checks]


class Refusing(SimulatedDisplay):
    """A participant who answers a screening question otherwise."""

    def __init__(self, responder, refused):
        super().__init__(responder)
        self.refused = refused

    def rate(self, question):
        if question.name == self.refused:
            return Response(question.values[-1], 10.0, (), "simulated")
        return super().rate(question)


@pytest.mark.parametrize("refused", ["consent", "screening.acuity"])
def test_without_consent_or_with_poor_sight_no_trial_is_shown(refused, stimuli, tmp_path):
    protocol, plan, journal = open_session(stimuli, tmp_path)
    with journal:
        record = run_session(
            protocol, stimuli, plan, Refusing(responder(stimuli), refused), journal
        )
    assert record.trials == ()
    assert (record.events[-1].event, record.events[-1].reason) == ("end", "not admitted")


class Slow(SimulatedDisplay):
    """Takes a little time for each answer, so that there is something to kill."""

    def rate(self, question):
        time.sleep(0.008)
        return super().rate(question)


def _killable(folder, stimuli_folder, seed):
    from fechner.experiment.starting import run_participant as module

    module.SimulatedDisplay = Slow
    run_participant(
        stimuli_folder,
        "slider",
        "S01",
        sessions_folder=folder,
        window="none",
        observer=SimulatedObserver("S01", seed=seed),
    )


def _lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@posix
def test_twenty_kills_at_random_trials_lose_nothing(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=12, levels=2)
    whole = simulate(stimuli, tmp_path / "whole")
    path = tmp_path / "killed" / "SIMULATED_sub-S01_ses-1.jsonl"
    spawn = multiprocessing.get_context("fork")
    rng = random.Random(5)
    kills, before = 0, ()
    while kills < 20:
        child = spawn.Process(target=_killable, args=(path.parent, stimuli.folder, 3))
        child.start()
        wanted = _lines(path) + rng.randint(1, 3)
        end = time.monotonic() + 20
        while _lines(path) < wanted and child.is_alive() and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(rng.random() * 0.01)
        assert child.is_alive(), "the session ended before its twentieth kill"
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kills += 1
        after = read_journal(path).trials if _lines(path) else ()
        assert after[: len(before)] == before
        before = after
    record = simulate(stimuli, tmp_path / "killed")
    assert record.complete
    assert [t.trial for t in record.trials] == [t.trial for t in whole.trials]
    main = [(t.stimulus, t.rating) for t in record.trials if t.kind == "main"]
    assert main == [(t.stimulus, t.rating) for t in whole.trials if t.kind == "main"]
    assert (
        verify_session(
            record, protocol=load_protocol("slider"), pixels=ShownPixels(stimuli)
        ).problems
        == ()
    )


@posix
def test_sigterm_ends_a_session_in_order(stimuli, tmp_path):
    spawn = multiprocessing.get_context("fork")
    child = spawn.Process(target=_killable, args=(tmp_path, stimuli.folder, 3))
    child.start()
    path = tmp_path / "SIMULATED_sub-S01_ses-1.jsonl"
    end = time.monotonic() + 20
    while _lines(path) < 12 and time.monotonic() < end:
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGTERM)
    child.join(20)
    record = read_journal(path)
    assert record.events[-1].event == "quit"
    assert "SIGTERM" in record.events[-1].reason
    assert not record.torn and not path.with_name(path.name + ".lock").exists()
    assert simulate(stimuli, tmp_path).complete


@posix
def test_a_signal_during_a_write_waits_for_the_line():
    order = []
    with ending_signals(), pytest.raises(SessionQuitError, match="SIGTERM"):
        with held():
            os.kill(os.getpid(), signal.SIGTERM)
            order.append("the line is whole")
        order.append("never reached")
    assert order == ["the line is whole"]


@posix
def test_a_signal_that_drawing_code_swallowed_ends_the_session_after_the_next_line():
    with ending_signals(), pytest.raises(SessionQuitError, match="SIGTERM"):
        with suppress(Exception):
            os.kill(os.getpid(), signal.SIGTERM)
        with held():
            pass
    with ending_signals(), held():
        pass


def test_a_finished_session_is_not_run_again(stimuli, tmp_path):
    simulate(stimuli, tmp_path)
    with pytest.raises(RefusedError, match="--session 2"):
        simulate(stimuli, tmp_path)
    assert simulate(stimuli, tmp_path, session=2).complete


def test_an_interrupted_session_goes_on_only_with_what_it_began_with(stimuli, tmp_path):
    protocol, plan, journal = open_session(stimuli, tmp_path)
    with journal, pytest.raises(SessionQuitError):
        run_session(protocol, stimuli, plan, Stubborn(responder(stimuli), quit_at=6), journal)
    journal.path.rename(tmp_path / "SIMULATED_sub-S01_ses-1.jsonl")
    with pytest.raises(RefusedError, match="another protocol"):
        simulate(stimuli, tmp_path, language="it")
    assert simulate(stimuli, tmp_path).complete


def test_a_stimulus_set_that_changed_by_one_byte_is_refused(tmp_path):
    changed = write_small_set(tmp_path / "set", scenes=3)
    picture = changed.image_path(changed.stimuli[0])
    content = bytearray(picture.read_bytes())
    content[-20] ^= 1
    picture.write_bytes(bytes(content))
    with pytest.raises(RefusedError, match="changed since it was built"):
        simulate(changed, tmp_path)


def test_predictions_are_frozen_with_the_first_participant(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=3)
    simulate(stimuli, tmp_path / "sessions")
    changed = [replace(s, predicted_impact=s.predicted_impact + 1) for s in stimuli.stimuli]
    write_stimulus_set(stimuli.folder, changed, stimuli.record)
    with pytest.raises(RefusedError, match="other predictions"):
        simulate(stimuli, tmp_path / "sessions", participant="S02")
    assert simulate(stimuli, tmp_path / "another", participant="S02").complete


def test_the_end_says_whether_the_participant_was_attentive(stimuli, tmp_path):
    end = simulate(stimuli, tmp_path).events[-1]
    assert (end.catch_passed, end.catch_shown, end.attentive) == (2, 2, True)


def test_people_need_a_window(stimuli, tmp_path):
    with pytest.raises(InputError, match="simulated participant"):
        run_participant(stimuli.folder, "slider", "P01", sessions_folder=tmp_path, window="none")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("maria.rossi@example.org", "e-mail"),
        ("Maria", "looks like a name"),
        ("Maria Rossi", "letters and digits"),
        ("x" * 17, "2 to 16"),
        ("../P1", "letters and digits"),
    ],
)
def test_names_and_addresses_are_no_codes(code, reason):
    with pytest.raises(RefusedError, match=reason):
        check_code(code)


def test_offered_codes_are_free_and_fill_the_latin_square():
    taken = []
    for seed in range(40):
        taken.append(check_code(offer_code(taken, seed=seed, rows=4)))
    assert len(set(taken)) == 40
    rows = [row_of(code) % 4 for code in taken]
    assert [rows.count(row) for row in range(4)] == [10, 10, 10, 10]


def test_staircases_rebuilt_from_the_journal_choose_the_same_next_stimulus(stimuli, tmp_path):
    protocol = load_protocol("jnd")
    quest = protocol.quest.model_copy(update={"trials_per_region": 10})
    protocol = protocol.model_copy(update={"quest": quest})
    record = simulate(stimuli, tmp_path, protocol=protocol)
    plan = make_plan(protocol, stimuli, "S01")
    main = [trial for trial in plan.trials if trial.kind == "main"][20:24]
    done = record.trials[: main[0].number - 1]
    for trial in main:
        again = Staircases(protocol.quest, stimuli)
        again.replay(done)
        line = record.trials[trial.number - 1]
        assert again.fill(trial).stimulus == line.stimulus
        done = record.trials[: trial.number]


def test_simulated_participants_find_strong_degradations_beside_the_intact_image(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=4, regions=("high",), levels=6)
    exact = SimulatedObserver("S01", inconsistency=0.01, slope=3.0, seed=1)
    record = run_participant(
        stimuli.folder, "jnd", "S01", sessions_folder=tmp_path, window="none", observer=exact
    )
    strongest = [t for t in record.trials if t.strength > 3]
    assert len(strongest) > 2
    assert sum(t.rating for t in strongest) / len(strongest) > 0.8


@pytest.mark.parametrize("side", ["left", "right", "random"])
def test_the_test_is_rated_on_whichever_side_the_reference_stands(side, stimuli, tmp_path):
    protocol = load_protocol("dcr_side_by_side").model_copy(update={"reference_side": side})
    sequential = simulate(stimuli, tmp_path / "a", protocol="dcr_sequential")
    beside = simulate(stimuli, tmp_path / "b", protocol=protocol)
    sides = {t.side or "left" for t in beside.trials if t.stimulus}
    assert sides == {"left": {"right"}, "right": {"left"}, "random": {"left", "right"}}[side]
    means = [np.mean([t.rating for t in r.trials]) for r in (sequential, beside)]
    assert abs(means[0] - means[1]) < 0.5


def test_a_staircase_finds_the_threshold_of_a_known_observer(tmp_path):
    """A Weibull observer (slope 3.5, threshold at strength 2) is recovered within 0.1 log10."""
    stimuli = write_small_set(tmp_path / "set", scenes=4, regions=("low",), levels=12)
    protocol = load_protocol("jnd")
    quest = protocol.quest.model_copy(update={"trials_per_region": 120, "lapses": (0.02,)})
    plan = make_plan(protocol.model_copy(update={"quest": quest}), stimuli, "S01")
    stairs = Staircases(quest, stimuli)
    rng = np.random.default_rng(1)
    for trial in plan.trials:
        if trial.kind != "main":
            continue
        strength = stairs.strength(stairs.fill(trial).stimulus)
        p = 0.98 - 0.48 * np.exp(-(10 ** (3.5 * (np.log10(strength) - np.log10(2.0)))))
        found = float(rng.random() < p)
        stairs.answer(trial_line(trial.number, region="low", strength=strength, rating=found))
    found = stairs.thresholds()[0]
    tail = (0.98 - 0.75) / 0.48
    expected = np.log10(2.0) + np.log10(-np.log(tail)) / 3.5
    assert abs(np.log10(found.strength) - expected) < 0.1
    assert found.trials == 120


def test_a_threshold_needs_several_strengths(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=3)
    with pytest.raises(InputError, match="several positive strengths"):
        Staircases(load_protocol("jnd").quest, stimuli)


def test_verification_finds_a_changed_digest_and_a_missing_trial(stimuli, tmp_path):
    record = simulate(stimuli, tmp_path)
    number = record.trials[12].trial

    def change(events):
        place = next(k for k, event in enumerate(events) if event.get("trial") == number)
        events[place]["shown_sha256"] = "0" * 64
        del events[place + 5]

    verdict = verify_session(
        read_journal(forge(record.path, change)),
        protocol=load_protocol("slider"),
        pixels=ShownPixels(stimuli),
    )
    text = "; ".join(verdict.problems)
    assert "gaps" in text and f"trials {number}" in text


@pytest.mark.parametrize("key", ["region", "block", "reference", "repeat_of", "kind"])
def test_verification_compares_all_that_the_plan_fixes(key, stimuli, tmp_path):
    record = simulate(stimuli, tmp_path)
    repeat = next(trial for trial in record.trials if trial.kind == "repeat")
    other = {"region": "elsewhere", "block": 9, "reference": "x", "repeat_of": 1, "kind": "main"}
    more = {"repeat_of": repeat.repeat_of} | {key: other[key]}

    def change(events):
        place = next(k for k, event in enumerate(events) if event.get("trial") == repeat.trial)
        events[place] |= more

    verdict = verify_session(
        read_journal(forge(record.path, change)),
        protocol=load_protocol("slider"),
        pixels=ShownPixels(stimuli),
    )
    assert verdict.problems == (f"trials {repeat.trial} are not those of the plan",)


def test_verification_finds_an_attention_check_that_was_judged_otherwise(stimuli, tmp_path):
    record = simulate(stimuli, tmp_path)
    catch = next(trial for trial in record.trials if trial.kind == "catch")

    def change(events):
        place = next(k for k, event in enumerate(events) if event.get("trial") == catch.trial)
        events[place]["passed"] = not catch.passed

    verdict = verify_session(
        read_journal(forge(record.path, change)),
        protocol=load_protocol("slider"),
        pixels=ShownPixels(stimuli),
    )
    assert verdict.problems == (f"catch trials {catch.trial} are not judged by the protocol",)


def test_verification_refuses_another_stimulus_set(stimuli, tmp_path):
    record = simulate(stimuli, tmp_path)
    other = replace(stimuli, stimuli=stimuli.stimuli[1:])
    assert (
        "not the one that was shown"
        in verify_session(record, pixels=ShownPixels(other)).problems[0]
    )
