"""A call on its way to another machine, and its result on the way back.

Paths are made absolute, because a worker starts in a folder of its own, and come back as they
were given. A parcel says what must be there when it is opened: the versions of the sender, and
the files and folders that the call names.
"""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from fechner.errors import InputError
from fechner.executors.versions import differing, refusal, stated_versions

SECONDS_FOR_FILES = 5.0
"""How long a file may take to be seen: network folders show what others wrote after seconds."""


@dataclass(frozen=True)
class Parcel:
    """Something pickled for another machine.

    Attributes
    ----------
    content
        The pickle, in which every path is absolute.
    given
        Absolute path: the relative one that it was given as.
    needed
        Paths that are there where the parcel was packed.
    versions
        `versions.stated_versions` of the process that packed it.
    """

    content: bytes
    given: Mapping[str, str]
    needed: tuple[str, ...]
    versions: Mapping[str, str]

    def opened(self, worker: str) -> Any:
        """Return what was packed.

        Raises
        ------
        InputError
            If this process, which is `worker`, has other versions or does not see a path.
        """
        differences = differing(stated_versions(), self.versions)
        if differences:
            raise InputError(refusal(worker, differences))
        until = time.monotonic() + SECONDS_FOR_FILES
        for path in self.needed:
            while not Path(path).exists():
                if time.monotonic() > until:
                    raise InputError(
                        f"worker {worker} does not see {path}; every worker must see the images "
                        "and the folders of the run (--out, --cache) under the same path"
                    )
                time.sleep(0.2)
        return pickle.loads(self.content)


def packed(content: Any) -> Parcel:
    """Return `content` ready to be sent; it must be picklable."""
    buffer = io.BytesIO()
    packer = _Packer(buffer)
    packer.dump(content)
    given = {absolute: path for absolute, path in packer.paths.items() if absolute != path}
    needed = tuple(path for path in packer.paths if Path(path).exists())
    return Parcel(buffer.getvalue(), given, needed, stated_versions())


def answer(result: Any, parcel: Parcel) -> bytes:
    """Return `result` of a parcel pickled, its paths relative where they were given so."""
    buffer = io.BytesIO()
    _Answerer(buffer, parcel.given).dump(result)
    return buffer.getvalue()


class _Packer(pickle.Pickler):
    """Makes every path absolute, and remembers it."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.paths: dict[str, str] = {}

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Path):
            return NotImplemented
        absolute = str(obj.absolute())
        self.paths.setdefault(absolute, str(obj))
        return Path, (absolute,)


class _Answerer(pickle.Pickler):
    """Gives paths back as they were given, and those below a given folder."""

    def __init__(self, file: io.BytesIO, given: Mapping[str, str]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.given = given

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Path) or not self.given:
            return NotImplemented
        for place in (obj, *obj.parents):
            if str(place) in self.given:
                return Path, (str(PurePath(self.given[str(place)]) / obj.relative_to(place)),)
        return NotImplemented
