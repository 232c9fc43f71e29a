"""A folder of odd inputs: whatever lies in it, each ends in one row, and every result opens.

The folder is made here. The core runs with Pillow alone; libjpeg-turbo's djpeg, ImageMagick and
Chromium open the results too where they are installed.
"""

import base64
import csv
import html
import io
import json
import os
import re
import shutil
import struct
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageCms, features
from skimage.data import astronaut
from typer.testing import CliRunner

from fechner.cli.compress import app
from fechner.records.images.files import read_image

PIXELS = np.ascontiguousarray(astronaut()[40:88, 150:214])
PICTURE = Image.fromarray(PIXELS)
OTHER = PICTURE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

# Pillow writes neither arithmetic coding nor sampling factors that differ between Cb and Cr:
# cjpeg of libjpeg-turbo 2.1.5 with -arithmetic, and with -sample 2x2,2x1,1x2; 24 x 16 pixels.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNy"
    "wtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09P"
    "T09PT09PT09PT09PT09PT09PT09PT0//yQARCAAQABgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPw"
    "DSI3BQBO8/JXKPLKHJx6SLqeOZFfy48VB1XZxMHd8YbQ2ljVH92OHu3fGdQKs67yrTYwQDrAMSpk9kXqTr2y3o+VO6"
    "P0fgzXZNn50pbVCRJrTYhUPzULtMoB7A35E/XrAeg2rMefsj88S+C68sPVjJ5FVvcyr7JHWA/9k="
)
MIXED_SAMPLING = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNy"
    "wtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09P"
    "T09PT09PT09PT09PT09PT09PT09PT0//wAARCAAQABgDASIAAiEBAxIB/8QAFwABAQEBAAAAAAAAAAAAAAAABQACA/"
    "/EACcQAAIBAwEGBwAAAAAAAAAAAAECAwAEERIFBiExQYETFBUiI1Fx/8QAFwEAAwEAAAAAAAAAAAAAAAAAAQIDAP/E"
    "ABwRAAMAAgMBAAAAAAAAAAAAAAABAhFBEiExUf/aAAwDAQACEQMRAD8AeaaK3heaXICjJxRfq8s10pHx25GAoHuz1y"
    "elKXMEUtnLHcyCKJlKs5bTp71x2TBDbbORbS48yE1DxVYFHPPP7SYeiLdbKzOQx7gOfeI218kU5WSJ+J08Sgz91Vm7"
    "3eG1r+CZCYlUZnZsZOeQGOfeqjPLTMK18Gp9n//Z"
)

COPIED, COMPRESSED, SKIPPED, FAILED = "copied", "compressed", "skipped", "failed"
SMALLER = f"{COMPRESSED} or {COPIED}"
"""What becomes of a picture whose size decides."""


