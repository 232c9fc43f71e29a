"""Whole sessions in a real window of another process, driven from outside with xdotool.

Run as a program, this shows one session after the other in one window, and says on its standard
output which screen stands, where its buttons are, and which keys press them. `Driver` reads that,
presses real keys and moves the real pointer, and notes what it meant. What was understood stands in
the journals.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from journals import header_for

from fechner.experiment.display import SessionQuitError
from fechner.experiment.journal.journal import Journal
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.screens import mark_pages, pages
from fechner.experiment.screens.sliders import track_place
from fechner.experiment.screens.writing import writing_screen
from fechner.experiment.session.session import run_session
from fechner.experiment.starting.open_window import arrange, look_of, quit_question
from fechner.experiment.window.participant_display import ParticipantDisplay
from fechner.experiment.window.window import Window
from fechner.protocols.schema import load_protocol
from fechner.records.stimuli import read_stimulus_set

SIZE = (800, 640)

KEYPAD = dict(zip("0123456789", (90, 87, 88, 89, 83, 84, 85, 79, 80, 81), strict=True))
"""Key codes of a keypad under X: pressed by their place, with or without Num Lock."""

KEY_CODES = {
    **{f"num_{digit}": str(code) for digit, code in KEYPAD.items()},
    **{"num_enter": "KP_Enter", "num_subtract": "KP_Subtract", "return": "Return"},
    **{"space": "space", "left": "Left", "right": "Right", "backspace": "BackSpace"},
    **{"escape": "Escape", "up": "Up", "down": "Down"},
}


class Announcing(ParticipantDisplay):
    """Says what stands, and from when on an answer counts."""

    def __init__(self, window, **more):
        super().__init__(window, **more)
        self._waiting = None
        flip = type(window).flip

        def flip_and_say():
            shown = flip(window)
            if self._waiting is not None:
                said, self._waiting = self._waiting, None
                said["wait"] = max(said["wait"], window.pause_ends - self.now())
                print(json.dumps(said), flush=True)
            return shown

        window.flip = flip_and_say

    def _say(self, kind, name, *, wait=0.0, **more):
        """Say what stands as soon as it stands, and how many seconds later an answer counts."""
        self._waiting = {"kind": kind, "name": name, "wait": wait, **more}

    def text(self, page):
        zones = pages.page(self.look, page).zones
        self._say("page", page.name, zones=zones, wait=page.not_before_ms / 1000)
        super().text(page)

    def rate(self, question):
        screen = pages.question(self.look, question, below=self._standing is not None)
        slider = question.kind == "slider"
        places = {
            f"{value:g}": track_place(self.look, question, value)
            for value in (question.minimum, 37.0, question.maximum)
            if slider
        }
        self._say(
            question.kind,
            question.name,
            zones=screen.zones,
            values=question.values,
            keys=question.keys,
            places=places,
            answer=question.answer,
            wait=question.not_before_ms / 1000,
        )
        return super().rate(question)

    def _ask_to_quit(self):
        zones = pages.question(self.look, self._quit_question, below=False).zones
        self._say("quit", "quit", zones=zones, wait=0.6)
        super()._ask_to_quit()
        print(json.dumps({"kind": "goes on", "name": "quit", "wait": 0.6}), flush=True)

    def write(self, task):
        zones = writing_screen(self.look, task)[1].zones
        self._say("writing", task.name, zones=zones, wait=task.not_before_ms / 1000)
        return super().write(task)

    def mark(self, task):
        screen = mark_pages.mark_screen(self.look, task, self._keys)
        box = self._frames.take(task.frame).loaded.boxes[task.place]
        self._say("marks", "marks", zones={**screen.zones, "image": box}, keys=[task.nowhere_keys])
        return super().mark(task)


def few_trials(name, *, questions):
    """Return a protocol whose trials give each of its answers once, with little waiting."""
    protocol = load_protocol(name)
    # Where the screens before the trials are pressed twice, the first trial begins as it does.
    fixation = protocol.timing.fixation_ms if questions else 20.0
    timing = {"fixation_ms": fixation, "interval_ms": 20.0, "minimum_view_ms": 0.0, "mask_ms": 0.0}
    timing |= {"reference_ms": 30.0, "gap_ms": 20.0} if protocol.timing.reference_ms else {}
    timing |= {} if protocol.timing.until_response else {"stimulus_ms": 30.0}
    trials = {"practice": int(questions), "anchors": (), "stabilising": 0, "repeats": 0}
    trials |= {"break_every": 0, "design": "latin square", "scene_gap": 0}
    changed = {
        "timing": protocol.timing.model_copy(update=timing),
        "trials": protocol.trials.model_copy(update=trials),
        "catch": protocol.catch.model_copy(update={"count": int(questions)}),
    }
    if not questions:
        texts = protocol.texts.model_copy(update={"instructions": ("Few words.",)})
        changed |= {"consent": False, "screening": (), "texts": texts}
        changed |= {"colour_plates": None, "tumbling_e": None, "comment": None}
    if name == "jnd":
        changed["quest"] = protocol.quest.model_copy(update={"trials_per_region": 4})
    return protocol.model_copy(update=changed)


def show(window, name, stimuli_folder, folder, *, questions):
    """Run one session in the window."""
    stimuli = read_stimulus_set(Path(stimuli_folder))
    protocol = few_trials(name, questions=questions)
    plan = make_plan(protocol, stimuli, "P01")
    header = header_for(protocol, plan)
    display = Announcing(
        window, keys=protocol.keys, quit_question=quit_question(protocol), verify="none"
    )
    arrange(display, protocol, stimuli, plan, None)
    try:
        with Journal.create(Path(folder) / "sub-P01_ses-1.jsonl", header) as journal:
            run_session(protocol, stimuli, plan, display, journal)
    except SessionQuitError:
        pass
    display._frames.close()
    print(json.dumps({"kind": "end", "name": name}), flush=True)


def main(sessions):
    window = Window(
        look_of(load_protocol("slider"), SIZE), fullscreen=False, monitor=0, virtual=True
    )
    print(json.dumps({"kind": "window", "name": ""}), flush=True)
    for one in sessions:
        show(window, **one)
    window.close()


@dataclass
class Driver:
    """The keyboard and the mouse of somebody who sits before the window."""

    display: str
    child: subprocess.Popen
    window: str = ""
    slowest_s: float = 0.0
    said: queue.Queue = field(default_factory=queue.Queue)
    meant: list = field(default_factory=list)

    @classmethod
    def start(cls, display, sessions):
        """Start the program with the sessions (arguments of `show`) to be shown."""
        if shutil.which("xdotool") is None:
            import pytest

            pytest.skip("xdotool is not installed")
        child = subprocess.Popen(
            [sys.executable, __file__, json.dumps(sessions)],
            env={**os.environ, "DISPLAY": display},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        driver = cls(display, child)
        threading.Thread(target=driver._listen, daemon=True).start()
        assert driver.next(60)["kind"] == "window"
        driver.window = driver.xdotool("search", "--onlyvisible", "--name", "fechner").split()[-1]
        driver.xdotool("windowfocus", driver.window)
        return driver

    def _listen(self):
        for line in self.child.stdout:
            self.said.put(json.loads(line))
        self.said.put(None)

    def next(self, seconds=60.0):
        """Return what the window says next."""
        try:
            found = self.said.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing new stands after {seconds:.0f} s") from None
        if found is None:
            raise AssertionError(f"the window is gone: {self.child.communicate()[1][-2000:]}")
        return found

    def xdotool(self, *words):
        environment = {**os.environ, "DISPLAY": self.display}
        done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    def _twice(self, words, again_ms):
        """Do something again so many milliseconds later, and note how long that took in all."""
        began = time.monotonic()
        self.xdotool(*words, *_later(words, again_ms))
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def press(self, key, *, again_ms=None):
        """Press a key by PsychoPy's name; once more so many milliseconds later."""
        code = KEY_CODES.get(key, key)
        one = ["keydown", code, "sleep", "0.012", "keyup", code]
        self.xdotool(*one) if again_ms is None else self._twice(one, again_ms)

    def click(self, box, *, again_ms=None):
        """Click in the middle of a box; once more so many milliseconds later."""
        x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
        one = ["mousedown", "1", "sleep", "0.012", "mouseup", "1"]
        self.xdotool("mousemove", "--window", self.window, str(x), str(y))
        self.xdotool(*one) if again_ms is None else self._twice(one, again_ms)

    def close(self):
        """Close the window by its button, through the window manager."""
        subprocess.run(
            ["wmctrl", "-i", "-c", hex(int(self.window))],
            env={**os.environ, "DISPLAY": self.display},
            check=True,
        )

    def wait(self, seen):
        """Wait until an answer to a screen counts; nobody must have gone on meanwhile."""
        time.sleep(max(seen["wait"], 0.0) + 0.06)
        assert self.said.empty(), f"{seen['name']} was left before anybody acted on it"

    def after(self, act):
        """Act once, and return what comes then."""
        act()
        return self.next()

    def end(self):
        """Wait until the program ends."""
        self.child.wait(timeout=20)
        assert self.child.returncode == 0, self.child.stderr.read()[-2000:]


def _later(words, milliseconds):
    return ["sleep", f"{max(milliseconds - 12, 0) / 1000:.3f}", *words]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
