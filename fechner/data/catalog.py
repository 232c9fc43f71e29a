"""Public rated image sets, read from their folders as published.

Each reader turns one set into RatedImages (and the single ratings where they were
published), with the scale declared and the scene chosen so that a split by scene is
honest. Nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fechner.data.distorted_sets import kadid10k, tid2013
from fechner.data.generated_sets import agiqa3k, aigciqa2023, avt
from fechner.data.published import PublicSet
from fechner.errors import InputError, nearest
from fechner.provenance import provenance, sha256_file
from fechner.records.rated_images import RatedImages, write_rated_images
from fechner.records.ratings import write_ratings

LOADERS: dict[str, Callable[..., PublicSet]] = {
    "avt": avt,
    "tid2013": tid2013,
    "kadid10k": kadid10k,
    "aigciqa2023": aigciqa2023,
    "agiqa3k": agiqa3k,
}


def load(name: str, folder: Path | str, *, check_images: bool = True) -> PublicSet:
    """Read the public set `name` from `folder`.

    Raises
    ------
    InputError
        If the set is unknown, or the folder is not laid out as published.
    """
    if name not in LOADERS:
        raise InputError(f"unknown image set {name!r}; {nearest(name, LOADERS)}")
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the one that holds {name} as published")
    return LOADERS[name](folder, check_images=check_images)


def write_public_set(public: PublicSet, csv: Path | str) -> list[Path]:
    """Write the rated images as `csv`, the ratings beside it; return the tables written.

    Image paths become relative to the new table, so the images stay where they are.
    """
    csv = Path(csv)
    moved = _relocated(public.rated, csv.parent)
    block = provenance(
        parameters={"citation": public.citation},
        inputs={path.name: sha256_file(path) for path in public.files},
    )
    write_rated_images(moved, csv, block)
    if public.ratings is None:
        return [csv]
    names = dict(zip(public.rated.table["image"], moved.table["image"], strict=True))
    table = public.ratings.table.assign(image=public.ratings.table["image"].map(names))
    beside = csv.with_name(f"{csv.stem}_ratings{csv.suffix}")
    write_ratings(replace(public.ratings, table=table), beside, provenance_block=block)
    return [csv, beside]


def _relocated(rated: RatedImages, folder: Path) -> RatedImages:
    table = rated.table.copy()
    for column in ("image", "reference"):
        if column in table.columns:
            table[column] = [
                Path(os.path.relpath((rated.folder / name).resolve(), folder.resolve())).as_posix()
                for name in table[column]
            ]
    return replace(rated, table=table, folder=folder)
