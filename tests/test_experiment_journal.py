import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import (
    HEADER,
    as_first_version,
    edit,
    events_of,
    forge,
    header_of,
    trial,
    write_events,
    written,
)
from pydantic import ValidationError

from fechner.errors import InputError, RefusedError
from fechner.experiment.journal import durable
from fechner.experiment.journal.durable import JournalError
from fechner.experiment.journal.journal import Journal
from fechner.experiment.journal.lock import SessionLock
from fechner.records.journal import journal_name, read_header, read_journal, read_journals
from fechner.records.journal.chain import without_chain


def test_what_is_written_is_read_back(tmp_path):
    path = written(tmp_path / journal_name("A7", 1), 3)
    record = read_journal(path)
    assert (record.participant, record.session, record.simulated) == ("A7", 1, False)
    assert [t.rating for t in record.trials] == [51.0, 52.0, 53.0]
    assert record.last_trial == 3
    assert not record.complete and not record.torn
    assert record.header.scale.maximum == 100


def test_every_line_is_on_the_disk_before_append_returns(tmp_path):
    journal = Journal.create(tmp_path / "a.jsonl", HEADER)
    for number in (1, 2):
        journal.append(trial(number))
        assert read_journal(journal.path).last_trial == number
    journal.close()


@settings(deadline=None, max_examples=40)
@given(cut=st.integers(min_value=0, max_value=10_000))
def test_a_journal_cut_at_any_byte_resumes_with_every_whole_line(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("cut")
    path = written(folder / "a.jsonl", 4)
    content = path.read_bytes()
    cut = cut % (len(content) + 1)
    path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    if whole == 0:
        with pytest.raises(InputError, match="no whole line"):
            read_journal(path)
        with Journal.create(path, HEADER) as journal:
            journal.append(trial(1))
    else:
        assert read_journal(path).last_trial == whole - 1
        with Journal.resume(path) as journal:
            journal.append(trial(whole))
    record = read_journal(path)
    assert record.last_trial == max(whole, 1)
    assert not record.torn


def test_a_torn_line_is_kept_aside_when_resuming(tmp_path):
    path = written(tmp_path / "a.jsonl", 2)
    with path.open("ab") as file:
        file.write(b'{"event":"trial","tri')
    assert read_journal(path).torn
    Journal.resume(path).close()
    assert path.with_suffix(".torn").read_bytes() == b'{"event":"trial","tri\n'
    assert not read_journal(path).torn
    last = read_journal(path).events[-1]
    assert (last.event, last.after_trial) == ("resume", 2)


def test_damage_in_the_middle_is_named_by_line(tmp_path):
    path = written(tmp_path / "a.jsonl", 3)
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2][:-9]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"a\.jsonl is damaged in line 3"):
        read_journal(path)


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path):
    path = tmp_path / "a.jsonl"
    journal = Journal.create(path, HEADER)
    for _ in range(2):
        with pytest.raises(RefusedError, match=f"held by process {os.getpid()}; end that session"):
            Journal.resume(path)
    journal.close()
    Journal.resume(path).close()
    assert [found.name for found in tmp_path.iterdir()] == ["a.jsonl"]


