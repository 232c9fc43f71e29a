"""Grad-CAM and LayerCAM through a read-out: places that speak for the predicted rating.

With ``p`` what the selection predicts and ``A_c`` the activation of channel c of a layer, at or
before those that the selection reads, at each of P cells on the image::

    Grad-CAM    sum_c (sum over cells of dp/dA_c) A_c(y, x)      Selvaraju et al. 2017, ICCV
    LayerCAM    P sum_c max(dp/dA_c(y, x), 0) A_c(y, x)          Jiang et al. 2021, TIP

without their last ReLU and per-image stretching, which hide the sign, the zero and the
differences between images; the ReLU is there in what counts as important. The papers' mean over
cells is a sum here, so that at the layer of a read-out of means Grad-CAM *is* the contribution
map (`contribution`; Selvaraju et al. show the same of class activation maps). It says more only
at an earlier layer. Grad-CAM itself is captum's; it has no LayerCAM, which is taken from the
same gradients and held against the grad-cam package in the tests.

View, margin, mirror image and enlargement are those of contribution maps.

**History.** Judged by people neither is better than no map at all beyond its interval
(docs/howto-maps.md, "What was tried"), so that no command draws them; they stay as functions, to
be compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input
from fechner.analysis.network.maps.checks import check_image, check_selection, check_short_side
from fechner.analysis.network.maps.enlarging import enlarged
from fechner.analysis.network.maps.geometry import ReflectedView, reflected_view
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection

if TYPE_CHECKING:
    import torch

    from fechner.analysis.network.maps.through_readout import ThroughReadOut

Cells = Callable[["ThroughReadOut", "torch.Tensor"], "torch.Tensor"]
"""What predicts, and the view as its input -> ``(1, 1, rows, columns)``."""


def check_readout(selection: ChannelSelection, method: str) -> None:
    """Check that `selection` predicts ratings, which `method` explains.

    Raises
    ------
    InputError
        If it only aligns matrices.
    """
    if selection.readout is None:
        raise InputError(
            f"{method} explains a prediction, and the selection {selection.method!r} predicts no "
            "rating; give the candidate of a read-out (fechner channels select --strategy "
            "readout), or ask for contribution or alignment"
        )


def gradcam_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    at: str | None = None,
    short_side: int,
    margin: int,
) -> np.ndarray:
    """Return the Grad-CAM of what `selection` predicts, at every pixel of `image`.

    Parameters
    ----------
    network
        The network that the selection was made with.
    image
        uint8 ``(height, width, 3)``, sRGB.
    selection
        A read-out.
    at
        The layer whose cells make the map: one that the selection reads, or an earlier one.
        None: those that it reads, summed at the image's resolution.
    short_side, margin
        Size and continuation of the network's view in pixels, as for contribution maps.

    Returns
    -------
    float32 ``(height, width)``
        In units of the prediction; negative where a place speaks against a high rating.

    Raises
    ------
    InputError
        If the selection has no read-out or does not fit the network, `at` has no space or lies
        behind the selection, or captum is absent.
    """
    return _activation_map(network, image, selection, at, short_side, margin, _gradcam)


def layercam_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    *,
    at: str | None = None,
    short_side: int,
    margin: int,
) -> np.ndarray:
    """Return the LayerCAM of what `selection` predicts, at every pixel of `image`.

    Parameters
    ----------
    network, image, selection, at, short_side, margin
        As for `gradcam_map`.

    Returns
    -------
    float32 ``(height, width)``
        In units of the prediction. Gradients below 0 take no part.

    Raises
    ------
    InputError
        As for `gradcam_map`, but captum is not needed.
    """
    return _activation_map(network, image, selection, at, short_side, margin, _layercam)


def _activation_map(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    at: str | None,
    short_side: int,
    margin: int,
    cells_of: Cells,
) -> np.ndarray:
    check_image(image)
    check_short_side(short_side)
    check_readout(selection, "a class activation map")
    check_selection(network, selection)
    view = reflected_view(image.shape[:2], short_side=short_side, margin=margin)
    layers = selection.layers if at is None else [network.checked_layer(at)]
    total = np.zeros(image.shape[:2], np.float32)
    for layer in layers:
        straight = _of_layer(network, image, selection, view, layer, cells_of)
        mirrored = _of_layer(network, image[:, ::-1], selection, view, layer, cells_of)
        total += (straight + mirrored[:, ::-1]) / 2
    return total


def _of_layer(
    network: Network,
    image: np.ndarray,
    selection: ChannelSelection,
    view: ReflectedView,
    layer: str,
    cells_of: Cells,
) -> np.ndarray:
    from fechner.analysis.network.maps.through_readout import ThroughReadOut

    predicting = ThroughReadOut(network, selection, view, layer)
    shown = as_input(network, view.show(np.ascontiguousarray(image))[None])
    raw = cells_of(predicting, shown)[0, 0].detach().cpu().numpy()
    return enlarged(raw, *view.cell_places(raw.shape))


def _gradcam(predicting: ThroughReadOut, shown: torch.Tensor) -> torch.Tensor:
    try:
        from captum.attr import LayerGradCam
    except ImportError as error:
        raise InputError(
            "Grad-CAM needs captum; install it with: pip install 'fechner[captum]'"
        ) from error
    made: Any = LayerGradCam(predicting, predicting.cells).attribute(shown)
    # Captum averages gradients over all cells; summed, the map is in units of the prediction.
    return made * (made.shape[2] * made.shape[3])


def _layercam(predicting: ThroughReadOut, shown: torch.Tensor) -> torch.Tensor:
    import torch

    seen: list[torch.Tensor] = []
    hook = predicting.cells.register_forward_hook(lambda _, __, out: seen.append(out))
    try:
        predicted = predicting(shown)
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(predicted.sum(), seen[0])
    made = (gradient.clamp(min=0) * seen[0]).sum(dim=1, keepdim=True)
    rows, columns = made.shape[2:]
    return made * int(predicting.view.cells_inside((rows, columns)).sum())
