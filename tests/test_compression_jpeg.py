"""The JPEG encoder: every decoder opens its files, and bits follow importance."""

import io
import itertools

import cv2
import jpeglib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio

from fechner.compression.jpeg import (
    encoder as jpeg,
)
from fechner.compression.jpeg import (
    entropy,
    trellis,
)
from fechner.compression.jpeg import (
    markers as jpeg_markers,
)
from fechner.compression.jpeg import (
    tables as steps_of_quality,
)
from fechner.compression.jpeg.colour import planes
from fechner.compression.jpeg.dct import ZIGZAG
from fechner.compression.jpeg.source import (
    from_jpeg,
    from_pixels,
    sample,
    upright_to_stored,
)
from fechner.compression.jpeg.tables import distance_of, quality_of, tables
from fechner.compression.jpeg.targets import Target, checked_trust, reach
from fechner.compression.jpeg.tiles import between, carried_over, corrected, spread, tile_means
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import (
    centre_map,
    most_important,
    per_block,
    ramp,
)
from fechner.errors import InputError

try:
    import av
except ImportError:
    av = None
try:
    import pylibjxl
except ImportError:
    pylibjxl = None


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:256, 100:420])


def nothing(picture: np.ndarray) -> np.ndarray:
    return np.zeros(picture.shape[:2], np.float32)


def plainly_rounded(source, quality: float) -> bytes:
    share = nothing(source.picture)
    return jpeg.encode_jpeg(source, share, quality=quality, strength=0, everywhere=0)


def pillow(picture: np.ndarray, path=None, **options):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", **options)
    if path is None:
        return buffer.getvalue()
    path.write_bytes(buffer.getvalue())
    return path


def by_opencv(path):
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


def by_the_independent_jpeg_group(path):
    with jpeglib.version("9e"):
        return jpeglib.read_spatial(str(path)).spatial


def by_ffmpeg(path):
    with av.open(str(path), format="jpeg_pipe") as file:
        return next(file.decode(video=0)).reformat(format="rgb24").to_ndarray()


def by_libjxl(path):
    return pylibjxl.decode_jpeg(path.read_bytes())


DECODERS = {"OpenCV": by_opencv, "IJG": by_the_independent_jpeg_group}
if av is not None:
    DECODERS["FFmpeg"] = by_ffmpeg
if pylibjxl is not None:
    DECODERS["libjxl"] = by_libjxl


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("size", [(256, 320), (1, 1), (7, 9), (17, 33), (100, 16), (250, 313)])
def test_five_decoders_agree_on_every_file(photograph, tmp_path, subsampling, size):
    picture = np.ascontiguousarray(photograph[: size[0], : size[1]])
    source = from_pixels(picture, subsampling=subsampling)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg.encode_jpeg(source, nothing(picture), quality=95, strength=0))
    by_pillow = jpeg.decode_jpeg(path.read_bytes()).astype(int)
    assert by_pillow.shape == picture.shape
    for name, decoder in DECODERS.items():
        others = decoder(path).astype(int)
        # Decoders differ in how they enlarge chroma and centre quantised values.
        assert np.abs(others - by_pillow).mean() < 1.5, name
    if min(size) > 16:
        assert peak_signal_noise_ratio(picture, by_pillow.astype(np.uint8)) > 33


