"""What the participant reads, composed as pictures: pages, questions, and the fixation cross.

Every screen is a Pillow image of the size of the window, so that text and layout are
the same on every machine, and can be looked at and tested without a window. The
window shows these images, and tells clicks apart by the zones given with them.
Coordinates are pixels from the top left corner; boxes are (left, top, right, bottom).
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image, ImageChops, ImageDraw, ImageFont

from fechner.errors import RefusedError
from fechner.experiment.display import Page, Question
from fechner.experiment.screens.buttons import (
    button,
    button_box,
    button_row,
    row_height,
    row_width,
)
from fechner.experiment.screens.look import (
    LEAST_TEXT_PX,
    Box,
    Look,
    Screen,
    line_height,
    wrap,
    write,
    write_centred,
)
from fechner.experiment.screens.sliders import back_box, slider, slider_height

TABLE_COLUMNS_EM = (0.0, 1.5, 11.0)
"""Where the sign, the name and the finding of a table's row begin, in sizes of its font."""

BACK_GAP_EM = 1.5
"""Distance of the button back from the answers, so that it is not hit by a slip."""

LEAST_TABLE_PX = 10
"""Size of the smallest letters that a table is written in."""


def blank(look: Look) -> Screen:
    """Return the empty background."""
    return Screen(Image.new("RGB", look.size, look.paper))


def drawn_part(look: Look, image: Image.Image) -> tuple[Image.Image, Box]:
    """Return the part of a whole screen that differs from the background, and its place.

    The window clears itself to the background, so nothing else needs to be drawn.
    """
    box = ImageChops.difference(image, blank(look).image).getbbox() or (0, 0, 1, 1)
    return image.crop(box), box


def fixation(look: Look, centre: tuple[int, int]) -> Screen:
    """Return a fixation cross at `centre`."""
    screen = blank(look)
    draw = ImageDraw.Draw(screen.image)
    x, y = centre
    arm, half = look.em(0.5), max(1, look.em(0.05))
    draw.rectangle((x - arm, y - half, x + arm - 1, y + half - 1), fill=look.ink)
    draw.rectangle((x - half, y - arm, x + half - 1, y + arm - 1), fill=look.ink)
    return screen


def page(look: Look, content: Page) -> Screen:
    """Return a page of text with its button, the zone "proceed", and where asked for "back".

    A text that is too high for the window is written in smaller letters.

    Raises
    ------
    RefusedError
        If the text does not fit on the window in the smallest letters either.
    """
    while (need := _page_height(look, content)) > look.size[1]:
        if look.text_px <= LEAST_TEXT_PX:
            raise RefusedError(
                f"the page {content.name!r} needs {need} px of height and the window has "
                f"{look.size[1]}; use a larger window or a shorter text"
            )
        look = replace(look, text_px=look.text_px - 1)
    screen, text = blank(look), _page_text(look, content)
    widest = max(font.getlength(line) for font, lines in text for line in lines)
    left = (look.size[0] - round(max(widest, _buttons_width(look, content)))) // 2
    y = (look.size[1] - need) // 2
    for font, lines in text:
        for line in lines:
            write(screen.image, (left, y), line, font=font, fill=look.ink)
            y += line_height(font)
        y += look.em(1)
    corner = (left, y + look.em(1))
    box = button_box(look, content.proceed, corner, most=_column(look))
    screen.image.paste(button(look, content.proceed, box), box[:2])
    screen.zones["proceed"] = box
    if content.back:
        beside = _back_beside(look, content, box)
        place = (box[2] + look.em(0.8), box[1]) if beside else (left, box[3] + look.em(0.6))
        _draw_back(look, content.back, screen, place)
    return screen


def _column(look: Look) -> int:
    """Return the width in pixels of a page's text."""
    return min(round(look.size[0] * 0.8), look.em(34))


def _page_text(look: Look, content: Page) -> list[tuple[ImageFont.FreeTypeFont, list[str]]]:
    """Return the lines of a page, title and body, each with its font."""
    heading = look.fitted([content.title], _column(look), most=round(look.heading.size))
    parts = [(heading, content.title), (look.fitted([content.body], _column(look)), content.body)]
    return [(font, wrap(text, font, _column(look))) for font, text in parts if text]


