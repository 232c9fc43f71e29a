"""Which picture becomes which file: the jobs of a folder, found before anything is done.

Used by ``fechner compress``: folders are searched through, their structure is kept, each
picture gets its map, and no original is in the way of a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fechner.compression.formats.beyond_jpeg import suffix
from fechner.compression.formats.compress import Settings
from fechner.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".avif", ".ppm", ".gif")
"""Suffixes looked for in folders."""
RECORDS = ".compress"
"""Folder within the results that holds one record and one panel a picture."""


@dataclass(frozen=True)
class Job:
    """One picture to compress.

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
    """

    source: Path
    destination: Path
    name: str
    folder: Path
    importance: Path | None
    settings: Settings
    flat: bool = False
    remark: str = ""

    @property
    def in_place(self) -> bool:
        """Whether the result replaces the source."""
        return self.destination == self.source

    @property
    def panel(self) -> Path:
        """Where its crops for the sheet are kept."""
        return self.folder / RECORDS / f"{self.name}.png"


def plan(
    paths: Iterable[Path],
    folder: Path,
    settings: Settings,
    *,
    maps: Path | None = None,
    in_place: bool = False,
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

    Returns
    -------
    list of Job
        One a picture, in the order of their paths.

    Raises
    ------
    InputError
        If there is no picture, a path or map is missing, two pictures would become one
        file, or an original would be overwritten without `in_place`.
    """
    paths = list(paths)
    if not in_place and any(Path(path).resolve() == Path(folder).resolve() for path in paths):
        raise InputError(
            f"originals in {folder} would be overwritten or mixed with results; "
            "give another --out, or --in-place to allow it"
        )
    found = list(_pictures(paths, folder))
    if not found:
        raise InputError(f"no picture found; expected files ending in {', '.join(SUFFIXES)}")
    if in_place:
        _check_in_place(found, settings)
        found = [(source.resolve(), name) for source, name in found]
    _check_names(found)
    ending = suffix(settings.form)
    outputs = Counter(Path(name).with_suffix(ending).as_posix() for _, name in found)
    jobs = []
    for source, name in found:
        output = Path(name).with_suffix(ending).as_posix()
        # a.png and a.tif would both become a.jpg: then both keep their suffix in the name.
        destination = (
            source if in_place else folder / (output if outputs[output] == 1 else name + ending)
        )
        if not in_place and destination.resolve() == source.resolve():
            raise InputError(
                f"{source} would be overwritten; give another --out, or --in-place to allow it"
            )
        found_map = None if maps is None else map_of(name, maps)
        jobs.append(Job(source, destination, name, folder, found_map, settings))
    return jobs


def _pictures(paths: Iterable[Path], folder: Path) -> Iterable[tuple[Path, str]]:
    """Yield each picture once, with its name below the path that named it."""
    seen = set()
    inside = folder.resolve()
    for path in paths:
        path = Path(path)
        if not path.exists():
            raise InputError(f"no file or folder {path}; check the path")
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        records = inside / RECORDS
        results = inside if path.is_dir() and inside != path.resolve() else records
        for file in below:
            wanted = not path.is_dir() or (
                file.suffix.lower() in SUFFIXES and results not in file.resolve().parents
            )
            if wanted and file.is_file() and file.resolve() not in seen:
                seen.add(file.resolve())
                name = file.relative_to(path) if path.is_dir() else Path(file.name)
                yield file, name.as_posix()


def _check_names(found: Sequence[tuple[Path, str]]) -> None:
    first: dict[str, Path] = {}
    for source, name in found:
        if first.setdefault(name, source) != source:
            raise InputError(
                f"{first[name]} and {source} would become one file; name the folder above both, "
                "or compress them into two folders"
            )


def _check_in_place(found: Sequence[tuple[Path, str]], settings: Settings) -> None:
    other = [str(path) for path, _ in found if path.suffix.lower() not in (".jpg", ".jpeg")]
    if settings.form != "jpeg" or other:
        raise InputError(
            "--in-place replaces JPEG files by JPEG files only; leave it out"
            + (f" (not JPEG: {', '.join(other[:3])})" if other else "")
        )


def map_of(name: str, maps: Path) -> Path:
    """Return the map of a picture: in the same structure as the pictures, or flat.

    Raises
    ------
    InputError
        If there is none.
    """
    path = Path(name)
    for candidate in (maps / path.with_suffix(".png"), maps / f"{path.stem}.png"):
        if candidate.is_file():
            return candidate
    raise InputError(
        f"{maps} holds no map of {name}: expected {path.stem}.png; make it with: fechner maps make"
    )
