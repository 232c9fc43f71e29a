"""The slider of a question: its line and values, the mark on it, the card that it sizes.

Drawn as pictures, like every screen; coordinates as in `look`.
"""

from __future__ import annotations

from PIL import Image, ImageDraw

from fechner.experiment.display import Question
from fechner.experiment.screens.buttons import button
from fechner.experiment.screens.look import Box, Look, Screen, line_height
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
    draw = ImageDraw.Draw(image)
    left, right = track_ends(look)
    middle, half = top + look.em(0.7), max(1, look.em(0.06))
    draw.rectangle((left, middle - half, right, middle + half), fill=look.line)
    for value, label in zip(content.values, content.labels, strict=True):
        x = track_place(look, content, value)
        draw.rectangle(
            (x - half, middle - look.em(0.35), x + half, middle + look.em(0.35)), look.line
        )
        at = x - look.body.getlength(label) / 2
        at = min(max(at, 4), look.size[0] - look.body.getlength(label) - 4)
        draw.text((at, top + look.em(1.5)), label, font=look.body, fill=look.ink)
    width = round(look.body.getlength(content.confirm)) + look.em(2)
    start = (look.size[0] - width) // 2
    confirm: Box = (start, top + look.em(3.3), start + width, top + look.em(5.4))
    _outline(draw, look, confirm)
    track: Box = (left - look.em(0.7), top - look.em(0.3), right + look.em(0.7), top + look.em(1.6))
    overlay = (button(look, content.confirm, confirm), confirm)
    return Screen(image, {"track": track, "confirm": confirm}, {"confirm": overlay})


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
    draw.text(((width - look.body.getlength(text)) / 2, y), text, font=look.body, fill=look.ink)
    x, y = (width - look.small.getlength(range_)) / 2, y + line_height(look.body)
    draw.text((x, y), range_, font=look.small, fill=look.ink)
    right = left - look.em(0.6)
    return image, (right - width, top, right, bottom)


def typed_width(look: Look, content: Question) -> int:
    """Return the width in pixels that a typed number has room in."""
    widest = look.body.getlength("0" * LONGEST)
    return round(max(widest, look.small.getlength(_range(content)))) + look.em(1)


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


def card(look: Look, width: float, aspect: float) -> Image.Image:
    """Return a rectangle `width` pixels wide with `aspect` times its height, for calibration."""
    size = (round(width), round(width / aspect))
    image = Image.new("RGB", size, look.button)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] - 1, size[1] - 1), None, look.ink, 2)
    return image


def card_box(look: Look, picture: Image.Image, screen: Screen) -> Box:
    """Return where the card stands: centred above the question's slider."""
    top = max(0, screen.zones["track"][1] - look.em(4) - picture.height)
    left = (look.size[0] - picture.width) // 2
    return (left, top, left + picture.width, top + picture.height)
