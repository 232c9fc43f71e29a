"""Where a frame's images and captions stand in the window: side by side, at native size.

Coordinates as in `look`; sizes are (width, height) in pixels.
"""

from __future__ import annotations

from PIL import Image

from fechner.errors import RefusedError
from fechner.experiment.display import Frame
from fechner.experiment.screens.look import Box, Look, line_height, write


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

    Parameters
    ----------
    look
        Of the window.
    frame
        What is shown, with its captions.
    sizes
        Width and height in pixels of each of its images.
    area
        The part of the window that they may fill.

    Returns
    -------
    list of Box
        One place an image.

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
    # No wider than its image, so that the captions of two images never touch.
    most = max(under[2] - under[0], look.em(2))
    font = look.fitted([text.replace(" ", "_")], most - 4, most=round(look.small.size))
    width, height = round(font.getlength(text)) + 4, line_height(look.small)
    image = Image.new("RGB", (width, height), look.paper)
    write(image, (2, 0), text, font=font, fill=look.ink)
    left = (under[0] + under[2] - width) // 2
    top = under[3] + look.em(0.4)
    return image, (left, top, left + width, top + height)
