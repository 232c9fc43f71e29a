"""Public sets of distorted photographs with differential scores: LIVE release 2 and CSIQ.

Their DMOS is 0 where an image looks like its reference, and higher where it is worse.
Scene = reference photograph, so that a split never has the same picture on both sides.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fechner.data.importing.spreadsheets import sheets_of
from fechner.data.sets.published import (
    ImageFiles,
    PublicSet,
    first_present,
    matlab_variables,
    ordered,
    read_lines,
    scored_names,
)
from fechner.errors import InputError, MissingPartError
from fechner.records.cells import numbers, read_cells, require_columns
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale

LIVE_FOLDERS = {
    "jp2k": ("JPEG2000", 227),
    "jpeg": ("JPEG", 233),
    "wn": ("white noise", 174),
    "gblur": ("Gaussian blur", 174),
    "fastfading": ("fast fading", 174),
}
"""Folder of LIVE: its distortion and its number of images, in the order of the scores."""

LIVE_SCALE = Scale(-20, 130, "low")
"""Around the scores of LIVE, which go from -2.6 to 111.8 once realigned."""

CSIQ_DISTORTIONS = {
    "noise": ("AWGN", "white noise"),
    "blur": ("BLUR", "Gaussian blur"),
    "contrast": ("contrast", "contrast"),
    "fnoise": ("fnoise", "pink noise"),
    "jpeg": ("JPEG", "JPEG"),
    "jpeg 2000": ("jpeg2000", "JPEG2000"),
}
"""Distortion in CSIQ's table: its word in file names, and its name here."""

CSIQ_COLUMNS = ("image", "dst_type", "dst_lev", "dmos")


def live(folder: Path, *, check_images: bool = True) -> PublicSet:
    """LIVE release 2: 779 distorted images of 29 references, five distortions.

    Score k (from 1) of a folder belongs to ``imgK.bmp`` in it. The 203 scores that are
    marked ``orgs`` belong to copies of references and are left out. ``level`` is what
    ``info.txt`` gives: bits a pixel, SD of noise or blur, or receiver SNR, by distortion.
    """
    path = first_present(folder, ["dmos_realigned.mat", "dmos.mat"])
    content = matlab_variables(path)
    copies = _live_vector(content, ("orgs",), path) == 1
    table = _live_images()
    table["dmos"] = _live_vector(content, ("dmos_new", "dmos"), path)
    if "dmos_std" in content:
        table["dmos_std_published"] = _live_vector(content, ("dmos_std",), path)
    infos = [folder / place / "info.txt" for place in LIVE_FOLDERS]
    infos = [info for info in infos if info.is_file()]
    table = table.join(_live_info(infos), on=["folder", "name"])
    names = folder / "refnames_all.mat"
    if names.is_file():
        _require_same_references(table, _live_references(names), names)
        table["original"] = _live_references(names)
    elif table["original"][~copies].isna().any():
        first_present(folder, ["refnames_all.mat"])
    table = table[~copies].reset_index(drop=True)
    distorted = [
        ImageFiles(folder, [place]).paths(own["name"], check_images=check_images)
        for place, own in table.groupby("folder", sort=False)
    ]
    references = ImageFiles(folder, ["refimgs"])
    table["image"] = [name for names_of_place in distorted for name in names_of_place]
    table["scene"] = table["original"].str.rsplit(".", n=1).str[0]
    table["reference"] = references.paths(table["original"], check_images=check_images)
    table["family"] = [LIVE_FOLDERS[place][0] for place in table["folder"]]
    table = table.drop(columns=["folder", "name", "original"]).dropna(axis=1, how="all")
    notes = [f"{int(copies.sum())} scores of copies of references are left out"]
    if path.name.lower() == "dmos.mat":
        notes.append("dmos.mat is not aligned between sessions; papers use dmos_realigned.mat")
    files = (path, *([names] if names.is_file() else []), *infos)
    rated = RatedImages(ordered(table, ["dmos"]), folder, {"dmos": LIVE_SCALE})
    return PublicSet("live", rated, None, files, tuple(notes))


