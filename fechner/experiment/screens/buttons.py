"""The buttons of pages and questions: how large they are, and how they look.

Drawn as pictures, like every screen; coordinates as in `look`.
"""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from fechner.experiment.display import Question
from fechner.experiment.screens.look import (
    Box,
    Look,
    Screen,
    line_height,
    wrap,
    write_centred,
)

KEY_SIGNS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}
"""How a key's name is written on its button."""


LEAST_SHARE = 0.7
"""Answers are shrunk to this share of the text's size before they stand in several rows."""


def button_box(look: Look, text: str, corner: tuple[int, int], *, most: float = 0) -> Box:
    """Return the place of a button of one text, from its top left corner.

    It is as wide as its text, or where that is wider than `most` pixels as high as it needs.
    """
    left, top = corner
    wanted = round(look.body.getlength(text)) + look.em(2)
    width = min(wanted, round(most) or wanted)
    font = look.fitted([text], width - look.em(0.8))
    lines = len(wrap(text, font, width - look.em(0.8)))
    return (left, top, left + width, top + look.em(0.9) + lines * line_height(font))


def button(
    look: Look,
    text: str,
    box: Box,
    *,
    key: str = "",
    pressed: bool = False,
    quiet: bool = False,
    font: ImageFont.FreeTypeFont | None = None,
) -> Image.Image:
    """Return a button with its text and, in small, the sign of the key that presses it.

    Parameters
    ----------
    look
        Of the window.
    text
        On the button, broken into lines where it is too long.
    box
        Its place, which gives its size.
    key
        The sign of a key; empty for none.
    pressed
        Whether it is drawn as pressed.
    quiet
        Whether it is drawn without a ground of its own.
    font
        Of the text; None for the largest in which its words fit.

    Returns
    -------
    PIL.Image.Image
        The button alone, of the size of its box.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    inside = width - look.em(0.8)
    font = font or look.fitted([text], inside)
    image = Image.new("RGB", (width, height), look.paper)
    fill, ink = (look.ink, look.paper) if pressed else (look.button, look.ink)
    fill = look.paper if quiet else fill
    corners = (0, 0, width - 1, height - 1)
    ImageDraw.Draw(image).rounded_rectangle(corners, look.em(0.35), fill, look.line, 1)
    lines = wrap(text, font, inside)
    tall = len(lines) * line_height(font) + (line_height(look.small) if key else 0)
    y = (height - tall) // 2
    write_centred(image, y, lines, font=font, fill=ink)
    if key:
        write_centred(image, y + len(lines) * line_height(font), [key], font=look.small, fill=ink)
    return image


def faded(look: Look, usable: Image.Image) -> Image.Image:
    """Return a button that cannot be used now: still to be read, near the background."""
    return Image.blend(Image.new("RGB", usable.size, look.paper), usable, 0.35)


class _Rows(NamedTuple):
    """How a question's buttons stand: so many beside each other, each so large, in one font."""

    beside: int
    width: int
    height: int
    font: ImageFont.FreeTypeFont


def _rows(look: Look, content: Question) -> _Rows:
    """Return the fewest rows in which the answers are read: shrunk a little, no word broken."""
    labels = content.labels
    signs = any(_key_sign(content, place) for place in range(len(labels)))
    widest = max(round(look.body.getlength(label)) for label in labels) + look.em(1.6)
    for rows in range(1, len(labels) + 1):
        count = -(-len(labels) // rows)
        room = round(look.size[0] * 0.94) // count - look.em(0.6)
        width = max(min(max(widest, look.em(6)), room), look.em(2))
        inside = width - look.em(0.8)
        font = look.fitted(labels, inside)
        if font.size >= LEAST_SHARE * look.text_px:
            break
    lines = max(len(wrap(label, font, inside)) for label in labels)
    height = lines * line_height(font) + (line_height(look.small) if signs else 0) + look.em(0.8)
    return _Rows(count, width, height, font)


def row_height(look: Look, content: Question) -> int:
    """Return the height in pixels of a question's buttons, in one row or several."""
    rows = _rows(look, content)
    number = -(-len(content.labels) // rows.beside)
    return number * rows.height + (number - 1) * look.em(0.6)


def _key_sign(content: Question, place: int) -> str:
    """Return the sign of the first key that presses a button; empty for unwritten keys."""
    if place >= len(content.keys) or not content.keys[place]:
        return ""
    name = content.keys[place][0]
    return KEY_SIGNS.get(name, name.upper() if len(name) == 1 else "")


def row_width(look: Look, content: Question) -> int:
    """Return the width in pixels of the longest row of a question's buttons."""
    rows = _rows(look, content)
    beside = min(rows.beside, len(content.labels))
    return beside * rows.width + (beside - 1) * look.em(0.6)


def button_row(
    look: Look, content: Question, image: Image.Image, top: int, *, left: int | None = None
) -> Screen:
    """Draw a question's buttons side by side, in several rows where one is too narrow.

    Parameters
    ----------
    look
        Of the window.
    content
        The question.
    image
        The whole screen, which is drawn on.
    top
        Where the buttons begin, in pixels.
    left
        Where every row begins; None puts each in the middle.

    Returns
    -------
    Screen
        Zones "0", "1", ... and overlays "pressed-0", ... .
    """
    rows, gap, labels = _rows(look, content), look.em(0.6), content.labels
    screen = Screen(image, {}, {})
    for place, label in enumerate(labels):
        row, column = divmod(place, rows.beside)
        beside = min(rows.beside, len(labels) - row * rows.beside)
        middle = (look.size[0] - beside * rows.width - (beside - 1) * gap) // 2
        start = middle if left is None else left
        x, y = start + column * (rows.width + gap), top + row * (rows.height + gap)
        box: Box = (x, y, x + rows.width, y + rows.height)
        sign = _key_sign(content, place)
        image.paste(button(look, label, box, key=sign, font=rows.font), box[:2])
        screen.zones[str(place)] = box
        pressed = button(look, label, box, key=sign, pressed=True, font=rows.font)
        screen.overlays[f"pressed-{place}"] = (pressed, box)
    return screen