HOLDER = """
import sys, time
from pathlib import Path
from fechner.experiment.journal.lock import SessionLock
lock = SessionLock.take(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_names_its_process_and_is_free_once_that_is_killed(tmp_path):
    path = written(tmp_path / "a.jsonl", 1)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "held\n"
    for _ in range(2):
        with pytest.raises(RefusedError, match=f"a.jsonl is held by process {child.pid};"):
            Journal.resume(path)
    child.kill()
    child.communicate()
    Journal.resume(path).close()
    assert [found.name for found in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_lock_of_another_machine_says_so(tmp_path):
    lock = SessionLock.take(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl.lock.json").write_text(json.dumps({"pid": 7, "host": "another"}))
    with pytest.raises(RefusedError, match="held by process 7 of another computer"):
        SessionLock.take(tmp_path / "a.jsonl")
    lock.release()
    lock.release()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_passes_on_no_locks_is_named_as_such(tmp_path, monkeypatch):
    def no_locks(self, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    with pytest.raises(InputError, match=r"cannot lock .*passes on no locks; choose a folder"):
        SessionLock.take(tmp_path / "a.jsonl")


def test_an_existing_journal_is_never_begun_anew(tmp_path):
    path = written(tmp_path / "a.jsonl", 1)
    before = path.read_bytes()
    with pytest.raises(RefusedError, match="exists already; resume it"):
        Journal.create(path, HEADER)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.lock"))


def test_a_complete_session_is_not_resumed(tmp_path):
    path = tmp_path / "a.jsonl"
    with Journal.create(path, HEADER) as journal:
        journal.append({"event": "end"})
    assert read_journal(path).complete
    with pytest.raises(RefusedError, match="next session number"):
        Journal.resume(path)


def test_a_full_disk_ends_in_one_line_and_loses_nothing(tmp_path, monkeypatch):
    journal = Journal.create(tmp_path / "a.jsonl", HEADER)
    journal.append(trial(1))
    before = journal.path.read_bytes()
    real_write = os.write
    calls = []

    def half_then_full(descriptor, data):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, bytes(data)[:20])

    monkeypatch.setattr(durable.os, "write", half_then_full)
    with pytest.raises(JournalError, match=r"No space left on device.*trials before this one are"):
        journal.append(trial(2))
    monkeypatch.undo()
    assert journal.path.read_bytes() == before
    with pytest.raises(JournalError, match="closed"):
        journal.append(trial(2))
    with Journal.resume(journal.path) as resumed:
        resumed.append(trial(2))
    assert read_journal(journal.path).last_trial == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
def test_the_full_device_of_linux_gives_a_journal_error(tmp_path):
    descriptor = os.open("/dev/full", os.O_WRONLY)
    path = tmp_path / "a.jsonl"
    path.touch()
    try:
        with pytest.raises(JournalError, match="No space left"):
            durable.append_whole_line(descriptor, b"{}\n", path, after=0)
    finally:
        os.close(descriptor)


class NoLock:
    """The lock of a network folder that gives two computers the same."""

    @classmethod
    def take(cls, path):
        return cls()

    def release(self):
        pass


def test_two_sessions_that_hold_the_same_lock_mix_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("fechner.experiment.journal.journal.SessionLock", NoLock)
    first = Journal.create(tmp_path / "a.jsonl", HEADER)
    first.append(trial(1))
    second = Journal.resume(tmp_path / "a.jsonl")
    with pytest.raises(JournalError, match=r"another computer, has written to a\.jsonl meanwhile"):
        first.append(trial(2))
    second.append(trial(2, rating=7.0))
    second.close()
    record = read_journal(tmp_path / "a.jsonl")
    assert [t.trial for t in record.trials] == [1, 2] and record.trials[1].rating == 7.0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no open file")
def test_a_journal_that_is_deleted_while_it_is_written_ends_its_session(tmp_path):
    journal = Journal.create(tmp_path / "a.jsonl", HEADER)
    journal.append(trial(1))
    journal.path.rename(tmp_path / "elsewhere.jsonl")
    with pytest.raises(JournalError, match="was moved or deleted while it was written"):
        journal.append(trial(2))
    assert not journal.path.exists()
    assert read_journal(tmp_path / "elsewhere.jsonl").last_trial == 1


def test_a_clock_set_back_is_noted_before_the_next_trial(tmp_path):
    wall = iter([1000.0, 1000.0, 1001.0, 1001.0, 402.0, 402.0, 402.0, 403.0, 403.0])
    steady = iter([0.0, 1.0, 2.0, 3.0, 4.0])
    path = tmp_path / "a.jsonl"
    with Journal.create(path, HEADER, wall=lambda: next(wall), steady=lambda: next(steady)) as j:
        j.append(trial(1))
        j.append(trial(2))
        j.append(trial(3))
    events = read_journal(path).events
    assert [event.event for event in events] == ["trial", "clock", "trial", "trial"]
    assert events[1].jump_s == -600.0


def test_a_clock_set_back_between_two_runs_is_noted(tmp_path):
    path = tmp_path / "a.jsonl"
    Journal.create(path, HEADER, wall=lambda: 5000.0, steady=lambda: 0.0).close()
    Journal.resume(path, wall=lambda: 2000.0, steady=lambda: 0.0).close()
    clock, resumed = read_journal(path).events
    assert (clock.jump_s, resumed.event) == (-3000.0, "resume")


def test_trial_numbers_must_rise(tmp_path):
    with Journal.create(tmp_path / "a.jsonl", HEADER) as journal:
        journal.append(trial(2))
        with pytest.raises(InputError, match="numbers must rise"):
            journal.append(trial(2))


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"event": "trail"}, "unknown journal event 'trail'; did you mean 'trial'"),
        ({"event": "trial", "trial": 1}, "'block' is missing"),
        (trial(1, ratting=3), "unknown key 'ratting': did you mean 'rating'"),
        (trial(1, rating=101), "rating: expected 0 to 100 in steps of 1, got 101"),
        (trial(1, rating=float("nan")), "finite"),
        (trial(1, path=object()), "cannot"),
    ],
)
def test_an_event_that_does_not_fit_is_refused_and_not_written(tmp_path, event, complaint):
    with Journal.create(tmp_path / "a.jsonl", HEADER) as journal:
        before = journal.path.read_bytes()
        with pytest.raises(InputError, match=complaint):
            journal.append(event)
        assert journal.path.read_bytes() == before


def test_a_header_without_hashes_is_refused(tmp_path):
    header = {key: value for key, value in HEADER.items() if key != "plan_sha256"}
    with pytest.raises(InputError, match="'plan_sha256' is missing"):
        Journal.create(tmp_path / "a.jsonl", header)
    assert not (tmp_path / "a.jsonl").exists()


def test_a_journal_of_a_later_schema_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl", 1)
    path.write_bytes(path.read_bytes().replace(b'"schema":5', b'"schema":6', 1))
    with pytest.raises(InputError, match="expected journal schema 1 to 5, got 6"):
        read_journal(path)


def test_an_empty_folder_says_that_sessions_come_first(tmp_path):
    with pytest.raises(InputError, match="run sessions first"):
        read_journals(tmp_path)


def test_texts_of_any_language_survive(tmp_path):
    with Journal.create(tmp_path / "a.jsonl", HEADER) as journal:
        journal.append({"event": "note", "text": "perché — 質問\nnuova riga"})
    assert read_journal(journal.path).events[-1].content["text"] == "perché — 質問\nnuova riga"


WRITER = """
import sys
from pathlib import Path
from journals import HEADER, trial
from fechner.experiment.journal.journal import Journal
path = Path(sys.argv[1])
journal = Journal.resume(path) if path.exists() else Journal.create(path, HEADER)
print("ready", flush=True)
while True:
    journal.append(trial(journal.record.last_trial + 1, path=[[i, i] for i in range(300)]))
    print(journal.record.last_trial, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "a.jsonl"
    here = str(Path(__file__).parent)
    for attempt in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": here},
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.01 + 0.013 * attempt)
        process.send_signal(signal.SIGKILL)
        acknowledged = [int(line) for line in process.communicate()[0].split("\n")[:-1]]
        record = read_journal(path)
        assert record.last_trial >= max(acknowledged, default=0)
        assert [t.trial for t in record.trials] == list(range(1, record.last_trial + 1))
    with Journal.resume(path) as journal:
        journal.append({"event": "end"})
    assert read_journal(path).complete


