"""The look of every screen: size, colours, fonts, and a composed picture with its zones.

Coordinates are pixels from the top left corner; boxes are (left, top, right, bottom).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image, ImageFont

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Look:
    """The size and colours of the window: `size` (width, height) px, `grey` [0, 255], text px."""

    size: tuple[int, int]
    grey: int
    text_px: int
    font: Path

    @property
    def paper(self) -> tuple[int, int, int]:
        """The background."""
        return (self.grey, self.grey, self.grey)

    @property
    def ink(self) -> tuple[int, int, int]:
        """The colour of text: dark on light and middle greys, light on dark ones."""
        level = 12 if self.grey > 110 else 235
        return (level, level, level)

    @property
    def button(self) -> tuple[int, int, int]:
        """The colour of buttons: a little lighter than the background."""
        level = min(255, self.grey + 34)
        return (level, level, level)

    @property
    def line(self) -> tuple[int, int, int]:
        """The colour of lines and borders: between background and text."""
        return tuple((2 * a + b) // 3 for a, b in zip(self.ink, self.paper, strict=True))  # type: ignore[return-value]

    @cached_property
    def body(self) -> ImageFont.FreeTypeFont:
        """The font of the text."""
        return ImageFont.truetype(str(self.font), self.text_px)

    @cached_property
    def heading(self) -> ImageFont.FreeTypeFont:
        """The font of titles."""
        return ImageFont.truetype(str(self.font), round(self.text_px * 1.5))

    @cached_property
    def small(self) -> ImageFont.FreeTypeFont:
        """The font of key signs and captions."""
        return ImageFont.truetype(str(self.font), max(9, round(self.text_px * 0.75)))

    def em(self, times: float) -> int:
        """Return `times` the text size in pixels."""
        return round(times * self.text_px)


@dataclass(frozen=True)
class Screen:
    """One composed screen: the picture, the zones that take clicks, pictures to lay over.

    `overlays` are drawn by the window when their time comes: a button that becomes
    active, a button that is pressed.
    """

    image: Image.Image
    zones: dict[str, Box] = field(default_factory=dict)
    overlays: dict[str, tuple[Image.Image, Box]] = field(default_factory=dict)

    def hit(self, x: float, y: float) -> str | None:
        """Return the name of the zone at (x, y), if any."""
        for name, (left, top, right, bottom) in self.zones.items():
            if left <= x < right and top <= y < bottom:
                return name
        return None


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break `text` into lines of at most `width` pixels; blank lines are kept."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def line_height(font: ImageFont.FreeTypeFont) -> int:
    """Return the distance between two lines of text in pixels."""
    return round(sum(font.getmetrics()) * 1.15)
