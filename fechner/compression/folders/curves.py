"""What a map is worth: the same bytes spent by our map, other maps, and none.

``fechner compress compare`` and benchmarks/compression.py use this module. A curve is
one encoder at several qualities; every file on it is judged by SSIMULACRA2 in the most
important quarter of our map, in the rest, in the whole picture, and in the most important
quarter of maps that the encoder did not use, because a metric weighted by the encoder's own
map is circular. Curves are compared at equal bytes and by the Bjontegaard delta rate
(VCEG-M33, with monotone cubic interpolation).

Conditions: ``plain`` (Pillow's optimised JPEG), ``uniform`` (our encoder without a map),
``map``, ``shuffled`` (another picture's map), ``anti`` (our map upside down), ``centre``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from fechner.compression.jpeg.encoder import (
    Effort,
    decode_jpeg,
    encode_jpeg,
    reference_encoder,
)
from fechner.compression.jpeg.source import Source
from fechner.compression.jpeg.targets import START_STRENGTH, start_quality
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.ramp import centre_map, most_important, ramp
from fechner.errors import InputError

QUALITIES = (55, 65, 75, 85, 92)
"""Qualities of a curve: those that photographs on the web are stored at."""
CONDITIONS = ("plain", "uniform", "map", "shuffled", "anti", "centre")


@dataclass(frozen=True)
class Point:
    """One file on a curve: its condition and quality, its bytes, its ss2 by part."""

    condition: str
    quality: float
    bytes: int
    ss2: Mapping[str, float]


def parts(
    importance: np.ndarray, judges: Mapping[str, np.ndarray], shape: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Return the pooling weights (h, w) of each part that a file is judged in.

    ``important`` and ``rest`` by our own map, ``important by NAME`` by each judge's.
    """
    inside = most_important(importance, shape)
    others = {
        f"important by {name}": most_important(judge, shape) for name, judge in judges.items()
    }
    return {"important": inside, "rest": 1 - inside, **others}


def maps_of(
    importance: np.ndarray, other: np.ndarray | None, shape: tuple[int, int]
) -> dict[str, np.ndarray | None]:
    """Return the map that each condition of our encoder is given; None for no map.

    `other` is another picture's map, resized to this one; without it ``shuffled`` is left out.
    """
    importance = np.asarray(importance, np.float32)
    found: dict[str, np.ndarray | None] = {"uniform": None, "map": importance}
    if other is not None:
        size = (shape[1], shape[0])
        found["shuffled"] = cv2.resize(
            np.asarray(other, np.float32), size, interpolation=cv2.INTER_AREA
        )
    found["anti"] = importance.max() - importance
    found["centre"] = centre_map(shape)
    return found


def curves(
    source: Source,
    importance: np.ndarray,
    *,
    other: np.ndarray | None = None,
    judges: Mapping[str, np.ndarray] | None = None,
    qualities: Sequence[int] = QUALITIES,
    strength: float = START_STRENGTH,
    effort: Effort = "fast",
) -> list[Point]:
    """Encode a picture in every condition at every quality, and judge every file.

    Parameters
    ----------
    source
        Made from pixels, turned upright.
    importance
        Our map (h, w).
    other
        Another picture's map, any size, for the condition ``shuffled``.
    judges
        Name -> map (h, w) that no condition is encoded by.
    qualities
        At least two, rising.
    strength
        Of every condition with a map.
    effort
        Of our encoder.

    Returns
    -------
    list of Point
        One a condition and quality.

    Raises
    ------
    InputError
        If a map does not fit or there are fewer than two qualities.
    """
    if len(qualities) < 2 or sorted(set(qualities)) != list(qualities):
        raise InputError(f"expected two or more rising qualities, got {list(qualities)}")
    reference = Ss2Reference(source.picture)
    regions = parts(importance, judges or {}, source.size)

    def point(condition: str, quality: float, content: bytes) -> Point:
        scores = reference.regions(decode_jpeg(content), regions)
        return Point(condition, quality, len(content), scores)

    found = [
        point("plain", q, reference_encoder(source.picture, q, source.subsampling))
        for q in qualities
    ]
    for condition, given in maps_of(importance, other, source.size).items():
        share = np.zeros(source.size, np.float32) if given is None else ramp(given, source.size)
        for q in qualities:
            table = start_quality(q)
            content = encode_jpeg(source, share, quality=table, strength=strength, effort=effort)
            found.append(point(condition, q, content))
    return found


