"""The look of every screen: size, colours, fonts, and a composed picture with its zones.

Coordinates are pixels from the top left corner; boxes are (left, top, right, bottom).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Box = tuple[int, int, int, int]

LEAST_TEXT_PX = 11
"""Size of the smallest letters that a text is shrunk to before it is broken inside a word."""


@dataclass(frozen=True)
class Look:
    """The size and colours of the window: `size` (width, height) px, `grey` [0, 255], text px.

    Questions about a standing picture begin at the row `foot`; None: at the foot of the window.
    """

    size: tuple[int, int]
    grey: int
    text_px: int
    font: Path
    foot: int | None = None

    @property
    def paper(self) -> tuple[int, int, int]:
        """The background."""
        return (self.grey, self.grey, self.grey)

    @property
    def ink(self) -> tuple[int, int, int]:
        """The colour of text: black or white, whichever has more contrast with the background.

        At least 4.58 to 1 on every grey, where WCAG 2.1 wants 4.5 to 1 (level AA).
        """
        level = 0 if self._dark_text else 255
        return (level, level, level)

    @property
    def _dark_text(self) -> bool:
        # Black and white have the same contrast with the luminance 0.179, the level 117.
        return self.grey > 117

    @property
    def button(self) -> tuple[int, int, int]:
        """The colour of buttons: a little farther from the text than the background."""
        level = min(255, self.grey + 34) if self._dark_text else max(0, self.grey - 34)
        return (level, level, level)

    @property
    def line(self) -> tuple[int, int, int]:
        """The colour of lines and borders: between background and text."""
        return tuple((2 * a + b) // 3 for a, b in zip(self.ink, self.paper, strict=True))  # type: ignore[return-value]

    @cached_property
    def body(self) -> ImageFont.FreeTypeFont:
        """The font of the text."""
        return self.sized(self.text_px)

    @cached_property
    def heading(self) -> ImageFont.FreeTypeFont:
        """The font of titles."""
        return self.sized(round(self.text_px * 1.5))

    @cached_property
    def small(self) -> ImageFont.FreeTypeFont:
        """The font of key signs and captions."""
        return self.sized(max(LEAST_TEXT_PX, round(self.text_px * 0.75)))

    def sized(self, pixels: int) -> ImageFont.FreeTypeFont:
        """Return the font in a size of its own."""
        return _font(self.font, pixels)

    def fitted(
        self, texts: Sequence[str], width: float, *, most: int | None = None
    ) -> ImageFont.FreeTypeFont:
        """Return the largest font, of at most the text's size, whose words fit into `width`."""
        words = [word for text in texts for word in text.split()]
        for pixels in range(most or self.text_px, LEAST_TEXT_PX, -1):
            font = self.sized(pixels)
            if all(font.getlength(word) <= width for word in words):
                return font
        return self.sized(LEAST_TEXT_PX)

    def em(self, times: float) -> int:
        """Return `times` the text size in pixels."""
        return round(times * self.text_px)


@dataclass(frozen=True)
class Screen:
    """One composed screen: the picture, the zones that take clicks, pictures to lay over.

    `overlays` are drawn by the window when their time comes: a button that becomes
    active, a button that is pressed. `picture` is the place of a picture that a question is about,
    `room` that of a rectangle that it sizes.
    """

    image: Image.Image
    zones: dict[str, Box] = field(default_factory=dict)
    overlays: dict[str, tuple[Image.Image, Box]] = field(default_factory=dict)
    picture: Box | None = None
    room: Box | None = None

    def hit(self, x: float, y: float) -> str | None:
        """Return the name of the zone at (x, y), if any."""
        for name, (left, top, right, bottom) in self.zones.items():
            if left <= x < right and top <= y < bottom:
                return name
        return None


@lru_cache(maxsize=256)
def _font(path: Path, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), pixels)


@dataclass(frozen=True)
class Written:
    """A text as it was drawn on an image: the box of its ink there."""

    image: Image.Image
    text: str
    box: tuple[float, float, float, float]


_written: list[Written] | None = None


@contextmanager
def writing_noted() -> Iterator[list[Written]]:
    """Note every text that is drawn while the block runs, to measure what is cut off."""
    global _written
    before, _written = _written, []
    try:
        yield _written
    finally:
        _written = before


def write(
    image: Image.Image,
    place: tuple[float, float],
    text: str,
    *,
    font: ImageFont.FreeTypeFont,
    fill: tuple[int, int, int],
) -> None:
    """Draw one line of text on an image, its upper left corner at `place`."""
    draw = ImageDraw.Draw(image)
    draw.text(place, text, font=font, fill=fill)
    if _written is not None and text:
        _written.append(Written(image, text, draw.textbbox(place, text, font=font)))


def write_centred(
    image: Image.Image,
    top: float,
    lines: Sequence[str],
    *,
    font: ImageFont.FreeTypeFont,
    fill: tuple[int, int, int],
) -> None:
    """Draw lines of text one below the other, each in the middle of the image."""
    for number, line in enumerate(lines):
        left = (image.width - font.getlength(line)) / 2
        write(image, (left, top + number * line_height(font)), line, font=font, fill=fill)


def _pieces(word: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break a word that is wider than a line; a word that fits is left whole."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break `text` into lines of at most `width` pixels; blank lines are kept."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        words = (piece for word in paragraph.split() for piece in _pieces(word, font, width))
        for word in words:
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