def test_a_journal_that_cannot_be_opened_for_writing_says_so(tmp_path, monkeypatch):
    path = written(tmp_path / "a.jsonl", 1)

    real = os.open

    def refuse(name, *more):
        if Path(name) == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(name, *more)

    monkeypatch.setattr(durable.os, "open", refuse)
    with pytest.raises(InputError, match="Permission denied; make the file writable"):
        Journal.resume(path)
    assert not list(tmp_path.glob("*.lock"))


def test_every_line_carries_the_digest_of_the_one_before(tmp_path):
    """The rule of docs/journal-format.md, computed by hand."""
    path = written(tmp_path / "a.jsonl", 2)
    before = ""
    for line in path.read_bytes().splitlines():
        text, chain = line[: -len(',"chain":""}') - 64] + b"}", line[-66:-2].decode()
        before = hashlib.sha256(before.encode() + text).hexdigest()
        assert chain == before
    assert read_journal(path).chain == before


def swap(lines):
    lines[2], lines[3] = lines[3], lines[2]


def remove(lines):
    del lines[2]


def repeat(lines):
    lines.insert(2, lines[2])


def downgrade(lines):
    lines[0] = lines[0].replace(b'"schema":5', b'"schema":1')


def unlink(lines):
    lines[2] = without_chain(lines[2])[0]


@pytest.mark.parametrize(
    ("change", "line"),
    [(swap, 3), (remove, 3), (repeat, 4), (downgrade, 1), (unlink, 3)],
)
def test_lines_that_were_moved_removed_or_added_are_seen_and_named(tmp_path, change, line):
    path = written(tmp_path / "a.jsonl", 4)
    lines = path.read_bytes().splitlines()
    change(lines)
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=rf"a\.jsonl is damaged in line {line}: .*chain"):
        read_journal(path)


