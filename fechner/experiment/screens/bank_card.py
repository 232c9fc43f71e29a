"""The screen that measures how large a pixel is: a rectangle to be made as wide as a bank card.

The rectangle lies between the window's upper edge and the question, which stands a little above the
lower one. Only its width is measured: where a small window has no room for the whole card, it is
lower than a card, and never covers the words that explain it.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image, ImageDraw

from fechner.experiment.display import Question
from fechner.experiment.screens.look import Box, Look, Screen
from fechner.experiment.screens.pages import question, strip_height

LEAST_HEIGHT_EM = 2.0
"""No lower rectangle is drawn, in ems."""


def card_screen(look: Look, content: Question) -> Screen:
    """Return the question about the card; its zone "room" is where the rectangle may lie.

    Raises
    ------
    RefusedError
        If it does not fit on the window.
    """
    height = look.size[1] - strip_height(look, content) - look.em(1)
    raised = replace(look, foot=max(height, look.em(LEAST_HEIGHT_EM + 1)))
    screen = question(raised, content, below=True)
    top = min(raised.foot or 0, look.size[1] - strip_height(look, content))
    return replace(screen, room=(0, look.em(0.5), look.size[0], top))


def card(look: Look, screen: Screen, width: float, aspect: float) -> Image.Image:
    """Return a rectangle of `width` pixels, and of `width` / `aspect` where the screen has room."""
    room = screen.room or (0, 0, *look.size)
    size = (round(width), min(round(width / aspect), room[3] - room[1]))
    image = Image.new("RGB", size, look.button)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] - 1, size[1] - 1), None, look.ink, 2)
    return image


def card_box(look: Look, picture: Image.Image, screen: Screen) -> Box:
    """Return where the rectangle lies: centred, directly above the question."""
    bottom = screen.room[3] if screen.room else look.size[1]
    left = (look.size[0] - picture.width) // 2
    return (left, bottom - picture.height, left + picture.width, bottom)
