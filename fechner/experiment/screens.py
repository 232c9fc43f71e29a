"""What the participant sees, composed as pictures: pages, questions, fixation, test pattern.

Every screen is a Pillow image of the size of the window, so that text and layout are
the same on every machine, and can be looked at and tested without a window. The
window shows these images, and tells clicks apart by the zones given with them.
Coordinates are pixels from the top left corner; boxes are (left, top, right, bottom).
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fechner.errors import RefusedError
from fechner.experiment.display import Frame, Page, Question
from fechner.experiment.look import Box, Look, Screen, line_height, wrap

KEY_SIGNS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}
"""How a key's name is written on its button."""


def blank(look: Look) -> Screen:
    """Return the empty background."""
    return Screen(Image.new("RGB", look.size, look.paper))


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
    """Return a page of text; its button is the overlay and zone "proceed".

    Raises
    ------
    RefusedError
        If the text does not fit on the window.
    """
    width, height = look.size
    column = min(round(width * 0.8), look.em(34))
    title = wrap(content.title, look.heading, column) if content.title else []
    body = wrap(content.body, look.body, column)
    title_height = len(title) * line_height(look.heading) + (look.em(1) if title else 0)
    body_height = len(body) * line_height(look.body)
    button_height = look.em(2.2)
    total = title_height + body_height + look.em(2) + button_height
    if total > height:
        raise RefusedError(
            f"the page {content.name!r} needs {total} px of height and the window has {height}; "
            "use a larger window, a shorter text, or a smaller screen.text_height_deg"
        )
    screen = blank(look)
    draw = ImageDraw.Draw(screen.image)
    widest = max(
        [look.heading.getlength(line) for line in title]
        + [look.body.getlength(line) for line in (*body, content.proceed)]
    )
    left, y = (width - round(min(widest, column))) // 2, (height - total) // 2
    for line in title:
        draw.text((left, y), line, font=look.heading, fill=look.ink)
        y += line_height(look.heading)
    y += look.em(1) if title else 0
    for line in body:
        draw.text((left, y), line, font=look.body, fill=look.ink)
        y += line_height(look.body)
    if not content.proceed:
        return screen
    box = _button_box(look, content.proceed, left, y + look.em(2))
    overlay = _button(look, content.proceed, box)
    return Screen(screen.image, {"proceed": box}, {"proceed": (overlay, box)})


def _button_box(look: Look, text: str, left: int, top: int) -> Box:
    width = round(look.body.getlength(text)) + look.em(2)
    return (left, top, left + width, top + look.em(2.2))


def _button(
    look: Look, text: str, box: Box, *, key: str = "", pressed: bool = False
) -> Image.Image:
    width, height = box[2] - box[0], box[3] - box[1]
    image = Image.new("RGB", (width, height), look.paper)
    draw = ImageDraw.Draw(image)
    fill, ink = (look.ink, look.paper) if pressed else (look.button, look.ink)
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


def strip_height(look: Look, content: Question) -> int:
    """Return the height in pixels that a question needs under a standing picture."""
    text = len(_question_lines(look, content)) * line_height(look.body)
    answers = look.em(5.4) if content.kind == "slider" else _row_height(look, content)
    return table_height(look, content) + look.em(0.6) + text + look.em(1) + answers + look.em(0.6)


def _question_lines(look: Look, content: Question) -> list[str]:
    return wrap(content.text, look.body, round(look.size[0] * 0.86))


def table_height(look: Look, content: Question) -> int:
    """Return the height in pixels of a question's table."""
    rows = len(_table_lines(look, content))
    return rows * line_height(_table_font(look, content)) + (look.em(1.5) if rows else 0)


def _table_font(look: Look, content: Question) -> ImageFont.FreeTypeFont:
    """Return the font of a table: that of the text where the window has room for it."""
    room = 0.6 * look.size[1]
    return look.body if len(content.table) * line_height(look.body) < room else look.small


def _table_lines(look: Look, content: Question) -> list[tuple[str, str, str]]:
    """Return the table's rows, long findings broken into several lines."""
    lines: list[tuple[str, str, str]] = []
    font = _table_font(look, content)
    for sign, name, finding in content.table:
        broken = wrap(finding, font, round(look.size[0] * 0.86) - look.em(11))
        lines += [(sign, name, broken[0]), *(("", "", line) for line in broken[1:])]
    return lines


def _draw_table(look: Look, content: Question, image: Image.Image, top: int) -> None:
    draw = ImageDraw.Draw(image)
    left, font = round(look.size[0] * 0.07), _table_font(look, content)
    for number, row in enumerate(_table_lines(look, content)):
        y = top + number * line_height(font)
        for text, shift in zip(row, (0, 1.5, 11), strict=True):
            draw.text((left + look.em(shift), y), text, font=font, fill=look.ink)


