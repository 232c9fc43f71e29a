import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage.color import xyz2lab

from fechner.errors import InputError
from fechner.records.images.files import (
    image_size,
    read_image,
    read_map_png,
    write_map_png,
    write_png,
)

SRGB_TO_XYZ_D50 = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
"""Linear sRGB to XYZ adapted to D50 (Bradford), as www.brucelindbloom.com tabulates it."""


@pytest.fixture
def picture():
    """A small colour picture without symmetry, uint8 (24, 40, 3)."""
    rng = np.random.default_rng(7)
    small = rng.integers(0, 256, (6, 10, 3), dtype=np.uint8)
    return cv2.resize(small, (40, 24), interpolation=cv2.INTER_CUBIC)


def save(array_or_image, path, **options):
    image = (
        array_or_image
        if isinstance(array_or_image, Image.Image)
        else Image.fromarray(array_or_image)
    )
    image.save(path, **options)
    return path


def png_chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def adobe_like_rgb_profile():
    """A matrix profile with swapped primaries, so that reading it or not is visible."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {}
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        at = 132 + 12 * index
        entries[bytes(profile[at : at + 4])] = at
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def test_a_png_comes_back_bit_exact(picture, tmp_path):
    write_png(tmp_path / "a.png", picture)
    assert np.array_equal(read_image(tmp_path / "a.png"), picture)


def test_grey_becomes_three_equal_channels(picture, tmp_path):
    path = save(picture[..., 0], tmp_path / "grey.png")
    assert np.array_equal(read_image(path), np.repeat(picture[..., :1], 3, axis=2))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_become_eight_by_rounding(tmp_path, suffix, channels):
    rng = np.random.default_rng(3)
    deep = rng.integers(0, 65536, (9, 14, channels)).astype(np.uint16)
    if channels == 4:
        deep[..., 3] = 65535
    path = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(path), deep)
    expected = np.rint(deep / 257).astype(np.uint8)
    expected = expected[..., 2::-1] if channels > 1 else np.repeat(expected, 3, axis=2)
    assert np.array_equal(read_image(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_orientation_is_applied_once(picture, tmp_path, orientation, suffix):
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: np.rot90(a, 2),
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(undo(picture))
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(stored, tmp_path / f"turned.{suffix}", exif=exif, **options)
    assert np.array_equal(read_image(path), picture)
    assert image_size(path) == picture.shape[:2]


def test_a_phone_photograph_turned_by_exif_is_upright(picture, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(np.ascontiguousarray(np.rot90(picture)), tmp_path / "a.jpg", exif=exif, quality=95)
    assert read_image(path).shape == picture.shape
    assert np.abs(read_image(path).astype(int) - picture).mean() < 12


def test_a_palette_is_looked_up(picture, tmp_path):
    indexed = Image.fromarray(picture).quantize(16)
    path = save(indexed, tmp_path / "palette.png")
    assert np.array_equal(read_image(path), np.asarray(indexed.convert("RGB")))


def test_one_bit_pictures_are_black_and_white(tmp_path):
    bits = np.eye(8, dtype=bool)
    path = save(Image.fromarray(bits), tmp_path / "bits.png")
    assert np.array_equal(read_image(path)[..., 1], bits * np.uint8(255))


def test_an_opaque_alpha_channel_is_dropped(picture, tmp_path):
    alpha = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert np.array_equal(read_image(save(alpha, tmp_path / "opaque.png")), picture)


def test_real_transparency_is_refused(picture, tmp_path):
    alpha = np.dstack([picture, np.full(picture.shape[:2], 254, np.uint8)])
    with pytest.raises(InputError, match=r"transparent pixels.*flatten"):
        read_image(save(alpha, tmp_path / "glass.png"))


def test_a_transparent_palette_entry_in_use_is_refused(picture, tmp_path):
    path = save(Image.fromarray(picture).quantize(4), tmp_path / "p.png", transparency=0)
    with pytest.raises(InputError, match="transparent"):
        read_image(path)


def test_cmyk_without_profile_is_refused(picture, tmp_path):
    path = save(Image.fromarray(picture).convert("CMYK"), tmp_path / "print.jpg")
    with pytest.raises(InputError, match="CMYK without a colour profile"):
        read_image(path)


def test_cmyk_with_a_profile_for_other_colours_is_refused(picture, tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(picture).convert("CMYK")
    with pytest.raises(InputError, match="CMYK with a profile for RGB"):
        read_image(save(image, tmp_path / "print.jpg", icc_profile=srgb))


def test_an_srgb_profile_leaves_pixels_alone(picture, tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(read_image(save(picture, tmp_path / "s.png", icc_profile=srgb)), picture)


def test_another_profile_is_converted_to_srgb(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    path = save(red, tmp_path / "swapped.png", icc_profile=adobe_like_rgb_profile())
    got = read_image(path)[0, 0].astype(int)
    assert np.abs(got - [0, 255, 0]).max() <= 2


def test_a_broken_profile_is_refused(picture, tmp_path):
    path = save(picture, tmp_path / "odd.png", icc_profile=b"not a profile" * 20)
    with pytest.raises(InputError, match="colour profile that cannot be used"):
        read_image(path)


def test_animations_are_refused(picture, tmp_path):
    frames = [Image.fromarray(picture), Image.fromarray(255 - picture)]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="holds 2 frames"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_truncated_files_are_refused(picture, tmp_path, suffix):
    big = cv2.resize(picture, (400, 240))
    whole = save(big, tmp_path / f"whole.{suffix}").read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"corrupt|truncated|cannot read"):
        read_image(path)


def test_a_damaged_png_is_refused(picture, tmp_path):
    content = bytearray(save(picture, tmp_path / "good.png").read_bytes())
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad.png"):
        read_image(path)


def test_files_that_are_no_images_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(InputError, match="not an image, or is corrupt"):
        read_image(tmp_path / "text.png")
    with pytest.raises(InputError, match="empty file"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(InputError, match="missing"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(InputError, match="cannot read"):
        read_image(tmp_path)


def test_enormous_images_are_refused_before_decoding(tmp_path):
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    path = tmp_path / "huge.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + png_chunk(b"IEND", b"")
    )
    with pytest.raises(InputError, match="million pixels"):
        read_image(path)


def test_floating_point_images_are_refused(tmp_path):
    path = save(np.zeros((4, 4), np.float32), tmp_path / "float.tif")
    with pytest.raises(InputError, match="samples of kind F"):
        read_image(path)


def test_formats_outside_the_list_are_named(picture, tmp_path):
    with pytest.raises(InputError, match=r"ICO.*save it as PNG"):
        read_image(save(picture, tmp_path / "a.ico"))


def test_a_map_comes_back_within_half_a_step(tmp_path):
    values = np.random.default_rng(1).random((17, 23))
    write_map_png(tmp_path / "map.png", values)
    back = read_map_png(tmp_path / "map.png")
    assert back.dtype == np.float32
    assert np.abs(back - values).max() <= 0.5 / 65535 + 1e-7
    assert Image.open(tmp_path / "map.png").mode == "I;16"


def test_a_map_of_eight_bits_is_read(tmp_path):
    path = save(np.array([[0, 255], [51, 102]], np.uint8), tmp_path / "m.png")
    assert np.allclose(read_map_png(path), [[0, 1], [0.2, 0.4]])


def test_a_colour_picture_is_no_map(picture, tmp_path):
    with pytest.raises(InputError, match="no map"):
        read_map_png(save(picture, tmp_path / "c.png"))


@pytest.mark.parametrize("values", [np.full((2, 2), 1.01), np.full((2, 2), np.nan)])
def test_map_values_outside_the_unit_interval_are_not_written(tmp_path, values):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        write_map_png(tmp_path / "m.png", values)
    assert not list(tmp_path.iterdir())


def test_only_eight_bit_colour_is_written_as_png(tmp_path):
    with pytest.raises(ValueError, match="expected uint8"):
        write_png(tmp_path / "a.png", np.zeros((3, 3)))


def cmyk_profile():
    """A printer profile of 2 x 2 x 2 x 2 nodes: RGB = (1 - CMY)(1 - K), stored as 8-bit Lab."""
    nodes = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(16, 4)
    rgb = (1 - nodes[:, :3]) * (1 - nodes[:, 3:])
    lab = xyz2lab((rgb @ SRGB_TO_XYZ_D50.T)[None], illuminant="D50")[0]
    table = np.rint(np.clip(lab * [2.55, 1, 1] + [0, 128, 128], 0, 255)).astype(np.uint8)
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if k in (0, 4, 8) else 0 for k in range(9)))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4
    lut += table.tobytes() + identity * 3
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = {
        b"desc": name,
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": lut,
    }
    at, index, body = 128 + 4 + 12 * len(tags), b"", b""
    for signature, content in tags.items():
        content += bytes(-len(content) % 4)
        index += signature + struct.pack(">II", at + len(body), len(content))
        body += content
    header = struct.pack(">I", at + len(body)) + bytes(4) + b"\x02\x40\0\0prtrCMYKLab " + bytes(12)
    header += b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + index + body


def test_cmyk_goes_through_its_profile_to_srgb(tmp_path):
    inks = np.array([[[255, 0, 0, 0], [0, 0, 255, 0], [0, 0, 0, 0], [0, 255, 255, 0]]], np.uint8)
    colours = [[0, 255, 255], [255, 255, 0], [255, 255, 255], [255, 0, 0]]
    image = Image.frombytes("CMYK", (4, 1), inks.tobytes())
    path = save(image, tmp_path / "p.tif", icc_profile=cmyk_profile())
    assert np.abs(read_image(path)[0].astype(int) - colours).max() <= 12


def test_a_turned_sixteen_bit_tiff_is_upright(tmp_path):
    deep = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2700
    path = save(Image.fromarray(deep), tmp_path / "deep.tif", tiffinfo={274: 6})
    expected = np.rot90(np.rint(deep / 257), -1)
    assert np.array_equal(read_image(path)[..., 0], expected)
    assert image_size(path) == expected.shape


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp", "ppm", "avif"])
def test_damaged_bytes_give_a_picture_or_one_clear_line(tmp_path, suffix):
    rng = np.random.default_rng(0)
    whole = save(rng.integers(0, 256, (24, 31, 3), dtype=np.uint8), tmp_path / f"a.{suffix}")
    content = whole.read_bytes()
    refused = 0
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 6)):
            damaged[rng.integers(0, min(len(damaged), 700))] = rng.integers(0, 256)
        path = tmp_path / f"damaged.{suffix}"
        path.write_bytes(damaged)
        try:
            assert read_image(path).shape[2] == 3
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 0


def test_damaged_exif_means_upright(picture, tmp_path):
    path = save(picture, tmp_path / "a.jpg", exif=b"Exif\0\0nonsense", quality=95)
    assert read_image(path).shape == picture.shape
    assert image_size(path) == picture.shape[:2]
