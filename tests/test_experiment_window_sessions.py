"""Whole sessions in windows of their own processes: killed, and done from outside by xdotool."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_sets import write_small_set

from fechner.errors import MissingPartError
from fechner.experiment.shown_pixels import ShownPixels
from fechner.experiment.verify import verify_session
from fechner.experiment.window import xvfb
from fechner.protocols.schema import load_protocol
from fechner.records.journal import read_journal

pytest.importorskip("psychopy", reason="the extra 'experiment' is not installed")
pytestmark = pytest.mark.window


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    return write_small_set(tmp_path_factory.mktemp("sessions") / "set", scenes=3)


SESSION = """
import sys
from fechner.cli.main import main
sys.argv[1:1] = ["session"]
main()
"""


def start(arguments, display, *, home=None):
    environment = {**os.environ, "DISPLAY": display}
    if home is not None:
        environment["HOME"] = str(home)
    run = [sys.executable, "-c", SESSION, *map(str, arguments)]
    return subprocess.Popen(
        run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture
def screen():
    if not sys.platform.startswith("linux"):
        pytest.skip("needs Xvfb")
    server = xvfb.start_xvfb((1280, 1024))
    yield server.display
    server.end()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.proof)])
def test_a_window_session_that_was_killed_goes_on_and_loses_nothing(kills, screen, tmp_path):
    # Enough trials that a busy machine, slow to kill, does not reach the end before.
    stimuli = write_small_set(tmp_path / "set", scenes=12)
    arguments = ["run", "--stimuli", stimuli.folder, "--sessions", tmp_path]
    arguments += ["--participant", "S01", "--simulate", "map", "--size", "900x700"]
    path = tmp_path / "SIMULATED_sub-S01_ses-1.jsonl"
    moment = random.Random(1)
    before = ()
    for kill in range(kills):
        child = start(arguments, screen, home=tmp_path)
        wait_for_lines(path, max(6, lines(path)) + moment.randint(2, 3), child)
        time.sleep(0.3 * moment.random())
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kept = read_journal(path)
        assert kept.trials[: len(before)] == before and not kept.complete, f"kill {kill + 1}"
        before = kept.trials
    child = start(arguments, screen, home=tmp_path)
    out, err = child.communicate(timeout=90)
    assert child.returncode == 0 and "Traceback" not in err, err
    assert "SIMULATED session complete" in out and len(out.splitlines()) <= 2
    record = read_journal(path)
    assert record.complete and record.trials[: len(before)] == before
    verdict = verify_session(record, protocol=load_protocol("slider"), pixels=ShownPixels(stimuli))
    assert verdict.problems == ()


@pytest.mark.slow
def test_sigterm_closes_the_window_and_keeps_the_answers(stimuli, screen, tmp_path):
    arguments = ["run", "--stimuli", stimuli.folder, "--sessions", tmp_path]
    arguments += ["--participant", "S01", "--simulate", "map", "--size", "900x700"]
    path = tmp_path / "SIMULATED_sub-S01_ses-1.jsonl"
    child = start(arguments, screen, home=tmp_path)
    wait_for_lines(path, 11, child)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    record = read_journal(path)
    assert record.events[-1].event == "quit"
    assert list(tmp_path.glob("*.lock")) == []


def wait_for_lines(path, wanted, child):
    end = time.monotonic() + 60
    while lines(path) < wanted and child.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert child.poll() is None, child.stderr.read()


PERSON = """
schema = 1
method = "acr"
name = "short"
dimension = "quality"
recommendation = "None: a short protocol for a test of the whole session."
consent = false
screening = []

[scale]
minimum = 1
maximum = 5
step = 1
shown = "choices"
labels_at = [1, 2, 3, 4, 5]

[keys]
choices = [["1", "num_1"], ["2", "num_2"], ["3", "num_3"], ["4", "num_4"], ["5", "num_5"]]

[timing]
fixation_ms = 30
stimulus_ms = 50
interval_ms = 20
minimum_view_ms = 0

[trials]
practice = 1
anchors = []
stabilising = 0
repeats = 0
break_every = 5

