"""Protocols checked against their schema: the way from a TOML file to a record.

`files` finds and reads, `methods` has the record of each rating method, and what fails
there is said here in one clear line. Other rooms read protocols from this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fechner.errors import InputError, nearest
from fechner.protocols.files import (
    joined_texts,
    protocol_path,
    shipped,
)
from fechner.protocols.methods import METHODS
from fechner.protocols.protocol import Protocol
from fechner.provenance import read_toml
from fechner.records.complaints import one_line

__all__ = ["Protocol", "load_protocol", "shipped"]


def load_protocol(name_or_path: object, *, language: str = "en") -> Protocol:
    """Return the shipped protocol of that name, or the one in a TOML file, with its texts.

    Raises
    ------
    InputError
        If the file is missing or not TOML, has an unknown key (the nearest is named),
        a value out of range, labels that do not fit the scale, or no texts in
        `language` (the languages present are named).
    """
    path = protocol_path(name_or_path)
    content = read_toml(path)
    if "texts" in content:
        raise InputError(
            f"{path.name}: texts stand in {path.stem}.{language}.toml, not in the protocol itself"
        )
    model = _model_of(content, path)
    content["texts"] = joined_texts(path, language)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(one_line(error, model, path.name)) from error


def _model_of(content: dict[str, Any], path: Path) -> type[Protocol]:
    method = content.get("method")
    if method is None:
        raise InputError(f"{path.name} names no method; add one: {', '.join(METHODS)}")
    if not isinstance(method, str) or method not in METHODS:
        raise InputError(f"{path.name}: unknown method {method!r}: {nearest(str(method), METHODS)}")
    return METHODS[method]
