"""Statistics of natural scenes as one more set of columns, beside the channels of networks.

Luminance, less its local mean and over its local SD (MSCN), follows one distribution in
undistorted photographs and others in damaged ones. The 36 numbers are those of BRISQUE (Mittal,
Moorthy and Bovik 2012, table I), computed by piq at the image's own size and at half of it: at
each, shape and variance of the generalised Gaussian fitted to MSCN; then for neighbours to the
right, below and along both diagonals, shape, mean, left and right variance of the asymmetric one
fitted to their products. No score is made of them: a read-out fitted to ratings does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fechner.analysis.network.choosing.sets import SPACE, ChannelSet, ChannelValues
from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image

SCENE_STATISTICS = "scene_statistics"
"""What the set is called where a network could be named."""
SCALES = 2
"""Own size and half of it, as published."""
COLUMNS = 18 * SCALES


def read_scene_statistics(paths: Sequence[Path], *, progress: Progress = silent) -> ChannelValues:
    """Return the 36 statistics of each image at `paths`, as a set of channels without space.

    Raises
    ------
    InputError
        If an image cannot be read, or is so flat that a distribution cannot be fitted.
    """
    values = np.empty((len(paths), COLUMNS))
    for row, path in enumerate(paths):
        values[row] = scene_statistics(read_image(path), of=str(path))
        progress(row + 1, len(paths))
    return ChannelValues(
        ChannelSet((SCENE_STATISTICS,), SPACE),
        values,
        (COLUMNS,),
        network=SCENE_STATISTICS,
        weights_sha256="",
        preprocessing="luma of sRGB 8 bit, native size and half of it, MSCN by a 7x7 Gaussian",
        size=None,
        seen=np.zeros(len(paths), dtype=bool),
    )


def scene_statistics(image: NDArray[np.uint8], *, of: str = "the image") -> NDArray[np.float64]:
    """Return the 36 statistics of one image.

    Parameters
    ----------
    image : (height, width, 3) uint8
        sRGB.
    of
        What the message calls it.

    Raises
    ------
    InputError
        If the image is so flat, or so small, that a distribution cannot be fitted.

    Examples
    --------
    The local SD follows white noise closely, which lightens its tails: the shape of MSCN is above
    2, a Gaussian's.

    >>> noise = np.random.default_rng(1).normal(128, 20, (128, 128, 1)).clip(0, 255)
    >>> found = scene_statistics(np.repeat(noise.astype(np.uint8), 3, axis=2))
    >>> found.shape, bool(found[0] > 2)
    ((36,), True)
    """
    # piq exports the score alone, under the module's own name, and its weights are a download.
    brisque = import_module("piq.brisque")
    pixels = torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]
    luma = torch.round(brisque.rgb2yiq(pixels)[:, :1])
    found = []
    try:
        for _ in range(SCALES):
            found.append(brisque._natural_scene_statistics(luma)[0])
            luma = brisque.imresize(luma, sizes=(luma.shape[2] // 2, luma.shape[3] // 2))
        values = torch.cat(found).numpy()
    except (AssertionError, RuntimeError):
        values = np.full(COLUMNS, np.nan)
    if not np.isfinite(values).all():
        height, width = image.shape[:2]
        raise InputError(
            f"{of} ({width}x{height}) is too flat or too small for its scene statistics; leave it "
            f"out, or leave out {SCENE_STATISTICS}"
        )
    return values
