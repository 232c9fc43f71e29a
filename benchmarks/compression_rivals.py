"""Whether the network's map serves others better than cheap maps, for benchmarks/compression.py.

The same encoder at the default trust follows the network's map, local contrast, the centre, another
photograph's map (this one's turned by half a turn) or none, each at four qualities. At the bytes
that the network's map takes, the ss2 that it has more than each rival, by judges that no arm
follows: the quarter of AlexNet's activation, that of the spectral residual, and the whole picture.
"""

import numpy as np
from compression_peers import score_at

from fechner import rival_maps
from fechner.compression.jpeg.source import from_pixels
from fechner.compression.jpeg.targets import DEFAULT_TRUST, Target, reach

QUALITIES = (66, 78, 85, 91)
"""The third is compared; the others are wide enough that every rival has files on both sides."""
JUDGES = ("alexnet", "spectral residual", "whole")


def figures(judged, importance: np.ndarray, effort: str) -> dict[str, float]:
    """Return by rival and judge what the network's map has more, in points of ss2."""
    picture = judged.picture
    maps = {
        "contrast": rival_maps.local_contrast(rival_maps.luma_of(picture)),
        "centre": rival_maps.centre_weights(*picture.shape[:2]),
        "turned": np.ascontiguousarray(importance[::-1, ::-1]),
        "none": importance,
    }
    ours = files(picture, importance, DEFAULT_TRUST, effort)[2]
    scores, row = judged.scores(ours), {}
    for rival, one in maps.items():
        trust = 0.0 if rival == "none" else DEFAULT_TRUST
        curve = judged.curve(files(picture, one, trust, effort))
        for judge in JUDGES:
            gain = scores[judge] - score_at(curve, judge, len(ours))
            row[f"over_{rival}_by_{judge.replace(' ', '_')}"] = gain
    return row


def files(picture: np.ndarray, importance: np.ndarray, trust: float, effort: str) -> list[bytes]:
    """Return the file of each quality, bytes rising."""
    targets = [Target(quality=quality, trust=trust) for quality in QUALITIES]
    return [reach(from_pixels(picture), importance, one, effort=effort).content for one in targets]
