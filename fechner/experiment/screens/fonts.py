"""Fonts for the participant's screen: found by name, checked for every letter of a text.

DejaVu Sans comes with matplotlib, which fechner depends on, so the default font is
the same file on Linux, Windows and macOS. Another font is a file, or a name that the
system knows.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

from fechner.errors import MissingPartError

SHIPPED = {"DejaVu Sans": "DejaVuSans.ttf", "DejaVu Serif": "DejaVuSerif.ttf"}
"""Fonts that come with matplotlib, by the name a protocol gives."""


@lru_cache
def find_font(name: str) -> Path:
    """Return the file of the font called `name`, or `name` itself where it is a file.

    Raises
    ------
    MissingPartError
        If there is no such font on this machine.
    """
    if Path(name).suffix.lower() in (".ttf", ".otf", ".ttc") and Path(name).is_file():
        return Path(name)
    if name in SHIPPED:
        spec = importlib.util.find_spec("matplotlib")
        if spec is not None and spec.origin:
            return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / SHIPPED[name]
    from matplotlib.font_manager import findfont

    try:
        return Path(findfont(name, fallback_to_default=False))
    except ValueError:
        raise MissingPartError(
            f"the protocol asks for the font {name!r}, which this machine does not have; "
            "give screen.font the path of a .ttf file, or 'DejaVu Sans'"
        ) from None


def missing_letters(font: Path, text: str) -> str:
    """Return the characters of `text` that `font` cannot draw, each once, in order."""
    letters = _letters(font)
    wanted = dict.fromkeys(c for c in text if not c.isspace())
    return "".join(c for c in wanted if ord(c) not in letters)


@lru_cache
def _letters(font: Path) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font, fontNumber=0, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def check_font(font: Path, text: str, *, language: str) -> None:
    """Refuse a font that cannot draw a text.

    Raises
    ------
    MissingPartError
        If letters are missing.
    """
    missing = missing_letters(font, text)
    if missing:
        raise MissingPartError(
            f"the font {font.name} lacks {len(missing)} characters of the language {language!r} "
            f"(such as {missing[:5]!r}); give screen.font the path of a .ttf file that has them"
        )