@pytest.mark.parametrize(
    ("number", "keys"),
    [
        (1, {"participant": "A8"}),
        (1, {"stimuli_sha256": "7" * 64}),
        (3, {"rating": 99.0}),
        (3, {"stimulus": "boat_9"}),
        (5, {"rt_ms": 900.0}),
    ],
)
def test_a_key_that_was_changed_later_is_seen_and_its_line_named(tmp_path, number, keys):
    path = edit(written(tmp_path / "a.jsonl", 4), number, **keys)
    with pytest.raises(InputError, match=f"line {number}: .*changed after it was written"):
        read_journal(path)


@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_no_byte_can_be_changed_unseen(tmp_path_factory, place, value):
    path = written(tmp_path_factory.mktemp("byte") / "a.jsonl", 3)
    before = read_journal(path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    changed = content[place] != value
    content[place] = value
    path.write_bytes(bytes(content))
    if not changed:
        assert read_journal(path) == before
    elif place == len(content) - 1:
        assert read_journal(path).torn
    else:
        with pytest.raises(InputError, match="damaged in line"):
            read_journal(path)


def test_a_resumed_session_goes_on_in_the_chain(tmp_path):
    path = written(tmp_path / "a.jsonl", 2)
    with path.open("ab") as file:
        file.write(b'{"event":"trial","tri')
    with Journal.resume(path) as journal:
        journal.append(trial(3))
        live = journal.record
    assert read_journal(path) == live
    assert [event.event for event in live.events] == ["trial", "trial", "resume", "trial"]


def test_a_journal_cut_before_a_damaged_line_is_an_unfinished_one(tmp_path):
    path = edit(written(tmp_path / "a.jsonl", 4), 4, rating=99.0)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert read_journal(path).last_trial == 2


def test_journals_of_the_first_version_are_read_and_go_on_without_a_chain(tmp_path):
    path = as_first_version(written(tmp_path / "a.jsonl", 2))
    assert b"chain" not in path.read_bytes()
    assert not read_journal(path).chained
    with Journal.resume(path) as journal:
        journal.append(trial(3))
        journal.append({"event": "end"})
    record = read_journal(path)
    assert record.complete and record.last_trial == 3
    assert b"chain" not in path.read_bytes()


def test_journals_of_schema_2_are_read_and_go_on_in_their_chain(tmp_path):
    path = forge(written(tmp_path / "a.jsonl", 2), lambda events: events[0].update(schema=2))
    with Journal.resume(path) as journal:
        journal.append(trial(3))
    record = read_journal(path)
    assert record.chained and record.header.schema_ == 2 and record.last_trial == 3


def test_an_answer_before_its_question_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl", 2)
    with pytest.raises(InputError, match=r"line 3: rt_ms: expected 0 or more milliseconds, got -1"):
        read_journal(forge(path, lambda e: e[2].update(rt_ms=-1.0)))


def test_an_answer_of_the_first_version_could_come_just_before_its_question_was_drawn(tmp_path):
    path = as_first_version(written(tmp_path / "a.jsonl", 2))
    assert read_journal(forge(path, lambda e: e[2].update(rt_ms=-12.0))).trials[1].rt_ms == -12
    with pytest.raises(InputError, match=r"line 3: .*rt_ms"):
        read_journal(forge(path, lambda e: e[2].update(rt_ms=-5000.0)))


def test_line_ends_of_windows_change_nothing(tmp_path):
    path = written(tmp_path / "a.jsonl", 2)
    before = read_journal(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_journal(path) == before


NONSENSE = [
    ({"rating": 999}, "rating: expected 0 to 100 in steps of 1, got 999"),
    ({"rating": 50.5}, "rating: expected 0 to 100 in steps of 1, got 50.5"),
    ({"rating": "good"}, "rating: .*number, got 'good'"),
    ({"rating": None}, "rating: .*number, got None"),
    ({"rating": True}, "rating: .*number, got True"),
    ({"rating": [50]}, "rating: .*number, got"),
    ({"rt_ms": -5000}, "rt_ms: .*, got -5000"),
    ({"rt_ms": None}, "rt_ms: .*number"),
    ({"rt_ms": "812"}, "rt_ms: .*number"),
    ({"trial": 2.5}, "trial: .*integer"),
    ({"trial": "2"}, "trial: .*integer"),
    ({"trial": True}, "trial: .*integer"),
    ({"trial": 0}, "trial: .*, got 0"),
    ({"kind": "mian"}, "kind: .*got 'mian'"),
    ({"stimulus": ""}, "a main trial must name its stimulus"),
    ({"stimulus": 801}, "stimulus: .*string"),
    ({"dimension": "beauty"}, "expected the dimension 'quality', got 'beauty'"),
    ({"simulated": True}, "disagree whether the session is simulated"),
    ({"device": "simulated"}, "a simulated answer stands in the session of a person"),
    ({"confidence": 1}, "confidence has no meaning"),
    ({"second": "boat_1"}, "second has no meaning"),
    ({"target": 100.0}, "only if, it is a catch trial"),
    ({"passed": True}, "says whether it was passed"),
    ({"repeat_of": 2}, "cannot repeat trial 2"),
    ({"side": "top"}, "side: .*got 'top'"),
    ({"shown_sha256": "abc"}, "shown_sha256: "),
    ({"pixel_difference": 256}, "pixel_difference: "),
    ({"path": [[1.0]]}, "path"),
    ({"written": "yesterday"}, "written: "),
    ({"surprise": 1}, "unknown key 'surprise'"),
]


@pytest.mark.parametrize("first_version", [False, True], ids=["chained", "unchained"])
@pytest.mark.parametrize(("keys", "complaint"), NONSENSE, ids=[str(keys) for keys, _ in NONSENSE])
def test_what_nobody_can_have_answered_is_refused_by_the_reader(
    tmp_path, keys, complaint, first_version
):
    path = written(tmp_path / "a.jsonl", 3)
    path = as_first_version(path) if first_version else path
    read_journal(path)
    forge(path, lambda events: events[2].update(keys))
    with pytest.raises(InputError, match=rf"a\.jsonl is damaged in line 3: .*{complaint}"):
        read_journal(path)


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e999", "0x10"], ids=lambda text: text
)
@pytest.mark.parametrize("key", ["rating", "rt_ms"])
def test_no_number_is_not_finite(tmp_path, text, key):
    path = as_first_version(written(tmp_path / "a.jsonl", 2))
    value = {"rating": b"52.0", "rt_ms": b"812.5"}[key]
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"%s":%s' % (key.encode(), value), f'"{key}":{text}'.encode())
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match="damaged in line 3"):
        read_journal(path)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"participant": "../../etc"}, "participant: "),
        ({"participant": "P 1"}, "participant: "),
        ({"participant": 7}, "participant: "),
        ({"session": 0}, "session: "),
        ({"session": "1"}, "session: "),
        ({"protocol": "../x"}, "protocol: "),
        ({"simulated": "no"}, "simulated: "),
        ({"simulated": True}, "a session is simulated if, and only if, a model stands in it"),
        ({"model": {}}, "a session is simulated if, and only if, a model stands in it"),
        ({"plan_sha256": "plan"}, "plan_sha256: "),
        ({"labels": ["Bad", "Excellent"]}, "2 labels stand at 5 values"),
        ({"scale": {"minimum": 0, "maximum": 100}}, "scale"),
        ({"scale": None}, "scale: "),
        ({"screen": {"frame_ms": "fast"}}, "screen.frame_ms: "),
        ({"screen": {"user": "me"}}, "unknown key 'screen.user'"),
        ({"user": "me"}, "unknown key 'user'"),
    ],
    ids=str,
)
def test_a_first_line_of_nonsense_is_refused(tmp_path, keys, complaint):
    path = written(tmp_path / "a.jsonl", 1)
    forge(path, lambda events: events[0].update(keys))
    for read in (read_journal, read_header):
        with pytest.raises(InputError, match=rf"a\.jsonl is damaged in line 1: .*{complaint}"):
            read(path)


