"""``fechner impact``: how much worse an altered picture is predicted to look, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.heatmaps.options import Device, Layers, Network, Readout, Selection, Weights

if TYPE_CHECKING:
    from fechner.study.heatmaps.impact import Impact


def show_impact(
    original: Annotated[Path, typer.Argument(help="The original image.")],
    altered: Annotated[Path, typer.Argument(help="Its altered version, of the same size.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The picture; ALTERED-impact.png here if left out."),
    ] = None,
    selection: Selection = None,
    network: Network = None,
    layer: Layers = None,
    readout: Readout = None,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Predict the harm of an alteration, and show where it is.

    Example: fechner impact photo.png photo_compressed.jpg
    """
    from fechner.cli.console import console
    from fechner.records.images.files import read_image
    from fechner.study.heatmaps.impact import impact
    from fechner.study.maps import mapping_network

    pictures = read_image(original), read_image(altered)
    asked = mapping_network(
        selection,
        method="distance",
        network=network,
        layers=layer,
        readout=readout,
        weights=weights,
        device=device,
    )
    found = impact(asked, *pictures)
    file = found.heatmap.save(out or Path(f"{altered.stem}-impact.png"))
    for line in _lines(found):
        console.print(line, soft_wrap=True)
    console.print(f"picture: {file}", soft_wrap=True)


def _lines(found: Impact) -> list[str]:
    """Return what was found, a line for each number."""
    from fechner.study.heatmaps.impact import LIVE_SD

    lines = [f"predicted harm: {found.distance:.3g} ({found.heatmap.unit}; 0 is no difference)"]
    if found.dmos is not None:
        lines.append(
            f"people gave images distorted all over, at that distance, a DMOS of about "
            f"{found.dmos:.0f} (LIVE; 0 is as good as the original, 100 far worse; SD {LIVE_SD})"
        )
    ratio = found.weighted_error / found.mse
    lines.append(
        f"map-weighted error: {found.weighted_error:.4g} squared grey levels, {ratio:.2f} times "
        f"the plain {found.mse:.4g}: the error lies "
        + ("where the network sees it" if ratio > 1 else "where the network sees it less")
    )
    lines.append(f"where: {found.place.told}")
    return lines
