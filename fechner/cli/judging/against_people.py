"""``fechner maps against-people``: do maps lie where people marked or looked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.judging.asked import (
    Candidate,
    Checkpoint,
    Device,
    Distance,
    DistanceLayers,
    DistanceNetwork,
    DistanceReadout,
    Folders,
    Rivals,
    Selection,
    asked_distance,
    asked_maps,
)
from fechner.cli.options.running import Cluster, Jobs

if TYPE_CHECKING:
    from fechner.records.map_worth.agreement import MapComparison


def against_people(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    marks: Annotated[
        Path,
        typer.Option(help="Table image, x, y, participant (pixels); or folder of people's maps."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and figure.")],
    selection: Selection = None,
    candidate: Candidate = None,
    maps: Folders = None,
    rival: Rivals = None,
    distance: Distance = True,
    network: DistanceNetwork = None,
    layer: DistanceLayers = None,
    readout: DistanceReadout = None,
    spread: Annotated[
        float, typer.Option(help="SD of the density of points, in longer sides of the image.")
    ] = 1 / 32,
    seed: Annotated[int, typer.Option(min=0, help="Of the halves and of permuted weights.")] = 0,
    weights: Checkpoint = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Hold maps against what people marked or looked at, beside rivals and people themselves.

    Pearson, NSS, AUC, AUC as Judd takes it, shuffled AUC, and Pearson with contrast energy held
    constant (is it only edges?). The ceiling is one half of the people against the other.

    Example: fechner maps against-people photos/ --maps maps/ --marks clicks.csv --out people
    """
    from fechner.cli.console import bar, console
    from fechner.cli.paths import by_name, image_paths
    from fechner.executors import executor
    from fechner.report.map_worth.worth_figure import people_figure, write_figure
    from fechner.study.map_worth.people import maps_against_people

    named = by_name(image_paths(images))
    compared = asked_distance(distance, network, layer, readout, device=device)
    asked = asked_maps(
        selection, candidate, maps, rivals=rival, weights=weights, device=device, distance=compared
    )
    with executor(jobs, cluster) as pool:
        found = maps_against_people(
            named, marks, asked, spread=spread, seed=seed, pool=pool, folder=out, bars=bar
        )
    written = found.write(out)
    title = f"Maps against {marks.stem}"
    made = people_figure(found.agreement, title=title, simulated=found.simulated)
    written.append(write_figure(made, written[0].with_suffix(".png")))
    _show(found)
    console.print(f"wrote {', '.join(path.name for path in written)} in {out}", soft_wrap=True)


def _show(found: MapComparison) -> None:
    from rich.table import Table

    from fechner.cli.console import console, print_table
    from fechner.cli.judging.words import number_with_interval, undefined

    measures = list(dict.fromkeys(found.agreement["measure"]))
    drawing = Table("map", *measures, box=None, header_style="bold", pad_edge=False)
    for name in dict.fromkeys(found.agreement["map"]):
        rows = found.agreement[found.agreement["map"] == name].set_index("measure")
        kind = rows["kind"].iloc[0]
        drawing.add_row(
            f"[bold]{name}[/bold]" if kind == "map" else name,
            *(
                number_with_interval(rows.loc[measure], "value", "low", "high", digits=2)
                + undefined(rows.loc[measure, "n_undefined"])
                for measure in measures
            ),
        )
    print_table(drawing)
    for note in found.notes["note"]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for line in _verdict(found):
        console.print(line, markup=False, soft_wrap=True)


def _verdict(found: MapComparison) -> list[str]:
    """Say of each map against how many rivals it holds, and whether it is only edges."""
    from fechner.analysis.judging.against_people import PARTIAL
    from fechner.cli.judging.words import given_contrast

    said = "SIMULATED marks: " if found.simulated else ""
    lines = []
    for name, rows in found.differences[found.differences["measure"] == "pearson"].groupby(
        "map", sort=False
    ):
        beaten, worse = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
        own = found.agreement[
            (found.agreement["map"] == name) & (found.agreement["measure"] == PARTIAL)
        ].iloc[0]
        lines.append(
            f"{said}{name}: beyond its interval better than {beaten} of {len(rows)} rivals, worse "
            f"than {worse} (Pearson); given contrast energy its correlation with people "
            f"{given_contrast(own)}"
        )
    return lines or ["no map was given, only rivals; give --selection or --maps"]
