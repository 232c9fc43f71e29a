"""The other formats: what goes in comes out, and importance decides where quality stays."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio

from fechner.compression.formats import beyond_jpeg as formats
from fechner.compression.formats import heic
from fechner.compression.formats.compress import Settings, compress_source
from fechner.compression.jpeg import encoder
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import Target
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import centre_map, most_important, ramp
from fechner.errors import InputError


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:256, 100:356])


@pytest.fixture(scope="module")
def share(photograph) -> np.ndarray:
    return ramp(centre_map(photograph.shape[:2]), photograph.shape[:2])


def scores(reference: np.ndarray, decoded: np.ndarray) -> dict[str, float]:
    inside = most_important(centre_map(reference.shape[:2]), reference.shape[:2])
    return Ss2Reference(reference).regions(decoded, {"inside": inside, "rest": 1 - inside})


def tiles_of(reference: np.ndarray, content: bytes, form: str) -> np.ndarray:
    return Ss2Reference(reference).regions_and_tiles(formats.decode(content, form), {})[1]


def test_a_jpeg_comes_back_from_jpeg_xl_byte_by_byte_and_is_smaller_there(photograph, share):
    pylibjxl = pytest.importorskip("pylibjxl")
    content = encoder.encode_jpeg(from_pixels(photograph), share, quality=85, strength=1)
    packed = formats.jpeg_to_jxl(content)
    assert len(packed) < 0.97 * len(content)
    assert pylibjxl.jxl_to_jpeg(packed) == content
    # The two decoders smooth chroma differently.
    assert peak_signal_noise_ratio(encoder.decode_jpeg(content), formats.decode(packed, "jxl")) > 35


@pytest.mark.parametrize("size", [(256, 256), (97, 131)])
def test_heic_opens_in_ffmpeg_at_its_true_size(photograph, share, size):
    pytest.importorskip("av")
    picture = np.ascontiguousarray(photograph[: size[0], : size[1]])
    part = share[: size[0], : size[1]]
    content = heic.encode_heic(picture, part, quality=75, strength=0)
    assert content[4:12] == b"ftypheic"
    decoded = heic.decode_heic(content)
    assert decoded.shape == picture.shape
    assert peak_signal_noise_ratio(picture, decoded) > 35


def test_regions_move_bits_within_heic(photograph, share):
    pytest.importorskip("av")
    plain = heic.encode_heic(photograph, share, quality=65, strength=0)
    mapped = heic.encode_heic(photograph, share, quality=65, strength=0.3)
    before, after = (scores(photograph, heic.decode_heic(f)) for f in (plain, mapped))
    assert len(mapped) < 0.9 * len(plain)
    assert before["rest"] - after["rest"] > 3 * abs(before["inside"] - after["inside"])


def test_the_prefilter_changes_nothing_where_nothing_may_be_lost(photograph, share):
    assert np.array_equal(formats.prefiltered(photograph, share, strength=0), photograph)
    softened = formats.prefiltered(photograph, share, strength=2)
    assert np.array_equal(softened[share == 0], photograph[share == 0])
    assert cv2.Laplacian(softened, cv2.CV_32F)[share == 1].std() < (
        0.5 * cv2.Laplacian(photograph, cv2.CV_32F)[share == 1].std()
    )


def test_full_strength_of_the_prefilter_is_a_gaussian_blur(photograph):
    everywhere = np.ones(photograph.shape[:2], np.float32)
    blurred = formats.prefiltered(photograph, everywhere, strength=2)
    expected = np.rint(cv2.GaussianBlur(photograph.astype(np.float32), (0, 0), 1.8))
    assert np.abs(blurred - expected).max() <= 1


@pytest.mark.parametrize("form", ["jpeg", "jxl", "heic", "avif", "webp"])
def test_every_format_keeps_the_floor_and_saves_bytes(photograph, form):
    try:
        formats.require(form)
    except formats.MissingPartError as missing:
        pytest.skip(str(missing))
    source, importance = from_pixels(photograph), centre_map(photograph.shape[:2])
    plain = compress_source(source, importance, Settings(Target(quality=80, strength=0), form=form))
    mapped = compress_source(source, importance, Settings(Target(quality=80), form=form))
    assert len(mapped.content) < 0.95 * len(plain.content)
    judged = scores(photograph, formats.decode(mapped.content, form))
    # A JPEG XL decoder smooths the packed JPEG, so its score is not that of the JPEG.
    assert judged["rest"] >= (68 if form == "jxl" else 70)
    assert mapped.important > mapped.background
    if form in ("heic", "avif", "webp"):
        tiles = tiles_of(photograph, mapped.content, form)
        assert mapped.worst_tile == pytest.approx(tiles.min())
        assert (tiles >= np.minimum(68, tiles_of(photograph, plain.content, form) - 0.5)).all()


@pytest.mark.parametrize("form", ["avif", "webp"])
def test_a_place_that_cannot_bear_a_blur_is_spared(form):
    """Fine noise in one tile, whose score falls first, beside tiles that lose nothing."""
    picture = np.full((96, 384, 3), 120, np.uint8)
    noise = np.random.default_rng(1).normal(0, 12, (96, 96, 1))
    picture[:, 192:288] = np.clip(120 + noise, 0, 255)
    importance = np.ones((96, 384), np.float32)
    importance[:, :96] = 2
    source = from_pixels(picture)
    plain = compress_source(source, importance, Settings(Target(quality=90, strength=0), form=form))
    mapped = compress_source(source, importance, Settings(Target(quality=90, trust=1), form=form))
    assert mapped.worst_tile >= min(68, plain.worst_tile - 0.5)
    assert len(mapped.content) <= len(plain.content)


@pytest.mark.parametrize("form", ["avif", "webp"])
def test_pillow_opens_what_stands_behind_the_prefilter(photograph, share, form):
    content = formats.encode_blurred(photograph, share, form=form, quality=70, strength=1)
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == form.upper()
        assert image.size == photograph.shape[1::-1]


def test_unknown_formats_and_impossible_wishes_end_in_one_line(photograph, share):
    with pytest.raises(InputError, match="did you mean 'jpeg'"):
        formats.suffix("jpg")
    with pytest.raises(InputError, match="0 to 2"):
        formats.prefiltered(photograph, share, strength=3)
    with pytest.raises(InputError, match="not of webp"):
        settings = Settings(Target(max_bytes=1000), form="webp")
        compress_source(from_pixels(photograph), centre_map(photograph.shape[:2]), settings)
    pytest.importorskip("pylibjxl")
    with pytest.raises(InputError, match="choose another format"):
        formats.jpeg_to_jxl(b"no such file")