def curve(points: Sequence[Point], condition: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return bytes and ss2 of one condition in one part, bytes rising: (n,), (n,)."""
    own = sorted((p for p in points if p.condition == condition), key=lambda p: p.bytes)
    if not own:
        raise InputError(f"no curve for {condition!r} was measured")
    return np.array([p.bytes for p in own], float), np.array([p.ss2[part] for p in own])


def at_bytes(points: Sequence[Point], condition: str, part: str, size: float) -> float:
    """Return ss2 of a condition in a part at one size, as `along` does at many.

    Parameters
    ----------
    points
        Of one picture, from `curves`.
    condition, part
        Which curve, and where files are judged.
    size
        Bytes.

    Returns
    -------
    float
        Interpolated; NaN beyond the curve.

    Raises
    ------
    InputError
        If the condition was not measured.
    """
    return float(along(points, condition, part, np.array([size], float))[0])


def along(points: Sequence[Point], condition: str, part: str, at: np.ndarray) -> np.ndarray:
    """Return ss2 of a condition in a part at several sizes.

    Parameters
    ----------
    points
        Of one picture, from `curves`.
    condition, part
        Which curve, and where files are judged.
    at
        Bytes (n,).

    Returns
    -------
    numpy.ndarray
        (n,): interpolated over log bytes without overshoot; NaN beyond the curve.

    Raises
    ------
    InputError
        If the condition was not measured.
    """
    sizes, scores = curve(points, condition, part)
    logs, where = np.log(sizes), np.log(at)
    distinct = np.flatnonzero(np.diff(logs, prepend=-np.inf) > 0)
    if len(distinct) < 2:
        return np.full(len(at), np.nan)
    inside = (where >= logs[0]) & (where <= logs[-1])
    found = PchipInterpolator(logs[distinct], scores[distinct])(where)
    return np.where(inside, found, np.nan)


def bd_rate(
    sizes: np.ndarray, scores: np.ndarray, base_sizes: np.ndarray, base_scores: np.ndarray
) -> float:
    """Return by how much one curve's bytes differ from a base's at equal quality, per cent.

    ``100 (exp(mean over quality of (log R - log R_base)) - 1)`` over the qualities that both
    curves reach; negative means fewer bytes.

    Parameters
    ----------
    sizes, base_sizes
        Bytes (n,), above 0.
    scores, base_scores
        Quality (n,), rising with bytes.

    Returns
    -------
    float
        Per cent; NaN where the curves share no quality.

    Raises
    ------
    InputError
        If a curve has fewer than two different qualities.
    """
    rate, low, high = _log_rate(sizes, scores)
    base, base_low, base_high = _log_rate(base_sizes, base_scores)
    low, high = max(low, base_low), min(high, base_high)
    if not high > low:
        return float("nan")
    difference = (rate.integrate(low, high) - base.integrate(low, high)) / (high - low)
    return float(100 * np.expm1(difference))


def _log_rate(sizes: np.ndarray, scores: np.ndarray) -> tuple[PchipInterpolator, float, float]:
    order = np.argsort(scores)
    scores, logs = np.asarray(scores, float)[order], np.log(np.asarray(sizes, float)[order])
    keep = np.diff(scores, prepend=-np.inf) > 1e-9
    scores, logs = scores[keep], logs[keep]
    if len(scores) < 2:
        raise InputError("expected a curve of two or more different qualities, got fewer")
    return PchipInterpolator(scores, logs), float(scores[0]), float(scores[-1])
