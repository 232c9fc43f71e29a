"""Protocol files: found, read, copied, and their texts joined.

A shipped protocol is ``NAME.toml`` here with ``texts/NAME.LANGUAGE.toml``. A
protocol of one's own is ``PATH/NAME.toml`` with ``NAME.LANGUAGE.toml`` beside it or
in ``PATH/texts``; what ``common.LANGUAGE.toml`` there says wins over the shipped one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fechner.errors import InputError, nearest
from fechner.provenance import read_toml, write_text

HERE = Path(__file__).parent


def shipped() -> list[str]:
    """Return the names of the protocols that come with fechner."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def protocol_path(name_or_path: object) -> Path:
    """Return the TOML file of a shipped protocol's name or of a path.

    Raises
    ------
    InputError
        If there is neither; names the nearest shipped protocol.
    """
    text = str(name_or_path)
    if text in shipped():
        return HERE / f"{text}.toml"
    path = Path(text)
    if path.suffix == ".toml" and path.is_file():
        return path
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise InputError(f"expected a protocol file, found none at {path}; check the path")
    raise InputError(f"no protocol is called {text!r}: {nearest(text, shipped())}")


def languages(name_or_path: object) -> list[str]:
    """Return the languages that a protocol has texts in."""
    path = protocol_path(name_or_path)
    found = [
        text.name[len(path.stem) + 1 : -len(".toml")]
        for folder in _text_folders(path)
        for text in folder.glob(f"{path.stem}.*.toml")
    ]
    return sorted(set(found))


def _text_folders(path: Path) -> list[Path]:
    return [path.parent, path.parent / "texts"]


def joined_texts(path: Path, language: str) -> dict[str, Any]:
    """Join the common texts of a language with the protocol's own, which win.

    Raises
    ------
    InputError
        If there are no texts in `language`; names the languages present.
    """
    own = _find(path, f"{path.stem}.{language}.toml")
    if own is None:
        present = ", ".join(languages(path)) or "none"
        raise InputError(
            f"{path.name} has no texts in {language!r} (present: {present}); "
            f"choose one of them or write {path.stem}.{language}.toml beside it"
        )
    shipped_common = HERE / "texts" / f"common.{language}.toml"
    common = _find(path, f"common.{language}.toml")
    # What a common file of one's own does not say yet, the shipped one says.
    found = dict.fromkeys(one for one in (shipped_common, common, own) if one and one.is_file())
    layers = [read_toml(one) for one in found]
    tables = {
        name: {key: value for layer in layers for key, value in layer.get(name, {}).items()}
        for name in ("screening", "marks", "vision", "comment")
    }
    joined = {key: value for layer in layers for key, value in layer.items()}
    return {**joined, **{name: table for name, table in tables.items() if table}}


def _find(path: Path, name: str) -> Path | None:
    return next((f / name for f in _text_folders(path) if (f / name).is_file()), None)


def copy_protocol(name_or_path: object, folder: Path, *, name: str | None = None) -> list[Path]:
    """Copy a protocol and its texts, common ones included, into `folder`; return the new files.

    Raises
    ------
    InputError
        If the new name is no name, or one of the files exists already.
    """
    source = protocol_path(name_or_path)
    name = name or source.stem
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"{name!r} cannot name a protocol; use lower-case letters, digits and underscores"
        )
    written = _copies(source, Path(folder), name)
    for path, text in written.items():
        # Several protocols of one folder share their common texts.
        shared = path.stem.startswith("common.")
        if path.exists() and not (shared and path.read_text("utf-8") == text):
            remedy = "choose another folder" + ("" if shared else " or --name")
            raise InputError(f"{path} exists already; {remedy}")
    for path, text in written.items():
        write_text(path, text)
    return list(written)


def _copies(source: Path, folder: Path, name: str) -> dict[Path, str]:
    protocol = source.read_text("utf-8-sig").replace(
        f'name = "{source.stem}"', f'name = "{name}"', 1
    )
    texts = {folder / f"{name}.toml": protocol}
    for language in languages(source):
        for stem, new in ((source.stem, name), ("common", "common")):
            found = _find(source, f"{stem}.{language}.toml")
            if found is not None:
                texts[folder / f"{new}.{language}.toml"] = found.read_text("utf-8-sig")
    return texts
