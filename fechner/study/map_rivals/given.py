"""Which maps a study's map is held against: those of its network, and pictures of the user's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fechner.analysis.ratings.prediction.rivals import COLUMNS, WEIGHTS
from fechner.errors import InputError
from fechner.provenance import digest, sha256_file
from fechner.records.images.files import image_size
from fechner.records.layout import StudyFolder
from fechner.records.map_worth.given import given_map_files, given_maps
from fechner.records.map_worth.study_rivals import RIVALS_RECORD, RivalMaps, read_rivals
from fechner.study.map_worth.made import ALL_CHANNELS, PERMUTED

TAKEN = (*COLUMNS, *WEIGHTS, ALL_CHANNELS, PERMUTED)
"""What pictures of the user's may not be called."""


def rivals_of(place: StudyFolder) -> list[RivalMaps]:
    """Return every rival that weighs errors by maps in a folder.

    Raises
    ------
    InputError
        If pictures of the user's are called as another rival is, or a record is damaged.
    """
    made = [] if place.study.compares_codecs else read_rivals(place.rival_maps)
    given = []
    for name, folder in place.given_rivals.items():
        if name in TAKEN or not name.strip():
            raise InputError(
                f"[maps] rivals may not be called {name!r}: {', '.join(TAKEN)} are there already; "
                "rename it"
            )
        given.append(RivalMaps(name, f"errors weighted by the maps in {folder.name}", folder))
    return [*made, *given]


def check_given(place: StudyFolder, images: Mapping[str, Path]) -> None:
    """Check that the user's pictures are there and fit, before anything is computed.

    Parameters
    ----------
    place
        The study.
    images
        Name and path of each image that may be shown.

    Raises
    ------
    InputError
        If a picture is missing, has another size than its image, is in colour, holds a value that
        is negative or no number, or is 0 everywhere; or if its name is taken.
    """
    rivals_of(place)
    for folder in place.given_rivals.values():
        # One at a time: those of large photographs are large.
        for name, path in images.items():
            if not given_maps(folder, {name: image_size(path)})[name].any():
                file = given_map_files(folder, [name])[name]
                raise InputError(
                    f"{file} is 0 everywhere and weighs no error; give a value above 0 somewhere, "
                    "or leave this rival out"
                )


def made_files(place: StudyFolder) -> list[Path]:
    """Return the files of the rivals that the step of maps wrote, and their record."""
    rivals = read_rivals(place.rival_maps)
    files = [
        path for one in rivals for end in ("json", "png") for path in one.folder.rglob(f"*.{end}")
    ]
    return [place.rival_maps / RIVALS_RECORD, *sorted(files)] if rivals else []


def given_files(place: StudyFolder, images: Iterable[str]) -> list[Path]:
    """Return the user's pictures of these images.

    Raises
    ------
    InputError
        If there is no such folder, or a picture is missing.
    """
    wanted = list(images)
    return [
        path
        for folder in place.given_rivals.values()
        for path in given_map_files(folder, wanted).values()
    ]


def rivals_digest(rivals: Iterable[RivalMaps], images: Iterable[str]) -> str:
    """Return one digest of the maps of these images by every rival.

    Raises
    ------
    InputError
        If a map is missing.
    """
    wanted = sorted(images)
    return digest(
        {
            one.name: {
                name: sha256_file(path)
                for name, path in given_map_files(one.folder, wanted).items()
            }
            for one in rivals
        }
    )
