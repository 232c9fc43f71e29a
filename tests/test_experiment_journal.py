import errno
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

from fechner.errors import InputError, RefusedError
from fechner.experiment.journal import durable
from fechner.experiment.journal.journal import (
    Journal,
    JournalError,
    journal_header,
    journal_name,
    read_journal,
    read_journals,
)
from fechner.protocols.schema import load_protocol

HEADER = journal_header(
    load_protocol("slider"),
    participant="A7",
    session=1,
    stimuli_sha256="5" * 64,
    plan_sha256="6" * 64,
)


def trial(number, **more):
    return {
        "event": "trial",
        "trial": number,
        "kind": "main",
        "stimulus": f"boat_{number}",
        "scene": "boat",
        "region": "low",
        "dimension": "quality",
        "rating": 50.0 + number,
        "rt_ms": 812.5,
        **more,
    }


def written(path, count):
    with Journal.create(path, HEADER) as journal:
        for number in range(1, count + 1):
            journal.append(trial(number))
    return path


def test_what_is_written_is_read_back(tmp_path):
    path = written(tmp_path / journal_name("A7", 1), 3)
    record = read_journal(path)
    assert (record.participant, record.session, record.simulated) == ("A7", 1, False)
    assert [t["rating"] for t in record.trials] == [51.0, 52.0, 53.0]
    assert record.last_trial == 3
    assert not record.complete and not record.torn
    assert record.header["scale"]["maximum"] == 100


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
    assert read_journal(path).events[-1] == read_journal(path).events[-1] | {
        "event": "resume",
        "after_trial": 2,
    }


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
    with pytest.raises(RefusedError, match=f"written by process {os.getpid()}"):
        Journal.resume(path)
    journal.close()
    Journal.resume(path).close()
    assert not list(tmp_path.glob("*.lock"))


def test_a_lock_left_by_a_dead_process_is_taken_over(tmp_path):
    path = written(tmp_path / "a.jsonl", 1)
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    journal = Journal.resume(path)
    lock = path.with_name("a.jsonl.lock")
    content = json.loads(lock.read_text())
    journal.close()
    lock.write_text(json.dumps({**content, "pid": int(child.stdout)}))
    Journal.resume(path).close()
    lock.write_text(json.dumps({**content, "boot": "before the power cut"}))
    Journal.resume(path).close()
    lock.write_text("")
    Journal.resume(path).close()
    assert read_journal(path).last_trial == 1


def test_a_lock_of_another_machine_is_respected(tmp_path):
    path = written(tmp_path / "a.jsonl", 1)
    lock = path.with_name("a.jsonl.lock")
    lock.write_text(json.dumps({"pid": 1, "started": "", "host": "another", "boot": ""}))
    with pytest.raises(RefusedError, match="process 1"):
        Journal.resume(path)


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
    try:
        with pytest.raises(JournalError, match="No space left"):
            durable.append_whole_line(descriptor, b"{}\n", tmp_path / "a.jsonl")
    finally:
        os.close(descriptor)


def test_a_clock_set_back_is_noted_before_the_next_trial(tmp_path):
    wall = iter([1000.0, 1000.0, 1001.0, 1001.0, 402.0, 402.0, 402.0, 403.0, 403.0])
    steady = iter([0.0, 1.0, 2.0, 3.0, 4.0])
    path = tmp_path / "a.jsonl"
    with Journal.create(path, HEADER, wall=lambda: next(wall), steady=lambda: next(steady)) as j:
        j.append(trial(1))
        j.append(trial(2))
        j.append(trial(3))
    events = read_journal(path).events
    assert [event["event"] for event in events] == ["session", "trial", "clock", "trial", "trial"]
    assert events[2]["jump_s"] == -600.0


def test_a_clock_set_back_between_two_runs_is_noted(tmp_path):
    path = tmp_path / "a.jsonl"
    Journal.create(path, HEADER, wall=lambda: 5000.0, steady=lambda: 0.0).close()
    Journal.resume(path, wall=lambda: 2000.0, steady=lambda: 0.0).close()
    assert [e.get("jump_s") for e in read_journal(path).events] == [None, -3000.0, None]


def test_trial_numbers_must_rise(tmp_path):
    with Journal.create(tmp_path / "a.jsonl", HEADER) as journal:
        journal.append(trial(2))
        with pytest.raises(InputError, match="numbers must rise"):
            journal.append(trial(2))


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"event": "trail"}, "unknown journal event 'trail'"),
        ({"event": "trial", "trial": 1}, "lacks kind, stimulus"),
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
    with pytest.raises(InputError, match="lacks plan_sha256"):
        Journal.create(tmp_path / "a.jsonl", header)
    assert not (tmp_path / "a.jsonl").exists()


def test_a_journal_of_a_later_schema_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl", 1)
    path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":2', 1))
    with pytest.raises(InputError, match="expected journal schema 1, got 2"):
        read_journal(path)


def test_an_empty_folder_says_that_sessions_come_first(tmp_path):
    with pytest.raises(InputError, match="run sessions first"):
        read_journals(tmp_path)


def test_texts_of_any_language_survive(tmp_path):
    with Journal.create(tmp_path / "a.jsonl", HEADER) as journal:
        journal.append({"event": "note", "text": "perché — 質問\nnuova riga"})
    assert read_journal(journal.path).events[-1]["text"] == "perché — 質問\nnuova riga"


WRITER = """
import sys
from pathlib import Path
from test_experiment_journal import HEADER, trial
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
        assert [t["trial"] for t in record.trials] == list(range(1, record.last_trial + 1))
    with Journal.resume(path) as journal:
        journal.append({"event": "end"})
    assert read_journal(path).complete


def test_a_journal_that_cannot_be_opened_for_writing_says_so(tmp_path, monkeypatch):
    path = written(tmp_path / "a.jsonl", 1)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(durable.os, "open", refuse)
    with pytest.raises(InputError, match="Permission denied; make the file writable"):
        Journal.resume(path)
    assert not list(tmp_path.glob("*.lock"))
