"""The slider of a question: its line and values, and the mark on it.

Drawn as pictures, like every screen; coordinates as in `look`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from fechner.experiment.display import Question
from fechner.experiment.screens.buttons import button, button_box, faded
from fechner.experiment.screens.look import (
    Box,
    Look,
    Screen,
    line_height,
    wrap,
    write,
    write_centred,
)
from fechner.experiment.screens.typed_number import LONGEST


def track_ends(look: Look) -> tuple[int, int]:
    """Return the left and right end of the slider's line in pixels."""
    width = look.size[0]
    length = min(round(width * 0.64), look.em(36))
    return (width - length) // 2, (width + length) // 2


def track_value(look: Look, content: Question, x: float) -> float:
    """Return the slider's value at pixel column `x`, on a step, within its range."""
    left, right = track_ends(look)
    share = min(max((x - left) / (right - left), 0.0), 1.0)
    steps = round(share * (content.maximum - content.minimum) / content.step)
    return min(content.minimum + steps * content.step, content.maximum)


def track_place(look: Look, content: Question, value: float) -> int:
    """Return the pixel column of a slider's value."""
    left, right = track_ends(look)
    share = (value - content.minimum) / (content.maximum - content.minimum)
    return round(left + share * (right - left))


class _Labels(NamedTuple):
    """The labels below a slider's line: one font, the width that each has, their height."""

    font: ImageFont.FreeTypeFont
    width: float
    height: int


def _labels(look: Look, content: Question) -> _Labels:
    """Return how the labels stand, so that none touches its neighbour."""
    places = [track_place(look, content, value) for value in content.values]
    apart = min((b - a for a, b in pairwise(places)), default=look.size[0])
    width = apart - look.em(0.5)
    font = look.fitted(content.labels, width)
    lines = max(len(wrap(label, font, width)) for label in content.labels)
    return _Labels(font, width, lines * line_height(font))


def _confirm_box(look: Look, content: Question, top: int) -> Box:
    """Return the place of the confirm button, which leaves room for a typed number beside it."""
    beside = typed_width(look, content) + look.em(1.1)
    left, _, right, bottom = button_box(
        look, content.confirm, (0, top), most=look.size[0] - 2 * beside
    )
    start = (look.size[0] - right + left) // 2
    return (start, top, start + right - left, max(bottom, top + typed_height(look)))


def slider_height(look: Look, content: Question) -> int:
    """Return the height in pixels of a question's slider, labels and confirm button included."""
    top = look.em(1.5) + _labels(look, content).height + look.em(0.6)
    return _confirm_box(look, content, top)[3]


def slider(look: Look, content: Question, image: Image.Image, top: int) -> Screen:
    """Draw a question's slider.

    Parameters
    ----------
    look
        Of the window.
    content
        The question.
    image
        The whole screen, which is drawn on.
    top
        Where the slider begins, in pixels.

    Returns
    -------
    Screen
        Zones "track" and "confirm"; the overlay "confirm", for when there is an answer.
    """
    draw, labels = ImageDraw.Draw(image), _labels(look, content)
    left, right = track_ends(look)
    middle, half = top + look.em(0.7), max(1, look.em(0.06))
    draw.rectangle((left, middle - half, right, middle + half), fill=look.line)
    for value, label in zip(content.values, content.labels, strict=True):
        x = track_place(look, content, value)
        draw.rectangle(
            (x - half, middle - look.em(0.35), x + half, middle + look.em(0.35)), look.line
        )
        for number, line in enumerate(wrap(label, labels.font, labels.width)):
            at = x - labels.font.getlength(line) / 2
            at = min(max(at, 4), look.size[0] - labels.font.getlength(line) - 4)
            y = top + look.em(1.5) + number * line_height(labels.font)
            write(image, (at, y), line, font=labels.font, fill=look.ink)
    confirm = _confirm_box(look, content, top + look.em(1.5) + labels.height + look.em(0.6))
    usable = button(look, content.confirm, confirm)
    image.paste(faded(look, usable), confirm[:2])
    track: Box = (left - look.em(0.7), top - look.em(0.3), right + look.em(0.7), top + look.em(1.6))
    return Screen(image, {"track": track, "confirm": confirm}, {"confirm": (usable, confirm)})


def _outline(draw: ImageDraw.ImageDraw, look: Look, box: Box) -> None:
    left, top, right, bottom = box
    draw.rounded_rectangle((left, top, right - 1, bottom - 1), look.em(0.35), None, look.line, 1)


def typed_number(
    look: Look, screen: Screen, content: Question, text: str, *, counts: bool
) -> tuple[Image.Image, Box]:
    """Return the number that is being typed, and its place left of the confirm button.

    Parameters
    ----------
    look, screen
        Of the window, and the question as `slider` drew it.
    content
        The question.
    text
        What was typed so far.
    counts
        Whether that is a number on the scale; the range stands below one that is not.

    Returns
    -------
    tuple
        The picture and its box.
    """
    left, top, _, bottom = screen.zones["confirm"]
    width, height = typed_width(look, content), bottom - top
    image = Image.new("RGB", (width, height), look.paper)
    draw = ImageDraw.Draw(image)
    _outline(draw, look, (0, 0, width, height))
    range_ = "" if counts else _range(content)
    tall = line_height(look.body) + (line_height(look.small) if range_ else 0)
    y = (height - tall) // 2
    write_centred(image, y, [text], font=look.body, fill=look.ink)
    write_centred(image, y + line_height(look.body), [range_], font=look.small, fill=look.ink)
    right = left - look.em(0.6)
    return image, (right - width, top, right, bottom)


def back_box(look: Look, content: Question, confirm: Box) -> Box:
    """Return the place of the button to the trial before, right of the confirm button.

    It is as wide as a typed number at most, which has as much room on the other side.
    """
    most = typed_width(look, content)
    left, _, right, bottom = button_box(look, content.back, (0, 0), most=most)
    height = max(bottom, look.em(0.9) + line_height(look.body))
    start = confirm[2] + look.em(0.6)
    top = (confirm[1] + confirm[3] - height) // 2
    return (start, top, start + right - left, top + height)


def typed_width(look: Look, content: Question) -> int:
    """Return the width in pixels that a typed number has room in."""
    widest = look.body.getlength("0" * LONGEST)
    return round(max(widest, look.small.getlength(_range(content)))) + look.em(1)


def typed_height(look: Look) -> int:
    """Return the height in pixels of a typed number with the range below it."""
    return line_height(look.body) + line_height(look.small) + look.em(0.3)


def _range(content: Question) -> str:
    return f"{content.minimum:g} – {content.maximum:g}"


def marker(look: Look) -> Image.Image:
    """Return the mark that a participant moves along a slider."""
    return Image.new("RGB", (max(5, look.em(0.3)), look.em(1.3)), look.ink)


def marker_box(look: Look, screen: Screen, content: Question, value: float) -> Box:
    """Return where the mark lies for a value.

    Parameters
    ----------
    look, screen
        Of the window, and the question as `slider` drew it.
    content
        The question.
    value
        On its scale.

    Returns
    -------
    Box
        Of the size of the mark.
    """
    mark = marker(look)
    x = track_place(look, content, value) - mark.width // 2
    top, bottom = screen.zones["track"][1] + look.em(0.3), screen.zones["track"][1] + look.em(1.7)
    y = (top + bottom - mark.height) // 2
    return (x, y, x + mark.width, y + mark.height)
