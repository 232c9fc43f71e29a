"""A damaged file never becomes a picture; a whole one never counts as damaged."""

import os
import subprocess
import sys
from pathlib import Path

import jpeglib
import numpy as np
import pytest
import simplejpeg
import skimage
import sklearn
from PIL import Image
from skimage.data import rocket

from fechner.errors import InputError
from fechner.records.images.decoding import decoded
from fechner.records.images.files import (
    read_image,
    read_map_png,
    write_map_png,
    write_png,
)
from fechner.records.images.jpeg_scan import impossible_block

DATA = Path(os.environ.get("FECHNER_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
TURNED = Image.Exif()
TURNED[0x0112] = 6
KINDS = {
    "plain": {},
    "high quality": {"quality": 100},
    "full chroma": {"subsampling": 0},
    "optimised": {"optimize": True},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 7},
    "progressive with restart markers": {"progressive": True, "restart_marker_rows": 1},
    "rgb": {"keep_rgb": True},
    "turned": {"exif": TURNED},
    "grey": {},
}


def written(kind, path):
    picture = Image.fromarray(rocket())
    (picture.convert("L") if kind == "grey" else picture).save(path, "JPEG", **KINDS[kind])
    return path


def shown(path):
    """Return what Pillow alone makes of a file, turned upright."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
        return np.rot90(pixels, -1) if image.getexif().get(0x0112) == 6 else pixels


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_shows_the_pixels_that_pillow_shows(kind, tmp_path):
    path = written(kind, tmp_path / "a.jpg")
    assert np.array_equal(read_image(path), shown(path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_damaged_in_its_scan_is_refused(kind, tmp_path):
    path = written(kind, tmp_path / "a.jpg")
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + 300] = bytes(i * 7 & 0x7F for i in range(300))
    path.write_bytes(content)
    with Image.open(path) as image:
        image.load()  # Pillow patches it over without a word
    with pytest.raises(InputError, match=r"a.jpg is corrupt.*expected a whole JPEG, got .*replace"):
        read_image(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_cut_in_its_scan_and_closed_again_is_refused(kind, tmp_path):
    path = written(kind, tmp_path / "a.jpg")
    content = path.read_bytes()
    path.write_bytes(content[: (content.rindex(b"\xff\xda") + len(content)) // 2] + b"\xff\xd9")
    with pytest.raises(InputError, match="truncated: expected a whole JPEG"):
        read_image(path)


def test_damage_that_libjpeg_passes_over_is_found(tmp_path):
    content = written("plain", tmp_path / "a.jpg").read_bytes()
    rng = np.random.default_rng(0)
    passed_over, found = 0, 0
    for at in rng.integers(1000, len(content) - 400, 200):
        damaged = content[:at] + rng.integers(0, 255, 40, np.uint8).tobytes() + content[at + 40 :]
        try:
            simplejpeg.decode_jpeg(damaged)
        except ValueError:
            continue
        passed_over += 1
        found += impossible_block(damaged) is not None
    assert passed_over > 10
    assert found > 0.5 * passed_over


def test_a_mean_beyond_white_is_a_block_that_no_encoder_writes(tmp_path):
    written("plain", tmp_path / "a.jpg")
    jpeg = jpeglib.read_dct(str(tmp_path / "a.jpg"))
    assert impossible_block((tmp_path / "a.jpg").read_bytes()) is None
    jpeg.Y[2, 3, 0, 0] = 1200 // jpeg.qt[0][0, 0]
    jpeg.write_dct(str(tmp_path / "b.jpg"))
    found = impossible_block((tmp_path / "b.jpg").read_bytes())
    assert found == 6 * (40 + 1) + 1  # 4:2:0: second row and column of units of six blocks
    with pytest.raises(InputError, match="no encoder writes"):
        read_image(tmp_path / "b.jpg")


@pytest.mark.parametrize("quality", [1, 50, 100])
def test_the_harshest_picture_is_no_damage(quality, tmp_path):
    rng = np.random.default_rng(0)
    harsh = 255 * rng.integers(0, 2, (160, 160, 3), np.uint8)
    harsh[:64] = np.where(np.indices((64, 160)).sum(0)[..., None] % 2, 255, 0)
    harsh[64:80], harsh[80:96] = 0, 255
    Image.fromarray(harsh).save(tmp_path / "a.jpg", quality=quality, subsampling=0)
    assert np.array_equal(read_image(tmp_path / "a.jpg"), shown(tmp_path / "a.jpg"))


def photographs():
    """Every JPEG of the test data, and those that installed packages bring."""
    package = [Path(module.__file__).parent for module in (skimage, sklearn)]
    return [path for top in (DATA, *package) for path in sorted(top.rglob("*.jp*g"))]


def test_no_jpeg_photograph_is_refused():
    found = photographs()
    if not found:
        pytest.skip(f"no JPEG photographs in {DATA}, scikit-image or scikit-learn")
    for path in found:
        with Image.open(path) as image, Image.open(path) as again:
            assert np.array_equal(decoded(image, path), again)


def test_a_label_that_libjpeg_does_not_know_is_no_damage(tmp_path):
    path = written("plain", tmp_path / "a.jpg")
    content = bytearray(path.read_bytes())
    content[content.index(b"JFIF\0") + 5] = 3  # a version that was never published
    path.write_bytes(content)
    assert np.array_equal(read_image(path), shown(path))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda png: png[:-12], "ends before its last chunk"),
        (lambda png: png[: len(png) - 400] + bytes(400), "check sum|ends before"),
        (lambda png: png[:500] + bytes([png[500] ^ 1]) + png[501:], "wrong check sum"),
    ],
)
def test_a_png_whose_chunks_disagree_with_their_sums_is_refused(damage, words, tmp_path):
    write_png(tmp_path / "a.png", rocket()[:80, :80])
    (tmp_path / "a.png").write_bytes(damage((tmp_path / "a.png").read_bytes()))
    with pytest.raises(InputError, match=words):
        read_image(tmp_path / "a.png")


def test_what_follows_the_last_chunk_of_a_png_is_no_damage(tmp_path):
    write_png(tmp_path / "a.png", rocket()[:80, :80])
    with (tmp_path / "a.png").open("ab") as file:
        file.write(b"left by some programs")
    assert np.array_equal(read_image(tmp_path / "a.png"), rocket()[:80, :80])


def test_a_damaged_map_is_refused(tmp_path):
    write_map_png(tmp_path / "m.png", np.random.default_rng(0).random((40, 40)))
    content = bytearray((tmp_path / "m.png").read_bytes())
    content[-30] ^= 1
    (tmp_path / "m.png").write_bytes(content)
    with pytest.raises(InputError, match=r"m.png is corrupt"):
        read_map_png(tmp_path / "m.png")


def test_a_damaged_photograph_ends_a_command_in_one_line_and_status_2(tmp_path):
    path = written("plain", tmp_path / "a.jpg")
    content = path.read_bytes()
    path.write_bytes(content[:9000] + bytes(400) + content[9400:])
    words = ["degrade", path, "--strength", "2", "--region", "everywhere"]
    done = subprocess.run(
        [sys.executable, "-m", "fechner.cli.main", *words], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]
