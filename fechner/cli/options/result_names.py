"""Names of results: checked once, for every command, before it begins.

No command writes over what it reads, and a figure has a format that can be drawn. A table that is
written under the name of the table it was made from leaves scores where single ratings were, and
no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from fechner.errors import InputError

OUTPUTS = ("out", "figure", "zip_file", "bids", "screens")
"""Names of the parameters that say where results go."""


FIGURES = (".png", ".svg", ".pdf")


def check_names_of_results(commands: Mapping[str, Any]) -> None:
    """Let every command, in whatever group, refuse names under which no result can be written."""
    for command in commands.values():
        if hasattr(command, "commands"):
            check_names_of_results(command.commands)
        elif command.callback is not None:
            command.callback = _guarded(command.callback)


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def guarded(*arguments: Any, **given: Any) -> Any:
        refuse_written_inputs(given)
        _check_figure(given.get("figure"))
        return command(*arguments, **given)

    return guarded


def _check_figure(figure: object) -> None:
    if isinstance(figure, Path) and figure.suffix.lower() not in FIGURES:
        raise InputError(f"--figure expects a name ending in .png, .svg or .pdf, got {figure.name}")


def refuse_written_inputs(given: Mapping[str, Any]) -> None:
    """Refuse parameters of a command by which a result would replace what it is made from.

    Parameters
    ----------
    given
        The command's parameters by name, as paths, texts or lists of them.

    Raises
    ------
    InputError
        If a result has the name of a file that is read, or of the record beside such a table.
    """
    read = {
        file
        for name, value in given.items()
        if name not in OUTPUTS
        for path in _paths(value)
        for file in (path, path.with_suffix(".json"))
        if path.is_file()
    }
    for name in OUTPUTS:
        for out in _paths(given.get(name)):
            for file in read:
                if out.is_file() and file.is_file() and out.samefile(file):
                    raise InputError(
                        f"{out} is read by this command, and writing over it would lose it; give "
                        "the result another name"
                    )


def _paths(value: Any) -> Iterator[Path]:
    """Give the paths that a parameter may name; what cannot be a path names none."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _paths(one)
    elif isinstance(value, Path) or (isinstance(value, str) and value.strip(". ")):
        path = Path(value)
        try:
            path.is_file()
        except (OSError, ValueError):
            return
        if path.name:
            yield path
