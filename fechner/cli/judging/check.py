"""``fechner maps check``: do maps foretell what their own model says when a place is degraded."""

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
    asked_distance,
    asked_maps,
    named_paths,
)
from fechner.cli.options.running import Cluster, Jobs

if TYPE_CHECKING:
    import pandas as pd

    from fechner.records.map_worth.agreement import MapComparison
    from fechner.study.map_worth.sanity import Reselection


def check(
    images: Annotated[list[Path], typer.Argument(help="Image files or folders.")],
    selection: Annotated[Path, typer.Option(help="Channel selection (selection.json).")],
    candidate: Candidate = None,
    maps: Folders = None,
    rival: Rivals = None,
    distance: Distance = True,
    network: DistanceNetwork = None,
    layer: DistanceLayers = None,
    readout: DistanceReadout = None,
    family: Annotated[
        str | None,
        typer.Option(help="How detail is removed: a family of `fechner degrade`. Default: a blur."),
    ] = None,
    strength: Annotated[float | None, typer.Option(help="Strength, in the family's unit.")] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Also deletion, insertion, shuffled weights, and other selections."
        ),
    ] = False,
    rated: Annotated[
        Path | None,
        typer.Option(help="With --full: choose anew on these images, also with shuffled ratings."),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="With --full: NAME=selection.json, maps that should be alike; repeat."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the tables and the figure.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of permuted weights and of all shuffling.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(help="With --rated: keeps activations between runs.")
    ] = None,
    weights: Checkpoint = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Ask whether maps foretell what degrading a place does to the predicted rating.

    Tiles are degraded one at a time; the loss of the selection's own prediction is compared with
    each map and each rival, plainly, at equal error, and with contrast energy held constant. This
    tests maps against their model, not against people: for that see `judge` and `against-people`.

    Example: fechner maps check photos/ --selection channels/selection.json --full --out checked
    """
    from dataclasses import replace

    from fechner.cli.console import bar, console
    from fechner.cli.paths import by_name, image_paths
    from fechner.errors import InputError
    from fechner.executors import executor
    from fechner.report.map_worth.worth_figure import check_figure, write_figure
    from fechner.study.map_worth.check import check_maps
    from fechner.study.maps import degradation_of

    if not full and (rated is not None or beside):
        raise InputError("--rated and --beside belong to --full; add it, or leave them out")
    compared = asked_distance(distance, network, layer, readout, device=device)
    asked = asked_maps(
        selection, candidate, maps, rivals=rival, weights=weights, device=device, distance=compared
    )
    others = {
        name: asked_maps(path, None, None, rivals=None, weights=None, device=device)
        for name, path in named_paths(beside or [], of="selections").items()
    }
    with executor(jobs, cluster) as pool:
        found = check_maps(
            by_name(image_paths(images)),
            replace(asked, degradation=degradation_of(family, strength)),
            full=full,
            others=others,
            reselection=_reselection(rated, cache),
            seed=seed,
            pool=pool,
            folder=out,
            bars=bar,
        )
    _show(found)
    if out is None:
        return
    written = found.write(out)
    made = check_figure(found.agreement, title="Maps and their model", simulated=found.simulated)
    written.append(write_figure(made, written[0].with_suffix(".png")))
    console.print(f"wrote {', '.join(path.name for path in written)} in {out}", soft_wrap=True)


def _reselection(table: Path | None, cache: Path | None) -> Reselection | None:
    if table is None:
        return None
    from fechner.records.rated_images import read_rated_images
    from fechner.study.map_worth.sanity import Reselection

    return Reselection(read_rated_images(table), cache=cache)


def _show(found: MapComparison) -> None:
    from rich.table import Table

    from fechner.cli.console import console, print_table
    from fechner.cli.judging.words import number_with_interval, undefined
    from fechner.study.map_worth.check import LOSS

    measures = list(dict.fromkeys(found.agreement["measure"]))
    rivalled = set(found.agreement.loc[found.agreement["kind"] == "rival", "measure"])
    drawing = Table("map", box=None, header_style="bold", pad_edge=False)
    for measure in measures:
        if measure in rivalled:
            drawing.add_column(measure)
    drawing.add_column(f"{LOSS}, minus contrast")
    for name in dict.fromkeys(found.agreement["map"]):
        rows = found.agreement[found.agreement["map"] == name].set_index("measure")
        shown = [
            number_with_interval(rows.loc[measure], "value", "low", "high", digits=2)
            + undefined(rows.loc[measure, "n_undefined"])
            for measure in measures
            if measure in rivalled
        ]
        minus = ("minus_contrast", "minus_contrast_low", "minus_contrast_high")
        drawing.add_row(
            f"[bold]{name}[/bold]" if rows["kind"].iloc[0] == "map" else name,
            *shown,
            number_with_interval(rows.loc[LOSS], *minus, digits=2, sign="+"),
        )
    print_table(drawing)
    sanity = found.agreement[~found.agreement["measure"].isin(rivalled)]
    if len(sanity):
        _show_sanity(sanity)
    for note in found.notes["note"]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for line in _verdict(found):
        console.print(line, markup=False, soft_wrap=True)


def _show_sanity(rows: pd.DataFrame) -> None:
    from rich.table import Table

    from fechner.cli.console import print_table
    from fechner.cli.judging.words import number_with_interval, undefined

    drawing = Table("map", "is", "Spearman over places", box=None, header_style="bold",
                    pad_edge=False)  # fmt: skip
    for _, row in rows.iterrows():
        shown = number_with_interval(row, "value", "low", "high", digits=2)
        drawing.add_row(row["map"], row["measure"], shown + undefined(row["n_undefined"]))
    print_table(drawing)


def _verdict(found: MapComparison) -> list[str]:
    """Say of each map how many rivals it beats, and whether it is only edges, with a number."""
    from fechner.cli.judging.words import given_contrast
    from fechner.study.map_worth.check import GIVEN_CONTRAST, LOSS

    said = "SIMULATED ratings: " if found.simulated else ""
    n_images = found.images["image"].nunique()
    means = f"Means and 95 % intervals over {n_images} images" if n_images > 1 else "One image"
    lines = [f"{said}{means}, 16 tiles each."]
    own = found.differences[found.differences["measure"] == LOSS]
    for name, rows in own.groupby("map", sort=False):
        beaten, worse = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
        held = found.agreement[
            (found.agreement["map"] == name) & (found.agreement["measure"] == GIVEN_CONTRAST)
        ].iloc[0]
        lines.append(
            f"{name}: beyond the interval better than {beaten} of {len(rows)} rivals, worse than "
            f"{worse}; given contrast energy its correlation with the loss {given_contrast(held)}"
        )
    return lines