def test_the_name_of_a_simulated_journal_says_so_and_no_other_does(tmp_path):
    simulated = header_of(model={"world": "map"})
    with pytest.raises(InputError, match="simulated by its first line, and not by its name"):
        Journal.create(tmp_path / "sub-A7_ses-1.jsonl", simulated)
    with pytest.raises(InputError, match="a person's by its first line"):
        Journal.create(tmp_path / "SIMULATED_sub-A7_ses-1.jsonl", HEADER)
    assert not list(tmp_path.iterdir())
    path = written(tmp_path / "SIMULATED_sub-A7_ses-1.jsonl", 1, simulated)
    renamed = path.rename(tmp_path / "sub-A7_ses-1.jsonl")
    for read in (read_journal, read_header):
        with pytest.raises(InputError, match="restore the name or the file"):
            read(renamed)


@pytest.mark.parametrize(
    ("protocol", "keys"),
    [
        ("pair", {"second": "boat_0"}),
        ("jnd", {"strength": 2.0}),
        ("authenticity", {"confidence": 1.0}),
        ("acr", {}),
    ],
)
def test_every_method_takes_only_the_answers_that_it_offers(tmp_path, protocol, keys):
    header = header_of(protocol)
    scale = header["scale"]
    given = {**keys, "dimension": header["dimension"], "rating": scale["labels_at"][-1]}
    path = tmp_path / "a.jsonl"
    with Journal.create(path, header) as journal:
        journal.append(trial(1, **given))
        for rating in (scale["minimum"] - 1, scale["maximum"] + 1, scale["minimum"] + 0.5):
            with pytest.raises(InputError, match="rating: expected one of"):
                journal.append(trial(2, **{**given, "rating": rating}))
        for key in keys:
            with pytest.raises(InputError, match=f"needs {key}"):
                journal.append(trial(2, **{k: v for k, v in given.items() if k != key}))
        if protocol == "authenticity":
            with pytest.raises(InputError, match="confidence: expected one of"):
                journal.append(trial(2, **{**given, "confidence": 9.0}))
    assert len(read_journal(path).trials) == 1


