"""What the pages of the documentation take for granted: a reader's pictures and tables, small.

Each function puts files into the folder in which a page's blocks are run. Photographs come from
installed packages; ratings and maps are made up.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter
from stimuli_pictures import codec_study, smooth_map

from fechner.data.photographs import photographs
from fechner.records.images.files import write_map_png

DATA = Path(__file__).parent / "data"
SCENES = tuple(photographs())
DETAIL = " detail"
BLURS = {"glide": 0.0, "flux": 0.5, "craiyon": 1.0, "midjourney": 2.0, "dalle": 4.0}
RATED = ("quality", "authenticity", "appeal")


def photograph(name: str, size: tuple[int, int] = (240, 180)) -> Image.Image:
    """Return the middle of a packaged photograph, at this size (width, height) in px.

    `cat` is nearly all of it that has this shape, `cat detail` its inner half.
    """
    with Image.open(photographs()[name.removesuffix(DETAIL)]) as image:
        whole = image.convert("RGB")
    scale = max(size[0] / whole.width, size[1] / whole.height) * (1 + name.endswith(DETAIL))
    whole = whole.resize((round(whole.width * scale), round(whole.height * scale)))
    left, top = (whole.width - size[0]) // 2, (whole.height - size[1]) // 2
    return whole.crop((left, top, left + size[0], top + size[1]))


def one_photograph(folder: Path) -> None:
    """`photo.jpg`, `photo.png`, and the latter blurred in one place."""
    image = photograph("coffee")
    image.save(folder / "photo.jpg", quality=95)
    image.save(folder / "photo.png")
    image.paste(image.filter(ImageFilter.GaussianBlur(4)).crop((90, 60, 150, 120)), (90, 60))
    image.save(folder / "photo_altered.png")


def some_photographs(
    folder: Path,
    *,
    names: Sequence[str] = ("coffee", "cat"),
    size: tuple[int, int] = (240, 180),
    into: str = "photos",
) -> None:
    """`photos/`, two photographs."""
    (folder / into).mkdir(exist_ok=True)
    for name in names:
        photograph(name, size).save(folder / into / f"{name}.png")


def table_of_ratings(folder: Path) -> None:
    """`ratings.csv`: 24 made-up participants, 72 images, 1 to 5, as somebody brings it."""
    shutil.copy(DATA / "SIMULATED_acr.csv", folder / "ratings.csv")


def ratings_and_scale(folder: Path) -> None:
    """The same, with `ratings.json`."""
    table_of_ratings(folder)
    shutil.copy(DATA / "SIMULATED_acr.json", folder / "ratings.json")


def rated_images(
    folder: Path, *, name: str = "rated", scenes: tuple[str, ...] = SCENES[:6]
) -> None:
    """`rated.csv` and `rated.json`: each photograph in five versions, rated from 1 to 5."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for scene in scenes:
        intact = photograph(scene, (256, 256))
        (folder / scene).mkdir(exist_ok=True)
        for generator, blur in BLURS.items():
            file = f"{scene}/{generator}.png"
            intact.filter(ImageFilter.GaussianBlur(blur)).save(folder / file)
            means = 4.5 - np.array([0.7, 0.2, 0.7]) * blur + rng.normal(0, (0.3, 0.6, 0.3))
            means = np.clip(means, 1, 5).round(2)
            rows.append((file, scene, generator, *means, 0.9, 25))
    columns = ["image", "scene", "generator", *RATED, "quality_sd", "quality_n"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(folder / f"{name}.csv", index=False)
    scale = {"minimum": 1, "maximum": 5, "good": "high"}
    declared = dict.fromkeys(RATED, scale)
    (folder / f"{name}.json").write_text(json.dumps({"dimensions": declared}))
    single = [
        (f"p{k:02d}", row[0], "quality", int(np.clip(round(row[3] + rng.normal(0, 0.9)), 1, 5)))
        for row in rows
        for k in range(12)
    ]
    said = pd.DataFrame(single, columns=["participant", "image", "dimension", "rating"])
    said.to_csv(folder / ("ratings.csv" if name == "rated" else f"{name}_ratings.csv"), index=False)


def many_scenes(folder: Path) -> None:
    """`rated.csv` of sixteen scenes: a third of them is enough for five folds."""
    rated_images(folder, scenes=(*SCENES[:8], *(scene + DETAIL for scene in SCENES[:8])))


def images_of_my_study(folder: Path) -> None:
    """`my-study/images/rated.csv`, as many photographs as a study of 12 scenes needs.

    No scale stands beside it: the study file declares it.
    """
    rated_images(folder / "my-study" / "images", scenes=SCENES)
    (folder / "my-study" / "images" / "rated.json").unlink()


def rated_twice(folder: Path) -> None:
    """`rated.csv` and, of other photographs, `other.csv`."""
    rated_images(folder)
    rated_images(folder, name="other", scenes=SCENES[6:12])


def pairs(folder: Path) -> None:
    """`pairs.csv` and `live.csv`: small references and distorted images, DMOS 0 to 100."""
    rng = np.random.default_rng(0)
    rows = []
    for scene in SCENES[:5]:
        intact = photograph(scene, (96, 80))
        intact.save(folder / f"{scene}.png")
        for number, strength in enumerate((4.0, 12.0, 25.0), start=1):
            pixels = np.asarray(intact, float)
            for family, worse in {
                "noise": pixels + rng.normal(0, strength, pixels.shape),
                "blur": np.asarray(intact.filter(ImageFilter.GaussianBlur(strength / 8)), float),
            }.items():
                file, worse = f"{scene}_{family}{number}.png", np.clip(worse, 0, 255).round()
                Image.fromarray(worse.astype(np.uint8)).save(folder / file)
                mse = float(np.mean((worse - pixels) ** 2))
                score = round(float(np.clip(strength * 3 + rng.normal(0, 3), 0, 100)), 1)
                rows.append((file, f"{scene}.png", family, number, round(mse, 1), score, score))
    columns = ["image", "reference", "family", "level", "mse", "score", "dmos"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(folder / "pairs.csv", index=False)
    table.drop(columns=["score"]).to_csv(folder / "live.csv", index=False)
    declared = {"dmos": {"minimum": 0, "maximum": 100, "good": "low"}}
    (folder / "live.json").write_text(json.dumps({"dimensions": declared}))


def made_up_map(seed: int, height: int, width: int) -> np.ndarray:
    """Return a smooth map, float (height, width) in [0, 1]."""
    return np.clip(smooth_map(seed, height, width), 0, 1)


def maps(folder: Path, *, pictures: str = "photos", name: str = "maps", seed: int = 0) -> None:
    """Smooth maps made up for every picture of a folder."""
    for number, path in enumerate(sorted((folder / pictures).glob("*.png"))):
        with Image.open(path) as image:
            width, height = image.size
        write_map_png(folder / name / f"{path.stem}.png", made_up_map(seed + number, height, width))


def one_map(folder: Path) -> None:
    """`cat.png` and `maps/cat.png`."""
    photograph("cat").save(folder / "cat.png")
    write_map_png(folder / "maps" / "cat.png", made_up_map(1, 180, 240))


def maps_to_compare(folder: Path) -> None:
    """`maps/` and `other-maps/` of the photographs."""
    maps(folder)
    maps(folder, name="other-maps", seed=50)


def photographs_and_maps(folder: Path) -> None:
    """`photographs/` is called `photos` here: four of 216 x 144 pixels, and `maps/`."""
    some_photographs(folder, names=SCENES[:4], size=(216, 144))
    maps(folder)


def survey(folder: Path) -> None:
    """`survey.xlsx`: a row an image, a column a participant."""
    rng = np.random.default_rng(0)
    answers = pd.DataFrame(rng.integers(1, 6, (12, 8)), columns=[f"P{k:02d}" for k in range(1, 9)])
    answers.insert(0, "image", [f"image{k}" for k in range(12)])
    answers.to_excel(folder / "survey.xlsx", index=False)


def compressed(folder: Path) -> None:
    """`photos/`, and the same after JPEG in `compressed/`."""
    some_photographs(folder)
    (folder / "compressed").mkdir()
    for path in (folder / "photos").iterdir():
        with Image.open(path) as image:
            image.save(folder / "compressed" / f"{path.stem}.jpg", quality=20)


def study_file_of_codecs(folder: Path) -> None:
    """`study.toml`: two arms at one rate."""
    (folder / "study.toml").write_text(codec_study("photos"))


def from_elsewhere(folder: Path) -> None:
    """`theirs/`: pictures that lose 60 to noise in a part, that part as mask, and their table."""
    (folder / "theirs" / "masks").mkdir(parents=True)
    rows = ["file,scene,region"]
    for scene in SCENES[:2]:
        intact = np.asarray(photograph(scene), float)
        rows.append(f"{scene}.png,{scene},intact")
        Image.fromarray(intact.astype(np.uint8)).save(folder / "theirs" / f"{scene}.png")
        for region, left in {"low": 20, "high": 140}.items():
            mask = np.zeros(intact.shape[:2], bool)
            mask[60:120, left : left + 80] = True
            name = f"{scene}_{region}.png"
            Image.fromarray(noisy(intact, mask, mse=60)).save(folder / "theirs" / name)
            Image.fromarray(np.uint8(255) * mask).save(folder / "theirs" / "masks" / name)
            rows.append(f"{name},{scene},{region}")
    (folder / "theirs" / "pictures.csv").write_text("\n".join(rows) + "\n")


def noisy(intact: np.ndarray, mask: np.ndarray, *, mse: float) -> np.ndarray:
    """Return a picture with noise where `mask` is, as strong as loses `mse` over all of it."""
    noise = np.random.default_rng(0).normal(size=intact.shape) * mask[..., None]
    weakest, strongest = 0.0, 200.0
    for _ in range(30):
        strength = (weakest + strongest) / 2
        worse = np.clip(intact + strength * noise, 0, 255).round()
        if np.mean((worse - intact) ** 2) < mse:
            weakest = strength
        else:
            strongest = strength
    return worse.astype(np.uint8)
