"""Pictures of every kind are read by what they are, and say no more than they are asked to."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from skimage.data import astronaut

import fechner
from fechner.compression.formats.metadata import KEEPS, copy_of
from fechner.compression.formats.reading import open_source, read_pixels
from fechner.compression.formats.sniffing import kind_of
from fechner.errors import InputError, UnsuitedError

PIXELS = np.ascontiguousarray(astronaut()[40:104, 150:214])
PICTURE = Image.fromarray(PIXELS)
GPS, SERIAL, TAKEN = 0x8825, 0xA431, 0x9003


def told() -> Image.Exif:
    """EXIF with what is safe to pass on and what is not."""
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright], exif[ExifTags.Base.Make] = "(c) Anna", "Camera"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif).update({TAKEN: "2020:01:02 03:04:05", SERIAL: "SN 123"})
    exif.get_ifd(GPS)[1] = "N"
    return exif


def read_exif(content: bytes) -> tuple[dict, dict, dict]:
    with Image.open(io.BytesIO(content)) as image:
        exif = image.getexif()
        return dict(exif), dict(exif.get_ifd(ExifTags.IFD.Exif)), dict(exif.get_ifd(GPS))


def check_kept(content: bytes, keep: str, *, turn: int | None) -> None:
    tags, of_photograph, position = read_exif(content)
    assert tags.get(ExifTags.Base.Orientation) == turn
    assert (tags.get(ExifTags.Base.Copyright) == "(c) Anna") == (keep != "none")
    assert (of_photograph.get(TAKEN) == "2020:01:02 03:04:05") == (keep != "none")
    for secret in (ExifTags.Base.Make in tags, SERIAL in of_photograph, bool(position)):
        assert secret == (keep == "all")


@pytest.mark.parametrize("keep", KEEPS)
def test_a_compressed_jpeg_says_what_it_is_asked_to_say(tmp_path, keep):
    PICTURE.save(tmp_path / "a.jpg", exif=told(), quality=97, dpi=(300, 300))
    small = fechner.compress(tmp_path / "a.jpg", metadata=keep)
    check_kept(small.content, keep, turn=6)
    with Image.open(io.BytesIO(small.content)) as image:
        assert (image.info.get("dpi") == (300, 300)) == (keep != "none")


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
)


@pytest.mark.parametrize("form", ["webp", "avif"])
@pytest.mark.parametrize("keep", KEEPS)
def test_webp_and_avif_say_what_they_are_asked_to_say_upright(tmp_path, form, keep):
    PICTURE.save(tmp_path / "a.jpg", exif=told(), quality=97, xmp=XMP)
    small = fechner.compress(tmp_path / "a.jpg", form=form, metadata=keep, strength=0)
    check_kept(small.content, keep, turn=None)
    with Image.open(io.BytesIO(small.content)) as image:
        assert image.info.get("xmp", b"") == (XMP if keep == "all" else b"")


@pytest.mark.parametrize("keep", KEEPS)
def test_a_heic_says_what_it_is_asked_to_say_to_libheif_too(tmp_path, keep):
    pytest.importorskip("av")
    PICTURE.save(tmp_path / "a.jpg", exif=told(), quality=97, xmp=XMP)
    small = fechner.compress(tmp_path / "a.jpg", form="heic", metadata=keep, strength=0)
    small.write(tmp_path / "a.heic")
    assert read_pixels(tmp_path / "a.heic").shape == PIXELS.shape
    again = fechner.compress(tmp_path / "a.heic", metadata=keep)
    check_kept(again.content, keep, turn=None)
    if shutil.which("heif-info") is None:
        return
    words = ["heif-info", tmp_path / "a.heic"]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert ("Exif:" in said) == (keep != "none")
    assert (f": {len(XMP)} bytes" in said) == (keep == "all")


@pytest.mark.parametrize("keep", KEEPS)
def test_a_picture_of_another_format_takes_its_capture_date_along_upright(tmp_path, keep):
    PICTURE.save(tmp_path / "a.png", exif=told())
    small = fechner.compress(tmp_path / "a.png", metadata=keep)
    check_kept(small.content, keep, turn=None)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize(("form", "kind"), [("JPEG", "jpeg"), ("PNG", "png")])
def test_a_copy_loses_what_is_not_to_be_kept_and_not_a_pixel(form, kind, keep):
    buffer = io.BytesIO()
    PICTURE.save(buffer, form, exif=told())
    content = copy_of(buffer.getvalue(), kind, keep)
    check_kept(content, keep, turn=6)
    assert len(content) <= len(buffer.getvalue())
    with Image.open(buffer) as source, Image.open(io.BytesIO(content)) as copy:
        assert np.array_equal(source, copy)


def test_a_copyright_that_only_iptc_or_xmp_tell_is_kept(tmp_path):
    notice = b"\x1c\x02\x74" + struct.pack(">H", 8) + b"(c) Anna"
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(notice)) + notice + bytes(1)
    app13 = b"Photoshop 3.0\0" + resource
    xmp = (
        b"<x:xmpmeta><dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>(c) Anna &amp; Eva</rdf:li>"
        b"</rdf:Alt></dc:rights></x:xmpmeta>"
    )
    PICTURE.save(tmp_path / "xmp.jpg", quality=97, xmp=xmp)
    PICTURE.save(tmp_path / "plain.jpg", quality=97)
    plain = (tmp_path / "plain.jpg").read_bytes()
    segment = b"\xff\xed" + struct.pack(">H", len(app13) + 2) + app13
    (tmp_path / "iptc.jpg").write_bytes(plain[:2] + segment + plain[2:])
    for name, rights in (("xmp.jpg", "(c) Anna & Eva"), ("iptc.jpg", "(c) Anna")):
        tags, *_ = read_exif(fechner.compress(tmp_path / name).content)
        assert tags[ExifTags.Base.Copyright] == rights


def test_a_background_is_what_transparent_pixels_show(tmp_path):
    glass = PICTURE.copy()
    glass.putalpha(Image.new("L", PICTURE.size, 51))
    glass.save(tmp_path / "glass.png")
    with pytest.raises(UnsuitedError, match="transparent"):
        read_pixels(tmp_path / "glass.png")
    seen = read_pixels(tmp_path / "glass.png", background=(255, 0, 100))
    expected = 0.2 * PIXELS + 0.8 * np.array([255, 0, 100])
    assert np.abs(seen - expected).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("size", [(7, 90), (90, 7), (65501, 8)])
def test_pictures_beyond_what_is_compressed_are_told_apart_from_damaged_ones(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "a.png")
    with pytest.raises(UnsuitedError, match=f"is {size[0]} x {size[1]} pixels"):
        open_source(tmp_path / "a.png", coefficients=True)


def test_kinds_are_known_by_their_first_bytes():
    for form, kind in (("PNG", "png"), ("TIFF", "tiff"), ("GIF", "gif"), ("BMP", "bmp"),
                       ("JPEG", "jpeg"), ("PPM", "ppm")):  # fmt: skip
        buffer = io.BytesIO()
        PICTURE.save(buffer, form)
        assert kind_of(buffer.getvalue()) == kind
    brands = {"heic": b"heic", "avif": b"avif", "video": b"mp42"}
    for kind, brand in brands.items():
        assert kind_of(struct.pack(">I", 20) + b"ftyp" + brand + bytes(4) + brand) == kind
    assert kind_of(b"BMX is a bicycle") == ""
    assert kind_of(b"") == ""


def box(kind: str, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind.encode()) + content


def full(kind: str, *parts: bytes) -> bytes:
    return box(kind, bytes(4), *parts)


def tiled_heic(left: bytes, right: bytes, *, size: tuple[int, int]) -> bytes:
    """Join two HEICs of equal size as the tiles of one, as telephones do (23008-12, 6.6.2.3)."""

    def part(content: bytes, name: bytes) -> bytes:
        at = content.index(name) - 4
        return content[at : at + int.from_bytes(content[at : at + 4], "big")]

    streams = [part(one, b"mdat")[8:] for one in (left, right)]
    grid = bytes([0, 0, 0, 1]) + struct.pack(">HH", size[1], size[0])
    own = full("ispe", struct.pack(">II", size[1], size[0]))
    properties = box("ipco", part(left, b"hvcC"), part(left, b"ispe"), part(left, b"colr"), own,
                     box("irot", b"\x01"))  # fmt: skip
    uses = struct.pack(">I", 3) + b"".join(
        struct.pack(">HB", item, len(of)) + bytes(of)
        for item, of in ((1, [0x81, 2, 3]), (2, [0x81, 2, 3]), (3, [4, 3, 0x85]))
    )
    items = [
        full("infe", struct.pack(">HH", n, 0), kind, b"\0").replace(bytes(4), b"\x02\0\0\0", 1)
        for n, kind in ((1, b"hvc1"), (2, b"hvc1"), (3, b"grid"))
    ]

    def meta(start: int) -> bytes:
        places, at = [], start
        for number, data in enumerate((*streams, grid), start=1):
            places.append(struct.pack(">HHHII", number, 0, 1, at, len(data)))
            at += len(data)
        return full(
            "meta",
            full("hdlr", bytes(4), b"pict", bytes(13)),
            full("pitm", struct.pack(">H", 3)),
            full("iloc", b"\x44\0", struct.pack(">H", 3), *places),
            full("iinf", struct.pack(">H", 3), *items),
            full("iref", box("dimg", struct.pack(">HHHH", 3, 2, 1, 2))),
            box("iprp", properties, full("ipma", uses)),
        )

    head = box("ftyp", b"heic", bytes(4), b"mif1", b"heic")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box("mdat", *streams, grid)


def test_the_tiles_of_a_telephones_picture_are_joined_turned_and_cut(tmp_path):
    pytest.importorskip("av")
    from fechner.compression.formats.heic import encode_heic

    halves = [PIXELS, np.ascontiguousarray(PIXELS[::-1])]
    coded = [encode_heic(half, np.zeros((64, 64)), quality=90, strength=0) for half in halves]
    path = tmp_path / "phone.heic"
    path.write_bytes(tiled_heic(*coded, size=(60, 120)))
    seen = read_pixels(path)
    expected = np.rot90(np.concatenate(halves, axis=1)[:60, :120])
    assert seen.shape == expected.shape == (120, 60, 3)
    assert np.abs(seen.astype(int) - expected).mean() < 4


def test_a_heic_is_read_as_it_was_written(tmp_path):
    pytest.importorskip("av")
    from fechner.compression.formats.heic import decode_heic, encode_heic

    picture = PIXELS[:61, :45]
    content = encode_heic(picture, np.zeros((61, 45)), quality=90, strength=0)
    (tmp_path / "a.heic").write_bytes(content)
    seen = read_pixels(tmp_path / "a.heic")
    assert seen.shape == picture.shape
    assert np.abs(seen.astype(int) - decode_heic(content)).max() <= 1
    (tmp_path / "a.heic").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="no whole HEIC"):
        read_pixels(tmp_path / "a.heic")


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    import sys

    from fechner.errors import MissingPartError

    for part, extra, head in (
        ("av", "hevc", b"\0\0\0\x18ftypheic"),
        ("pylibjxl", "jxl", b"\xff\x0a"),
    ):
        monkeypatch.setitem(sys.modules, part, None)
        path = Path(tmp_path / f"a.{extra}")
        path.write_bytes(head + bytes(40))
        with pytest.raises(MissingPartError, match=rf"fechner\[{extra}\]"):
            read_pixels(path)


def test_jpeg_xl_is_read_where_its_extra_is(tmp_path):
    pylibjxl = pytest.importorskip("pylibjxl")
    jpeg = fechner.compress(PIXELS, quality=95).content
    (tmp_path / "a.jxl").write_bytes(pylibjxl.jpeg_to_jxl(jpeg))
    with Image.open(io.BytesIO(jpeg)) as image:
        expected = np.asarray(image.convert("RGB"), int)
    assert np.abs(read_pixels(tmp_path / "a.jxl") - expected).mean() < 4
