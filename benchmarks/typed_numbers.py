"""Numbers typed on a slider in a real window, by real key events from outside (xdotool).

    python benchmarks/typed_numbers.py [COUNT]

A process of its own shows a picture and asks for a number, COUNT times (200); this one types it
on the upper row and on the keypad, with corrections, with a digit too many, and beginning before
the answer is open. Prints how many numbers were journalled otherwise than they were meant.
"""

import json
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fechner.errors import MissingPartError
from fechner.experiment.display import Frame
from fechner.experiment.plan.plan import Trial
from fechner.experiment.session.presentation import rating_question
from fechner.experiment.starting.open_window import open_window
from fechner.experiment.window.xvfb import start_xvfb
from fechner.protocols.schema import load_protocol

OPENS_MS = 700.0
"""When the answer opens after the picture came."""

WAYS = ("upper row", "keypad", "corrected", "a digit too many", "too early", "slowly")


KEYPAD = ("90", "87", "88", "89", "83", "84", "85", "79", "80", "81")
"""Key codes of the digits 0 to 9 of a keypad under X."""


def typed_numbers_wrong(count: int, *, seed: int = 1) -> int:
    """Type `count` numbers from 0 to 100; return how many were taken for another."""
    rng = random.Random(seed)
    screen = start_xvfb((1280, 1024))
    command = [sys.executable, __file__, "ask", str(count)]
    wrong = 0
    try:
        with subprocess.Popen(
            command,
            env=environment(screen.display),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as asking:
            for place in range(count):
                number, way = rng.randint(0, 100), WAYS[place % len(WAYS)]
                assert asking.stdout.readline() == "asked\n"
                xdotool(screen.display, presses(number, way, rng))
                taken = float(asking.stdout.readline())
                if taken != number:
                    wrong += 1
                    print(f"{number} ({way}) became {taken:g}", file=sys.stderr)
                print("next", file=asking.stdin, flush=True)
    finally:
        screen.end()
    return wrong


def presses(number: int, way: str, rng: random.Random) -> list[str]:
    """Return the words of xdotool that type a number and confirm it."""
    digits = list(str(number))
    keypad = way == "keypad" or rng.random() < 0.3
    gap = 0.6 if way == "slowly" else rng.uniform(0.03, 0.12)
    wait = 0.0 if way == "too early" else OPENS_MS / 1000
    # By their places on the keyboard, with or without Num Lock: a name would make xdotool hold it.
    whole = [KEYPAD[int(digit)] if keypad else digit for digit in digits]
    words = [*key("Num_Lock", gap)] if keypad and rng.random() < 0.3 else []
    words += ["sleep", f"{wait + 0.1:.2f}"]
    if way == "too early":
        # The first digit at once, the others and Return once the answer is open; then anew.
        words = [*key(whole[0], 0.02), "sleep", f"{OPENS_MS / 1000:.2f}"]
        words += [word for one in whole[1:] for word in key(one, gap)] + key("Return", gap)
        words += ["sleep", "0.05"]
    if way == "corrected":
        words += [*key(KEYPAD[3], gap), *key("BackSpace", gap)]
        whole = [*whole, "5", "BackSpace"]
    if way == "a digit too many":
        # Not on the scale, so Return confirms nothing; two digits off a number are erased.
        whole = [*whole, "7", "7", "7", "Return", *3 * ["BackSpace"]]
    return words + [word for one in [*whole, "Return"] for word in key(one, gap)]


def key(name: str, gap: float) -> list[str]:
    return ["keydown", name, "sleep", "0.02", "keyup", name, "sleep", f"{gap:.3f}"]


def environment(display: str) -> dict[str, str]:
    import os

    return {**os.environ, "DISPLAY": display}


def xdotool(display: str, words: list[str]) -> None:
    try:
        subprocess.run(["xdotool", *words], env=environment(display), check=True)
    except FileNotFoundError as error:
        raise MissingPartError("typing from outside needs the package xdotool") from error


def ask(count: int) -> None:
    """Ask for numbers in a window; say on standard output when, and what was answered."""
    protocol = load_protocol("slider")
    asked = rating_question(protocol, Trial(1, 1, "main", "x", "s", "r", protocol.dimension))
    asked = replace(asked, not_before_ms=OPENS_MS)
    with tempfile.TemporaryDirectory(prefix="fechner-typing-") as folder:
        path = Path(folder) / "grey.png"
        Image.new("RGB", (200, 150), "grey").save(path)
        display = open_window(protocol, size=(900, 700), verify="none")
        for _ in range(count):
            display.show(Frame((path,)), None)
            print("asked", flush=True)
            print(display.rate(asked).value, flush=True)
            sys.stdin.readline()
        display.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(int(sys.argv[2]))
    else:
        wanted = int(sys.argv[1]) if sys.argv[1:] else 200
        print(json.dumps({"typed_numbers_wrong": typed_numbers_wrong(wanted), "of": wanted}))
