"""What a JPEG file carries beside its picture: further pictures, videos, gain maps.

Phones append the video of a motion photograph, a depth map or the gain map of UltraHDR behind
the end of the image, and point at them by byte positions (MPF: CIPA DC-007; XMP: GContainer).
A decoder shows none of it, so nothing in a decoded picture says that it would be lost.
"""

from __future__ import annotations

from fechner.compression.jpeg.markers import segments

_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_TOLD_IN_XMP = (
    (b"hdrgm:", "a gain map"),
    (b"HDRGainMap", "a gain map"),
    (b"MotionPhoto", "the video of a motion photograph"),
    (b"MicroVideo", "the video of a motion photograph"),
    (b"GDepth:", "a depth map"),
    (b"GImage:", "a second picture"),
)


def beside_the_picture(jpeg: bytes) -> list[str]:
    """Return what a JPEG carries beside its picture, in words; empty where there is nothing."""
    found: dict[str, None] = {}
    for marker, content in segments(jpeg):
        if marker == 0xE2 and content.startswith(b"MPF\x00"):
            found["further pictures"] = None
        if marker == 0xE1 and content.startswith(_XMP):
            found.update({words: None for sign, words in _TOLD_IN_XMP if sign in content})
    behind = jpeg[end_of_image(jpeg) :].rstrip(b"\x00\r\n ")
    if behind:
        video = behind[4:8] == b"ftyp" or b"ftyp" in behind[:64]
        what = "a video" if video and not any("video" in words for words in found) else "data"
        found[f"{len(behind):,} bytes of {what} behind its end"] = None
    return list(found)


def end_of_image(jpeg: bytes) -> int:
    """Return the position behind the end of the image, the file's length where it has none."""
    at = 2
    while 0 <= (at := jpeg.find(b"\xff", at)) < len(jpeg) - 1:
        marker = jpeg[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF:
            at += 1
        elif marker <= 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2  # within a scan, or without a length
        else:
            at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return len(jpeg)