def test_what_cannot_follow_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl", 2)
    events = events_of(path)
    end = {"event": "end", "written": events[0]["written"]}
    for wrong, complaint in (
        ([events[1]], "line 4: trial 1 comes after trial 2"),
        ([events[0]], "line 4: a second session begins here"),
        (
            [{**end, "event": "resume", "after_trial": 1}],
            "follows trial 1, and trial 2 is the last",
        ),
        ([end, end], "line 5: the session ended before this line"),
    ):
        with pytest.raises(InputError, match=complaint):
            read_journal(write_events(path, [*events, *wrong]))
    with pytest.raises(InputError, match="line 1: the first line of a journal must be its session"):
        read_journal(write_unchained(path, events[1:]))


def write_unchained(path, events):
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_a_record_is_not_changed_by_what_is_written_after_it(tmp_path):
    with Journal.create(tmp_path / "a.jsonl", HEADER) as journal:
        journal.append(trial(1))
        before = journal.record
        journal.append(trial(2))
        assert len(before.trials) == len(before.events) == 1
        with pytest.raises(ValidationError):
            before.trials[0].rating = 3.0


def test_a_folder_is_read_around_its_damaged_and_foreign_files(tmp_path):
    for code in ("P01", "P02", "P03"):
        written(tmp_path / journal_name(code, 1), 3, header_of(participant=code))
    edit(tmp_path / "sub-P01_ses-1.jsonl", 3, rating=99.0)
    (tmp_path / "download.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    found = read_journals(tmp_path)
    assert [journal.participant for journal in found.journals] == ["P02", "P03"]
    problems = {one.path.name: one.problem for one in found.damaged}
    assert set(problems) == {
        "sub-P01_ses-1.jsonl", "download.jsonl", "empty.jsonl", "folder.jsonl"
    }  # fmt: skip
    assert "line 3" in problems["sub-P01_ses-1.jsonl"]
    with pytest.raises(InputError, match="4 of 6 journals cannot be read") as refused:
        found.intact()
    assert all(name in str(refused.value) for name in problems)


def test_journals_are_written_in_binary_where_the_system_tells_text_apart(tmp_path, monkeypatch):
    """On Windows O_BINARY keeps line feeds as they are; elsewhere there is no such flag."""
    flags = []
    real = os.open

    def spy(path, flag, *more):
        flags.append(flag)
        return real(path, flag & ~(1 << 30), *more)

    monkeypatch.setattr(durable, "BINARY", 1 << 30)
    monkeypatch.setattr(durable.os, "open", spy)
    monkeypatch.setattr(durable, "sync_folder", lambda folder: None)
    descriptor = durable.open_new(tmp_path / "a.jsonl")
    again = durable.open_again(tmp_path / "a.jsonl")
    for one in (descriptor, again):
        os.close(one)
    assert len(flags) == 2 and all(flag & (1 << 30) for flag in flags)
