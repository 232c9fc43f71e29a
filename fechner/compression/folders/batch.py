"""Whole folders: what is done already, and what came out.

Used by ``fechner compress``. Every input is one job, worked on by itself in any process; its
record is written beside the results as soon as it is finished, so that an interrupted run goes
on where it stopped and a second run does nothing. No input stops the others: what cannot be
compressed is copied, skipped or failed, and its row says why.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fechner.compression.folders.in_place import keep_original, replace_file, what_would_be_lost
from fechner.compression.folders.inputs import RECORDS
from fechner.compression.folders.jobs import Job
from fechner.compression.folders.panels import draw_panels
from fechner.compression.folders.summary import SummaryRow, unchanged_row
from fechner.compression.folders.written import check_replaceable, write_own
from fechner.compression.formats.compress import CompressedPicture, compress_source, source_of
from fechner.compression.formats.jpeg_parts import beside_the_picture
from fechner.compression.formats.metadata import copy_of
from fechner.compression.formats.reading import kind_of_file
from fechner.compression.jpeg import encoder
from fechner.compression.jpeg.source import Source
from fechner.compression.ramp import centre_map
from fechner.errors import FechnerError, InputError, MissingPartError, RefusedError, UnsuitedError
from fechner.executors import SerialExecutor, executor, run_all
from fechner.provenance import provenance, sha256_bytes, sha256_file, write_bytes
from fechner.records.done import done_key, read_done, write_done
from fechner.records.images.files import read_map_png


def compress_all(
    jobs: Sequence[Job],
    *,
    pool: Executor | None = None,
    on_row: Callable[[SummaryRow], None] | None = None,
) -> list[SummaryRow]:
    """Compress the pictures that are not done yet; return a row for every input.

    `on_row` is called with each row as soon as its input is finished.
    """
    listener = on_row or _nobody
    # What needs no work is seen here: workers take a second to begin.
    rows = [_without_work(job) for job in jobs]
    for row in rows:
        if row is not None:
            listener(row)
    todo = [job for job, row in zip(jobs, rows, strict=True) if row is None]
    try:
        worked = run_all(compress_job, todo, pool=_WithListener(pool or SerialExecutor(), listener))
    except BrokenProcessPool:
        worked = [_alone(job) for job in todo]
    found = iter(worked)
    return [next(found) if row is None else row for row in rows]


def _nobody(row: SummaryRow) -> None:
    pass


def _without_work(job: Job) -> SummaryRow | None:
    """Return the row of a job that is left alone or was finished by an earlier run, else None."""
    if job.left:
        return unchanged_row(job, job.left, job.remark)
    # Sources are read only where a record may speak of them.
    if not job.in_place and not _record(job).is_file():
        return None
    with suppress(FechnerError):
        return done_row(job)
    return None


def _alone(job: Job) -> SummaryRow:
    """Compress one picture in processes of its own: one of the run's ended a process.

    The system ends a process that takes too much memory, and a decoder may crash on damage.
    What was finished before is known by its record, so that only the rest starts anew.
    """
    with suppress(FechnerError):
        done = None if job.left else done_row(job)
        if job.left or done:
            return done or compress_job(job)
    try:
        with executor(2) as pool:
            return pool.submit(compress_job, job).result()
    except BrokenProcessPool:
        why = "it ended the process that worked on it: too little memory, or a damaged file"
        return unchanged_row(job, "failed", why)


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
    if job.left:
        return unchanged_row(job, job.left, job.remark)
    try:
        return done_row(job) or _done_now(job)
    except MissingPartError as missing:
        return unchanged_row(job, "skipped", str(missing))
    except FechnerError as error:
        return unchanged_row(job, "failed", str(error))
    except MemoryError:
        return unchanged_row(job, "failed", "out of memory; use fewer --jobs or a smaller picture")
    except Exception as error:  # one odd file never ends the run
        return unchanged_row(job, "failed", f"unexpected {type(error).__name__}: {error}")


def done_row(job: Job) -> SummaryRow | None:
    """Return the row of a job that an earlier run finished; None where it did not.

    Raises
    ------
    InputError
        If the source or the map cannot be read.
    """
    key, record = _key_and_record(job)
    done = read_done(record, key, folder=job.folder)
    if done is None:
        return None
    row = SummaryRow(**done["row"])
    return replace(row, image=job.name, output=_told(job.source) if job.in_place else row.output)


def foreseen(job: Job) -> tuple[str, str]:
    """Return what would become of a job, in a word, and where or why; writes nothing.

    Whether a picture is copied, because compressing it would not make it smaller, is seen only by
    compressing it.
    """
    if job.left:
        return job.left, f": {job.remark}"
    try:
        done = done_row(job)
        if done is not None:
            return "done", f" -> {done.output}"
        if job.in_place:
            lost = what_would_be_lost(job.source)
            return ("skipped", f": {lost}") if lost else ("replace", "")
        remark = _in_the_way(job, job.destination)
    except FechnerError as error:
        return "failed", f": {error}"
    if remark:
        return "overwrite", f" -> {job.destination} (not ours)"
    there = "; ours is there, made again if anything changed" if job.destination.exists() else ""
    return "compress", f" -> {job.destination}{there}"


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
    return key, _record(job)


def _record(job: Job) -> Path:
    """Return the file of the record of a result beside its source."""
    return job.folder / RECORDS / "pictures" / f"{job.name}.json"


def _replaced(job: Job, sha256: str) -> tuple[str, Path]:
    return sha256, job.folder / RECORDS / "replaced" / f"{sha256}.json"


def _done_now(job: Job) -> SummaryRow:
    """Compress or copy a picture; nothing that is not ours is replaced."""
    if job.in_place and (lost := what_would_be_lost(job.source)):
        return unchanged_row(job, "skipped", lost)
    replaced = "" if job.in_place else _in_the_way(job, job.destination)
    try:
        content, row = _compressed(job)
    except UnsuitedError as unsuited:
        content, row = _left_as_it_is(job, str(unsuited))
    if row.status == "copied":
        if job.copied_to.resolve() == job.source.resolve():  # the results lie beside the sources
            return unchanged_row(job, "kept", row.note)
        replaced = _in_the_way(job, job.copied_to)
    remark = job.remark if row.status == "compressed" else ""
    row = replace(row, note="; ".join(note for note in (row.note, replaced, remark) if note))
    _write(job, content, row)
    return row


def _in_the_way(job: Job, path: Path) -> str:
    """Return what is said where a file is replaced that is not ours; refuse to without leave."""
    foreign = check_replaceable(path, job.written(path), source=job.source, overwrite=job.overwrite)
    return f"replaced {path}, which was not ours" if foreign else ""


def _write(job: Job, content: bytes, row: SummaryRow) -> None:
    """Write the file and the record of its result."""
    key, record = _key_and_record(job)
    inputs = {job.name: sha256_file(job.source)}
    if job.importance is not None:
        inputs["map"] = sha256_file(job.importance)
    block = provenance(parameters=asdict(job.settings), inputs=inputs)
    about: dict[str, Any] = {"row": asdict(row), "provenance": block}
    if job.in_place:
        _write_in_place(job, content, row, about)
        return
    path = job.destination if row.status == "compressed" else job.copied_to
    write_own(path, content, job.written(path), source=job.source)
    if row.status == "copied":
        times = job.source.stat()
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    write_done(record, key, wrote=[path], folder=job.folder, content=about)


def _write_in_place(job: Job, content: bytes, row: SummaryRow, about: dict[str, Any]) -> None:
    """Keep the original, then record the result, then replace; each is whole before the next.

    Stopped in between, the record fits no file, and the original is still whole.
    """
    before = sha256_file(job.source)
    if row.status == "compressed" and job.backup:
        kept = keep_original(job.source, job.name, job.folder)
        about["original"] = kept.relative_to(job.folder).as_posix()
    key, record = _replaced(job, sha256_bytes(content))
    write_done(record, key, content=about)
    if row.status == "compressed":
        if sha256_file(job.source) != before:
            raise RefusedError(f"{job.source} changed while it was compressed; run again")
        replace_file(job.source, content)


def _told(path: Path) -> str:
    return path.as_posix()


def _compressed(job: Job) -> tuple[bytes, SummaryRow]:
    before = job.source.stat().st_size
    source = source_of(job.source, job.settings)
    outcome = compress_source(source, _importance(job, source), job.settings)
    if len(outcome.content) >= before:
        why = f"compressed it would be {len(outcome.content):,} bytes, not smaller"
        return _left_as_it_is(job, why)
    quality = round(job.settings.target.quality)
    plain = len(encoder.reference_encoder(source.picture, quality, source.subsampling))
    strip = draw_panels(outcome.picture, outcome.decoded, outcome.importance, outcome.worst_place)
    write_bytes(job.panel, strip)
    after = len(outcome.content)
    return outcome.content, SummaryRow(
        image=job.name,
        output=_told(job.destination),
        status="compressed",
        bytes_before=before,
        bytes_after=after,
        bytes_plain=plain,
        saved_percent=100 * (1 - after / before),
        ss2_important=outcome.important,
        ss2_background=outcome.background,
        ss2_worst_tile=outcome.worst_tile,
        quality=outcome.quality,
        strength=outcome.strength,
        note=_note(job, source, outcome),
    )


def _note(job: Job, source: Source, outcome: CompressedPicture) -> str:
    """Return what is not as asked for, and what of a JPEG was not carried along."""
    notes = [outcome.note]
    if (job.kind or kind_of_file(job.source)) == "jpeg":
        if job.settings.form in ("jpeg", "jxl") and not source.stored:
            notes.append("made from its pixels: its coefficients cannot be taken apart")
        further = beside_the_picture(job.source.read_bytes())
        if further:
            notes.append(f"not carried along: {' and '.join(further)}")
    return "; ".join(note for note in notes if note)


def _left_as_it_is(job: Job, why: str) -> tuple[bytes, SummaryRow]:
    """Return a copy of the source, without metadata that is not to be kept, and its row."""
    content = job.source.read_bytes()
    if job.in_place:
        size = len(content)
        return content, SummaryRow(job.name, _told(job.source), "kept", size, size, note=why)
    kind = job.kind or kind_of_file(job.source)
    made = copy_of(content, kind, job.settings.metadata)
    saved = 100 * (1 - len(made) / len(content)) if content else 0.0
    notes = [why.removeprefix(f"{job.source} ")]
    if "transparent pixels" in why:
        notes.append("--background COLOUR compresses it")
    if job.settings.metadata != "all" and kind == "jpeg" and (left := beside_the_picture(content)):
        notes.append(f"not carried along: {' and '.join(left)}")
    return made, SummaryRow(
        job.name,
        _told(job.copied_to),
        "copied",
        len(content),
        len(made),
        saved_percent=saved,
        note="; ".join(notes),
    )


def _importance(job: Job, source: Source) -> np.ndarray:
    """Return the map of the upright picture."""
    upright = source.size if source.turn < 5 else source.size[::-1]
    if job.flat:
        return np.ones(upright, np.float32)
    if job.importance is None:
        return centre_map(upright)
    importance = read_map_png(job.importance)
    if importance.shape != upright:
        raise InputError(
            f"{job.importance} is {importance.shape[1]} x {importance.shape[0]} pixels and does "
            f"not fit {job.source} of {upright[1]} x {upright[0]}; make its map again"
        )
    return importance
