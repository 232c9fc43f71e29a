"""Public rated image sets, read from their folders as published.

Each reader turns one set into RatedImages (and the single ratings where they were
published), with the scale declared and the scene chosen so that a split by scene is
honest; the set is then held against what was published. Nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fechner.data.sets.avt import avt, avt_compressed
from fechner.data.sets.differential import csiq, live
from fechner.data.sets.distorted import kadid10k, pipal, tid2008, tid2013
from fechner.data.sets.facts import FACTS, as_published
from fechner.data.sets.generated import agiqa3k, aigciqa2023
from fechner.data.sets.published import PublicSet
from fechner.errors import InputError, nearest
from fechner.provenance import provenance, sha256_file
from fechner.records.rated_images import RatedImages, write_rated_images
from fechner.records.ratings import write_ratings

LOADERS: dict[str, Callable[..., PublicSet]] = {
    "tid2008": tid2008,
    "tid2013": tid2013,
    "kadid10k": kadid10k,
    "csiq": csiq,
    "live": live,
    "pipal": pipal,
    "avt": avt,
    "avt_compressed": avt_compressed,
    "aigciqa2023": aigciqa2023,
    "agiqa3k": agiqa3k,
}


def load(
    name: str, folder: Path | str, *, check_images: bool = True, partial: bool = False
) -> PublicSet:
    """Read the public set `name` from `folder`.

    Parameters
    ----------
    name
        A key of `LOADERS`.
    folder
        The set's own folder, as published.
    check_images
        Whether the image files are looked for.
    partial
        Whether a part of the set is accepted; images without a file are then left out, and
        the notes say how many there are.

    Returns
    -------
    PublicSet
        Image paths are relative to `folder`.

    Raises
    ------
    InputError
        If the set is unknown, the folder is not laid out as published, or what it holds is
        not what was published (see `fechner.data.sets.facts`).
    """
    if name not in LOADERS:
        raise InputError(f"unknown image set {name!r}; {nearest(name, LOADERS)}")
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the one that holds {name} as published")
    public = LOADERS[name](folder, check_images=check_images and not partial)
    if partial and check_images:
        public = _with_files_alone(public, folder)
    return as_published(public, partial=partial)


def write_public_set(public: PublicSet, csv: Path | str) -> list[Path]:
    """Write the rated images as `csv`, the ratings beside it; return the tables written.

    Image paths become relative to the new table, so the images stay where they are.
    """
    csv = Path(csv)
    moved = _relocated(public.rated, csv.parent)
    block = provenance(
        parameters={
            "set": public.name,
            "citation": FACTS[public.name].citation,
            "notes": list(public.notes),
        },
        inputs={
            path.relative_to(public.rated.folder).as_posix(): sha256_file(path)
            for path in public.files
        },
    )
    write_rated_images(moved, csv, block)
    if public.ratings is None:
        return [csv]
    names = dict(zip(public.rated.table["image"], moved.table["image"], strict=True))
    table = public.ratings.table.assign(image=public.ratings.table["image"].map(names))
    beside = csv.with_name(f"{csv.stem}_ratings{csv.suffix}")
    write_ratings(replace(public.ratings, table=table), beside, provenance_block=block)
    return [csv, beside]


def _with_files_alone(public: PublicSet, folder: Path) -> PublicSet:
    """Leave out the images that have no file, or whose reference has none."""
    table = public.rated.table
    columns = [name for name in ("image", "reference") if name in table]
    there = pd.Series(
        [all((folder / name).is_file() for name in row) for row in table[columns].to_numpy()]
    )
    if not there.any():
        raise InputError(
            f"{folder} holds none of the images, first {table['image'].iloc[0]}; give the folder "
            "as published, or leave out the images with --scores-only"
        )
    left = table[there].reset_index(drop=True)
    ratings = public.ratings
    if ratings is not None:
        kept = ratings.table[ratings.table["image"].isin(left["image"])].reset_index(drop=True)
        ratings = replace(ratings, table=kept)
    return replace(public, rated=replace(public.rated, table=left), ratings=ratings)


def _relocated(rated: RatedImages, folder: Path) -> RatedImages:
    table = rated.table.copy()
    for column in ("image", "reference"):
        if column in table.columns:
            table[column] = [
                Path(os.path.relpath((rated.folder / name).resolve(), folder.resolve())).as_posix()
                for name in table[column]
            ]
    return replace(rated, table=table, folder=folder)