def test_the_coefficients_written_are_the_ones_a_decoder_reads(photograph, tmp_path):
    source = from_pixels(photograph)
    path = tmp_path / "a.jpg"
    path.write_bytes(plainly_rounded(source, 80))
    stored = from_jpeg(path)
    for plane, read in zip(source.components, stored.components, strict=True):
        steps = read.steps.reshape(64)[ZIGZAG]
        expected = np.rint(plane.blocks / steps)
        # A coefficient may lie so near half a step that either neighbour is right.
        unsure = np.abs(plane.blocks / steps - np.floor(plane.blocks / steps) - 0.5) < 1e-3
        assert np.array_equal(expected[~unsure], (read.blocks / steps)[~unsure])


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_plain_rounding_is_at_least_as_near_to_the_picture_as_libjpeg(photograph, subsampling):
    steps = [one.reshape(64).tolist() for one in tables(85, subsampling=subsampling)]
    by_pillow = jpeg.decode_jpeg(pillow(photograph, qtables=steps, subsampling=subsampling))
    source = from_pixels(photograph, subsampling=subsampling)
    ours = jpeg.decode_jpeg(plainly_rounded(source, 85))
    theirs = peak_signal_noise_ratio(photograph, by_pillow)
    assert theirs - 0.02 < peak_signal_noise_ratio(photograph, ours) < theirs + 0.3


def luminance(picture: np.ndarray) -> np.ndarray:
    """Linear luminance of sRGB pixels, [0, 1] (IEC 61966-2-1)."""
    level = picture / 255
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return light @ [0.2126, 0.7152, 0.0722]


def test_half_size_chroma_leaves_the_luminance_of_saturated_edges_what_it_was():
    rows, columns = np.mgrid[:96, :96]
    red = (rows + 2 * columns) // 17 % 2 == 0
    picture = np.where(red[..., None], np.uint8([220, 30, 60]), np.uint8([40, 60, 210]))
    ours = jpeg.decode_jpeg(plainly_rounded(from_pixels(picture), 98))
    theirs = jpeg.decode_jpeg(pillow(picture, quality=98, subsampling="4:2:0"))
    errors = [np.std(luminance(one) - luminance(picture)) for one in (ours, theirs)]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.parametrize("size", [(33, 47), (8, 9), (64, 64)])
def test_planes_are_those_of_jfif_where_chroma_is_even(photograph, size):
    cut = photograph[: size[0], : size[1]]
    luma, blue, red = planes(cut, half=False)
    expected = np.asarray(Image.fromarray(cut).convert("YCbCr"), float)
    for number, plane in enumerate((luma, blue, red)):
        assert np.abs(plane - expected[..., number]).max() < 1.01  # Pillow rounds
    plain = np.full((*size, 3), (90, 140, 60), np.uint8)
    whole, half = planes(plain, half=False), planes(plain, half=True)
    assert half[1].shape == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    for one, other in zip(whole, half, strict=True):
        assert np.allclose(one[0, 0], other, atol=1e-3)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_our_steps_are_those_that_jpegli_writes(photograph, monkeypatch, subsampling):
    ajpegli = pytest.importorskip("ajpegli")
    monkeypatch.setattr(steps_of_quality, "BLUE_FINENESS", 1.0)
    for quality in (10, 29, 45, 70, 85, 91, 97, 100):
        theirs = Image.open(
            io.BytesIO(
                ajpegli.encode(
                    photograph[:16, :16],
                    distance=distance_of(quality),
                    subsampling=subsampling.replace(":", ""),
                )
            )
        ).quantization
        for number, ours in enumerate(tables(quality, subsampling=subsampling)):
            difference = np.abs(np.array(theirs[number]) - ours.reshape(64))
            # The constants are stored with three decimals: a step at a half may round either way.
            assert difference.max() <= 1
            assert (difference > 0).sum() <= 4


def test_steps_grow_as_quality_falls():
    falling = [np.concatenate(tables(quality)) for quality in (100, 95, 85, 60, 31, 29, 10, 1)]
    assert falling[0].max() == 1
    for finer, coarser in itertools.pairwise(falling):
        assert (coarser >= finer).all()
    assert falling[-1].max() == 255


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50000), min_size=256, max_size=256))
def test_huffman_codes_are_prefix_free_short_enough_and_never_all_ones(frequencies):
    counts, values = entropy.huffman_table(np.array(frequencies))
    codes, widths = entropy._codes(counts, values)
    used = [f"{codes[v]:0{widths[v]}b}" for v in values]
    assert set(values) == set(np.flatnonzero(frequencies)) or not any(frequencies)
    assert len(counts) == 16
    assert all("0" in code for code in used)
    for one, two in itertools.pairwise(sorted(used)):
        assert not two.startswith(one)


