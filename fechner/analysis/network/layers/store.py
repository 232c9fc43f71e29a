"""Rows of numbers that come batch by batch: into memory, or onto disk as one ``.npy``.

Used by `activations`. On disk the rows grow at the end of ``KEY.part.npy``, so that a
stopped run keeps what it wrote; when all rows are there the file becomes ``KEY.npy``
beside ``KEY.json``, the record of `records.done`, which says what it holds. Rows are
written, never mapped for writing: a full disk is then an error with a name and not a
crash.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedRandom, BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.lib import format as npy

from fechner.errors import InputError
from fechner.provenance import provenance
from fechner.records.done import read_done, write_done

LOCK = ".filling.lock"


class Rows(Protocol):
    """Rows ``0..n``, filled from the front; `complete` where every row is there."""

    done: int

    @property
    def complete(self) -> bool:
        """Whether every row is there."""
        ...

    def put(self, first: int, rows: np.ndarray) -> None:
        """Add rows that begin at number `first`; rows that are there already are skipped."""
        ...

    def close(self) -> None:
        """Flush what came; turn a full set of rows into the final file."""
        ...

    def values(self) -> np.ndarray:
        """Return all rows, float32, read-only."""
        ...


class MemoryRows:
    """Rows in memory."""

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows
        self._values: np.ndarray | None = None
        self.done = 0

    @property
    def complete(self) -> bool:
        """True where every row is there."""
        return self.done == self._n_rows

    def put(self, first: int, rows: np.ndarray) -> None:
        """Add `rows`, float32, that begin at number `first`."""
        if self._values is None:
            self._values = np.empty((self._n_rows, *rows.shape[1:]), np.float32)
        self._values[first : first + len(rows)] = rows
        self.done = first + len(rows)

    def close(self) -> None:
        """Do nothing: memory needs no flush."""

    def values(self) -> np.ndarray:
        """Return all rows, read-only."""
        if self._values is None:
            raise RuntimeError("no rows were put")
        self._values.setflags(write=False)
        return self._values


@contextmanager
def filling(folder: Path | None) -> Iterator[None]:
    """Wait until no other thread or program fills `folder`, and keep them out meanwhile.

    Two that wrote the same rows would mix them. None is memory, which nobody shares.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    if folder is None:
        yield
        return
    from filelock import FileLock

    lock = FileLock(Path(folder) / LOCK)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise _trouble(folder, error) from error
    try:
        yield
    finally:
        lock.release()


class StoredRows:
    """Rows in a folder, under a key made from everything that shaped them.

    Parameters
    ----------
    folder
        Where they lie; whoever adds rows does so inside `filling`.
    key
        Of `records.done`.
    n_rows
        How many rows there will be.
    about
        Everything that shaped the rows, for the record; ``images`` holds one sha256 a row.
    """

    def __init__(self, folder: Path, key: str, n_rows: int, about: Mapping[str, Any]) -> None:
        self._final = folder / f"{key}.npy"
        self._part = folder / f"{key}.part.npy"
        self._record = folder / f"{key}.json"
        self._n_rows = n_rows
        self._about = dict(about)
        self._file: BufferedRandom | None = None
        self._shape: tuple[int, ...] | None = None
        self._key = key
        self.complete = read_done(self._record, key) is not None
        self.done = n_rows if self.complete else self._resumable()

    def put(self, first: int, rows: np.ndarray) -> None:
        """Append `rows`, float32; those before `done` are on disk already.

        Raises
        ------
        InputError
            If the disk is full or the folder cannot be written.
        """
        fresh = rows[max(0, self.done - first) :]
        if not len(fresh):
            return
        try:
            file = self._file or self._open(rows.shape[1:])
            file.write(np.ascontiguousarray(fresh, dtype=np.float32).tobytes())
        except OSError as error:
            raise _trouble(self._part.parent, error) from error
        self.done = first + len(rows)

    def close(self) -> None:
        """Flush what came, and name the file as final when every row is there."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            with file:
                file.flush()
                os.fsync(file.fileno())
            if self.done == self._n_rows:
                self._part.replace(self._final)
                write_done(self._record, self._key, wrote=[self._final], content=self._content())
                self.complete = True
        except OSError as error:
            raise _trouble(self._part.parent, error) from error

    def values(self) -> np.ndarray:
        """Return the final file, memory-mapped, read-only."""
        return np.load(self._final, mmap_mode="r")

    def _content(self) -> dict[str, Any]:
        images = self._about["images"]
        parameters = {name: value for name, value in self._about.items() if name != "images"}
        inputs = {str(row): image for row, image in enumerate(images)}
        return {"shape": self._shape, **provenance(parameters=parameters, inputs=inputs)}

    def _resumable(self) -> int:
        """Return how many whole rows the unfinished file holds."""
        try:
            with self._part.open("rb") as file:
                shape = _read_header(file)
                size = self._part.stat().st_size
        except (OSError, ValueError):
            return 0
        if len(shape) < 2 or shape[0] != self._n_rows:
            return 0
        row_bytes = 4 * int(np.prod(shape[1:]))
        # The last row is always written again, so that a full but unnamed file gets its name.
        return min((size - len(_header(shape))) // row_bytes, self._n_rows - 1)

    def _open(self, row_shape: tuple[int, ...]) -> BufferedRandom:
        shape = (self._n_rows, *row_shape)
        self._shape = shape
        self._part.parent.mkdir(parents=True, exist_ok=True)
        header = _header(shape)
        if self.done:
            file = self._part.open("r+b")
            file.truncate(len(header) + self.done * 4 * int(np.prod(row_shape)))
            file.seek(0, os.SEEK_END)
        else:
            file = self._part.open("w+b")
            file.write(header)
        self._file = file
        return file


def _trouble(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write activations to {folder}: {error.strerror}; free space or "
        "choose another cache folder, then run again: what was written is used"
    )


def _header(shape: tuple[int, ...]) -> bytes:
    content = BytesIO()
    npy.write_array_header_1_0(
        content, {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}
    )
    return content.getvalue()


def _read_header(file: Any) -> tuple[int, ...]:
    npy.read_magic(file)
    shape, _, _ = npy.read_array_header_1_0(file)
    return tuple(int(side) for side in shape)
