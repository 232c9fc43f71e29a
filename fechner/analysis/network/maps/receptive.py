"""How far a cell of a layer sees: its receptive field.

A pixel that is no number makes every cell that sees it no number, whatever the weights are, so
that one pass of a thin strip with one such pixel gives the field of any network (Araujo, Norris
and Sim 2019, Distill, have the formula for chains of convolutions). Convolutions that are
computed block by block spread it by a cell or two more: what is given here is never too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import layer_values
from fechner.errors import InputError

STRIP = (64, 2048)
"""Height and width in pixels of the strip; a field as wide as that is the whole image."""


@dataclass(frozen=True)
class ReceptiveField:
    """What a cell of a layer sees.

    Attributes
    ----------
    pixels
        Side in pixels of the input; None where every cell sees the whole image.
    step
        Pixels of the input between cells.
    """

    pixels: int | None
    step: int


@lru_cache(maxsize=64)
def receptive_field(network: Network, layer: str) -> ReceptiveField:
    """Return how far a cell of `layer` sees, measured with one pass.

    Raises
    ------
    InputError
        If the layer is unknown or has no space.
    """
    import torch

    height, width = STRIP
    batch = torch.zeros(1, 3, height, width, device=network.device)
    batch[..., width // 2] = float("nan")
    try:
        values = layer_values(network, [network.checked_layer(layer)], batch)[layer][0]
    except InputError:
        # A network of one size of image: its cells are never computed in parts.
        return ReceptiveField(None, 1)
    if values.ndim != 3:
        raise no_space(network, layer)
    touched = torch.isnan(values).any(dim=0).any(dim=0).nonzero().ravel().cpu().numpy()
    cells = values.shape[-1]
    step = int(2 ** np.round(np.log2(width / cells)))
    if len(touched) >= cells - 1:
        return ReceptiveField(None, step)
    # As many cells as fit into the field see the pixel, so that one step more is never too few.
    return ReceptiveField(int((len(touched) + 1) * step - 1), step)


def no_space(network: Network, layer: str) -> InputError:
    """Return the error of a layer whose values have no place."""
    return InputError(
        f"layer {layer!r} of {network.name} has no space and gives no map; "
        f"use a layer such as {network.default_layer!r}"
    )
