"""What the other formats save by a map, each against its own encoder without one; and 4:4:4.

`benchmarks/compression.py --formats` runs this. Every format stands where its own uniform encoder
scores in the important quarter as our JPEG does there (Pillow's quality 85), so that the formats
can be compared with each other. JPEG XL's own encoder is `cjxl` (Debian: libjxl-tools); ours is our
JPEG packed losslessly.
"""

import compression_peers as peers
import numpy as np

from fechner.compression.formats import beyond_jpeg
from fechner.compression.formats.compress import compress
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import DEFAULT_TRUST, Target, reach

QUALITIES = {"webp": (68, 76, 84, 90, 94), "avif": (52, 60, 68, 76, 84), "heic": (48, 56, 64, 72)}
"""Of the uniform encoders' curves."""
DISTANCES = (0.5, 0.8, 1.2, 1.7, 2.3, 3.0)
"""Of JPEG XL's."""
FULL_CHROMA = (60, 70, 78, 85)
"""Qualities of our 4:4:4 files."""
TRUSTS = {"": 1.0, "default_": DEFAULT_TRUST}


def figures(judged, importance, effort: str) -> dict[str, float]:
    """Return savings, worst tiles and rests of every format at hand, and what 4:4:4 saves."""
    jpegs = {prefix: encoded(judged, importance, effort, trust) for prefix, trust in TRUSTS.items()}
    wanted = scores_of(judged, jpegs[""], "jpeg")["important"]
    row = {"jpeg_bytes": float(len(jpegs[""]))}
    for form in QUALITIES:
        try:
            beyond_jpeg.require(form)
        except beyond_jpeg.MissingPartError:
            continue
        curve, quality = uniform(judged, importance, form, wanted)
        for prefix, trust in TRUSTS.items():
            ours = compress(judged.picture, importance, form=form, quality=quality, trust=trust)
            row |= named(f"{prefix}{{}}{form}{{}}", judged, ours.content, form, curve)
        row[f"{form}_bytes_over_jpeg"] = len(ours.content) / len(jpegs["default_"])
    files = peers.lossy_jxls(judged.picture, DISTANCES)
    curve = curve_of(judged, files, "jxl")
    for prefix, jpeg in jpegs.items() if files else ():
        packed = beyond_jpeg.jpeg_to_jxl(jpeg)
        row |= named(f"{prefix}{{}}jxl{{}}", judged, packed, "jxl", curve)
        row["jxl_bytes_over_jpeg"] = len(packed) / len(jpeg)
    return row | full_chroma(judged, importance, effort)


def encoded(judged, importance, effort, trust, *, quality=85.0, subsampling="4:2:0") -> bytes:
    """Return our JPEG."""
    source = from_pixels(judged.picture, subsampling=subsampling)
    return reach(source, importance, Target(quality, trust=trust), effort=effort).content


def scores_of(judged, content: bytes, form: str) -> dict[str, float]:
    """Return ss2 by part and of the worst tile of a file of any format."""
    if form == "jpeg":
        return judged.scores(content)
    shown = beyond_jpeg.decode(content, form)
    scores, tiles = judged.reference.regions_and_tiles(shown, judged.parts)
    return {**scores, "worst tile": float(tiles.min())}


def curve_of(judged, files, form: str) -> list[tuple[int, dict[str, float]]]:
    """Return bytes and scores of files, bytes rising."""
    found = [(len(content), scores_of(judged, content, form)) for content in files]
    return sorted(found, key=lambda pair: pair[0])


def uniform(judged, importance, form: str, wanted: float):
    """Return the curve of a format's uniform encoder, and the quality at which it scores so."""
    files = [
        compress(judged.picture, importance, form=form, quality=quality, strength=0).content
        for quality in QUALITIES[form]
    ]
    scores = [scores_of(judged, content, form)["important"] for content in files]
    quality = round(float(np.interp(wanted, np.maximum.accumulate(scores), QUALITIES[form])))
    return curve_of(judged, files, form), quality


def named(pattern: str, judged, content: bytes, form: str, curve) -> dict[str, float]:
    """Return what a file saves at equal ss2 in the important quarter, and both files' scores."""
    ours = scores_of(judged, content, form)
    size = peers.bytes_at(curve, "important", ours["important"])
    row = {pattern.format("saving_", "_vs_own"): 1 - len(content) / size}
    for part in ("rest", "worst tile"):
        key = part.replace(" ", "_")
        row[pattern.format("", f"_{key}")] = ours[part]
        row[pattern.format("", f"_own_{key}")] = peers.score_at(curve, part, size)
    return row


def full_chroma(judged, importance, effort: str) -> dict[str, float]:
    """Return what 4:4:4 saves of our 4:2:0 JPEG, default trust, at its ss2 in that quarter."""
    small = encoded(judged, importance, effort, DEFAULT_TRUST)
    scores = scores_of(judged, small, "jpeg")
    files = [
        encoded(judged, importance, effort, DEFAULT_TRUST, quality=quality, subsampling="4:4:4")
        for quality in FULL_CHROMA
    ]
    curve = curve_of(judged, files, "jpeg")
    size = peers.bytes_at(curve, "important", scores["important"])
    saving = 1 - size / len(small)
    return {
        "saving_444_vs_420": saving,
        "saving_chroma_chosen": max(saving, 0.0),
        "rest_444": peers.score_at(curve, "rest", size),
        "rest_420": scores["rest"],
    }
