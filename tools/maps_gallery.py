"""Draw docs/img/maps-methods.jpg: the same photographs with every method that needs a read-out.

Usage: python tools/maps_gallery.py SELECTION OUT.jpg IMAGE... (a selection with a read-out).
Each column is one method on its own scale over these photographs, in the palette of all overlays.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.maps.class_activation import gradcam_map, layercam_map
from fechner.analysis.network.maps.importance import MARGIN, SHORT_SIDE, raw_map
from fechner.analysis.network.maps.occlusion import occlusion_map
from fechner.analysis.network.maps.removal import BLURRED
from fechner.records.images.files import read_image
from fechner.records.selection import read_selection
from fechner.rival_maps import local_contrast, luma_of
from fechner.stimuli.overlays import coloured_map

VIEW = {"short_side": SHORT_SIDE, "margin": MARGIN}


def main(selection: Path, out: Path, images: list[Path]) -> None:
    """Draw one column an image and one row a method."""
    import matplotlib.pyplot as plt

    study = read_selection(selection)
    chosen = next(one for one in study.candidates if one.readout is not None)
    network = load_network(chosen.network, device="cpu")
    methods = {
        "removal": lambda image: raw_map(network, image, chosen, method="removal"),
        "contribution\n(positive part)": lambda image: raw_map(
            network, image, chosen, method="contribution"
        ),
        f"Grad-CAM\n{chosen.layer} -> blocks.2": lambda image: gradcam_map(
            network, image, chosen, at="blocks.2", **VIEW
        ),
        f"LayerCAM\n{chosen.layer}": lambda image: layercam_map(network, image, chosen, **VIEW),
        f"LayerCAM\n{chosen.layer} -> blocks.2": lambda image: layercam_map(
            network, image, chosen, at="blocks.2", **VIEW
        ),
        "occlusion": lambda image: occlusion_map(network, image, BLURRED.apply(image), chosen),
        "rival:\ncontrast energy": lambda image: local_contrast(luma_of(image)),
    }
    pictures = [read_image(path) for path in images]
    figure, axes = plt.subplots(
        len(pictures), len(methods) + 1, figsize=(16, 1.65 * len(pictures) + 0.4), squeeze=False
    )
    for row, picture in zip(axes, pictures, strict=True):
        row[0].imshow(picture)
    axes[0][0].set_title("photograph", fontsize=11)
    for column, (name, make) in enumerate(methods.items(), start=1):
        maps = [np.maximum(make(picture), 0) for picture in pictures]
        most = max(float(one.max()) for one in maps)
        axes[0][column].set_title(name, fontsize=11)
        for row, one in zip(axes, maps, strict=True):
            row[column].imshow(coloured_map(one / most))
    for one in axes.ravel():
        one.set_axis_off()
    figure.tight_layout(pad=0.3)
    figure.savefig(out, dpi=110, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])
