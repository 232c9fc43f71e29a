"""One clear line out of a failed check of a record: where, what, and what to do."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from fechner.errors import nearest


def one_line(error: ValidationError, model: type[BaseModel], file: str) -> str:
    """Return the first complaint about `model` as one line that starts with `file`.

    An unknown key names the nearest known one; further complaints are counted.
    """
    found = error.errors()
    first = next((item for item in found if item["type"] == "extra_forbidden"), found[0])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{file}: {_sentence(first, model)}{more}"


def _sentence(item: Any, model: type[BaseModel]) -> str:
    place = tuple(item["loc"])
    where = ".".join(str(step) for step in place)
    if item["type"] == "extra_forbidden":
        *parents, key = place
        return f"unknown key {where!r}: {nearest(str(key), known_keys(model, tuple(parents)))}"
    if item["type"] == "missing":
        return f"{where!r} is missing; add it"
    message = str(item["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    return f"{where}: {message}" if item["type"] == "value_error" else _got(where, message, item)


def _got(where: str, message: str, item: Any) -> str:
    return f"{where}: {message[0].lower()}{message[1:]}, got {item['input']!r}"


def known_keys(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """Return the keys that `model` knows at `place` (names and list positions)."""
    current: Any = model
    for step in place:
        if isinstance(step, int):
            continue
        fields = current.model_fields if _is_model(current) else {}
        current = _model_in(fields[step].annotation) if step in fields else None
    if not _is_model(current):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _model_in(annotation: Any) -> Any:
    """Return the first model inside an annotation such as ``tuple[Model, ...] | None``."""
    if _is_model(annotation):
        return annotation
    return next((m for part in get_args(annotation) if (m := _model_in(part))), None)
