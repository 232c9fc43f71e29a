"""The maps that a study's own maps have to predict harm better than.

The step of maps writes those that need a network below the study's maps, each in a folder of its
own, and a record of what each is. Pictures that the user brings (fixations, a segmentation) stay
where they are, and are named in the study file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fechner.errors import InputError
from fechner.provenance import read_json, write_json

RIVALS_RECORD = "rivals.json"


@dataclass(frozen=True)
class RivalMaps:
    """Maps that weigh the same errors as the study's own.

    Attributes
    ----------
    name, about
        What they are called, and how they are made, in a few words.
    folder
        Holds one map an image, as `given.given_maps` reads them.
    """

    name: str
    about: str
    folder: Path


def write_rivals(place: Path, rivals: Sequence[RivalMaps]) -> None:
    """Write which rivals lie in the folders below `place`; other folders there count for nothing.

    Raises
    ------
    InputError
        If the record cannot be written.
    """
    rows = [
        {"name": one.name, "about": one.about, "folder": one.folder.relative_to(place).as_posix()}
        for one in rivals
    ]
    write_json(place / RIVALS_RECORD, {"rivals": rows})


def read_rivals(place: Path) -> list[RivalMaps]:
    """Return the rivals that `write_rivals` recorded; none where there is no record.

    Raises
    ------
    InputError
        If the record is damaged.
    """
    path = Path(place) / RIVALS_RECORD
    if not path.is_file():
        return []
    try:
        rows = read_json(path)["rivals"]
        return [RivalMaps(row["name"], row["about"], path.parent / row["folder"]) for row in rows]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no record of rival maps; make the maps again: fechner study run --from maps"
        ) from error