def test_skewed_frequencies_still_give_codes_of_at_most_sixteen_bits():
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    frequencies = np.zeros(256, np.int64)
    frequencies[:40] = fibonacci
    counts, values = entropy.huffman_table(frequencies)
    assert sum(counts) == len(values) == 40
    assert sum(count / 2**bits for bits, count in enumerate(counts, 1)) < 1


def test_the_trellis_finds_the_cheapest_values_of_all():
    rng = np.random.default_rng(5)
    bands = [(1, 2), (3, 63)]
    # Of a size and a run, in each band; longer runs cost more.
    bits_of = np.sort(rng.uniform(1, 30, (2, 12, 64)), axis=2).astype(np.float32)
    ends = np.array([1.5, 3.0], np.float32)
    for toll, weighed in itertools.product((0.02, 0.2, 1.0), (0.0, 0.6, 1.0)):
        block = np.zeros((1, 1, 64), np.float32)
        where = rng.choice(np.arange(1, 64), 7, replace=False)
        block[0, 0, where] = rng.normal(0, 1.6, 7)
        price = np.full((1, 1), toll, np.float32)
        weights = rng.uniform(0.4, 1, 64).astype(np.float32)
        steps = np.ones(64, np.float32)
        held = np.full((1, 1), weighed, np.float32)
        found = trellis.trellis(block, steps, weights, held, price, np.array(bands), bits_of, ends)
        weights = 1 - weighed + weighed * weights
        energy = float(np.square(block[0, 0, 1:]).sum())
        effective = toll * ((energy + 5) / 150) ** 0.35

        def cost(values, block=block, effective=effective, weights=weights):
            bits = 0.0
            for band, (first, last) in enumerate(bands):
                run = 0
                for k in range(first, last + 1):
                    level = abs(int(values[k]))
                    if not level:
                        run += 1
                        continue
                    bits += bits_of[band, level.bit_length(), run]
                    run = 0
                bits += ends[band] if run else 0.0
            error = (weights[1:] * np.square(block[0, 0, 1:] - values[1:])).sum()
            return error + effective * bits

        choices = []
        for k in where:
            level, sign = int(abs(block[0, 0, k]) + 0.5), np.sign(block[0, 0, k])
            choices.append({0, sign * level, sign * max(level - 1, 0)})
        best = np.inf
        for values in itertools.product(*choices):
            trial = np.zeros(64)
            trial[where] = values
            best = min(best, cost(trial))
        assert cost(found[0, 0]) == pytest.approx(best, rel=1e-4)


def test_errors_are_weighed_by_frequency_only_where_a_map_takes_or_without_one(
    photograph, tmp_path, monkeypatch
):
    source = from_pixels(photograph)
    half = nothing(photograph)
    half[:, 160:] = 1

    def stored(share, strength):
        path = tmp_path / "a.jpg"
        path.write_bytes(
            jpeg.encode_jpeg(source, share, quality=80, strength=strength, effort="high")
        )
        return jpeglib.read_dct(str(path)).Y  # (rows, columns, 8, 8), in steps

    weighed = stored(half, 1.2), stored(nothing(photograph), 0)
    monkeypatch.setattr(jpeg, "WEIGHTS", np.ones(64, np.float32))
    alike = stored(half, 1.2), stored(nothing(photograph), 0)
    by_map, without = (
        (one != other).any(axis=(2, 3)) for one, other in zip(weighed, alike, strict=True)
    )
    assert not by_map[:, :20].any()
    assert by_map[:, 20:].mean() > 0.05
    assert without.mean() > 0.05


