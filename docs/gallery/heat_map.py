"""A heat map of one photograph: where a network sees the damage when it is blurred."""

from pathlib import Path

from skimage import data

import fechner

found = fechner.heatmap(data.chelsea())
found.save(Path("heat_map.png"))
