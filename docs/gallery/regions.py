"""Two regions that are alike in all but importance, and the masks with their soft borders."""

import matplotlib.pyplot as plt
from skimage import data

import fechner
from fechner.compression import matched_regions

picture = data.chelsea()
importance = fechner.heatmap(picture).importance
regions = matched_regions(picture, importance)
figure, axes = plt.subplots(1, 4, figsize=(13, 2.7), layout="constrained")
axes[0].imshow(picture)
axes[0].contour(regions.high, [0.5], colors="#d55e00", linewidths=2)
axes[0].contour(regions.low, [0.5], colors="#0072b2", linewidths=2)
axes[0].set_title("high (orange) and low (blue)")
shown = axes[1].imshow(importance, cmap="inferno", vmin=0, vmax=1)
axes[1].set_title(f"importance: {regions.importance['high']:.2f}, {regions.importance['low']:.2f}")
for axis, arm in zip(axes[2:], ("high", "low"), strict=True):
    axis.imshow(regions.soft[arm], cmap="inferno", vmin=0, vmax=1)
    edges = regions.covariates[arm]["edge_fine"]
    axis.set_title(f"mask of {arm}: edge energy {edges:.0f}")
figure.colorbar(shown, ax=axes, label="0 to 1", shrink=0.9)
for axis in axes:
    axis.axis("off")
figure.savefig("regions.png")
