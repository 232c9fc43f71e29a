"""A free text as it is typed: what keys and letters do, and the screen that it stands on.

Letters come as the keyboard's layout makes them, accents and umlauts included. Backspace takes the
last one away, Return begins a new line. Tab moves to the button and back, as elsewhere; on the
button Return or Space finish, as a click does, and so does Enter of the keypad from anywhere.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from PIL import Image, ImageDraw

from fechner.errors import RefusedError
from fechner.experiment.display import WritingTask, WrittenText
from fechner.experiment.screens.answering import Click, Input
from fechner.experiment.screens.buttons import button, button_box
from fechner.experiment.screens.look import (
    LEAST_TEXT_PX,
    Box,
    Look,
    Screen,
    line_height,
    wrap,
    write,
)

MOST_LINES, LEAST_LINES = 8, 3
"""Lines that are seen at once; of a longer text the last ones."""

ERASE = "\b"
"""The letter that stands for Backspace, which repeats while it is held like any letter."""


class Writing:
    """The state of a text: letters in, a text out."""

    def __init__(self, task: WritingTask, screen: Screen) -> None:
        self.task, self.screen = task, screen
        self.text = ""
        self.on_button = False
        self.done: Input | None = None
        self.began: float | None = None
        self._click = Click(screen)

    @property
    def left(self) -> int:
        """How many characters may still be typed."""
        return self.task.most - len(self.text)

    def take(self, one: Input) -> None:
        """Take a letter, a key or a mouse event into account."""
        if self.done is not None:
            return
        if one.kind == "text":
            self._type(one.key)
        elif one.kind == "key":
            self._press(one)
        elif self._click.on(one) == "done":
            self.done = one

    def _type(self, letters: str) -> None:
        if letters == ERASE:
            self.text, self.on_button = self.text[:-1], False
            return
        letters = "".join(letter for letter in letters if letter.isprintable())
        # A space on the button presses it, as `_press` says.
        if letters and not (self.on_button and letters == " "):
            self.on_button = False
            self._add(letters)

    def _press(self, one: Input) -> None:
        if one.key == "tab":
            self.on_button = not self.on_button
        elif one.key == "num_enter" or (self.on_button and one.key in ("return", "space")):
            self.done = one
        elif one.key == "return":
            self._add("\n")

    def _add(self, letters: str) -> None:
        # An accent typed after its letter is joined with it, so that both count as one.
        self.text = unicodedata.normalize("NFC", self.text + letters)[: self.task.most]

    def result(self) -> WrittenText:
        """Return the text as it stands, with its time since the screen came."""
        rt_ms = 0.0
        if self.done is not None and self.began is not None:
            rt_ms = max(0.0, (self.done.time - self.began) * 1000)
        by_mouse = self.done is not None and self.done.kind != "key" and not self.text
        return WrittenText(self.text.strip(), rt_ms, "mouse" if by_mouse else "keyboard")


def writing_screen(look: Look, task: WritingTask) -> tuple[Look, Screen]:
    """Return the empty screen, and the look that it is written in: smaller where it must be.

    The zone "done" is the button, its overlay the button as it is chosen by keys; `picture` is the
    field that the text stands in.

    Raises
    ------
    RefusedError
        If it does not fit on the window in the smallest letters either.
    """
    while (need := _height(look, task, LEAST_LINES)) > look.size[1]:
        if look.text_px <= LEAST_TEXT_PX:
            raise RefusedError(
                f"the screen {task.name!r} needs {need} px of height and the window has "
                f"{look.size[1]}; use a larger window or a shorter text"
            )
        look = replace(look, text_px=look.text_px - 1)
    rows = max(n for n in range(LEAST_LINES, MOST_LINES + 1) if _fits(look, task, n))
    screen = Screen(Image.new("RGB", look.size, look.paper), {}, {})
    left = (look.size[0] - _width(look)) // 2
    y = (look.size[1] - _height(look, task, rows)) // 2 + look.em(0.6)
    y = _write_lines(look, screen.image, (left, y), task.text, small=False) + look.em(0.8)
    field = (left, y, left + _width(look), y + _field_height(look, rows))
    y = field[3] + look.em(0.5) + line_height(look.small) + look.em(0.5)
    y = _write_lines(look, screen.image, (left, y), task.hint, small=True) + look.em(0.8)
    box = button_box(look, task.done, (left, y), most=_width(look))
    screen.image.paste(button(look, task.done, box), box[:2])
    screen.zones["done"] = box
    screen.overlays["done"] = (button(look, task.done, box, pressed=True), box)
    return look, replace(screen, picture=field)


def typed_field(look: Look, writing: Writing) -> tuple[Image.Image, Box]:
    """Return the field with what was typed, and below it how many characters are left."""
    left, top, right, bottom = writing.screen.picture or (0, 0, 1, 1)
    below = look.em(0.5) + line_height(look.small)
    image = Image.new("RGB", (right - left, bottom - top + below), look.paper)
    draw = ImageDraw.Draw(image)
    outline = look.line if writing.on_button else look.ink
    corners = (0, 0, right - left - 1, bottom - top - 1)
    draw.rounded_rectangle(corners, look.em(0.25), look.button, outline, max(1, look.em(0.06)))
    inside, margin = right - left - 2 * look.em(0.5), look.em(0.5)
    lines = wrap(writing.text, look.body, inside)
    rows = (bottom - top - 2 * look.em(0.4)) // line_height(look.body)
    y = look.em(0.4)
    for line in lines[-rows:]:
        write(image, (margin, y), line, font=look.body, fill=look.ink)
        y += line_height(look.body)
    if not writing.on_button:
        spaces = len(writing.text) - len(writing.text.rstrip(" "))
        x = margin + look.body.getlength(lines[-1] + " " * spaces) + look.em(0.08)
        x, high = min(round(x), right - left - look.em(0.2)), line_height(look.body)
        draw.rectangle((x, y - high, x + max(1, look.em(0.06)), y - look.em(0.15)), look.ink)
    count = writing.task.left.format(left=writing.left)
    write(image, (0, bottom - top + look.em(0.3)), count, font=look.small, fill=look.ink)
    return image, (left, top, right, bottom + below)


def _width(look: Look) -> int:
    return min(round(look.size[0] * 0.8), look.em(34))


def _field_height(look: Look, rows: int) -> int:
    return 2 * look.em(0.4) + rows * line_height(look.body)


def _height(look: Look, task: WritingTask, rows: int) -> int:
    texts = ((task.text, look.body), (task.hint, look.small))
    words = sum(len(wrap(t, font, _width(look))) * line_height(font) for t, font in texts)
    box = button_box(look, task.done, (0, 0), most=_width(look))
    gaps = look.em(0.8) + look.em(0.5) + line_height(look.small) + look.em(0.5) + look.em(0.8)
    return words + _field_height(look, rows) + gaps + box[3] + 2 * look.em(0.6)


def _fits(look: Look, task: WritingTask, rows: int) -> bool:
    return rows == LEAST_LINES or _height(look, task, rows) <= look.size[1]


def _write_lines(
    look: Look, image: Image.Image, corner: tuple[int, int], text: str, *, small: bool
) -> int:
    """Write a text from its upper left corner; return the row below it."""
    font, (left, y) = look.small if small else look.body, corner
    for line in wrap(text, font, _width(look)):
        write(image, (left, y), line, font=font, fill=look.ink)
        y += line_height(font)
    return y
