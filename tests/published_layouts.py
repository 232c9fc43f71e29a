"""Small folders that are laid out, named and spelt like the public sets, with honest pictures.

The pictures are 8 x 8; a distorted one is its reference with noise that grows with the level,
so that PSNR orders them as the scores do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

LIVE_COUNTS = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}
LIVE_COPIES = {"jp2k": 52, "jpeg": 64, "wn": 29, "gblur": 29, "fastfading": 29}
CSIQ_WORDS = {
    "noise": "AWGN",
    "blur": "BLUR",
    "contrast": "contrast",
    "fnoise": "fnoise",
    "jpeg": "JPEG",
    "jpeg 2000": "jpeg2000",
}
PIPAL_CLASSES = (12, 16, 10, 24, 13, 14, 27)


def photograph(number: int, size: tuple[int, int] = (8, 8)) -> np.ndarray:
    return np.random.default_rng(number).integers(60, 196, (*size, 3)).astype(np.float64)


def distorted(number: int, level: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([number, seed])
    return photograph(number) + 6 * level * rng.standard_normal((8, 8, 3))


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(path.suffix[1:].lower(), path.suffix[1:].upper())
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(path, format=kind)


def write_tid(
    folder: Path,
    *,
    distortions: int,
    levels: int,
    references: int = 25,
    pictures: Iterable[int] | None = None,
    ending: str = "bmp",
) -> Path:
    """Lines 'MOS NAME'; names and files in two cases, the last reference in lower case.

    `pictures` are the references whose images are written; all by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = set(range(1, references + 1) if pictures is None else pictures)
    lines, spreads = [], []
    for reference in range(1, references + 1):
        original = f"i{reference:02d}.{ending}" if reference == 25 else f"I{reference:02d}.BMP"
        if ending != "bmp":
            original = f"I{reference:02d}.{ending}"
        if reference in shown:
            save(photograph(reference), folder / "reference_images" / original)
        for family in range(1, distortions + 1):
            for level in range(1, levels + 1):
                name = f"I{reference:02d}_{family:02d}_{level}.bmp"
                listed = name.lower() if family == 4 else name
                mos = 7.2 - 7.0 * (level - 1) / (levels - 1) * (0.9 + family / 10 / distortions)
                lines.append(f"{max(mos, 0):.5f} {listed}")
                spreads.append("0.13000")
                if reference in shown:
                    stored = name.lower() if level == 2 else name
                    path = folder / "distorted_images" / stored.replace("bmp", ending)
                    save(distorted(reference, level, family), path)
    (folder / "mos_with_names.txt").write_text("\r\n".join(lines) + "\r\n")
    (folder / "mos_std.txt").write_text("\n".join(spreads) + "\n")
    (folder / "mos.txt").write_text("\n".join(line.split()[0] for line in lines) + "\n")
    return folder


def write_kadid(
    folder: Path,
    *,
    pictures: Iterable[int] = (),
    places: tuple[str, str] = ("images", "images"),
    turned: bool = False,
) -> Path:
    """``dmos.csv`` of the whole set, and the images of some references in `places`."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = set(pictures)
    lines = ["dist_img,ref_img,dmos,var"]
    for reference in range(1, 82):
        if reference in shown:
            save(photograph(reference), folder / places[1] / f"I{reference:02d}.png")
        for family in range(1, 26):
            for level in range(1, 6):
                name = f"I{reference:02d}_{family:02d}_{level:02d}.png"
                dmos = 4.57 - 0.8 * (level - 1)
                dmos = 6 - dmos if turned else dmos
                lines.append(f"{name},I{reference:02d}.png,{dmos:.2f},0.496")
                if reference in shown:
                    save(distorted(reference, level, family), folder / places[0] / name)
    (folder / "dmos.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_pipal(folder: Path, *, pictures: Iterable[int] = (), place: str = "Train_Dist") -> Path:
    """A label file a reference, lines 'NAME,ELO'; `place` may hold ``{}`` for parts 1 to 4."""
    (folder / "Train_Label").mkdir(parents=True)
    shown = set(pictures)
    for reference in range(1, 201):
        code = f"A{reference:04d}"
        if reference in shown:
            save(photograph(reference), folder / "Train_Ref" / f"{code}.bmp")
        lines = []
        for family, count in enumerate(PIPAL_CLASSES):
            for kind in range(count):
                name = f"{code}_{family:02d}_{kind:02d}.bmp"
                lines.append(f"{name},{1700 - 600 * kind / 27:.4f}")
                if reference in shown:
                    path = folder / place.format(1 + reference % 4) / name
                    save(distorted(reference, 1 + kind, family), path)
        (folder / "Train_Label" / f"{code}.txt").write_text("\n".join(lines) + "\n")
    return folder


def live_table() -> pd.DataFrame:
    """Return what the fixture says of LIVE's 982 images: folder, name, reference, level, dmos."""
    rows = []
    for place, count in LIVE_COUNTS.items():
        for number in range(1, count + 1):
            copy = number > count - LIVE_COPIES[place]
            level = 0.0 if copy else 1 + (number % 6) + number / 1000
            rows.append(
                {
                    "folder": place,
                    "name": f"img{number}.bmp",
                    "original": f"scene{1 + number % 29:02d}.bmp",
                    "reference": 1 + number % 29,
                    "level": level,
                    "copy": copy,
                    "dmos": 0.0 if copy else -2 + 16 * level,
                }
            )
    return pd.DataFrame(rows)


