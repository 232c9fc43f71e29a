"""The foot of the marking screen: the question and the buttons for undo, nowhere and done.

Drawn as pictures, like every screen; coordinates as in `look`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from fechner.experiment.display import MarkTask
from fechner.experiment.screens.buttons import button, faded
from fechner.experiment.screens.fonts import missing_letters
from fechner.experiment.screens.look import Box, Look, Screen, line_height, wrap, write_centred

if TYPE_CHECKING:
    from fechner.protocols.parts import Keys

BUTTONS = ("undo", "nowhere", "done")
"""Zones and overlays of the marking screen, from the left."""

GAP_EM = 0.8
"""Distance of two buttons in sizes of the text."""

SIGNS = {"backspace": "⌫", "return": "↵"}
"""How keys are written on the buttons, where the font has the sign."""


def _lines(look: Look, task: MarkTask) -> list[str]:
    width = round(look.size[0] * 0.86)
    texts = (task.text, task.full, task.not_yet)
    asked, *others = (wrap(text, look.body, width) for text in texts)
    # Room for the longest, so that nothing moves when one takes the other's place.
    return asked + [""] * (max(map(len, others)) - len(asked))


def strip_height(look: Look, task: MarkTask) -> int:
    """Return the height in pixels that question and buttons need under the image."""
    text = len(_lines(look, task)) * line_height(look.body)
    return (
        look.em(0.4) + text + look.em(0.5) + _row_height(look, _labels(look, task)) + look.em(0.5)
    )


def _labels(look: Look, task: MarkTask, confirm: tuple[str, ...] = ()) -> list[str]:
    """Return what stands on the buttons: the word and, where the font has it, the key's sign."""
    pressed_by = (task.undo_keys, task.nowhere_keys, confirm or ("return",))
    words = (task.undo, task.nowhere, task.done)
    signs = [_sign(look, keys) for keys in pressed_by]
    return [f"{word}  {sign}" if sign else word for word, sign in zip(words, signs, strict=True)]


def _sign(look: Look, keys: tuple[str, ...]) -> str:
    name = keys[0] if keys else ""
    sign = SIGNS.get(name, name.upper() if len(name) == 1 else "")
    return "" if missing_letters(look.font, sign) else sign


def _widths(look: Look, labels: list[str]) -> list[int]:
    """Return the width of each button: that of its text, less where three do not fit beside."""
    wanted = [max(round(look.body.getlength(text)) + look.em(1.6), look.em(6)) for text in labels]
    room = round(look.size[0] * 0.96) - 2 * look.em(GAP_EM)
    share = min(1.0, room / sum(wanted))
    return [int(width * share) for width in wanted]


def _row_height(look: Look, labels: list[str]) -> int:
    inside = [width - look.em(0.8) for width in _widths(look, labels)]
    fonts = [look.fitted([text], width) for text, width in zip(labels, inside, strict=True)]
    tall = [
        len(wrap(text, font, width)) * line_height(font)
        for text, font, width in zip(labels, fonts, inside, strict=True)
    ]
    return max(tall) + look.em(0.9)


def mark_screen(look: Look, task: MarkTask, keys: Keys) -> Screen:
    """Return the marking screen without its image, at the foot of the window.

    Zones and overlays "undo", "nowhere" and "done": the overlay is the button while it can be
    used. The overlays "full" and "not-yet" stand in place of the question when no more
    marks are taken, and when something was pressed too early.

    Parameters
    ----------
    look
        Of the window.
    task
        What is asked.
    keys
        The protocol's keys, of which "done" has those that confirm.

    Returns
    -------
    Screen
        The question with its three buttons, not usable yet.
    """
    width, height = look.size
    screen = Screen(Image.new("RGB", look.size, look.paper), {}, {})
    lowest = height - strip_height(look, task)
    foot = lowest if look.foot is None else min(look.foot, lowest)
    top, lines = foot + look.em(0.4), _lines(look, task)
    write_centred(screen.image, top, lines, font=look.body, fill=look.ink)
    tall = len(lines) * line_height(look.body)
    for name, text in (("full", task.full), ("not-yet", task.not_yet)):
        screen.overlays[name] = _in_place(look, text, (0, top, width, top + tall))
    top += tall + look.em(0.5)
    labels = _labels(look, task, keys.confirm)
    widths, gap = _widths(look, labels), look.em(GAP_EM)
    left = (width - sum(widths) - 2 * gap) // 2
    for name, label, wide in zip(BUTTONS, labels, widths, strict=True):
        box: Box = (left, top, left + wide, top + _row_height(look, labels))
        usable = button(look, label, box)
        screen.image.paste(faded(look, usable), box[:2])
        screen.zones[name] = box
        screen.overlays[name] = (usable, box)
        left += wide + gap
    return screen


def _in_place(look: Look, text: str, box: Box) -> tuple[Image.Image, Box]:
    image = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), look.paper)
    lines = wrap(text, look.body, round(look.size[0] * 0.86))
    write_centred(image, 0, lines, font=look.body, fill=look.ink)
    return image, box