def saved(picture: Image.Image = PICTURE, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.copy().save(buffer, form, **({"quality": 95} if form == "JPEG" else {}) | options)
    return buffer.getvalue()


def exif(**tags: object) -> Image.Exif:
    made = Image.Exif()
    for name, value in tags.items():
        made[int(name[1:], 16)] = value
    return made


def damaged(content: bytes) -> bytes:
    third = len(content) // 3
    return content[:third] + bytes(i * 7 & 0x7F for i in range(60)) + content[third + 60 :]


def with_transform(jpeg: bytes, transform: int) -> bytes:
    """Change what Adobe's marker says of the colours."""
    place = jpeg.index(b"Adobe") + 11
    return jpeg[:place] + bytes([transform]) + jpeg[place + 1 :]


def animated(form: str) -> bytes:
    return saved(PICTURE, form, save_all=True, append_images=[OTHER.copy()], duration=100)


def alpha(mode: str, level: int) -> Image.Image:
    made = PICTURE.convert(mode)
    made.putalpha(Image.new("L", PICTURE.size, level))
    return made


def sixteen_bits(picture: np.ndarray, form: str) -> bytes:
    import cv2

    done, content = cv2.imencode(form, picture.astype(np.uint16) * 257)
    assert done
    return content.tobytes()


def jpegs() -> dict[str, tuple[bytes, str]]:
    plain, subsampled = saved(), {}
    for name in ("444", "440", "422", "411", "Gray"):
        content = simplejpeg.encode_jpeg(
            PIXELS if name != "Gray" else PIXELS[..., :1].copy(),
            quality=95,
            colorspace="RGB" if name != "Gray" else "GRAY",
            colorsubsampling=name,
        )
        subsampled[f"sampled-{name}.jpg"] = (content, COMPRESSED)
    turned = {f"turned-{n}.jpg": (saved(exif=exif(x0112=n)), COMPRESSED) for n in range(1, 9)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cmyk, rgb = saved(PICTURE.convert("CMYK")), saved(keep_rgb=True)
    return {
        "plain.jpg": (plain, COMPRESSED),
        "UPPER.JPG": (plain, COMPRESSED),
        "upper.jpg": (saved(OTHER), COMPRESSED),
        **subsampled,
        **turned,
        "turned-nonsense.jpg": (saved(exif=exif(x0112=77)), COMPRESSED),
        "progressive.jpg": (saved(progressive=True), COMPRESSED),
        "restarts.jpg": (saved(restart_marker_blocks=1), COMPRESSED),
        "optimised.jpg": (saved(optimize=True), COMPRESSED),
        "arithmetic.jpg": (ARITHMETIC, SMALLER),
        "mixed-sampling.jpg": (MIXED_SAMPLING, SMALLER),
        "cmyk.jpg": (cmyk, COMPRESSED),
        "ycck.jpg": (with_transform(cmyk, 2), COMPRESSED),
        "rgb-by-adobe.jpg": (rgb, COMPRESSED),
        "profile.jpg": (saved(icc_profile=profile), COMPRESSED),
        "comment.jpg": (saved(comment=b"\xff\xd9 " * 99), COMPRESSED),
        "much-exif.jpg": (saved(exif=exif(x010E="x" * 60000)), COMPRESSED),
        "broken-exif.jpg": (
            plain[:2] + b"\xff\xe1\x00\x10Exif\0\0MM\0*\xff\xff\xff\xff" + plain[2:],
            COMPRESSED,
        ),
        "padded.jpg": (plain + bytes(512), COMPRESSED),
        "motion.jpg": (plain + b"\0\0\0\x18ftypmp42" + bytes(range(99)) * 9, COMPRESSED),
        "gain-map.jpg": (saved(xmp=b'<x:xmpmeta hdrgm:Version="1.0"/>'), COMPRESSED),
        "two-pictures.jpg": (
            saved(form="MPO", save_all=True, append_images=[OTHER.copy()]),
            SMALLER,
        ),
        "quality-3.jpg": (saved(quality=3), SMALLER),
        "one-pixel.jpg": (saved(PICTURE.resize((1, 1))), COPIED),
        "seven.jpg": (saved(PICTURE.resize((7, 7))), COPIED),
        "eight.jpg": (saved(PICTURE.resize((8, 8))), SMALLER),
        "odd-size.jpg": (saved(PICTURE.resize((37, 53))), COMPRESSED),
        "narrow.jpg": (saved(PICTURE.resize((9, 200))), COMPRESSED),
        "truncated.jpg": (plain[: len(plain) // 2], FAILED),
        "damaged.jpg": (damaged(plain), FAILED),
        "only-a-start.jpg": (plain[:3], FAILED),
        "empty.jpg": (b"", FAILED),
        "text.jpg": (b"Dear Anna,", FAILED),
        "a jpeg.png": (plain, COMPRESSED),
        "no-suffix": (plain, COMPRESSED),
        "it's #1 100% \N{LEFT DOUBLE QUOTATION MARK}a\N{RIGHT DOUBLE QUOTATION MARK}&b.jpg": (
            plain,
            COMPRESSED,
        ),
        "\u5199\u771f \u0444\u043e\u0442\u043e \N{LATIN SMALL LETTER E WITH ACUTE}.jpg": (
            plain,
            COMPRESSED,
        ),
        "deep/deeper/nested.jpg": (plain, COMPRESSED),
        "deep/plain.jpg": (saved(OTHER), COMPRESSED),
        ".hidden.jpg": (plain, SKIPPED),
    }


def pngs() -> dict[str, tuple[bytes, str]]:
    palette = PICTURE.quantize(16)
    whole = saved(form="PNG")
    return {
        "rgb.png": (whole, COMPRESSED),
        "grey.png": (saved(PICTURE.convert("L"), "PNG"), COMPRESSED),
        "black-and-white.png": (saved(PICTURE.convert("1"), "PNG"), SMALLER),
        "sixteen-bits.png": (sixteen_bits(PIXELS[..., ::-1], ".png"), COMPRESSED),
        "sixteen-bits-grey.png": (sixteen_bits(PIXELS[..., 0], ".png"), COMPRESSED),
        "palette.png": (saved(palette, "PNG"), SMALLER),
        "palette-transparent.png": (saved(palette, "PNG", transparency=3), COPIED),
        "colour-key.png": (saved(form="PNG", transparency=tuple(PIXELS[0, 0].tolist())), COPIED),
        "glass.png": (saved(alpha("RGB", 90), "PNG"), COPIED),
        "grey-glass.png": (saved(alpha("L", 90), "PNG"), COPIED),
        "opaque-alpha.png": (saved(alpha("RGB", 255), "PNG"), COMPRESSED),
        "turned.png": (saved(form="PNG", exif=exif(x0112=6)), COMPRESSED),
        "wide.png": (saved(Image.new("RGB", (65535, 8), "red"), "PNG"), COPIED),
        "moving.png": (animated("PNG"), COPIED),
        "wrong-sum.png": (whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], FAILED),
        "truncated.png": (whole[:-200], FAILED),
        "plain.png": (saved(form="PNG"), COMPRESSED),
        "plain.bmp": (saved(form="BMP"), COMPRESSED),
    }


def others() -> dict[str, tuple[bytes, str]]:
    floats = Image.fromarray(PIXELS[..., 0].astype(np.float32))
    found = {
        "plain.tif": (saved(form="TIFF"), COMPRESSED),
        "sixteen-bits.tif": (sixteen_bits(PIXELS[..., ::-1], ".tif"), COMPRESSED),
        "cmyk.tif": (saved(PICTURE.convert("CMYK"), "TIFF"), COPIED),
        "floats.tif": (saved(floats, "TIFF"), COPIED),
        "pages.tif": (saved(form="TIFF", save_all=True, append_images=[OTHER.copy()]), COPIED),
        "raw.nef": (saved(form="TIFF"), SKIPPED),
        "plain.ppm": (saved(form="PPM"), COMPRESSED),
        "grey.pgm": (saved(PICTURE.convert("L"), "PPM"), COMPRESSED),
        "still.gif": (saved(form="GIF"), SMALLER),
        "moving.gif": (animated("GIF"), COPIED),
        "junk.heif": (b"\0", FAILED),
        "phone.heic": (struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(40), None),
        "junk.jxl": (b"\xff\x0a", None),
        "film.mp4": (struct.pack(">I", 20) + b"ftypmp42\0\0\0\0mp42" + bytes(40), SKIPPED),
        "drawing.psd": (b"8BPS" + bytes(60), SKIPPED),
        "paper.pdf": (b"%PDF-1.7", SKIPPED),
        "notes.txt": (b"hello", SKIPPED),
        "empty": (b"", SKIPPED),
    }
    if features.check("webp"):
        found |= {
            "lossy.webp": (saved(form="WEBP", quality=60), SMALLER),
            "glass.webp": (saved(alpha("RGB", 90), "WEBP", lossless=True), COPIED),
            "moving.webp": (animated("WEBP"), COPIED),
        }
    if features.check("avif"):
        found["plain.avif"] = (saved(form="AVIF", quality=90), SMALLER)
    return found


def files() -> dict[str, tuple[bytes, str | None]]:
    """Return every file of the folder, and what becomes of it; None where an extra decides."""
    return {**jpegs(), **pngs(), **others()}


def add_links(folder: Path, expected: dict[str, str | None]) -> None:
    """Add what some systems do not have: links, pipes, rights."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "far.jpg").write_bytes(saved())
    try:
        (folder / "dangling.jpg").symlink_to("nowhere.jpg")
        (folder / "second-name.jpg").symlink_to("plain.jpg")
        (folder / "link-out.jpg").symlink_to(outside / "far.jpg")
        (folder / "linked-folder").symlink_to(outside, target_is_directory=True)
        (folder / "loop").symlink_to(folder, target_is_directory=True)
        (folder / "to-itself.jpg").symlink_to("to-itself.jpg")
    except OSError:
        return
    for name in ("dangling.jpg", "second-name.jpg", "linked-folder", "loop", "to-itself.jpg"):
        expected[name] = SKIPPED
    expected["link-out.jpg"] = COMPRESSED
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.jpg")
        expected["pipe.jpg"] = SKIPPED


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Made:
    """The folder, what was expected of it, and what one run made."""

    def __init__(self, place: Path) -> None:
        self.folder, self.out = place / "photos", place / "out"
        self.expected: dict[str, str | None] = {}
        for name, (content, becomes) in files().items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():  # a disk that does not tell UPPER.JPG from upper.jpg
                continue
            path.write_bytes(content)
            self.expected[name] = becomes
        (self.folder / ".thumbnails").mkdir()
        (self.folder / ".thumbnails" / "small.jpg").write_bytes(saved())
        self.expected[".thumbnails"] = SKIPPED
        (self.folder / "plain.jpg").chmod(0o444)
        add_links(self.folder, self.expected)
        self.before = snapshot(place)
        self.result = run(self.folder, "-o", self.out, "--centre", "--jobs", 1)
        self.rows = {row["image"]: row for row in rows_of(self.out)}

    @property
    def outputs(self) -> dict[str, Path]:
        return {name: Path(row["output"]) for name, row in self.rows.items() if row["output"]}

    def of(self, *suffixes: str) -> list[Path]:
        return [path for path in self.outputs.values() if path.suffix.lower() in suffixes]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("odd"))


def same_name(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def test_every_input_ends_in_one_row_that_says_what_became_of_it(made):
    assert len(made.expected) >= 60
    assert made.result.exit_code == 1 or "inputs failed" in str(made.result.exception)
    assert len(rows_of(made.out)) == len(made.rows)
    assert {same_name(name) for name in made.rows} == {same_name(n) for n in made.expected}
    wrong = {
        name: (row["status"], made.expected[name], row["note"])
        for name, row in made.rows.items()
        if made.expected.get(name) and row["status"] not in str(made.expected[name])
    }
    assert wrong == {}
    silent = [n for n, row in made.rows.items() if row["status"] != COMPRESSED and not row["note"]]
    assert silent == []
    assert not [n for n, row in made.rows.items() if "unexpected" in row["note"]]


def test_no_source_is_touched_and_nothing_is_written_elsewhere(made):
    after = snapshot(made.folder.parent)
    inside = f"{made.out}{os.sep}"
    assert {name: it for name, it in after.items() if not name.startswith(inside)} == made.before


def test_no_result_is_larger_than_its_source(made):
    for name, path in made.outputs.items():
        row = made.rows[name]
        assert path.stat().st_size == int(row["bytes_after"]) <= int(row["bytes_before"]), name


def test_every_compressed_picture_shows_its_source_at_its_size_the_right_way_up(made):
    compared = 0
    for name, path in made.outputs.items():
        if made.rows[name]["status"] != COMPRESSED or name in ("cmyk.jpg", "ycck.jpg"):
            continue
        source, shown = read_image(made.folder / name), read_image(path)
        assert shown.shape == source.shape, name
        assert np.abs(shown.astype(int) - source).mean() < 12, name
        compared += 1
    assert compared > 40


def test_four_channels_stay_four_with_what_adobe_says_of_them(made):
    for name in ("cmyk.jpg", "ycck.jpg"):
        with Image.open(made.folder / name) as source, Image.open(made.outputs[name]) as shown:
            assert shown.mode == "CMYK"
            assert shown.info["adobe_transform"] == source.info["adobe_transform"]
            assert np.abs(np.asarray(shown, int) - np.asarray(source)).mean() < 12


def test_a_second_run_writes_nothing(made):
    stamps = {path: path.stat().st_mtime_ns for path in made.outputs.values()}
    again = run(made.folder, "-o", made.out, "--centre", "--jobs", 1, "--quiet")
    assert "inputs failed" in str(again.exception)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert {row["image"]: row for row in rows_of(made.out)} == made.rows


def test_in_place_every_file_stays_or_becomes_a_smaller_jpeg_with_its_original_kept(made, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(made.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("pipe*"))
    before = snapshot(folder)
    run(folder, "-o", out, "--centre", "--in-place", "--jobs", 1)
    changed = {name for name, (content, _) in before.items() if Path(name).read_bytes() != content}
    assert len(changed) > 20
    for name in changed:
        below = Path(name).relative_to(folder)
        assert (out / "originals" / below).read_bytes() == before[name][0]
        assert Path(name).stat().st_size < len(before[name][0])
        assert Path(name).stat().st_mtime_ns == before[name][1]
    kept = ("plain.jpg", "motion.jpg", "gain-map.jpg", "two-pictures.jpg", "link-out.jpg")
    assert not changed & {str(folder / name) for name in kept}


def program(*names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"{' or '.join(names)} is not installed")
    return found


def test_djpeg_opens_every_jpeg_without_a_warning(made):
    djpeg = program("djpeg")
    strict = subprocess.run([djpeg, "-help"], capture_output=True, text=True, check=False)
    if "-strict" not in strict.stderr + strict.stdout:
        pytest.skip("this djpeg knows no -strict")
    opened = 0
    for name, path in made.outputs.items():
        if path.suffix.lower() in (".jpg", ".jpeg") and made.rows[name]["status"] == COMPRESSED:
            got = subprocess.run([djpeg, "-strict", "-outfile", os.devnull, path], check=False,
                                 capture_output=True, text=True)  # fmt: skip
            assert (got.returncode, got.stderr) == (0, ""), name
            opened += 1
    assert opened > 40


def test_imagemagick_opens_every_result_without_a_warning(made):
    magick = program("magick", "convert")
    about = subprocess.run([magick, "-version"], capture_output=True, text=True, check=False)
    if "Version: ImageMagick" not in about.stdout:
        pytest.skip("ImageMagick is not installed")
    for path in made.of(".jpg", ".jpeg", ".png", ".gif", ".bmp"):
        if path.stem == "wide":
            continue  # wider than its policy allows
        got = subprocess.run([magick, "-regard-warnings", path, "null:"], check=False,
                             capture_output=True, text=True)  # fmt: skip
        assert (got.returncode, got.stderr) == (0, ""), path.name


def test_chromium_shows_every_result_at_its_size_the_right_way_up(made):
    chromium = program("chromium", "google-chrome", "chrome")
    shown = made.of(".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".bmp")
    images = "".join(f'<img src="{html.escape(path.resolve().as_uri())}">' for path in shown)
    page = made.out.parent / "page.html"
    page.write_text(
        f'<meta charset="utf-8">{images}<p id="sizes"></p><script>onload = () => '
        'document.getElementById("sizes").textContent = JSON.stringify('
        "[...document.images].map(i => [i.naturalWidth, i.naturalHeight]))</script>",
        encoding="utf-8",
    )
    words = (chromium, "--headless", "--no-sandbox", "--dump-dom", "--virtual-time-budget=20000")
    got = subprocess.run([*words, page.as_uri()], capture_output=True, text=True, timeout=120,
                         check=False)  # fmt: skip
    found = re.search(r'<p id="sizes">(\[.*?\])</p>', got.stdout)
    if found is None:
        pytest.skip(f"Chromium does not start here: {got.stderr[-200:]}")
    sizes = {path: tuple(size) for path, size in zip(shown, json.loads(found[1]), strict=True)}
    assert sizes == {path: upright_size(path) for path in shown}


def upright_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        return image.size[::-1] if turned else image.size


def test_the_sheet_is_whole_and_names_every_input(made):
    page = (made.out / "sheet.html").read_text("utf-8")
    for name in made.expected:
        assert html.escape(name, quote=False).replace("'", "&#39;") in page.replace("&#34;", '"')
    assert '="http' not in page
