"""What kind of file stands behind a name: told by its first bytes, never by its suffix.

Signatures: ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG), 14496-12 and 23008-12 (HEIC, AVIF), 18181-2
(JPEG XL), RFC 9649 (WebP), TIFF 6.0.
"""

from __future__ import annotations

from pathlib import Path

HEAD_BYTES = 4096
"""How much of a file `kind_of` wants to see."""
READ = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png", ".apng"),
    "gif": (".gif",),
    "webp": (".webp",),
    "bmp": (".bmp", ".dib"),
    "tiff": (".tif", ".tiff"),
    "ppm": (".ppm", ".pgm", ".pbm", ".pnm"),
    "avif": (".avif",),
    "heic": (".heic", ".heif", ".hif"),
    "jxl": (".jxl",),
}
"""Kinds of picture that are read, and the suffixes of their files."""
RAW_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("3fr", "arw", "cr2", "cr3", "dcr", "dng", "erf", "iiq", "kdc", "mrw"),
        *("nef", "nrw", "orf", "pef", "raf", "rw2", "srw", "x3f"),
    )
)
"""Cameras' raw files, many of them TIFF by content whose first picture is a small preview."""
_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"v/1\x01", "OpenEXR"),
    (b"%PDF", "PDF"),
)
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_AVIF_BRANDS = (b"avif", b"avis")


def kind_of(head: bytes) -> str:
    """Return what a file is by its first bytes: a key of `READ`, another kind's name, or ``""``.

    Examples
    --------
    >>> kind_of(b"GIF89a" + bytes(10)), kind_of(b"Dear Anna,")
    ('gif', '')
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return "" if kind == "bmp" and len(head) < 26 else kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "ppm"
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    return ""


def _by_brands(head: bytes) -> str:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    for known, kind in ((_AVIF_BRANDS, "avif"), (_HEIC_BRANDS, "heic")):
        if any(brand in known for brand in brands):
            return kind
    return "heic" if any(brand in (b"mif1", b"msf1") for brand in brands) else "video"


def named_as(path: Path) -> str:
    """Return the kind of picture that a file's name promises; ``""`` where it promises none."""
    ending = path.suffix.lower()
    return next((kind for kind, endings in READ.items() if ending in endings), "")


def is_raw(path: Path) -> bool:
    """Tell by its name whether a file is a camera's raw file."""
    return path.suffix.lower() in RAW_SUFFIXES
