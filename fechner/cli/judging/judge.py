"""``fechner maps judge``: do the errors that a map weighs agree better with people."""

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
    import pandas as pd

    from fechner.records.map_worth.judged import JudgedMaps


def judge(
    table: Annotated[
        Path,
        typer.Argument(help="Pairs: image, reference, DMOS. Or patches with ratings (FLIVE)."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for judge.csv and figure.")],
    selection: Selection = None,
    candidate: Candidate = None,
    maps: Folders = None,
    rival: Rivals = None,
    distance: Distance = True,
    network: DistanceNetwork = None,
    layer: DistanceLayers = None,
    readout: DistanceReadout = None,
    family: Annotated[
        list[str] | None,
        typer.Option("--family", help="Only this distortion type; repeat for several."),
    ] = None,
    error: Annotated[
        list[str] | None,
        typer.Option(
            "--error", help="mse, '1 - ssim', '1 - gms', 'layer distance'; repeat. Default: all."
        ),
    ] = None,
    dimension: Annotated[
        str | None, typer.Option("--dimension", "-d", help="Rated dimension. Default: the only.")
    ] = None,
    reference_rating: Annotated[
        float | None, typer.Option(help="Rating of every reference, where the table has none.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Behind intervals; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of intervals and of permuted weights.")] = 0,
    weights: Checkpoint = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    cluster: Cluster = None,
) -> None:
    """Ask people whether maps say where damage hurts: more than no map, more than each rival.

    The errors of each pair are weighed by each map, and held against what people said. Rivals:
    uniform, centre, contrast energy, spectral residual, mirrored, another image's map, all
    channels, permuted weights. Intervals draw references anew.

    Example: fechner maps judge tid.csv --family "local block distortions"
    --selection channels/selection.json --out judged
    """
    from fechner.cli.console import bar, console
    from fechner.executors import executor
    from fechner.records.layers.study import PairsTable
    from fechner.records.map_worth.patches import holds_patches
    from fechner.report.map_worth.worth_figure import judge_figure, write_figure
    from fechner.study.map_worth.judge import judge_pairs, judge_patches

    compared = asked_distance(distance, network, layer, readout, device=device)
    asked = asked_maps(
        selection, candidate, maps, rivals=rival, weights=weights, device=device, distance=compared
    )
    with executor(jobs, cluster) as pool:
        if holds_patches(table):
            found = judge_patches(
                table, asked, resamples=resamples, seed=seed, pool=pool, folder=out, bars=bar
            )
        else:
            part = PairsTable(table=table, dimension=dimension, reference_rating=reference_rating)
            found = judge_pairs(
                part,
                asked,
                families=family or (),
                errors=error or (),
                resamples=resamples,
                seed=seed,
                pool=pool,
                folder=out,
                bars=bar,
            )
    written = found.write(out)
    made = judge_figure(
        found.judge, title=f"Maps judged by {table.stem}", simulated=found.simulated
    )
    written.append(write_figure(made, written[0].with_suffix(".png")))
    _show(found)
    console.print(f"wrote {', '.join(path.name for path in written)} in {out}", soft_wrap=True)


def _show(found: JudgedMaps) -> None:
    from rich.table import Table

    from fechner.cli.console import console, print_table
    from fechner.cli.judging.words import number_with_interval, undefined

    said = "SIMULATED ratings: " if found.simulated else ""
    for error in dict.fromkeys(found.judge["error"]):
        rows = found.judge[found.judge["error"] == error]
        drawing = Table(
            f"{error}, weighed by", "pairs", "Spearman", "minus uniform", "minus contrast",
            box=None, header_style="bold", pad_edge=False,
        )  # fmt: skip
        for _, row in rows.sort_values("spearman", ascending=False).iterrows():
            drawing.add_row(
                f"[bold]{row['map']}[/bold]" if row["kind"] == "map" else row["map"],
                f"{row['n_pairs']}{undefined(row['n_undefined'])}",
                *(
                    number_with_interval(row, name, f"{name}_low", f"{name}_high", sign=sign)
                    for name, sign in _SHOWN
                ),
            )
        print_table(drawing)
    for note in found.notes["note"]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(f"{said}{_verdict(found.differences)}", markup=False, soft_wrap=True)


_SHOWN = (("spearman", ""), ("minus_uniform", "+"), ("minus_contrast", "+"))


def _verdict(differences: pd.DataFrame) -> str:
    """Say of each map, for each error, how many of its rivals it beats beyond the interval."""
    if differences.empty:
        return "no map was given, only rivals; give --selection or --maps"
    said = []
    for (name, error), rows in differences.groupby(["map", "error"], sort=False):
        beaten = int((rows["low"] > 0).sum())
        worse = int((rows["high"] < 0).sum())
        said.append(f"{name} ({error}): better than {beaten} of {len(rows)} rivals, worse than "
                    f"{worse}")  # fmt: skip
    return "beyond its interval, " + "; ".join(said)
