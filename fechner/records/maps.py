"""Importance maps as files: what the regions, the stimuli and the report read.

A place matters as much as what it contributes to the rating, for better or worse: the
importance of a place is the magnitude of its raw value, on one scale for the whole set,
so that 0 is raw zero and 1 the largest magnitude. A map is stored as a 16-bit PNG at the
size of its image, beside a JSON record; the signed values lie in ``signed/``. Nothing
here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fechner.errors import InputError, RefusedError, nearest
from fechner.provenance import read_json, sha256_file, write_json
from fechner.records.file_names import check_file_names
from fechner.records.images.files import read_map_png, write_map_png

SET_RECORD = "maps.json"
SIGNED = "signed"

Counts = Literal["magnitude", "positive"]


@dataclass(frozen=True, eq=False)
class ImportanceMap:
    """Where an image matters for its rating, according to one channel selection.

    Attributes
    ----------
    values
        float32 ``(height, width)`` in [0, 1], at the resolution of the image:
        ``|raw| / scale``, or ``max(raw, 0) / scale`` where only positive values count
        (``record["counts"]``). A ratio scale: 0 is raw zero, 1 the largest magnitude of
        the set.
    raw
        float32 ``(height, width)`` in [-scale, scale]: negative where a place speaks
        against a high rating.
    record
        ``raw_minimum`` and ``raw_maximum`` of this map, ``scale`` of the set (the largest
        magnitude), ``method``, and the provenance block.
    """

    values: np.ndarray
    raw: np.ndarray
    record: dict[str, Any]


@dataclass(frozen=True)
class ImportanceMaps:
    """A set of maps with one shared scale, and the folder it lies in."""

    folder: Path
    maps: Mapping[str, ImportanceMap]
    record: dict[str, Any]

    def __len__(self) -> int:
        """Return the number of maps."""
        return len(self.maps)


def write_maps(
    folder: Path,
    raw: Mapping[str, np.ndarray],
    *,
    about: Mapping[str, dict[str, Any]],
    set_record: dict[str, Any],
    counts: Counts = "magnitude",
) -> ImportanceMaps:
    """Write ``NAME.png``, ``signed/NAME.png`` and ``NAME.json`` for each map, and ``maps.json``.

    Parameters
    ----------
    raw
        Name and raw map ``(height, width)`` of each image.
    about
        What the record of each map says beyond its range (method, image, provenance).
    set_record
        What the set's record says beyond its scale.
    counts
        What makes a place important: the ``"magnitude"`` of its raw value, or only what is
        ``"positive"`` (a place with a negative raw value then has importance 0).

    Returns
    -------
    ImportanceMaps
        What was written.

    Raises
    ------
    InputError
        If a name cannot be that of a file on every system (`file_names`), or all raw values are
        equal, so that no place matters more than another.
    RefusedError
        If a picture of such a name lies there and is no map.
    """
    folder = Path(folder)
    require_place(folder, raw)
    scale = shared_scale(raw)
    digests = {}
    # One map in memory at a time: those of large photographs are large.
    for name, values in raw.items():
        of_map, of_signed, of_record = _files(name)
        record = {
            "map": of_map,
            "signed": of_signed,
            "raw_minimum": float(values.min()),
            "raw_maximum": float(values.max()),
            "scale": scale,
            "counts": counts,
            **about[name],
        }
        importance = (counted(values, counts) / scale).astype(np.float32)
        write_map_png(folder / of_map, importance)
        write_map_png(folder / of_signed, (1 + values / scale) / 2)
        write_json(folder / of_record, record)
        digests[name] = _digests(folder, name)
    whole = {"scale": scale, "counts": counts, "maps": digests, **set_record}
    write_json(folder / SET_RECORD, whole)
    return ImportanceMaps(folder=folder, maps=_OnDisk(folder, digests), record=whole)


def require_place(folder: Path, names: Iterable[str]) -> None:
    """Check that maps of these names can be written into a folder.

    Raises
    ------
    InputError
        If a name cannot be that of a file on every system (`file_names`).
    RefusedError
        If a picture of such a name lies there and is no map: somebody's photograph, as a rule.
    """
    names = list(names)
    check_file_names(names, of="image")
    for name in names:
        of_map, _, of_record = _files(name)
        if (folder / of_map).exists() and not _tells_of(folder / of_record, of_map):
            raise RefusedError(
                f"{folder / of_map} would be written over and is no map of ours; choose another "
                "--out, a folder without pictures"
            )


def _tells_of(record: Path, of_map: str) -> bool:
    """Whether a file is the record that lies beside a map."""
    with suppress(InputError):
        told = read_json(record)
        return isinstance(told, dict) and told.get("map") == of_map
    return False


class _OnDisk(Mapping[str, ImportanceMap]):
    """The maps of a folder by name, each read, and checked, when it is asked for."""

    def __init__(self, folder: Path, digests: Mapping[str, dict[str, str]]) -> None:
        self._folder, self._digests = folder, digests

    def __getitem__(self, name: str) -> ImportanceMap:
        return _read_map(self._folder, name, self._digests[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)


def finished_maps(folder: Path, keys: Mapping[str, str]) -> ImportanceMaps | None:
    """Return the set in `folder` if it is that of these keys and unchanged, else None.

    Parameters
    ----------
    folder
        Where the set may lie.
    keys
        Name of each map and the key of everything that shapes it (`records.done`).
    """
    folder = Path(folder)
    with suppress(InputError):
        record = read_maps_record(folder)
        digests = record["maps"]
        if record.get("keys") == keys and all(_digests(folder, n) == digests[n] for n in digests):
            return ImportanceMaps(folder, _OnDisk(folder, digests), record)
    return None


def counted(raw: np.ndarray, counts: Counts) -> np.ndarray:
    """Return how much each place of a raw map counts, 0 or more."""
    found: np.ndarray = np.abs(raw) if counts == "magnitude" else np.maximum(raw, 0)
    return found


def shared_scale(raw: Mapping[str, np.ndarray]) -> float:
    """Return the largest magnitude of the set, which importance 1 stands for.

    Raises
    ------
    InputError
        If all raw values are equal.
    """
    return scale_of_ranges([(float(values.min()), float(values.max())) for values in raw.values()])


def scale_of_ranges(ranges: Sequence[tuple[float, float]]) -> float:
    """Return the same from the smallest and largest raw value of each map.

    Raises
    ------
    InputError
        If all raw values are equal.
    """
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if not high > low:
        raise InputError(
            f"every place of every map has the same value ({low:g}): the selection tells no "
            "place from another; use a selection with kept channels that respond to the images"
        )
    return max(abs(low), abs(high))


def read_maps(folder: Path) -> dict[str, ImportanceMap]:
    """Read every map of a folder that `write_maps` made.

    Raises
    ------
    InputError
        If the folder holds no maps, or a map is missing or was changed since.
    """
    folder = Path(folder)
    return {name: _read_map(folder, name, found) for name, found in _maps_of(folder).items()}


def read_maps_record(folder: Path) -> dict[str, Any]:
    """Return what a set of maps says of itself: its scale, what counts, its provenance.

    Raises
    ------
    InputError
        If the folder holds no maps, or the record is damaged.
    """
    path = Path(folder) / SET_RECORD
    if not path.is_file():
        raise InputError(f"{folder} holds no importance maps; make them with: fechner maps make")
    record: dict[str, Any] = read_json(path)
    digests = record.get("maps") if isinstance(record, dict) else None
    if not isinstance(digests, dict) or not all(isinstance(d, dict) for d in digests.values()):
        raise InputError(
            f"{path} is not the record of a set of maps; make the maps again with: "
            "fechner maps make"
        )
    return record


def is_simulated_map(map_file: Path) -> bool:
    """Whether the record beside a map, or that of its set, says SIMULATED; False without records.

    Raises
    ------
    InputError
        If a record is damaged: what it said of the map is not known then.
    """
    for path in (map_file.with_suffix(".json"), map_file.parent / SET_RECORD):
        if path.is_file():
            record = read_json(path)
            if not isinstance(record, dict):
                raise InputError(f"{path} is no record of a map; remove it or make the map again")
            if record.get("simulated") or record.get("provenance", {}).get("simulated"):
                return True
    return False


def read_map(folder: Path, name: str) -> ImportanceMap:
    """Read the map of one image.

    Raises
    ------
    InputError
        If the folder holds no such map (the nearest names are given), or it was changed.
    """
    folder, digests = Path(folder), _maps_of(Path(folder))
    if name not in digests:
        raise InputError(f"{folder} holds no map of {name!r}; {nearest(name, digests)}")
    return _read_map(folder, name, digests[name])


def _maps_of(folder: Path) -> dict[str, dict[str, str]]:
    """Return the digest of each file of each map in a folder."""
    found: dict[str, dict[str, str]] = read_maps_record(folder)["maps"]
    return found


def _files(name: str) -> tuple[str, str, str]:
    """Return the files of one map in the folder of its set: map, signed values, record."""
    return f"{name}.png", f"{SIGNED}/{name}.png", f"{name}.json"


def _digests(folder: Path, name: str) -> dict[str, str]:
    return {file: sha256_file(folder / file) for file in _files(name)}


def _read_map(folder: Path, name: str, digests: dict[str, str]) -> ImportanceMap:
    for file, sha in _digests(folder, name).items():
        if digests.get(file) != sha:
            raise InputError(f"{folder / file} was changed since it was made; make the maps again")
    values, signed, about = _files(name)
    record = read_json(folder / about)
    raw = (2 * read_map_png(folder / signed) - 1) * record["scale"]
    return ImportanceMap(read_map_png(folder / values), raw, record)