[catch]
count = 1
"""


@pytest.mark.slow
def test_a_person_can_do_a_whole_session_from_outside_with_xdotool(stimuli, screen, tmp_path):
    tool = _xdotool(screen)
    protocol = _person_protocol(tmp_path)
    arguments = ["run", "--stimuli", stimuli.folder, "--sessions", tmp_path]
    arguments += ["--protocol", protocol, "--participant", "P01", "--size", "900x700"]
    arguments += ["--pixels-per-cm", "38", "--distance", "60"]
    child = start(arguments, screen)
    path = tmp_path / "sub-P01_ses-1.jsonl"
    end = time.monotonic() + 100
    window = ""
    turn = 0
    while child.poll() is None and time.monotonic() < end:
        window = window or tool("search", "--name", "fechner").split("\n")[0]
        if not window:
            time.sleep(0.1)
            continue
        tool("windowfocus", window)
        # Keys of a question do nothing on a page, and the other way round.
        for name in ("1", "Return", "KP_1") if turn % 2 else ("1", "KP_Enter"):
            tool("keydown", name, "sleep", "0.03", "keyup", name)
        tool("mousemove", "--window", window, "450", "404", "mousedown", "1", "sleep", "0.03")
        tool("mouseup", "1")
        turn += 1
    out, err = child.communicate(timeout=20)
    assert child.returncode == 0, err
    record = read_journal(path)
    assert record.complete and not record.simulated and "session complete" in out
    assert {trial.device for trial in record.trials} <= {"mouse", "keyboard"}
    assert len(record.trials) == len(stimuli.stimuli) + 2
    assert record.header.screen.pixels_per_cm == 38
    assert "Traceback" not in err


@pytest.mark.slow
def test_two_booths_on_one_folder_at_once_both_finish_and_mix_nothing(stimuli, screen, tmp_path):
    protocol = _person_protocol(tmp_path)
    booths = {}
    for code in ("S01", "S02"):
        arguments = ["run", "--stimuli", stimuli.folder, "--sessions", tmp_path / "shared"]
        arguments += ["--participant", code, "--protocol", protocol, "--simulate", "map"]
        booths[code] = start([*arguments, "--size", "640x520"], screen)
    for child in booths.values():
        _, err = child.communicate(timeout=90)
        assert child.returncode == 0, err
    assert {path.name for path in (tmp_path / "shared").iterdir()} == {
        "SIMULATED_sub-S01_ses-1.jsonl",
        "SIMULATED_sub-S02_ses-1.jsonl",
    }
    times = []
    for code in booths:
        record = read_journal(tmp_path / "shared" / f"SIMULATED_sub-{code}_ses-1.jsonl")
        assert record.complete and record.participant == code
        verdict = verify_session(
            record, protocol=load_protocol(protocol), pixels=ShownPixels(stimuli)
        )
        assert verdict.problems == ()
        times.append((record.trials[0].written, record.trials[-1].written))
    (began, ended), (other_began, other_ended) = times
    assert began < other_ended and other_began < ended, "they did not run at once"


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_first_trial_leaves_no_lock_and_says_what_happened(
    sent, stimuli, screen, tmp_path
):
    arguments = ["run", "--stimuli", stimuli.folder, "--sessions", tmp_path / "shared"]
    child = start([*arguments, "--participant", "P01", "--size", "640x520"], screen)
    lock = tmp_path / "shared" / "sub-P01.window.lock"
    end = time.monotonic() + 60
    while not lock.exists() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    child.send_signal(sent)
    _, err = child.communicate(timeout=60)
    assert child.returncode not in (0, -sent), err
    assert f"ended by {sent.name}" in err and "Traceback" not in err
    assert list((tmp_path / "shared").iterdir()) == []


def _person_protocol(folder: Path) -> Path:
    from fechner.protocols.files import copy_protocol

    copy_protocol("acr", folder / "protocol")
    path = next((folder / "protocol").rglob("acr.toml"))
    path.write_text(PERSON.replace('"short"', '"acr"'))
    return path


def _xdotool(display):
    from shutil import which

    if which("xdotool") is None:
        pytest.skip("xdotool is not installed")

    def run(*words):
        environment = {**os.environ, "DISPLAY": display}
        done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    return run


def test_without_display_and_xvfb_the_package_is_named(monkeypatch):
    monkeypatch.setattr(xvfb.shutil, "which", lambda name: None)
    with pytest.raises(MissingPartError, match="xvfb libgl1"):
        xvfb.start_xvfb((640, 480))


def test_our_xvfb_is_ended_with_us(tmp_path):
    code = (
        "from fechner.experiment.window.xvfb import start_xvfb; import time\n"
        "s = start_xvfb((640, 480)); print(s.process.pid, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    end = time.monotonic() + 5
    while time.monotonic() < end and _runs(pid):
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
