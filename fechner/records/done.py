"""What is done already: one key for everything that is kept between runs.

A result is done while nothing that shapes it has changed: the version of the step's
algorithm, its parameters, and the content of every file that it reads. The key of a
result is the digest of these. Its record is a JSON file that holds the key, the sha256
of every file that the step wrote, and whatever the step wants to find again. A study's
steps, the kept stimuli of a scene, compressed pictures, stored activations and
interrupted fits all rest on this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fechner.errors import InputError
from fechner.provenance import digest, read_json, sha256_file, write_json

VERSIONS = {
    "images": 1,
    "channels": 3,
    "maps": 4,
    "map": 1,
    "stimuli": 2,
    "sessions": 2,
    "ratings": 4,
    "claim": 3,
    "marks": 3,
    "scene": 4,
    "coded scene": 3,
    "severe picture": 1,
    "stimulus distances": 1,
    "compressed": 9,
    "activations": 2,
    "fit": 1,
    "distances": 1,
    "yardsticks": 1,
}
"""The version of each step's algorithm: raised whenever the same inputs would give another result.

A study's step needs no new version where a step inside it has one (a scene's stimuli inside
``stimuli``), because `done_key` takes the versions of the steps in `INSIDE` along.
"""

INSIDE = {
    "channels": ("activations",),
    "maps": ("activations", "map"),
    "stimuli": ("scene", "coded scene", "severe picture", "stimulus distances"),
    "fit": ("activations",),
}


def done_key(step: str, parameters: Any, reads: Iterable[Path] = ()) -> str:
    """Return the key of a result: 64 hexadecimal digits.

    Parameters
    ----------
    step
        Which algorithm makes the result, one of `VERSIONS`.
    parameters
        Everything beside files that shapes it, JSON-able.
    reads
        Every file whose content shapes it, in an order that does not change.

    Raises
    ------
    InputError
        If a file is missing or cannot be read.
    KeyError
        If the step has no version.
    """
    versions = [VERSIONS[name] for name in (step, *INSIDE.get(step, ()))]
    contents = [sha256_file(path) for path in reads]
    return digest({"step": step, "versions": versions, "of": parameters, "reads": contents})


def write_done(
    record: Path,
    key: str,
    *,
    wrote: Iterable[Path] = (),
    folder: Path | None = None,
    content: Mapping[str, Any] | None = None,
) -> None:
    """Record that a result was finished.

    Parameters
    ----------
    record
        The JSON file of the record.
    key
        Of the result, from `done_key`.
    wrote
        The files that the step wrote; a change of any of them undoes the result.
    folder
        What their names are relative to; the record's own folder where left out.
    content
        What the step wants to find again, JSON-able.

    Raises
    ------
    InputError
        If a written file cannot be read, or the record cannot be written.
    """
    base = record.parent if folder is None else folder
    files = {Path(path).relative_to(base).as_posix(): sha256_file(path) for path in wrote}
    write_json(record, {"key": key, "wrote": files, "content": dict(content or {})})


def read_done(record: Path, key: str, *, folder: Path | None = None) -> dict[str, Any] | None:
    """Return the content of a record if its result is done, else None.

    A result is done where the record holds this `key` and every file that was written is
    still there with the same content. A missing or damaged record is a result that is not done.
    """
    base = record.parent if folder is None else folder
    with suppress(InputError, KeyError, TypeError, AttributeError):
        found = read_json(record)
        files = found["wrote"].items()
        if found["key"] == key and all(sha256_file(base / name) == sha for name, sha in files):
            return dict(found["content"])
    return None