def test_without_strength_the_dead_zone_rounds_to_the_nearest():
    rng = np.random.default_rng(1)
    blocks = rng.normal(0, 30, (4, 5, 64)).astype(np.float32)
    steps = rng.uniform(1, 20, 64).astype(np.float32)
    rounded = trellis.dead_zone(blocks, 1 / steps, np.zeros((4, 5), np.float32), jpeg.GROWTH)
    assert np.abs(blocks / steps - rounded).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("effort", ["fast", "high"])
def test_bytes_fall_with_strength_and_the_kept_part_stays(photograph, effort):
    source = from_pixels(photograph)
    share = ramp(centre_map(source.size), source.size)
    files = [
        jpeg.encode_jpeg(source, share, quality=85, strength=s, effort=effort)
        for s in (0, 0.5, 1, 3)
    ]
    assert [len(f) for f in files] == sorted((len(f) for f in files), reverse=True)
    kept = cv2.erode((share == 0).astype(np.uint8), np.ones((33, 33))) > 0
    assert kept.any()
    plain, strong = jpeg.decode_jpeg(files[0])[kept], jpeg.decode_jpeg(files[-1])[kept]
    limit = 0 if effort == "fast" else 24
    assert np.abs(plain.astype(int) - strong).max() <= limit


def test_direct_current_is_never_touched(photograph, tmp_path):
    source = from_pixels(photograph)
    share = np.ones(source.size, np.float32)
    means = []
    for strength in (0, 8):
        path = tmp_path / "a.jpg"
        path.write_bytes(jpeg.encode_jpeg(source, share, quality=85, strength=strength))
        means.append([plane.blocks[..., 0] for plane in from_jpeg(path).components])
    assert all(np.array_equal(a, b) for a, b in zip(*means, strict=True))


def test_mozjpeg_makes_the_file_smaller_and_changes_no_pixel(photograph):
    source = from_pixels(photograph)
    content = jpeg.encode_jpeg(source, nothing(photograph), quality=85, strength=0, effort="max")
    smaller = jpeg.finished(content, "max")
    assert len(smaller) < len(content)
    assert np.array_equal(jpeg.decode_jpeg(content), jpeg.decode_jpeg(smaller))


@pytest.mark.parametrize("options", [
    {"subsampling": "4:2:0"}, {"subsampling": "4:2:2"}, {"subsampling": "4:4:4"},
    {"progressive": True}, {"optimize": True},
])  # fmt: skip
def test_an_existing_jpeg_is_rewritten_without_changing_a_pixel(photograph, tmp_path, options):
    odd = np.ascontiguousarray(photograph[:251, :313])
    source = from_jpeg(pillow(odd, tmp_path / "a.jpg", quality=80, **options))
    again = jpeg.encode_jpeg(source, nothing(odd), quality=None, strength=0)
    assert np.array_equal(jpeg.decode_jpeg(again), source.picture)


@pytest.mark.parametrize("factors", ["411", "440", "422"])
@pytest.mark.parametrize("restart", [0, 4])
def test_unusual_sampling_and_restarts_are_rewritten_and_thinned(
    photograph, tmp_path, factors, restart
):
    path = tmp_path / "a.jpg"
    options = {
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{factors}"),
        cv2.IMWRITE_JPEG_RST_INTERVAL: restart,
        cv2.IMWRITE_JPEG_QUALITY: 92,
    }
    cv2.imwrite(str(path), photograph[:251, :313], [v for pair in options.items() for v in pair])
    source = from_jpeg(path)
    same = jpeg.encode_jpeg(source, nothing(source.picture), quality=None, strength=0)
    assert np.array_equal(jpeg.decode_jpeg(same), source.picture)
    result = reach(source, centre_map(source.size), Target())
    assert len(result.content) < 0.8 * len(same)