def csiq(folder: Path, *, check_images: bool = True) -> PublicSet:
    """CSIQ: 866 distorted images of 30 references, six distortions, DMOS 0 to 1.

    Reads the published workbook ``csiq.DMOS.xlsx`` (with python-calamine), its sheet saved as CSV,
    or the text file of names and scores that circulates.
    """
    path = _csiq_table(folder)
    cells = _csiq_cells(path)
    unknown = cells["dst_type"][~cells["dst_type"].isin(list(CSIQ_DISTORTIONS))]
    if len(unknown):
        raise InputError(
            f"{path}: {unknown.iloc[0]!r} is no distortion of CSIQ; expected "
            + ", ".join(CSIQ_DISTORTIONS)
        )
    level = numbers(cells, "dst_lev", path, lowest=1, highest=5).astype(int)
    words = cells["dst_type"].map({name: word for name, (word, _) in CSIQ_DISTORTIONS.items()})
    names = cells["image"] + "." + words + "." + level.astype(str) + ".png"
    distorted = ImageFiles(folder, ["dst_imgs", "dst_imgs_all"])
    table = pd.DataFrame(
        {
            "image": distorted.paths(names, check_images=check_images),
            "scene": cells["image"],
            "reference": ImageFiles(folder, ["src_imgs"]).paths(
                cells["image"] + ".png", check_images=check_images
            ),
            "dmos": numbers(cells, "dmos", path, lowest=0, highest=1),
            "family": [CSIQ_DISTORTIONS[name][1] for name in cells["dst_type"]],
            "level": level,
        }
    )
    if "dmos_std" in cells:
        table["dmos_std_published"] = numbers(cells, "dmos_std", path, lowest=0)
    rated = RatedImages(table, folder, {"dmos": Scale(0, 1, "low")})
    return PublicSet("csiq", rated, None, (path,))


def _live_vector(content: dict[str, Any], names: tuple[str, ...], path: Path) -> np.ndarray:
    """Return the first of the variables that is there, as float64 ``(982,)``."""
    expected = sum(count for _, count in LIVE_FOLDERS.values())
    for name in names:
        if name in content:
            values = np.asarray(content[name]).ravel()
            if len(values) != expected:
                raise InputError(
                    f"{path}: {name} has {len(values)} values, expected the {expected} of release "
                    "2; the file is of another release: restore that of release 2"
                )
            return values.astype(np.float64)
    raise InputError(
        f"{path} has no variable {' or '.join(names)}, only {', '.join(content) or 'none'}; "
        "restore the published file"
    )


def _live_images() -> pd.DataFrame:
    """Return ``folder`` and ``name`` of the 982 images, in the order of the scores."""
    rows = [
        (place, f"img{number}.bmp")
        for place, (_, count) in LIVE_FOLDERS.items()
        for number in range(1, count + 1)
    ]
    return pd.DataFrame(rows, columns=["folder", "name"])


def _live_info(paths: list[Path]) -> pd.DataFrame:
    """Return ``original`` (the reference) and ``level`` of the images that info files describe.

    A line is ``bikes.bmp img10.bmp 0.85``; some files end their lines with two returns.
    """
    rows = []
    for path in paths:
        for line in read_lines(path):
            parts = line.split()
            if len(parts) not in (2, 3):
                raise InputError(
                    f"{path}: expected lines REFERENCE IMAGE LEVEL, got {line!r}; restore it"
                )
            cell = pd.DataFrame({"level": [parts[2] if len(parts) == 3 else ""]}, dtype=object)
            level = float(numbers(cell, "level", path, blank=True).iloc[0])
            rows.append((path.parent.name, parts[1].lower(), parts[0].lower(), level))
    table = pd.DataFrame(rows, columns=["folder", "name", "original", "level"])
    twice = table.index[table.duplicated(["folder", "name"])]
    if len(twice):
        row = table.loc[twice[0]]
        raise InputError(
            f"{row['folder']}/info.txt describes {row['name']} twice; restore the published file"
        )
    return table.set_index(["folder", "name"])


