"""``fechner map``: where pictures matter, drawn, without ratings or a selection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fechner.cli.heatmaps.options import (
    Altered,
    Device,
    Family,
    Layers,
    Network,
    Readout,
    Selection,
    Strength,
    Weights,
)
from fechner.errors import InputError


def draw_map(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for NAME-map.png.")] = Path(),
    method: Annotated[
        str,
        typer.Option(
            help="distance (damage), distance_per_error, removal, contribution, or auto: removal "
            "where a selection predicts ratings, distance without one."
        ),
    ] = "auto",
    selection: Selection = None,
    against: Altered = None,
    family: Family = None,
    strength: Strength = None,
    network: Network = None,
    layer: Layers = None,
    readout: Readout = None,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Draw where images matter: image, map, map over image, and a colour bar.

    Several images are drawn on one scale: a pale map is a finding. For maps as files that
    stimuli and encoders take, see `fechner maps make`.

    Example: fechner map photo.jpg
    """
    from fechner.cli.console import bar, complaints, console
    from fechner.cli.paths import by_name, degraded_of, image_paths
    from fechner.records.images.files import read_image
    from fechner.study.heatmaps.heatmap import Heatmap, heatmap_by
    from fechner.study.heatmaps.places import top_place
    from fechner.study.maps import mapping_network

    named = by_name(image_paths(images))
    altered = {} if against is None else degraded_of(against, named)
    if altered and (family, strength) != (None, None):
        raise InputError("--against gives the altered images, --family makes them; give one")
    asked = mapping_network(
        selection,
        method=method,
        network=network,
        layers=layer,
        readout=readout,
        weights=weights,
        device=device,
    )
    made: dict[str, Heatmap] = {}
    failed: list[str] = []
    with bar("Maps") as progress:
        for done, (name, path) in enumerate(named.items(), start=1):
            try:
                other = read_image(altered[name]) if altered else None
                made[name] = heatmap_by(
                    asked, read_image(path), altered=other, family=family, strength=strength
                )
            except InputError as error:
                failed.append(str(error) if str(path) in str(error) else f"{path}: {error}")
            progress(done, len(named))
    if not made:
        raise InputError("; ".join(failed[:3]))
    scale = max(one.scale for one in made.values())
    for name, one in made.items():
        file = replace(one, scale=scale).save(out / f"{name}-map.png")
        console.print(f"{file}: most at the {top_place(one.values).told}", soft_wrap=True)
    for note in {str(one.about["note"]) for one in made.values() if "note" in one.about}:
        complaints.print(f"note: {note}", soft_wrap=True)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(named)} images have no map: {'; '.join(failed[:3])}; the "
            f"others are in {out}"
        )
