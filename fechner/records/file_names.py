"""Names of scenes, images and dimensions become names of files: which can, on every system.

A study that was built on Linux is opened on Windows and macOS, where case does not count in
file names, some signs cannot stand in them, and some names belong to devices.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from fechner.errors import InputError

FORBIDDEN = frozenset('<>:"/\\|?*')
"""Signs that Windows does not allow in the name of a file."""

DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)
"""Names that Windows gives to devices, whatever ending follows them."""

OURS = frozenset(("maps",))
"""Names whose files we need ourselves: ``maps.json`` is the record of a folder of maps."""

LONGEST_BYTES = 150
"""Longest name, in UTF-8: most file systems take 255 bytes, ours add family, level and region."""


def check_file_names(names: Iterable[str], *, of: str = "scene") -> None:
    """Check that each name can be that of files of its own.

    Parameters
    ----------
    names
        Names of scenes, images or dimensions.
    of
        What they are names of, for the message.

    Raises
    ------
    InputError
        If a name cannot be part of a file name on some system, or two names would share one.
    """
    owners: dict[str, str] = {}
    for name in names:
        problem = _problem(name)
        if problem:
            raise InputError(
                f"the name of a {of} becomes a file name, and {name!r} {problem}; rename the {of}"
            )
        same = unicodedata.normalize("NFC", name).casefold()
        if owners.get(same) == name:
            raise InputError(f"two {of}s are called {name!r}; rename one")
        if same in owners:
            raise InputError(
                f"the {of}s {owners[same]!r} and {name!r} would share their files where case does "
                "not count (Windows, macOS); rename one"
            )
        owners[same] = name


def _problem(name: str) -> str:
    """Return why a name cannot be part of a file name; empty where it can."""
    device = name.split(".")[0].strip().lower()
    if not name:
        return "is empty"
    if name != name.strip():
        return "begins or ends with a space, which tables drop"
    if name.startswith("."):
        return "begins with a dot, which hides files"
    if any(sign in FORBIDDEN or ord(sign) < 32 or ord(sign) == 127 for sign in name):
        return f"holds one of {' '.join(sorted(FORBIDDEN))} or a control character"
    if device in DEVICES:
        return "is the name of a device on Windows"
    if name.casefold() in OURS:
        return "is the name of a record of fechner's own"
    if len(name.encode("utf-8")) > LONGEST_BYTES:
        return f"is longer than {LONGEST_BYTES} bytes"
    return ""