def _page_height(look: Look, content: Page) -> int:
    text = sum(len(lines) * line_height(font) for font, lines in _page_text(look, content))
    box = button_box(look, content.proceed, (0, 0), most=_column(look))
    gaps = look.em(1) * len(_page_text(look, content)) + look.em(1)
    back = 0
    if content.back and not _back_beside(look, content, box):
        back = look.em(0.6) + button_box(look, content.back, (0, 0))[3]
    return text + gaps + box[3] + back


def _buttons_width(look: Look, content: Page) -> int:
    box = button_box(look, content.proceed, (0, 0), most=_column(look))
    if not content.back or not _back_beside(look, content, box):
        return box[2]
    return box[2] + look.em(0.8) + button_box(look, content.back, (0, 0))[2]


def _back_beside(look: Look, content: Page, proceed: Box) -> bool:
    """Return whether the button back has room beside the one that goes on."""
    back = button_box(look, content.back, (0, 0))[2]
    return proceed[2] - proceed[0] + look.em(0.8) + back <= _column(look)


def _draw_back(look: Look, word: str, screen: Screen, corner: tuple[int, int]) -> None:
    """Draw the button to the screen before, the zone "back"."""
    box = button_box(look, word, corner)
    screen.image.paste(button(look, word, box, quiet=True), box[:2])
    screen.zones["back"] = box


def strip_height(look: Look, content: Question) -> int:
    """Return the height in pixels that a question needs under a standing picture."""
    picture = _picture_height(look, content)
    return picture + table_height(look, content) + _height_without_table(look, content)


def _picture_height(look: Look, content: Question) -> int:
    return 0 if content.picture is None else content.picture.side + look.em(1)


def _height_without_table(look: Look, content: Question) -> int:
    text = len(_question_lines(look, content)) * line_height(look.body)
    slides = content.kind == "slider"
    answers = slider_height(look, content) if slides else row_height(look, content)
    gap = look.em(1.5) if content.table else 0
    back = 0 if slides else _back_height(look, content)
    return look.em(0.6) + text + look.em(1) + gap + answers + back + look.em(0.6)


def _back_height(look: Look, content: Question) -> int:
    """Return the height in pixels of the button back below other buttons, kept or used."""
    if not (content.back or content.back_room):
        return 0
    return look.em(BACK_GAP_EM) + button_box(look, content.back, (0, 0))[3]


def _question_lines(look: Look, content: Question) -> list[str]:
    asked, *others = (
        wrap(text, look.body, _text_width(look, content))
        for text in (content.text, content.not_yet, content.type_again)
    )
    # Room for the longest, so that nothing moves when one takes the other's place.
    return asked + [""] * (max(map(len, others)) - len(asked))


def _text_width(look: Look, content: Question) -> int:
    """Return the width of a question's text: a column to read where it has paragraphs."""
    wide = round(look.size[0] * 0.86)
    return min(wide, look.em(34)) if _in_paragraphs(content) else wide


def _in_paragraphs(content: Question) -> bool:
    """Return whether a question is read like a page, from the left; a line stands in the middle."""
    return content.kind == "buttons" and "\n\n" in content.text


def _text_left(look: Look, content: Question, lines: list[str]) -> int | None:
    """Return where the lines of a question begin that is read from the left; else None."""
    if content.table:
        return round(look.size[0] * 0.07)
    if not _in_paragraphs(content):
        return None
    widest = max(*(look.body.getlength(line) for line in lines), row_width(look, content))
    return (look.size[0] - round(widest)) // 2


def table_height(look: Look, content: Question) -> int:
    """Return the height in pixels of the rows of a question's table."""
    if not content.table:
        return 0
    font = _table_font(look, content)
    return len(_table_lines(look, content, font)) * line_height(font)


def _table_font(look: Look, content: Question) -> ImageFont.FreeTypeFont:
    """Return the font of a table: that of the text, or the largest in which it fits the window."""
    room = look.size[1] - _height_without_table(look, content)
    for pixels in range(look.text_px, LEAST_TABLE_PX, -1):
        font = ImageFont.truetype(str(look.font), pixels)
        if len(_table_lines(look, content, font)) * line_height(font) <= room:
            return font
    return ImageFont.truetype(str(look.font), LEAST_TABLE_PX)


