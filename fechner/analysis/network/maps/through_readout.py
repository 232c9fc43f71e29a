"""A selection's read-out as a function of one layer's outputs: what class activation maps need.

Captum explains a module by the gradients at one of its parts. `ThroughReadOut` is that module:
the network up to the last layer that the selection reads, then ``sum_c w_c pool(A_c)`` over the
cells that lie on the image. What `at` gives passes through the part ``cells``, channels second
whatever the network's own order, and as a copy, because the next activation may work in place.
The pass before `at` is made without gradients.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import capture, pooled
from fechner.analysis.network.layers.tracing import Call, trace
from fechner.analysis.network.maps.geometry import ReflectedView
from fechner.errors import InputError
from fechner.records.selection import ChannelSelection


class ThroughReadOut(nn.Module):
    """What a selection predicts of a view, ``(n,)``, with a layer on the way that can be watched.

    Parameters
    ----------
    network, selection
        What predicts.
    view
        How images lie in the input; only cells on the image count.
    at
        The layer that is watched: convolutional, and read by the selection or before.

    Attributes
    ----------
    cells
        Gives what `at` gave, ``(n, channels, rows, columns)``.

    Raises
    ------
    InputError
        If `at` is unknown, has no space, or lies behind what the selection reads.
    """

    def __init__(
        self, network: Network, selection: ChannelSelection, view: ReflectedView, at: str
    ) -> None:
        super().__init__()
        self.cells = nn.Identity()
        # Kept out of the list of parts: captum looks at these.
        self._made: dict[str, Any] = {"network": network}
        self.selection, self.view = selection, view
        self.call = _convolutional(network, selection, at)
        self.weights = torch.tensor(selection.weights, device=network.device)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the predictions of a batch of views ``(n, 3, height, width)``."""
        network: Network = self._made["network"]
        with network.lock:
            hook = network.module.get_submodule(self.call.module).register_forward_hook(
                self._through_cells(self.call)
            )
            try:
                values = capture(network, self.selection.layers, batch)
            finally:
                hook.remove()
        return readout_of_view(values, self.selection, self.view, self.weights)

    def _through_cells(self, call: Call) -> Any:
        met = 0

        def pass_on(_: nn.Module, __: Any, out: torch.Tensor) -> torch.Tensor | None:
            nonlocal met
            met += 1
            if met != call.number:
                return None
            axis = call.axis or 1
            given = out.movedim(axis, 1).detach().clone().requires_grad_(True)
            return self.cells(given).clone().movedim(1, axis)

        return pass_on


def readout_of_view(
    values: dict[str, torch.Tensor],
    selection: ChannelSelection,
    view: ReflectedView,
    weights: torch.Tensor,
) -> torch.Tensor:
    """Return ``sum_c w_c pool(A_c)`` over the cells on the image, ``(n,)``, up to a constant.

    Parameters
    ----------
    values
        Layer and its outputs ``(n, channels, rows, columns)``.
    selection, view
        What predicts, and where the image lies.
    weights
        Those of the selection, as a tensor ``(n_channels,)``.

    Raises
    ------
    InputError
        If a layer has no space, or channels and weights differ in number.
    """
    pool: Any = selection.pool or "mean"
    units = []
    for layer in selection.layers:
        of_layer = values[layer]
        if of_layer.ndim != 4:
            raise InputError(
                f"layer {layer!r} of {selection.network} has no space and gives no map; "
                "make the selection on a convolutional layer"
            )
        inside = view.cells_inside((of_layer.shape[2], of_layer.shape[3]))
        on_image = of_layer[:, :, torch.from_numpy(inside).to(of_layer.device)]
        units.append(pooled(on_image.unsqueeze(3), pool))
    joined = torch.cat(units, dim=1)
    if joined.shape[1] != len(weights):
        raise InputError(
            f"the selection has {len(weights)} weights, its layers give {joined.shape[1]} "
            f"(pool {selection.pool}); make the selection anew"
        )
    return joined @ weights.to(joined.dtype)


def _convolutional(network: Network, selection: ChannelSelection, at: str) -> Call:
    traced = trace(network.module)
    call = traced.named(network.checked_layer(at))
    if call is None or call.axis is None or len(call.shape or ()) != 4:
        raise InputError(
            f"layer {at!r} of {network.name} has no space and gives no map; use a convolutional "
            f"layer such as {network.default_layer!r}"
        )
    read = [traced.named(layer) for layer in selection.layers]
    if traced.calls.index(call) > max(traced.calls.index(one) for one in read if one):
        raise InputError(
            f"layer {at!r} lies behind {selection.layer}, which the selection reads; name that "
            "or an earlier one"
        )
    return call