def question(look: Look, content: Question, *, below: bool) -> Screen:
    """Return a question with its slider or buttons, at the foot of the window or centred.

    Zones: "track" and "confirm" for a slider; "0", "1", ... for buttons. Overlays:
    "confirm"; "pressed-0", ... .

    Raises
    ------
    RefusedError
        If it does not fit on the window.
    """
    width, height = look.size
    need = strip_height(look, content)
    if need > height:
        raise RefusedError(
            f"the question {content.name!r} needs {need} px of height and the window has {height}; "
            "use a larger window, or a smaller screen.text_height_deg"
        )
    screen = blank(look)
    draw = ImageDraw.Draw(screen.image)
    y = (height - need if below else (height - need) // 2) + look.em(0.6)
    for line in _question_lines(look, content):
        x = (width - look.body.getlength(line)) / 2
        draw.text((x, y), line, font=look.body, fill=look.ink)
        y += line_height(look.body)
    y += look.em(1)
    _draw_table(look, content, screen.image, y)
    y += table_height(look, content)
    if content.kind == "slider":
        return _slider(look, content, screen.image, y)
    return _buttons(look, content, screen.image, y)


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


def _slider(look: Look, content: Question, image: Image.Image, top: int) -> Screen:
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
    overlay = (_button(look, content.confirm, confirm), confirm)
    return Screen(image, {"track": track, "confirm": confirm}, {"confirm": overlay})


def _outline(draw: ImageDraw.ImageDraw, look: Look, box: Box) -> None:
    left, top, right, bottom = box
    draw.rounded_rectangle((left, top, right - 1, bottom - 1), look.em(0.35), None, look.line, 1)


def marker(look: Look) -> Image.Image:
    """Return the mark that a participant moves along a slider."""
    return Image.new("RGB", (max(5, look.em(0.3)), look.em(1.3)), look.ink)


def marker_box(look: Look, screen: Screen, content: Question, value: float) -> Box:
    """Return where the mark lies for a value."""
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


def _column(look: Look, content: Question) -> int:
    widest = max(round(look.body.getlength(label)) for label in content.labels) + look.em(1.6)
    room = round(look.size[0] * 0.94) // len(content.labels) - look.em(0.6)
    return max(min(max(widest, look.em(6)), room), look.em(2))


def _row_height(look: Look, content: Question) -> int:
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


def _buttons(look: Look, content: Question, image: Image.Image, top: int) -> Screen:
    column, height, gap = _column(look, content), _row_height(look, content), look.em(0.6)
    count = len(content.labels)
    left = (look.size[0] - count * column - (count - 1) * gap) // 2
    screen = Screen(image, {}, {})
    for place, label in enumerate(content.labels):
        x = left + place * (column + gap)
        box: Box = (x, top, x + column, top + height)
        sign = _key_sign(content, place)
        image.paste(_button(look, label, box, key=sign), box[:2])
        screen.zones[str(place)] = box
        pressed = _button(look, label, box, key=sign, pressed=True)
        screen.overlays[f"pressed-{place}"] = (pressed, box)
    return screen


def stage(look: Look, strip: int) -> Box:
    """Return the part of the window that pictures stand in, above a strip for questions."""
    return (0, 0, look.size[0], look.size[1] - strip)


def caption_height(look: Look, frame: Frame) -> int:
    """Return the pixels that a frame's captions need under its images."""
    return look.em(0.4) + line_height(look.small) if any(frame.captions) else 0


def frame_size(frame: Frame, sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the width and height in pixels that a frame's images take together."""
    return sum(w for w, _ in sizes) + frame.gap_px * (len(sizes) - 1), max(h for _, h in sizes)


def room_for(look: Look, frame: Frame, area: Box) -> tuple[int, int]:
    """Return the width and height in pixels that `area` leaves for a frame's images."""
    left, top, right, bottom = area
    return right - left, bottom - top - caption_height(look, frame)


def place_frame(look: Look, frame: Frame, sizes: list[tuple[int, int]], area: Box) -> list[Box]:
    """Return where the images of a frame stand: side by side, centred in `area`, native size.

    Raises
    ------
    RefusedError
        If they do not fit; images are never scaled by the window.
    """
    left, top, _, _ = area
    width, height = frame_size(frame, sizes)
    room_w, room_h = room_for(look, frame, area)
    if width > room_w or height > room_h:
        raise RefusedError(
            f"{width} x {height} px of images do not fit into the {room_w} x {room_h} px that the "
            f"window of {look.size[0]} x {look.size[1]} leaves them, and images are never scaled"
        )
    x = left + (room_w - width) // 2
    boxes: list[Box] = []
    for w, h in sizes:
        y = top + (room_h - h) // 2
        boxes.append((x, y, x + w, y + h))
        x += w + frame.gap_px
    return boxes


def caption(look: Look, text: str, under: Box) -> tuple[Image.Image, Box]:
    """Return a caption and its place under an image at `under`."""
    width, height = round(look.small.getlength(text)) + 4, line_height(look.small)
    image = Image.new("RGB", (width, height), look.paper)
    ImageDraw.Draw(image).text((2, 0), text, font=look.small, fill=look.ink)
    left = (under[0] + under[2] - width) // 2
    top = under[3] + look.em(0.4)
    return image, (left, top, left + width, top + height)


def noise_mask(size: tuple[int, int], *, seed: int, grain: int = 4) -> Image.Image:
    """Return grey noise of `size` (width, height) px in squares of `grain` px, for masking."""
    width, height = size
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (-(-height // grain), -(-width // grain)), dtype=np.uint8)
    full = cells.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width]
    return Image.fromarray(full).convert("RGB")


def read_back_pattern(size: tuple[int, int]) -> Image.Image:
    """Return the picture that is read back before a session, of `size` (width, height) px.

    All 256 levels of each channel, one-pixel checks, and seeded noise: any scaling,
    shift, gamma, dithering or loss of bits changes some pixel of it.
    """
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    pattern = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    third = height // 3
    ramp = (columns % 256).astype(np.uint8)
    for channel in range(3):
        band = slice(channel * third // 3, (channel + 1) * third // 3)
        pattern[band] = 0
        pattern[band, :, channel] = ramp[band]
    checks = ((rows + columns) % 2 * 255).astype(np.uint8)[third : 2 * third]
    pattern[third : 2 * third] = checks[..., None]
    return Image.fromarray(pattern)