def test_a_jpeg_that_stores_rgb_stays_rgb(photograph, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(photograph).save(path, quality=90, keep_rgb=True)
    source = from_jpeg(path)
    same = jpeg.encode_jpeg(source, nothing(photograph), quality=None, strength=0)
    assert np.array_equal(jpeg.decode_jpeg(same), source.picture)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_jpegs_keep_their_channels(photograph, tmp_path, mode):
    path = tmp_path / "a.jpg"
    Image.fromarray(photograph).convert(mode).save(path, quality=85)
    source = from_jpeg(path)
    content = jpeg.encode_jpeg(source, nothing(photograph), quality=None, strength=0)
    with Image.open(io.BytesIO(content)) as ours, Image.open(path) as theirs:
        assert ours.mode == mode
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    thinner = jpeg.encode_jpeg(
        source, ramp(centre_map(source.size), source.size), quality=None, strength=2
    )
    assert len(thinner) < len(content)


def test_a_grey_picture_is_stored_as_grey(photograph):
    grey = np.repeat(photograph[..., :1], 3, axis=2)
    content = jpeg.encode_jpeg(from_pixels(grey), nothing(grey), quality=90, strength=0)
    assert Image.open(io.BytesIO(content)).mode == "L"


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_map_follows_the_exif_orientation(photograph, tmp_path, turn):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[jpeg_markers.ORIENTATION] = turn
    Image.fromarray(photograph).save(path, exif=exif)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    source = from_jpeg(path)
    assert source.turn == turn
    assert np.array_equal(upright_to_stored(upright[..., 0], turn), source.picture[..., 0])
    content = jpeg.encode_jpeg(source, nothing(source.picture), quality=None, strength=0)
    with Image.open(io.BytesIO(content)) as image:
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), upright)


def test_metadata_travels_on_request_and_the_colour_profile_always(photograph, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    path = tmp_path / "a.jpg"
    Image.fromarray(photograph).save(
        path, exif=exif, icc_profile=profile, dpi=(300, 300), comment=b"hello"
    )
    for metadata in (False, True):
        source = from_jpeg(path, metadata=metadata)
        content = jpeg.encode_jpeg(source, nothing(photograph), quality=None, strength=0)
        with Image.open(io.BytesIO(content)) as image:
            assert image.info["icc_profile"] == profile
            assert (image.getexif().get(0x010F) == "Maker") is metadata
            assert (image.info.get("comment") == b"hello") is metadata
            assert (image.info.get("dpi") == (300, 300)) is metadata


def test_the_ramp_is_smooth_keeps_the_quarter_and_ignores_scale(photograph):
    shape = photograph.shape[:2]
    rng = np.random.default_rng(2)
    bumps = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 30)
    importance = bumps - bumps.min()
    share = ramp(importance, shape)
    assert share.min() == 0
    assert share.max() == 1
    assert share[most_important(importance, shape) > 0].mean() < 0.03
    assert np.abs(np.diff(share)).max() < 0.1
    assert np.allclose(share, ramp(importance * 37, shape), atol=1e-4)
    assert np.allclose(ramp(1 - centre_map(shape), shape)[128, 160], 1)
    binary = np.zeros(shape, np.float32)
    binary[100:150, 100:180] = 1
    assert np.abs(np.diff(ramp(binary, shape))).max() < 0.07
    assert ramp(binary, shape)[binary > 0].max() < 0.2


def test_the_important_quarter_is_a_quarter_even_of_a_flat_map():
    for importance in (np.ones((40, 50)), np.arange(2000.0).reshape(40, 50)):
        assert most_important(importance, (40, 50)).sum() == 500


def test_shares_of_blocks_are_means_over_the_pixels_they_cover():
    share = np.arange(32 * 48, dtype=np.float32).reshape(32, 48)
    full, half = per_block(share, (4, 6)), per_block(share, (2, 3))
    assert full[1, 2] == pytest.approx(share[8:16, 16:24].mean())
    assert half[1, 2] == pytest.approx(share[16:32, 32:48].mean())


