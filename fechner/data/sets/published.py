"""What the readers of public image sets share: the set as read, and finding its files.

Archives in circulation differ from each other in the case of names, in the ending of
losslessly converted images, and in the folder that a user takes for the set's own. What
can be found without a guess is found; what cannot is named, with the place where it lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings

LOSSLESS = (".bmp", ".png", ".tif", ".tiff", ".ppm")
"""Endings among which an image can be converted without losing anything."""

IMAGE_ENDINGS = (*LOSSLESS, ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class PublicSet:
    """A public set as read.

    Attributes
    ----------
    name
        Which set, as `fechner data import` calls it.
    rated
        The rated images.
    ratings
        The single ratings, where they were published.
    files
        The tables that were read.
    notes
        What was left out, or found otherwise than published, in plain words.
    """

    name: str
    rated: RatedImages
    ratings: Ratings | None
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def first_present(folder: Path, candidates: Iterable[str]) -> Path:
    """Return the first of `candidates` that is a file in `folder`, in whatever case it is written.

    Raises
    ------
    InputError
        If none is; the message says where one lies instead, up to two levels away.
    """
    names = list(candidates)
    for name in names:
        found = _in_any_case(folder / name)
        if found is not None and found.is_file():
            return found
    elsewhere = _elsewhere(folder, names)
    remedy = "give the folder of the set itself"
    if elsewhere:
        more = f" and {len(elsewhere) - 1} more" if len(elsewhere) > 1 else ""
        remedy = f"found in {elsewhere[0]}{more}: " + remedy
    raise InputError(f"{folder} has no {' or '.join(names)}; {remedy}")


def _in_any_case(path: Path) -> Path | None:
    """Return what lies at a path whose last part may be written in another case."""
    if path.exists():
        return path
    if not path.parent.is_dir():
        return None
    inside = sorted(path.parent.iterdir())
    return next((entry for entry in inside if entry.name.lower() == path.name.lower()), None)


def _elsewhere(folder: Path, names: list[str]) -> list[Path]:
    """Return the folders within two levels, above and below, that hold one of `names`."""
    above = [folder.resolve().parent, folder.resolve().parent.parent]
    found = [place for place in above if any((place / name).is_file() for name in names)]
    for depth in ("*", "*/*"):
        for name in names:
            inside = sorted(folder.glob(f"{depth}/{name}"))
            found += [file.parents[len(Path(name).parts) - 1] for file in inside]
    return found


class ImageFiles:
    """The image files below some folders of a set, found by the names that its table gives.

    Parameters
    ----------
    folder
        Of the set; the paths that are returned are relative to it.
    places
        Folders inside it, searched with everything below them; absent ones are passed over.
    """

    def __init__(self, folder: Path, places: Iterable[str]) -> None:
        self.folder = folder
        self.places = tuple(places)
        roots = {_in_any_case(folder / place): None for place in self.places}
        files = [
            file
            for root in roots
            if root is not None
            for file in sorted(root.rglob("*"))
            if file.suffix.lower() in IMAGE_ENDINGS and file.is_file()
        ]
        self._exact: dict[str, list[Path]] = {}
        self._lower: dict[str, list[Path]] = {}
        self._stem: dict[str, list[Path]] = {}
        for file in files:
            self._exact.setdefault(file.name, []).append(file)
            self._lower.setdefault(file.name.lower(), []).append(file)
            if file.suffix.lower() in LOSSLESS:
                self._stem.setdefault(file.stem.lower(), []).append(file)

    def find(self, name: str) -> Path | None:
        """Return the file of that name: as written, in another case, or losslessly converted.

        Raises
        ------
        InputError
            If two files fit equally well.
        """
        found = self._exact.get(name) or self._lower.get(name.lower())
        if not found and Path(name).suffix.lower() in LOSSLESS:
            found = self._stem.get(Path(name).stem.lower())
        if not found:
            return None
        if len(found) > 1:
            raise InputError(
                f"{self.folder}: {found[0].relative_to(self.folder)} and "
                f"{found[1].relative_to(self.folder)} could both be the image {name!r}; keep one"
            )
        return found[0]

    def unnamed(self, names: Iterable[str]) -> list[str]:
        """Return the files that none of `names` stands for, sorted."""
        stems = {Path(name).stem.lower() for name in names}
        return sorted(name for name in self._exact if Path(name).stem.lower() not in stems)

    def paths(self, names: Iterable[str], *, check_images: bool) -> list[str]:
        """Return each image's path relative to the set's folder, with forward slashes.

        Parameters
        ----------
        names
            File names as they stand in the published table.
        check_images
            Whether a missing image is refused; else it gets the first of the places.

        Raises
        ------
        InputError
            If `check_images` and an image is not among those found, or two files fit a name.
        """
        names = list(names)
        found = [self.find(name) for name in names]
        missing = [name for name, file in zip(names, found, strict=True) if file is None]
        if missing and check_images:
            raise InputError(
                f"{self.folder}: image {missing[0]} is missing ({len(missing)} of {len(names)} "
                f"are){self._perhaps_renamed(names)}; give the folder as published, with its "
                "images, or import what is there with --partial"
            )
        return [
            f"{self.places[0]}/{name}" if file is None else file.relative_to(self.folder).as_posix()
            for name, file in zip(names, found, strict=True)
        ]

    def _perhaps_renamed(self, names: list[str]) -> str:
        others = self.unnamed(names)
        where = " or ".join(f"{place}/" for place in self.places)
        if not self._exact:
            return f", and {where} holds no images"
        if not others:
            return ""
        return (
            f", and {where} holds {len(others)} images that the table does not name, first "
            f"{others[0]}: were they renamed?"
        )


def scored_names(
    path: Path, *, lowest: float, highest: float, separator: str | None = None
) -> pd.DataFrame:
    """Read a text file of lines ``SCORE NAME`` or ``NAME SCORE``, without a header.

    Parameters
    ----------
    path
        The file; which of the two comes first is told by its first line.
    lowest, highest
        The ends of the published scale.
    separator
        What parts them; None is white space.

    Returns
    -------
    pandas.DataFrame
        ``name`` as text, ``score`` as float64.

    Raises
    ------
    InputError
        If a line has not two parts, or its score is no number or leaves the scale.
    """
    lines = [line.split(separator) for line in read_lines(path)]
    odd = next((number for number, line in enumerate(lines, 1) if len(line) != 2), None)
    if odd is not None or not lines:
        raise InputError(
            f"{path} line {odd or 1}: expected a score and a file name, as published; restore it"
        )
    score, name = (0, 1) if _number(lines[0][0]) is not None else (1, 0)
    scores = scores_of_lines([line[score] for line in lines], path, lowest=lowest, highest=highest)
    names = pd.Series([line[name].strip() for line in lines], dtype=object)
    return pd.DataFrame({"name": names, "score": scores})


def scores_of_lines(
    texts: Iterable[str], path: Path, *, lowest: float, highest: float
) -> list[float]:
    """Return one number a line.

    Parameters
    ----------
    texts
        What stands in each line.
    path
        The file, for messages.
    lowest, highest
        Between which the numbers lie.

    Returns
    -------
    list of float

    Raises
    ------
    InputError
        If one is no number or lies elsewhere.
    """
    scores = []
    for line, text in enumerate(texts, start=1):
        score = _number(text)
        if score is None or not lowest <= score <= highest:
            raise InputError(
                f"{path} line {line}: expected a number from {lowest:g} to {highest:g}, got "
                f"{text.strip()!r}; the scores belong to another release or were rescaled: "
                "restore the published file"
            )
        scores.append(score)
    return scores


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file that are not blank.

    Raises
    ------
    InputError
        If it is not text.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text; restore the published file") from error
    return [line for line in text.splitlines() if line.strip()]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def matlab_variables(path: Path) -> dict[str, Any]:
    """Return the variables of a MATLAB file by name.

    Raises
    ------
    InputError
        If it is no MATLAB file that scipy reads.
    """
    import scipy.io

    try:
        content = scipy.io.loadmat(path)
    except Exception as error:  # scipy raises anything on damaged bytes
        raise InputError(f"{path} is not a MATLAB file that is read ({error})") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


def ordered(table: pd.DataFrame, dimensions: Iterable[str]) -> pd.DataFrame:
    """Return `table` with the columns of RatedImages first, without the published ``name``."""
    first = ["image", "scene", "reference"]
    for name in dimensions:
        first += [name, f"{name}_sd", f"{name}_n"]
    first = [name for name in first if name in table.columns]
    rest = [name for name in table.columns if name not in first and name != "name"]
    return table[[*first, *rest]]
