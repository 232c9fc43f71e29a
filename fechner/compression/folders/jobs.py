"""Which picture becomes which file: the jobs of a folder, found before anything is done.

Used by ``fechner compress``: folders are searched through, their structure is kept, each
picture gets its map, and no original is in the way of a result. The name of a result depends
on its source alone, never on what else lies beside it.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fechner.compression.folders.in_place import why_not_replaced
from fechner.compression.folders.inputs import RECORDS, FoundInput, find_inputs
from fechner.compression.formats.beyond_jpeg import suffix
from fechner.compression.formats.compress import Settings
from fechner.compression.formats.sniffing import READ
from fechner.errors import InputError


@dataclass(frozen=True)
class Job:
    """One input: a picture to compress, or what is left alone.

    Attributes
    ----------
    source, destination
        Its file and the one to be written.
    name
        Path below the folder that was named, with ``/``.
    folder
        Where the results' records are kept.
    importance
        Its map, grey PNG; None for the centre map.
    settings
        Target and format.
    flat
        Whether every place matters alike instead.
    remark
        What the summary says of how it was done.
    left
        ``"skipped"`` or ``"failed"`` where nothing is done, and `remark` says why.
    kind
        A key of `fechner.compression.formats.sniffing.READ`; empty to look at the content.
    overwrite
        Replace a file that is not ours.
    backup
        Keep the original of a picture that is replaced in place.
    """

    source: Path
    destination: Path
    name: str
    folder: Path
    importance: Path | None
    settings: Settings
    flat: bool = False
    remark: str = ""
    left: Literal["", "skipped", "failed"] = ""
    kind: str = ""
    overwrite: bool = False
    backup: bool = True

    @property
    def in_place(self) -> bool:
        """Whether the result replaces the source."""
        return self.destination == self.source

    @property
    def panel(self) -> Path:
        """Where its crops for the sheet are kept."""
        return self.folder / RECORDS / "pictures" / f"{self.name}.png"

    @property
    def copied_to(self) -> Path:
        """Where the source is copied to if it is not compressed."""
        return self.folder / self.name

    def written(self, path: Path) -> Path:
        """Return the record that says whether a file of the results is ours."""
        below = path.relative_to(self.folder) if self.folder in path.parents else Path(path.name)
        return self.folder / RECORDS / "written" / f"{below.as_posix()}.json"


def plan(
    paths: Iterable[Path],
    folder: Path,
    settings: Settings,
    *,
    maps: Path | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    backup: bool = True,
) -> list[Job]:
    """Find the pictures and decide where each result goes.

    Parameters
    ----------
    paths
        Files, and folders searched through; their structure is kept below `folder`.
    folder
        Gets the results, their records, the summary and the sheet.
    settings
        Target and format.
    maps
        Folder with a grey PNG ``NAME.png`` for each picture, in the same structure or flat;
        None for the centre map.
    in_place
        Write each JPEG over its source instead.
    overwrite
        Replace files that are not ours.
    backup
        Keep the originals of pictures that are replaced in place.

    Returns
    -------
    list of Job
        One an input, in the order of their paths; what is left alone says why.

    Raises
    ------
    InputError
        If there is no picture, a path is missing, two pictures have one name, or an original
        would be overwritten without `in_place`.
    """
    paths = [Path(path) for path in paths]
    if not in_place and any(path.resolve() == Path(folder).resolve() for path in paths):
        raise InputError(
            f"originals in {folder} would be overwritten or mixed with results; "
            "give another --out, or --in-place to allow it"
        )
    if in_place and settings.form != "jpeg":
        raise InputError("--in-place replaces JPEG files by JPEG files only; leave out --format")
    found = find_inputs(paths, folder)
    if not any(one.kind for one in found):
        raise InputError(f"no picture found; expected files of {', '.join(READ)}{_told(found)}")
    _check_names(found)
    whole = Job(Path(), Path(), "", folder, None, settings, overwrite=overwrite, backup=backup)
    jobs = [_job(one, whole, in_place=in_place) for one in found]
    if not in_place:
        jobs = _without_collisions(jobs)
    return jobs if maps is None else [_with_given_map(job, maps) for job in jobs]


def _told(found: Sequence[FoundInput]) -> str:
    first = next((one for one in found if one.broken or one.skipped), None)
    return f" ({first.name}: {first.broken or first.skipped})" if first else ""


def _job(found: FoundInput, whole: Job, *, in_place: bool) -> Job:
    job = replace(
        whole, source=found.path, destination=found.path, name=found.name, kind=found.kind
    )
    if found.skipped or found.broken:
        left: Literal["skipped", "failed"] = "failed" if found.broken else "skipped"
        return replace(job, left=left, remark=found.broken or found.skipped)
    if in_place:
        why = why_not_replaced(found)
        real = found.path.resolve()
        return replace(
            job, source=real, destination=real, left="skipped" if why else "", remark=why
        )
    destination = whole.folder / result_name(found.name, found.kind, whole.settings.form)
    if destination.resolve() == found.path.resolve():
        raise InputError(
            f"{found.path} would be overwritten; give another --out, or --in-place to allow it"
        )
    return replace(job, destination=destination)


def result_name(name: str, kind: str, form: str) -> str:
    """Return the name of a result: that of its source, with the format's suffix if that is new.

    Examples
    --------
    >>> result_name("deep/a.JPG", "jpeg", "jpeg"), result_name("a.png", "png", "jpeg")
    ('deep/a.JPG', 'a.png.jpg')
    """
    fits = kind == form and Path(name).suffix.lower() in READ[form]
    return name if fits else name + suffix(form)


def _check_names(found: Sequence[FoundInput]) -> None:
    first: dict[str, Path] = {}
    for one in found:
        if one.kind and first.setdefault(one.name, one.path) != one.path:
            raise InputError(
                f"{first[one.name]} and {one.path} would become one file; name the folder above "
                "both, or compress them into two folders"
            )


def _without_collisions(jobs: Sequence[Job]) -> list[Job]:
    """Leave alone what would become one file: ``a.png`` and ``a.png.jpg``, or ``A.jpg``, ``a.jpg``.

    The latter only where the results' disk does not tell case apart.
    """
    taken: dict[str, set[str]] = defaultdict(set)
    folded = bool(jobs) and not _tells_case_apart(jobs[0].folder)

    def key(path: Path) -> str:
        return unicodedata.normalize("NFC", path.as_posix()).casefold() if folded else str(path)

    for job in jobs:
        if not job.left:
            for path in {job.destination, job.copied_to}:
                taken[key(path)].add(job.name)

    def freed(job: Job) -> Job:
        others = (taken[key(job.destination)] | taken[key(job.copied_to)]) - {job.name}
        if job.left or not others:
            return job
        why = f"would become one file with {sorted(others)[0]}; rename one of the two"
        return replace(job, left="failed", remark=why)

    return [freed(job) for job in jobs]


def _tells_case_apart(folder: Path) -> bool:
    """Tell whether two names that differ in case alone are two files there."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    there = there.resolve()
    other = there.with_name(there.name.swapcase()) if there.name else there
    return other == there or not (other.exists() and other.samefile(there))


def _with_given_map(job: Job, maps: Path) -> Job:
    if job.left:
        return job
    try:
        return replace(job, importance=map_of(job.name, maps))
    except InputError as error:
        return replace(job, left="failed", remark=str(error))


def map_of(name: str, maps: Path) -> Path:
    """Return the map of a picture: in the same structure as the pictures, or flat.

    Raises
    ------
    InputError
        If there is none.
    """
    path = Path(name)
    for candidate in (
        maps / f"{name}.png",
        maps / path.with_suffix(".png"),
        maps / f"{path.stem}.png",
    ):
        if candidate.is_file():
            return candidate
    raise InputError(
        f"{maps} holds no map of {name}: expected {path.stem}.png; make it with: fechner maps make"
    )
