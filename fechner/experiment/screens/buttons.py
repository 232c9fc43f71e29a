"""The buttons of pages and questions: how large they are, and how they look.

Drawn as pictures, like every screen; coordinates as in `look`.
"""

from __future__ import annotations

from PIL import Image, ImageDraw

from fechner.experiment.display import Question
from fechner.experiment.screens.look import (
    Box,
    Look,
    Screen,
    line_height,
    wrap,
)

KEY_SIGNS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}
"""How a key's name is written on its button."""


def button_box(look: Look, text: str, corner: tuple[int, int]) -> Box:
    """Return the place of a button as wide as its text, from its top left corner."""
    left, top = corner
    width = round(look.body.getlength(text)) + look.em(2)
    return (left, top, left + width, top + look.em(2.2))


def button(
    look: Look, text: str, box: Box, *, key: str = "", pressed: bool = False, quiet: bool = False
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

    Returns
    -------
    PIL.Image.Image
        The button alone, of the size of its box.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    image = Image.new("RGB", (width, height), look.paper)
    draw = ImageDraw.Draw(image)
    fill, ink = (look.ink, look.paper) if pressed else (look.button, look.ink)
    fill = look.paper if quiet else fill
    draw.rounded_rectangle((0, 0, width - 1, height - 1), look.em(0.35), fill, look.line, 1)
    lines = wrap(text, look.body, width - look.em(0.8))
    tall = len(lines) * line_height(look.body) + (line_height(look.small) if key else 0)
    y = (height - tall) // 2
    for line in lines:
        x = (width - look.body.getlength(line)) / 2
        draw.text((x, y), line, font=look.body, fill=ink)
        y += line_height(look.body)
    if key:
        x = (width - look.small.getlength(key)) / 2
        draw.text((x, y), key, font=look.small, fill=ink if pressed else look.line)
    return image


def _column(look: Look, content: Question) -> int:
    widest = max(round(look.body.getlength(label)) for label in content.labels) + look.em(1.6)
    room = round(look.size[0] * 0.94) // len(content.labels) - look.em(0.6)
    return max(min(max(widest, look.em(6)), room), look.em(2))


def row_height(look: Look, content: Question) -> int:
    """Return the height in pixels of a question's row of buttons."""
    inside = _column(look, content) - look.em(0.8)
    lines = max(len(wrap(label, look.body, inside)) for label in content.labels)
    key = (
        line_height(look.small)
        if any(_key_sign(content, k) for k in range(len(content.labels)))
        else 0
    )
    return lines * line_height(look.body) + key + look.em(0.8)


def _key_sign(content: Question, place: int) -> str:
    """Return the sign of the first key that presses a button; empty for unwritten keys."""
    if place >= len(content.keys) or not content.keys[place]:
        return ""
    name = content.keys[place][0]
    return KEY_SIGNS.get(name, name.upper() if len(name) == 1 else "")


def button_row(look: Look, content: Question, image: Image.Image, top: int) -> Screen:
    """Draw a question's buttons side by side.

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

    Returns
    -------
    Screen
        Zones "0", "1", ... and overlays "pressed-0", ... .
    """
    column, height, gap = _column(look, content), row_height(look, content), look.em(0.6)
    count = len(content.labels)
    left = (look.size[0] - count * column - (count - 1) * gap) // 2
    screen = Screen(image, {}, {})
    for place, label in enumerate(content.labels):
        x = left + place * (column + gap)
        box: Box = (x, top, x + column, top + height)
        sign = _key_sign(content, place)
        image.paste(button(look, label, box, key=sign), box[:2])
        screen.zones[str(place)] = box
        pressed = button(look, label, box, key=sign, pressed=True)
        screen.overlays[f"pressed-{place}"] = (pressed, box)
    return screen
