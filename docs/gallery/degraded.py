"""Three families of degradation, everywhere (above) and inside a mask (below)."""

import matplotlib.pyplot as plt
from skimage import data

import fechner
from fechner.compression import centre_map, mse

picture = data.astronaut()
mask = (centre_map(picture.shape[:2]) > 0.6).astype(float)
# MSE is in squared 8-bit grey levels.
figure, axes = plt.subplots(2, 4, figsize=(12, 6.2), layout="constrained")
for row, inside in zip(axes, (None, mask), strict=True):
    row[0].imshow(picture)
    row[0].set_title("intact")
    for axis, (family, strength) in zip(
        row[1:], {"blur": 3.0, "noise": 20.0, "jpeg": 10.0}.items(), strict=True
    ):
        changed = fechner.degrade(picture, family, strength, mask=inside)
        axis.imshow(changed)
        axis.set_title(f"{family} {strength:g}, MSE {mse(picture, changed):.0f}")
for axis in axes.flat:
    axis.axis("off")
figure.savefig("degraded.png")
