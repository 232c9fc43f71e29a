"""Whole folders: what is done already, and what came out.

Used by ``fechner compress run``. Every picture is one job, worked on by itself in any
process; its record is written beside the results as soon as it is finished, so that an
interrupted run goes on where it stopped and a second run does nothing. A picture that
cannot be compressed is recorded with its reason and does not stop the others.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fechner.compression.folders.jobs import RECORDS, Job
from fechner.compression.folders.panels import draw_panels
from fechner.compression.formats.beyond_jpeg import suffix
from fechner.compression.formats.compress import compress_source, source_of
from fechner.compression.jpeg import encoder
from fechner.compression.ramp import centre_map
from fechner.errors import FechnerError, InputError, RefusedError
from fechner.executors import SerialExecutor, run_all
from fechner.provenance import (
    provenance,
    sha256_bytes,
    sha256_file,
    write_bytes,
    write_text,
)
from fechner.records.csv_text import named_rows_as_csv
from fechner.records.done import done_key, read_done, write_done
from fechner.records.images.files import image_size, read_map_png


@dataclass(frozen=True)
class SummaryRow:
    """What became of one picture; a line of the summary.

    ``status`` is ``compressed``, ``kept`` (no smaller file was found; the original was
    copied) or ``failed``. ``bytes_plain`` is what Pillow's optimised JPEG of the same
    quality takes, the fair comparison for a source that is not a JPEG. ss2 is that of the
    most important quarter and of the rest, against the source.
    """

    image: str
    output: str
    status: str
    bytes_before: int
    bytes_after: int
    bytes_plain: int
    saved_percent: float
    ss2_important: float | None
    ss2_background: float | None
    quality: float | None
    strength: float | None
    note: str


def compress_all(
    jobs: Sequence[Job],
    *,
    pool: Executor | None = None,
    on_row: Callable[[SummaryRow], None] | None = None,
) -> list[SummaryRow]:
    """Compress the pictures that are not done yet; return a row for every one.

    `on_row` is called with each row as soon as its picture is finished.
    """
    return run_all(
        compress_job, jobs, pool=_WithListener(pool or SerialExecutor(), on_row or _nobody)
    )


def _nobody(row: SummaryRow) -> None:
    pass


class _WithListener(Executor):
    """An executor that calls a listener with every result, as soon as it is there."""

    def __init__(self, pool: Executor, listener: Callable[[SummaryRow], None]) -> None:
        self._pool, self._listener = pool, listener

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        future = self._pool.submit(fn, *args, **kwargs)
        future.add_done_callback(self._call)
        return future

    def _call(self, future: Future) -> None:
        if not future.cancelled() and future.exception() is None:
            self._listener(future.result())


def compress_job(job: Job) -> SummaryRow:
    """Compress one picture, or return the record of a run that did it already."""
    if multiprocessing.parent_process() is not None:
        cv2.setNumThreads(1)
    try:
        key, record = _key_and_record(job)
        done = read_done(record, key, folder=job.folder)
        if done is not None:
            return replace(SummaryRow(**done["row"]), image=job.name, output=_output(job))
        content, row = _compressed(job)
        _write(job, content, row, key, record)
    except FechnerError as error:
        return _failed(job, str(error))
    return row


def _key_and_record(job: Job) -> tuple[str, Path]:
    """Return the key of the job's result and the file of its record.

    A file that was replaced in place is its own result, so that it is never degraded twice:
    not with other settings, not by a later version, and not after a move.
    """
    if job.in_place:
        return _replaced(job, sha256_file(job.source))
    of_map = [] if job.importance is None else [job.importance]
    key = done_key(
        "compressed", [asdict(job.settings), bool(of_map), job.flat], [job.source, *of_map]
    )
    return key, job.folder / RECORDS / f"{job.name}.json"


def _replaced(job: Job, sha256: str) -> tuple[str, Path]:
    return sha256, job.folder / RECORDS / "replaced" / f"{sha256}.json"


def _write(job: Job, content: bytes, row: SummaryRow, key: str, record: Path) -> None:
    """Write the file and the record of its result."""
    inputs = {job.name: sha256_file(job.source)}
    if job.importance is not None:
        inputs["map"] = sha256_file(job.importance)
    block = provenance(parameters=asdict(job.settings), inputs=inputs)
    about = {"row": asdict(row), "provenance": block}
    if not job.in_place:
        write_bytes(job.destination, content)
        write_done(record, key, wrote=[job.destination], folder=job.folder, content=about)
        return
    # The record first: stopped in between, it fits no file, and the original is still whole.
    key, record = _replaced(job, sha256_bytes(content))
    write_done(record, key, content=about)
    if row.status != "kept":
        write_bytes(job.destination, content)


def _output(job: Job) -> str:
    return job.destination.as_posix()


def _compressed(job: Job) -> tuple[bytes, SummaryRow]:
    before = job.source.stat().st_size
    if job.in_place:
        _refuse_further_pictures(job.source)
    source = source_of(job.source, job.settings)
    outcome = compress_source(source, _importance(job, source.size), job.settings)
    quality = round(job.settings.target.quality)
    plain = len(encoder.reference_encoder(source.picture, quality, source.subsampling))
    write_bytes(job.panel, draw_panels(outcome.picture, outcome.decoded, outcome.importance))
    kept = _same_format(job) and len(outcome.content) >= before
    content = job.source.read_bytes() if kept else outcome.content
    after = len(content)
    return content, SummaryRow(
        image=job.name,
        output=_output(job),
        status="kept" if kept else "compressed",
        bytes_before=before,
        bytes_after=after,
        bytes_plain=plain,
        saved_percent=100 * (1 - after / before),
        ss2_important=100.0 if kept else outcome.important,
        ss2_background=100.0 if kept else outcome.background,
        quality=outcome.quality,
        strength=outcome.strength,
        note="; ".join(
            filter(None, ("no smaller file was found" if kept else outcome.note, job.remark))
        ),
    )


def _refuse_further_pictures(path: Path) -> None:
    """Refuse to replace a JPEG that carries more than the picture shown (depth, gain map)."""
    if b"MPF\x00" in path.read_bytes()[:65536]:
        raise RefusedError(
            f"{path} holds further pictures, which replacing it would lose; leave out --in-place"
        )


def _same_format(job: Job) -> bool:
    """Tell whether the source is already a file of the wanted format."""
    jpeg_source = job.source.suffix.lower() in (".jpg", ".jpeg")
    wanted = suffix(job.settings.form)
    return job.source.suffix.lower() == wanted or (wanted == ".jpg" and jpeg_source)


def _importance(job: Job, stored: tuple[int, int]) -> np.ndarray:
    """Return the map of the upright picture, resized to it where its shape is right."""
    if job.flat:
        return np.ones(image_size(job.source), np.float32)
    if job.importance is None:
        return centre_map(image_size(job.source))
    importance = read_map_png(job.importance)
    if sorted(importance.shape) != sorted(stored):
        raise InputError(
            f"{job.importance} is {importance.shape[1]} x {importance.shape[0]} pixels and does "
            f"not fit {job.source} of {stored[1]} x {stored[0]}; make its map again"
        )
    return importance


def _failed(job: Job, reason: str) -> SummaryRow:
    size = job.source.stat().st_size if job.source.is_file() else 0
    return SummaryRow(
        image=job.name,
        output="",
        status="failed",
        bytes_before=size,
        bytes_after=size,
        bytes_plain=0,
        saved_percent=0.0,
        ss2_important=None,
        ss2_background=None,
        quality=None,
        strength=None,
        note=reason,
    )


def write_about(folder: Path) -> None:
    """Say in the records' folder what it is; fails at once where nothing can be written."""
    text = (
        "Records and crops of fechner compress; a second run reads them and skips what is done.\n"
    )
    write_text(folder / RECORDS / "about.txt", text)


def write_summary(rows: Sequence[SummaryRow], path: Path) -> None:
    """Write one line a picture as CSV; empty cells where a picture failed."""
    write_text(path, named_rows_as_csv([asdict(row) for row in rows]))


def totals(rows: Sequence[SummaryRow]) -> dict[str, Any]:
    """Return how many pictures ended how, and the bytes before and after of those that worked."""
    good = [row for row in rows if row.status != "failed"]
    return {
        "pictures": len(rows),
        **{
            status: sum(row.status == status for row in rows)
            for status in ("compressed", "kept", "failed")
        },
        "bytes_before": sum(row.bytes_before for row in good),
        "bytes_after": sum(row.bytes_after for row in good),
    }
