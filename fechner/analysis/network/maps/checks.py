"""What every map needs to be true of images and selections before any work."""

from __future__ import annotations

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection

SHORTEST_SIDE = 64
"""Pixels of an image's short side in the network: less is no picture to it."""


def check_image(image: np.ndarray) -> None:
    """Check that `image` is uint8 ``(height, width, 3)``.

    Raises
    ------
    InputError
        If it is not.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"an image is uint8 (height, width, 3), got {image.dtype} {image.shape}; "
            "read it with read_image"
        )


def check_short_side(short_side: int | None) -> None:
    """Check that an image is not made too small for the network; None keeps its own size.

    Raises
    ------
    InputError
        If it is.
    """
    if short_side is not None and short_side < SHORTEST_SIDE:
        raise InputError(f"the short side must be {SHORTEST_SIDE} pixels or more, got {short_side}")


def check_selection(network: Network, selection: ChannelSelection) -> None:
    """Check that a selection was made with this network and its weights.

    Raises
    ------
    InputError
        If it was not, or a layer of it cannot be read.
    """
    if selection.network != network.name:
        raise InputError(
            f"the selection was made with {selection.network}, the network is {network.name}; "
            f"use --network {selection.network}"
        )
    if selection.weights_sha256 != network.weights_sha256:
        raise InputError(
            f"the selection was made with other weights of {network.name} "
            f"(sha256 {selection.weights_sha256[:8]}, here {network.weights_sha256[:8]}); "
            "give the same weight file, or make the selection anew"
        )
    for layer in selection.layers:
        network.checked_layer(layer)


def check_pair(image: np.ndarray, worse: np.ndarray) -> None:
    """Check that two images can be compared place by place.

    Raises
    ------
    InputError
        If they are no images, differ in size, or not at all.
    """
    check_image(image)
    check_image(worse)
    if image.shape != worse.shape:
        sizes = [f"{one.shape[1]} x {one.shape[0]}" for one in (worse, image)]
        raise InputError(
            f"the degraded image has {sizes[0]} pixels and the original {sizes[1]}; places are "
            "compared one by one: give images of one size"
        )
    if np.array_equal(image, worse):
        if (image == image[0, 0]).all():
            raise InputError("the image is flat and degrading it changes nothing; leave it out")
        raise InputError(
            "the image and its degraded version are equal, pixel by pixel: there is no difference "
            "to find; give one that differs, or a stronger degradation"
        )