@pytest.mark.parametrize("effort", ["fast", "high"])
def test_a_target_by_quality_is_met_and_saves_bytes(photograph, effort):
    importance = centre_map(photograph.shape[:2])
    result = reach(from_pixels(photograph), importance, Target(trust=1), effort=effort)
    judge = Ss2Reference(photograph)
    inside = most_important(importance, importance.shape)
    parts = {"important": inside, "rest": 1 - inside}
    yardstick = jpeg.reference_encoder(photograph, 85, "4:2:0")
    ours = judge.regions(jpeg.decode_jpeg(result.content), parts)
    theirs = judge.regions(jpeg.decode_jpeg(yardstick), parts)
    _, tiles = judge.regions_and_tiles(jpeg.decode_jpeg(result.content), {})
    assert result.note == ""
    assert result.rounds <= (5 if effort == "fast" else 10)
    assert tiles.min() >= 68
    assert abs(ours["important"] - theirs["important"]) <= 0.5
    assert 70 <= ours["rest"] < 72
    assert len(result.content) < 0.88 * len(yardstick)


def test_a_lower_floor_and_more_trust_save_more(photograph):
    importance, source = centre_map(photograph.shape[:2]), from_pixels(photograph)
    by_floor = [Target(background_floor=floor) for floor in (78, 70, 60)]
    by_trust = [Target(trust=trust) for trust in (0, 0.5, 1)]
    for targets in (by_floor, by_trust):
        sizes = [len(reach(source, importance, target).content) for target in targets]
        assert sizes == sorted(sizes, reverse=True)


def test_without_trust_the_map_changes_nothing(photograph):
    source, importance = from_pixels(photograph), centre_map(photograph.shape[:2])
    found = reach(source, importance, Target(trust=0))
    assert found.strength == 0
    plain = jpeg.encode_jpeg(source, nothing(photograph), quality=found.quality, strength=0)
    assert found.content == plain


@pytest.mark.parametrize(("words", "trust"), [("full", 1.0), ("0", 0.0), ("0.3", 0.3)])
def test_trust_is_read_from_words(words, trust):
    assert checked_trust(words) == trust


@pytest.mark.parametrize("words", ["ful", "1.2", "-1", "nan"])
def test_another_trust_is_refused(words):
    with pytest.raises(InputError, match="from 0 to 1, or full"):
        checked_trust(words)


@pytest.mark.parametrize("quality", [70, 85, 92, 98])
def test_a_jpeg_of_any_quality_gets_smaller_and_more_effort_never_makes_it_larger(
    photograph, tmp_path, quality
):
    path = pillow(photograph, tmp_path / "a.jpg", quality=quality, subsampling="4:2:0")
    source, importance = from_jpeg(path), centre_map((256, 320))
    fast, high = (
        reach(source, importance, Target(trust=1), effort=effort) for effort in ("fast", "high")
    )
    judge = Ss2Reference(source.picture)
    inside = most_important(importance, (256, 320))
    for found in (fast, high):
        scores = judge.regions(
            jpeg.decode_jpeg(found.content), {"important": inside, "rest": 1 - inside}
        )
        assert scores["rest"] >= 70
        # Nothing that a flip would show is lost in the important part of one as coarse as wanted.
        assert scores["important"] >= (84.5 if quality <= 85 else 75)
    assert len(high.content) <= len(fast.content) < 0.93 * path.stat().st_size


@pytest.mark.parametrize("quality", [50, 75, 85, 95])
def test_the_quality_of_libjpegs_tables_is_told_from_their_steps(photograph, tmp_path, quality):
    source = from_jpeg(pillow(photograph, tmp_path / "a.jpg", quality=quality))
    assert quality_of(source.components[0].steps) == pytest.approx(quality, abs=1)


