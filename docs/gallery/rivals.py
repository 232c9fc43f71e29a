"""The importance map of a photograph beside maps that need no network at all."""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import fechner
from fechner.rival_maps import centre_weights, local_contrast, luma_of, spectral_residual

picture = data.chelsea()
luma = luma_of(picture)
maps = {
    "layer distance": fechner.heatmap(picture).values,
    "local contrast": local_contrast(luma),
    "spectral residual": spectral_residual(luma),
    "centre": centre_weights(*luma.shape),
}
figure, axes = plt.subplots(1, 5, figsize=(13, 2.4), layout="constrained")
axes[0].imshow(picture)
axes[0].set_title("photograph")
for axis, (name, values) in zip(axes[1:], maps.items(), strict=True):
    drawn = axis.imshow(np.sqrt(values / values.max()), cmap="inferno", vmin=0, vmax=1)
    axis.set_title(name)
figure.colorbar(drawn, ax=axes, label="root of the share\nof the largest value", shrink=0.9)
for axis in axes:
    axis.axis("off")
figure.savefig("rivals.png")