def _table_lines(
    look: Look, content: Question, font: ImageFont.FreeTypeFont
) -> list[tuple[str, str, str]]:
    """Return the table's rows, long findings broken into several lines."""
    lines: list[tuple[str, str, str]] = []
    for sign, name, finding in content.table:
        width = round(look.size[0] * 0.86 - TABLE_COLUMNS_EM[-1] * font.size)
        broken = wrap(finding, font, width)
        lines += [(sign, name, broken[0]), *(("", "", line) for line in broken[1:])]
    return lines


def _draw_table(look: Look, content: Question, image: Image.Image, top: int) -> None:
    left, font = round(look.size[0] * 0.07), _table_font(look, content)
    for number, row in enumerate(_table_lines(look, content, font)):
        y = top + number * line_height(font)
        for text, shift in zip(row, TABLE_COLUMNS_EM, strict=True):
            place = (left + round(shift * font.size), y)
            write(image, place, text, font=font, fill=look.ink)


def question(look: Look, content: Question, *, below: bool) -> Screen:
    """Return a question with its slider or buttons, at the foot of the window or centred.

    Zones: "track" and "confirm" for a slider; "0", "1", ... for buttons; "back". Overlays:
    "confirm"; "pressed-0", ... .

    Raises
    ------
    RefusedError
        If it does not fit on the window.
    """
    while content.kind == "buttons" and look.text_px > LEAST_TEXT_PX:
        if strip_height(look, content) <= look.size[1]:
            break
        look = replace(look, text_px=look.text_px - 1)
    width, height = look.size
    need = strip_height(look, content)
    if need > height:
        smaller = "smaller pictures" if content.picture else "a smaller screen.text_height_deg"
        raise RefusedError(
            f"the question {content.name!r} needs {need} px of height and the window has {height}; "
            f"use a larger window, or {smaller}"
        )
    screen = blank(look)
    foot = height - need if look.foot is None else min(look.foot, height - need)
    y = (foot if below else (height - need) // 2) + look.em(0.6)
    picture = _draw_picture(look, content, screen.image, y)
    y += _picture_height(look, content)
    lines = _question_lines(look, content)
    left = _text_left(look, content, lines)
    if left is None:
        write_centred(screen.image, y, lines, font=look.body, fill=look.ink)
    else:
        for number, line in enumerate(lines):
            place = (left, y + number * line_height(look.body))
            write(screen.image, place, line, font=look.body, fill=look.ink)
    asked: Box = (0, y, width, y + len(lines) * line_height(look.body))
    y = asked[3] + look.em(1)
    if content.table:
        _draw_table(look, content, screen.image, y)
        y += table_height(look, content) + look.em(1.5)
    if content.kind == "slider":
        screen = slider(look, content, screen.image, y)
    else:
        screen = button_row(look, content, screen.image, y, left=left)
    for name, text in (("not-yet", content.not_yet), ("type-again", content.type_again)):
        screen.overlays[name] = _in_place(look, content, text, asked)
    if content.back and content.kind == "slider":
        box = back_box(look, content, screen.zones["confirm"])
        screen.image.paste(button(look, content.back, box, quiet=True), box[:2])
        screen.zones["back"] = box
    elif content.back:
        middle = (width - round(look.body.getlength(content.back)) - look.em(2)) // 2
        x = middle if left is None else left
        place = (x, y + row_height(look, content) + look.em(BACK_GAP_EM))
        _draw_back(look, content.back, screen, place)
    return replace(screen, picture=picture)


def _draw_picture(look: Look, content: Question, image: Image.Image, top: int) -> Box | None:
    """Draw the picture that a question is about, if any; return its place."""
    if content.picture is None:
        return None
    side, left = content.picture.side, (look.size[0] - content.picture.side) // 2
    image.paste(content.picture.draw(), (left, top))
    return (left, top, left + side, top + side)


def _in_place(look: Look, content: Question, text: str, box: Box) -> tuple[Image.Image, Box]:
    """Return a text that stands in place of the question for a while."""
    image = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), look.paper)
    lines = wrap(text, look.body, _text_width(look, content))
    write_centred(image, 0, lines, font=look.body, fill=look.ink)
    return image, box
