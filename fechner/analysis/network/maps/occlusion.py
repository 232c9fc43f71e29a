"""Occlusion: what the prediction loses when one square of the image is degraded.

After Zeiler and Fergus 2014 (ECCV), with captum's windows. They put grey in the place of a
square, which no rated image has; here the square is degraded, as all of the image is for a map
by removal (`removal`), so that a value is what the damage of a study costs at that place::

    raw(y, x) = mean of p(I) - p(I with square s degraded) over the squares s that hold (y, x)

``p`` is what the selection predicts. Squares have an eighth of `OCCLUSION_SIDE`, the image's
short side in the network, and lie every half of that: several hundred passes an image, which is
what this map costs. The image is whole, at its own aspect ratio, and continued by reflection only
until squares fit (`geometry`); the map is smoothed by half a step between squares.

**History.** Judged by people it is no better than no map at all (docs/howto-maps.md, "What was
tried"), so that no command draws it; it stays as a function, to be compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input
from fechner.analysis.network.maps.checks import check_image, check_selection
from fechner.analysis.network.maps.class_activation import check_readout
from fechner.analysis.network.maps.enlarging import smoothed_map
from fechner.analysis.network.maps.geometry import reflected_view
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection

OCCLUSION_SIDE = 224
"""Pixels of the image's short side in the network, that of its training."""
SQUARE = 32
"""Side of a square in pixels of the network's view."""
STEP = 16
"""From one square to the next; views are multiples of 32, so that squares fit exactly."""
TOGETHER_IN_A_PASS = 8
"""Squares in one batch: more gained no speed on two cores (EfficientNet-Lite0)."""


def occlusion_map(
    network: Network,
    image: np.ndarray,
    worse: np.ndarray,
    selection: ChannelSelection,
    *,
    side: int = OCCLUSION_SIDE,
) -> np.ndarray:
    """Return what degrading each place alone costs the prediction.

    Parameters
    ----------
    network
        The network that the selection was made with.
    image, worse
        uint8 ``(height, width, 3)``, sRGB, of one size; squares are cut from the second, the image
        degraded everywhere.
    selection
        A read-out.
    side
        Pixels of the image's short side in the network.

    Returns
    -------
    float32 ``(height, width)``
        In units of the prediction, for one square; positive where degrading harms.

    Raises
    ------
    InputError
        If the selection has no read-out or does not fit the network, or captum is absent.
    """
    import cv2

    from fechner.analysis.network.maps.through_readout import ThroughReadOut

    check_image(image)
    check_readout(selection, "occlusion")
    check_selection(network, selection)
    try:
        from captum.attr import Occlusion
    except ImportError as error:
        raise InputError(
            "occlusion needs captum; install it with: pip install 'fechner[captum]'"
        ) from error
    import torch

    view = reflected_view(image.shape[:2], short_side=side, margin=0)
    shown, degraded = (as_input(network, view.show(one)[None]) for one in (image, worse))
    predicting = ThroughReadOut(network, selection, view, selection.layers[0])
    with torch.no_grad():
        # One square takes all three colours; captum divides by how often a pixel was covered.
        lost: Any = Occlusion(predicting).attribute(
            shown,
            sliding_window_shapes=(3, SQUARE, SQUARE),
            strides=(3, STEP, STEP),
            baselines=degraded,
            perturbations_per_eval=TOGETHER_IN_A_PASS,
        )
    (top, left), (height, width) = view.before, view.scaled
    cells = lost[0, 0].float().cpu().numpy()
    soft = smoothed_map(cells, STEP / 2)
    on_image = soft[top : top + height, left : left + width]
    return np.asarray(
        cv2.resize(on_image, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32
    )
