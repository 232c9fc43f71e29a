"""Values of channels as a layer of some network would give them."""

from __future__ import annotations

import numpy as np

from fechner.analysis.network.choosing.sets import ChannelSet, ChannelValues


def channels_of(values, *, layer="last", pool="space", seen=None) -> ChannelValues:
    """Values (n_images, n_channels, ...) of one layer; `seen` marks images fitted to."""
    return ChannelValues(
        channels=ChannelSet((layer,), pool),
        values=values,
        widths=(values.shape[1],),
        network="small",
        weights_sha256="0" * 64,
        preprocessing="none",
        size=224,
        seen=np.zeros(len(values), bool) if seen is None else seen,
    )