def test_means_of_tiles_are_means_and_the_last_ones_reach_to_the_edge():
    plane = np.random.default_rng(3).uniform(size=(200, 310)).astype(np.float32)
    found = tile_means(plane)
    assert found.shape == (2, 3)
    assert found[0, 0] == pytest.approx(plane[:96, :96].mean())
    assert found[1, 2] == pytest.approx(plane[96:, 192:].mean())


def test_strengths_are_spread_without_steps_and_a_constant_stays_one():
    assert np.allclose(spread(np.full((2, 3), 0.7), (200, 310), (13, 20)), 0.7)
    for side in (8, 16):
        blocks = spread(np.array([[0.0, 1.0]]), (96, 192), (96 // side, 192 // side))
        assert blocks.shape == (96 // side, 192 // side)
        assert blocks[:, : 48 // side].max() < 0.02
        assert blocks[:, -48 // side :].min() > 0.98
        assert np.abs(np.diff(blocks)).max() < 0.05 * side


def test_a_tile_that_lost_too_much_is_spared_and_one_that_lost_little_is_not():
    strengths, unharmed = np.ones((1, 3)), np.full((1, 3), 80.0)
    scores, aims = np.array([[65.0, 70.0, 75.0]]), np.full((1, 3), 70.0)
    found = corrected(strengths, scores, unharmed, aims, np.ones((1, 3)))
    assert found[0, 0] < 1 < found[0, 2]
    assert found[0, 1] == pytest.approx(1)


def test_a_tile_that_the_map_spares_takes_the_middle_unless_it_suffers():
    strengths, unharmed, aims = np.ones((1, 4)), np.full((1, 4), 80.0), np.full((1, 4), 70.0)
    share = np.array([[1.0, 1.0, 0.1, 0.1]])
    found = corrected(strengths, np.array([[75.0, 75.0, 78.0, 60.0]]), unharmed, aims, share)
    assert found[0, 2] == found[0, 0] > 1
    assert found[0, 3] < 1


def test_between_two_trials_strengths_are_weighed_by_what_they_score():
    gentle, harsh = np.array([[0.5, 1.0]]), np.array([[2.0, 1.0]])
    assert np.allclose(between(gentle, harsh, (72.0, 68.0), 70.0), [[1.0, 1.0]])
    assert between(gentle, harsh, (72.0, 68.0), 71.5)[0, 0] < 1


def test_strengths_of_a_sample_are_carried_over_to_what_looks_alike(photograph):
    flat = np.full((384, 960, 3), 128, np.uint8)
    busy = np.random.default_rng(1).integers(0, 255, (384, 960, 3)).astype(np.uint8)
    part = np.concatenate([flat[:192, :192], busy[:192, :192]], axis=1)
    strengths = np.array([[2.0, 2.0, 0.5, 0.5]] * 2)
    whole = np.concatenate([busy, flat], axis=1)
    found = carried_over(strengths, from_pixels(part), from_pixels(whole))
    assert found.shape == (4, 20)
    assert np.allclose(found[:, :10], 0.5, rtol=0.05)
    assert np.allclose(found[:, 10:], 2.0, rtol=0.05)


@pytest.mark.parametrize("wanted", [6000, 12000, 30000])
def test_a_target_in_bytes_is_met_from_below(photograph, wanted):
    result = reach(from_pixels(photograph), centre_map((256, 320)), Target(max_bytes=wanted))
    assert 0.97 * wanted < len(result.content) <= wanted


def test_bits_per_pixel_are_bytes_of_the_picture(photograph):
    result = reach(from_pixels(photograph), centre_map((256, 320)), Target(bits_per_pixel=1.0))
    assert 0.97 < 8 * len(result.content) / (256 * 320) <= 1


def test_unreachable_bytes_state_what_can_be_reached(photograph):
    with pytest.raises(InputError, match=r"takes \d+ to \d+"):
        reach(from_pixels(photograph), centre_map((256, 320)), Target(max_bytes=100))
    large = reach(from_pixels(photograph), centre_map((256, 320)), Target(max_bytes=10_000_000))
    assert "at its best" in large.note


def test_a_constant_map_takes_from_nowhere(photograph):
    result = reach(from_pixels(photograph), np.ones((256, 320)), Target())
    assert result.strength == 0


def test_a_coarse_jpeg_keeps_its_tables_and_a_fine_one_gets_ours(photograph, tmp_path):
    importance = centre_map((256, 320))
    for level, keeps in ((60, True), (97, False)):
        path = pillow(photograph, tmp_path / "a.jpg", quality=level)
        result = reach(from_jpeg(path), importance, Target())
        assert (result.quality is None) is keeps
        assert len(result.content) < path.stat().st_size


def test_a_sample_is_made_of_the_same_tiles_of_everything():
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 255, (1100, 1600, 3), dtype=np.uint8)
    source = from_pixels(picture, subsampling="4:2:0")
    part, (red,) = sample(source, picture[..., 0].astype(np.float32))
    assert part.size == (768, 1024)
    assert np.array_equal(part.picture[..., 0], red)
    again = from_pixels(part.picture, subsampling="4:2:0")
    for cut, made in zip(part.components, again.components, strict=True):
        # Colours reach over the edge of a tile, where the mosaic has other neighbours.
        side = cut.blocks.shape[0] // 3
        inner = np.arange(cut.blocks.shape[0]) % side % (side - 1) > 0
        across = np.arange(cut.blocks.shape[1]) % side % (side - 1) > 0
        some = np.ix_(inner, across)
        assert np.allclose(cut.blocks[some], made.blocks[some], atol=1e-3)


def test_broken_sources_and_options_end_in_one_line(photograph, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(pillow(photograph, quality=85)[:3000])
    with pytest.raises(InputError, match="expected a whole JPEG"):
        from_jpeg(broken)
    broken.write_bytes(b"")
    with pytest.raises(InputError, match="no picture that can be read"):
        from_jpeg(broken)
    with pytest.raises(InputError, match="cannot read"):
        from_jpeg(tmp_path / "absent.jpg")
    Image.fromarray(photograph).save(tmp_path / "really.png")
    with pytest.raises(InputError, match="no JPEG but PNG"):
        from_jpeg(tmp_path / "really.png")
    with pytest.raises(InputError, match="did you mean '4:2:0'"):
        from_pixels(photograph, subsampling="420")
    source = from_pixels(photograph)
    with pytest.raises(InputError, match="1 to 100"):
        jpeg.encode_jpeg(source, nothing(photograph), quality=101, strength=0)
    with pytest.raises(InputError, match="give a quality"):
        jpeg.encode_jpeg(source, nothing(photograph), quality=None, strength=0)
    with pytest.raises(InputError, match="make it for this picture"):
        reach(source, np.ones((8, 8)), Target())
    with pytest.raises(InputError, match="leave one out"):
        Target(max_bytes=1, bits_per_pixel=1.0)
    with pytest.raises(InputError, match="0 to below 100"):
        Target(background_floor=100)


def test_of_several_scripts_the_smallest_is_written_and_no_pixel_changes(photograph):
    source = from_pixels(photograph)
    steps = tables(82)
    planes = [
        entropy.CodedComponent(
            np.rint(plane.blocks / getattr(steps, plane.role).reshape(64)[ZIGZAG]).astype(np.int16),
            getattr(steps, plane.role),
            plane.sampling,
            plane.role != "luma",
        )
        for plane in source.components
    ]
    files = [
        entropy.stream(planes, source.size, markers=source.markers, splits=splits)
        for splits in ((2,), (5,), (20,), (2, 5, 20))
    ]
    assert len(files[3]) == min(len(file) for file in files[:3]) < max(map(len, files[:3]))
    shown = [jpeg.decode_jpeg(file) for file in files]
    assert all(np.array_equal(shown[0], other) for other in shown[1:])