def _live_references(path: Path) -> list[str]:
    content = matlab_variables(path)
    if "refnames_all" not in content:
        raise InputError(f"{path} has no variable refnames_all; restore the published file")
    names = [str(np.asarray(cell).ravel()[0]) for cell in content["refnames_all"].ravel()]
    expected = sum(count for _, count in LIVE_FOLDERS.values())
    if len(names) != expected:
        raise InputError(
            f"{path} has {len(names)} names, expected the {expected} of release 2; restore it"
        )
    return [name.lower() for name in names]


def _require_same_references(table: pd.DataFrame, names: list[str], path: Path) -> None:
    apart = table.index[table["original"].notna() & (table["original"] != pd.Series(names))]
    if len(apart):
        row = table.loc[apart[0]]
        raise InputError(
            f"{path} gives {row['folder']}/{row['name']} the reference {names[apart[0]]}, "
            f"{row['folder']}/info.txt {row['original']}; the files are of different releases"
        )


def _csiq_table(folder: Path) -> Path:
    saved = ["csiq.DMOS.csv", "csiq.csv"]
    published = ["csiq.DMOS.xlsx", "csiq.xlsx"]
    text = ["csiq_label.txt", "csiq.txt"]
    readable = [*saved, *published, *text]
    if find_spec("python_calamine") is None:
        readable = [*saved, *text, *published]
    return first_present(folder, readable)


def _csiq_cells(path: Path) -> pd.DataFrame:
    """Return the table of CSIQ as text: ``image, dst_type, dst_lev, dmos`` and what else is there.

    The 1600 of the first reference is a name, though a workbook holds it as a number.
    """
    ending = path.suffix.lower()
    if ending == ".xlsx":
        cells = _workbook_cells(path)
    elif ending == ".csv":
        cells = read_cells(path)
    else:
        cells = _csiq_labels(path)
    require_columns(cells, CSIQ_COLUMNS, path)
    cells = cells[cells["image"] != ""].reset_index(drop=True)
    cells["dst_type"] = cells["dst_type"].str.lower()
    return cells


def _csiq_labels(path: Path) -> pd.DataFrame:
    """Read lines ``1600.AWGN.1.png 0.062``; the ending may be left out."""
    types = {word.lower(): name for name, (word, _) in CSIQ_DISTORTIONS.items()}
    scored = scored_names(path, lowest=0, highest=1)
    parts = scored["name"].str.extract(r"^(.+)\.(\w+)\.(\d+)(?:\.png)?$")
    parts[1] = parts[1].str.lower().map(types)
    odd = parts.index[parts.isna().any(axis=1)]
    if len(odd):
        raise InputError(
            f"{path}: {scored['name'][odd[0]]!r} is no image name of this set; expected one like "
            "1600.AWGN.1.png"
        )
    table = pd.DataFrame({"image": parts[0], "dst_type": parts[1], "dst_lev": parts[2]})
    return table.assign(dmos=scored["score"].map(repr)).astype(object)


def _workbook_cells(path: Path) -> pd.DataFrame:
    """Return the rows below the first header that has CSIQ's columns, as text."""
    try:
        sheets = sheets_of(path.read_bytes(), str(path))
    except MissingPartError as error:
        raise MissingPartError(
            f"{error}: the sheet all_by_image as csiq.DMOS.csv, its header in the first row"
        ) from error
    for name in sorted(sheets, key=lambda name: name != "all_by_image"):
        rows = sheets[name]
        header = next((k for k, row in enumerate(rows) if set(CSIQ_COLUMNS) <= set(row)), None)
        if header is not None:
            table = pd.DataFrame(rows[header + 1 :], columns=rows[header], dtype=object)
            return table[[name for name in table.columns if name]]
    raise InputError(
        f"{path} has no sheet with the columns {', '.join(CSIQ_COLUMNS)}; restore the published "
        "workbook"
    )