def write_live(
    folder: Path, *, pictures: bool = True, infos: bool = True, names: bool = True
) -> Path:
    """``dmos_realigned.mat`` and the rest; info files are shuffled and doubly ended."""
    import scipy.io

    folder.mkdir(parents=True, exist_ok=True)
    table = live_table()
    scores = {
        "dmos_new": table["dmos"].to_numpy()[None],
        "dmos_std": np.full((1, len(table)), 9.5),
        "orgs": table["copy"].to_numpy(np.uint8)[None],
    }
    scipy.io.savemat(folder / "dmos_realigned.mat", scores)
    if names:
        cells = np.empty((1, len(table)), dtype=object)
        cells[0] = [np.array([name]) for name in table["original"]]
        scipy.io.savemat(folder / "refnames_all.mat", {"refnames_all": cells})
    for place, own in table.groupby("folder"):
        (folder / place).mkdir(exist_ok=True)
        if infos:
            mixed = own.sample(frac=1, random_state=3)
            lines = [f"{r.original} {r.name} {r.level} " for r in mixed.itertuples(index=False)]
            (folder / place / "info.txt").write_bytes("\r\r".join(lines).encode())
        if pictures:
            for row in own.itertuples(index=False):
                save(distorted(row.reference, row.level), folder / place / row.name)
    if pictures:
        for number in range(1, 30):
            save(photograph(number), folder / "refimgs" / f"scene{number:02d}.bmp")
    return folder


def csiq_table() -> pd.DataFrame:
    """Return the 866 rows of CSIQ's sheet: four references have one level of contrast less."""
    names = ["1600", *(f"photo_{number}" for number in range(29))]
    rows = []
    for place, name in enumerate(names):
        for index, kind in enumerate(CSIQ_WORDS, start=1):
            levels = (3 if 1 <= place <= 4 else 4) if kind == "contrast" else 5
            for level in range(1, levels + 1):
                dmos = min(0.06 + 0.23 * (level - 1) + place / 1000, 1)
                rows.append((name, index, kind, level, 0.061, round(dmos, 6)))
    return pd.DataFrame(
        rows, columns=["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
    )


def write_csiq(folder: Path, *, table: str = "xlsx", pictures: int = 0) -> Path:
    """The workbook (numbers where the name is one, title rows above), or its copies."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = csiq_table()
    if table == "xlsx":
        _write_workbook(rows, folder / "csiq.DMOS.xlsx")
    elif table == "csv":
        rows.to_csv(folder / "csiq.DMOS.csv", index=False)
    else:
        lines = [
            f"{row.image}.{CSIQ_WORDS[row.dst_type]}.{row.dst_lev}.png\t{row.dmos}"
            for row in rows.itertuples()
        ]
        (folder / "csiq_label.txt").write_text("\n".join(lines) + "\n")
    for number, name in enumerate(rows["image"].unique()[:pictures]):
        save(photograph(number), folder / "src_imgs" / f"{name}.png")
        for row in rows[rows["image"] == name].itertuples():
            word = CSIQ_WORDS[row.dst_type]
            path = folder / "dst_imgs" / word.lower() / f"{name}.{word}.{row.dst_lev}.png"
            save(distorted(number, row.dst_lev, row.dst_idx), path)
    return folder


def _write_workbook(rows: pd.DataFrame, path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "notes"
    book.active.append(["#REF!"])
    sheet = book.create_sheet("all_by_image")
    for _ in range(3):
        sheet.append(["CSIQ"])
    sheet.append([None, None, None, *rows.columns])
    for row in rows.itertuples(index=False):
        name = int(row.image) if row.image.isdigit() else row.image
        sheet.append([None, None, None, name, *row[1:]])
    sheet.append([])
    book.save(path)
