"""One place of a photograph is blurred: where the network sees it, and how far."""

from pathlib import Path

import numpy as np
from skimage import data

import fechner

picture = data.chelsea()
mask = np.zeros(picture.shape[:2])
mask[70:170, 160:300] = 1
altered = fechner.degrade(picture, "blur", 4.0, mask=mask)
fechner.heatmap(picture, against=altered).save(Path("impact.png"))
