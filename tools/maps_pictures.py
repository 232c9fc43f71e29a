"""Draw the pictures of docs/gallery-maps.md and docs/howto-maps.md.

Usage: python tools/maps_pictures.py SELECTION OUT_FOLDER IMAGE... (a selection with a read-out, and
photographs of one shape; the first is drawn alone as well). Needs captum.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fechner.analysis.judging.rivals import CENTRE, CONTRAST, SALIENCY, image_rivals, own_rivals
from fechner.analysis.network.maps.class_activation import gradcam_map, layercam_map
from fechner.analysis.network.maps.importance import MARGIN, SHORT_SIDE
from fechner.analysis.network.maps.occlusion import occlusion_map
from fechner.analysis.network.maps.removal import BLURRED
from fechner.records.images.files import read_image
from fechner.report.style import PALETTE, drawing
from fechner.stimuli.overlays import coloured_map, overlaid
from fechner.study.heatmaps.heatmap import heatmap, reduced
from fechner.study.heatmaps.impact import impact
from fechner.study.map_worth.made import MapsToJudge, made_maps
from fechner.study.maps import MapsAsked, mapping_network

Rows = Mapping[str, Sequence[np.ndarray]]
"""What a row is called, and its map of each photograph, 0 or more."""

KINDS = ("distance", "distance per error", "removal", "contribution")
"""What fechner draws."""


def main(selection: Path, out: Path, files: list[Path]) -> None:
    """Draw them all."""
    photographs = [read_image(path) for path in files]
    asked = mapping_network(selection, method="removal", device="cpu")
    distance = mapping_network(method="distance", device="cpu")
    save(heatmap(photographs[0], device="cpu").png(), out / "heatmap.jpg")
    found = impact(distance, photographs[0], spoiled(photographs[0]))
    print(f"impact: {found.distance:.3f}, {found.place.told}")
    save(found.heatmap.png(), out / "impact.jpg")
    judged = MapsToJudge(asked.selection, asked.network, distance)
    made = [made_maps(judged, one, rivals=True) for one in photographs]
    rows = {name: [whole(one[name]) for one in made] for name in made[0]}
    drawn(out / "maps-kinds.jpg", photographs, {name: rows[name] for name in KINDS})
    drawn(out / "maps-rivals.jpg", photographs, rivals(photographs, rows))
    for file, displaced in own_rivals_of(rows).items():
        drawn(out / file, photographs, displaced)
    drawn(out / "maps-tried.jpg", photographs, tried(asked, photographs))


def rivals(photographs: Sequence[np.ndarray], rows: Rows) -> Rows:
    """Return the maps that every map is held against, beside `uniform`, which is flat."""
    of_picture = [image_rivals(one) for one in photographs]
    found = {
        name: [whole(one[name]) for one in of_picture] for name in (CENTRE, CONTRAST, SALIENCY)
    }
    names = ("all channels", "removal, weights permuted", "contribution, weights permuted")
    return found | {name: list(rows[name]) for name in names}


def own_rivals_of(rows: Rows) -> Mapping[str, Rows]:
    """Return by picture the maps of every kind mirrored, and with those of the next photograph."""
    found: dict[str, dict[str, list[np.ndarray]]] = {
        "maps-mirrored.jpg": {},
        "maps-exchanged.jpg": {},
    }
    for kind in KINDS:
        both = own_rivals(kind, dict(enumerate(rows[kind])))
        for of_file, (name, maps) in zip(found.values(), both.items(), strict=True):
            of_file[name] = [whole(one) for one in maps.values()]
    return found


def tried(asked: MapsAsked, photographs: Sequence[np.ndarray]) -> Rows:
    """Return the maps of methods that were measured and are no methods of `fechner maps make`."""
    network, chosen = asked.network, asked.selection
    assert chosen is not None
    view = {"short_side": SHORT_SIDE, "margin": MARGIN}
    methods: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "Grad-CAM at blocks.2": lambda one: gradcam_map(
            network, one, chosen, at="blocks.2", **view
        ),
        f"LayerCAM at {chosen.layer}": lambda one: layercam_map(network, one, chosen, **view),
        "LayerCAM at blocks.2": lambda one: layercam_map(
            network, one, chosen, at="blocks.2", **view
        ),
        "occlusion": lambda one: occlusion_map(network, one, BLURRED.apply(one), chosen),
    }
    return {
        name: [np.maximum(make(one), 0) for one in photographs] for name, make in methods.items()
    }


def spoiled(image: np.ndarray) -> np.ndarray:
    """Return the image with one round place blurred, to the right of its middle."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    side = min(image.shape[:2])
    away = np.hypot(rows - 0.43 * image.shape[0], columns - 0.66 * image.shape[1])
    mask = cv2.GaussianBlur((away < 0.16 * side).astype(np.float32), (0, 0), 0.01 * side)[..., None]
    soft = cv2.GaussianBlur(image, (0, 0), 0.012 * side)
    return np.rint(image * (1 - mask) + soft * mask).astype(np.uint8)


def whole(plane: np.ndarray | None) -> np.ndarray:
    """Return a map that is there: photographs that have none are no examples."""
    assert plane is not None
    return plane


def drawn(path: Path, photographs: Sequence[np.ndarray], rows: Rows) -> None:
    """Draw one column a photograph and one row a map, each row on one scale with its bar."""
    with drawing():
        import matplotlib.pyplot as plt

        small = [reduced(one) for one in photographs]
        figure, axes = plt.subplots(
            len(rows) + 1,
            len(small) + 1,
            figsize=(2.35 * len(small) + 0.5, 1.72 * (len(rows) + 1)),
            width_ratios=[1] * len(small) + [0.04],
            layout="constrained",
        )
        figure.set_facecolor(PALETTE["paper"])
        for one, picture in zip(axes[0], small, strict=False):
            one.imshow(picture)
        axes[0][0].set_title("photographs", fontsize=10, loc="left")
        for line, (name, maps) in zip(axes[1:], rows.items(), strict=True):
            most = max(float(one.max()) for one in maps)
            line[0].set_title(name, fontsize=10, loc="left")
            for one, picture, values in zip(line, small, maps, strict=False):
                at_size = cv2.resize(values.astype(np.float32), picture.shape[1::-1])
                one.imshow(overlaid(picture, at_size / most))
            bar = line[-1]
            bar.imshow(coloured_map((np.linspace(1, 0, 256) ** 2)[:, None]), aspect="auto",
                       extent=(0, 1, 0, 1))  # fmt: skip
            bar.set_yticks([0, 0.5, 1], ["0", "1/4", "1"], fontsize=7)
            bar.yaxis.tick_right()
        for one in axes[:, :-1].ravel():
            one.set_axis_off()
        axes[0][-1].set_axis_off()
        for bar in axes[1:, -1]:
            bar.set_xticks([])
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=110, facecolor=PALETTE["paper"])
        plt.close(figure)
    save(buffer.getvalue(), path)


def save(png: bytes, path: Path) -> None:
    """Write a picture as JPEG."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    picture.thumbnail((1600, 1250), Image.Resampling.LANCZOS)
    picture.save(path, quality=80, optimize=True)
    print(path, picture.size, f"{path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])
