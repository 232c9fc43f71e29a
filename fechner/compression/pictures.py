"""What a picture and a weight map must be before this room computes with them.

Every public function here checks its arrays with these two, so that a wrong shape or
type ends in one line and never in a wrong number.
"""

from __future__ import annotations

import numpy as np

from fechner.errors import InputError


def checked_picture(
    picture: np.ndarray, *, shape: tuple[int, int] | None = None, smallest: int = 1
) -> np.ndarray:
    """Return `picture` as contiguous uint8 (h, w, 3).

    Raises
    ------
    InputError
        If it is no such array, not `shape` (h, w), or has a side below `smallest` pixels.
    """
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(
            f"expected a picture as uint8 (h, w, 3), got {picture.dtype} {picture.shape}; "
            "read it with fechner.records.images.files.read_image"
        )
    if shape is not None and picture.shape[:2] != tuple(shape):
        raise InputError(
            f"expected a picture of {_size(shape)} pixels, got {_size(picture.shape)}; "
            "compare pictures of the same size"
        )
    if min(picture.shape[:2]) < smallest:
        raise InputError(
            f"expected a picture of at least {smallest} x {smallest} pixels, "
            f"got {_size(picture.shape)}; take a larger one"
        )
    return np.ascontiguousarray(picture)


def checked_weights(
    weights: np.ndarray, shape: tuple[int, ...], *, what: str = "region"
) -> np.ndarray:
    """Return `weights` as contiguous float32 (h, w), not negative and not all zero.

    Raises
    ------
    InputError
        If the size differs from `shape`, a value is negative or not finite, or all are zero.
    """
    weights = np.ascontiguousarray(weights, dtype=np.float32)
    if weights.shape != tuple(shape[:2]):
        raise InputError(
            f"expected a {what} of {_size(shape)} pixels, got shape {weights.shape}; "
            "make it for this picture"
        )
    if not np.isfinite(weights).all() or weights.min(initial=0.0) < 0:
        raise InputError(
            f"expected a {what} of finite values of 0 or more, got some that are not; "
            "clip or remake it"
        )
    if not weights.any():
        raise InputError(f"expected a {what} with some weight, got zero everywhere; remake it")
    return weights


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
