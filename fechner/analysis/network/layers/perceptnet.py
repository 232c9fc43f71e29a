"""PerceptNet (Hepburn et al. 2020, ICIP): four divisive normalisations that follow the eye.

Gamma, opponent colours, contrast sensitivity and the masking of V1 are each a convolution and
a generalised divisive normalisation, fitted to people's ratings on TID2008. The weights are the
user's own file: no published one may be passed on.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

_OFFSET = 2.0**-18
_LEAST_BETA = (1e-6 + _OFFSET**2) ** 0.5
"""Lower limits of gamma and beta in the published program: they keep the root real."""


class DivisiveNormalisation(nn.Module):
    """Return ``y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2)`` (Balle et al. 2016).

    With `apart` each channel is divided by itself alone: gamma is diagonal.
    """

    def __init__(self, channels: int, *, apart: bool = False) -> None:
        super().__init__()
        self.groups = channels if apart else 1
        gamma = torch.ones(channels, 1) if apart else torch.eye(channels)
        self.gamma = nn.Parameter(0.1 * gamma[..., None, None])
        self.beta = nn.Parameter(torch.ones(channels))

    def forward(self, values: Tensor) -> Tensor:
        """Return the normalised values, of the same shape."""
        gamma, beta = self.gamma.clamp(min=_OFFSET), self.beta.clamp(min=_LEAST_BETA)
        return values / functional.conv2d(values**2, gamma, beta, groups=self.groups).sqrt()


def build_perceptnet() -> nn.Sequential:
    """Return PerceptNet for RGB in [0, 1], as in github alexhepburn/perceptnet.

    The 1 x 1 convolution is padded by one pixel there, which leaves a border of its bias.
    """
    return nn.Sequential(
        OrderedDict(
            gdn1=DivisiveNormalisation(3, apart=True),
            conv1=nn.Conv2d(3, 3, kernel_size=1, padding=1),
            maxpool1=nn.MaxPool2d(2),
            gdn2=DivisiveNormalisation(3),
            conv2=nn.Conv2d(3, 6, kernel_size=5, padding=1),
            maxpool2=nn.MaxPool2d(2),
            gdn3=DivisiveNormalisation(6),
            conv3=nn.Conv2d(6, 128, kernel_size=5, padding=1),
            gdn4=DivisiveNormalisation(128),
        )
    )
