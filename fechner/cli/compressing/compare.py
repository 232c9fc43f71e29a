"""``fechner compress compare``: what a map is worth, in bytes and in quality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.compressing.options import (
    IMPORTANCE,
    SIZE,
    Centre,
    Map,
    Paths,
    Selection,
    Weights,
)
from fechner.cli.options.running import Cluster, Jobs
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.compression.folders.comparison import PictureMaps
    from fechner.compression.folders.jobs import Job


def compare(
    paths: Paths,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and the figure.")],
    map_: Map = "network",
    centre: Centre = False,
    selection: Selection = None,
    weights: Weights = None,
    judge: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of maps that only judge; repeat for more.", rich_help_panel=IMPORTANCE
        ),
    ] = None,
    quality: Annotated[
        float, typer.Option(help="Quality of the comparison.", rich_help_panel=SIZE)
    ] = 85.0,
    background_floor: Annotated[
        float, typer.Option(help="Lowest quality of the rest.", rich_help_panel=SIZE)
    ] = 70.0,
    effort: Annotated[str, typer.Option(help="fast or high.", rich_help_panel=SIZE)] = "fast",
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Measure what a map is worth against none, another picture's, its opposite, the centre.

    Example: fechner compress compare photos/ --map maps --judge other --out comparison
    """
    from fechner.cli.compressing.maps import map_source, with_maps
    from fechner.cli.compressing.telling import tell_comparison
    from fechner.cli.console import bar, console
    from fechner.compression.folders.comparison import measure_all, write_map_comparison
    from fechner.compression.folders.jobs import plan
    from fechner.compression.formats.compress import Settings
    from fechner.compression.jpeg.encoder import checked_effort
    from fechner.compression.jpeg.targets import Target
    from fechner.executors import executor

    target = Target(quality, background_floor, trust=1.0)
    settings = Settings(target, effort=checked_effort(effort))
    source = map_source(map_, centre=centre, selection=selection, weights=weights)
    found = plan(paths, out, settings, maps=source.folder)
    for job in found:
        if job.left == "failed":
            raise InputError(f"{job.name}: {job.remark}")
    pictures = [job for job in found if not job.left]
    planned = with_maps(pictures, source, out, quiet=False)
    for job in planned:
        if job.flat:
            raise InputError(
                f"{job.name} has no map to compare with others ({job.remark or '--map uniform'}); "
                "leave it out, or give another --map"
            )
    trials = _trials(planned, judge or [])
    with executor(jobs, cluster) as pool, bar("Comparing") as progress:
        measured = measure_all(trials, pool=pool, progress=progress)
    parameters = {"quality": quality, "background_floor": background_floor, "effort": effort}
    summary = write_map_comparison(measured, out, parameters=parameters)
    tell_comparison(summary, list(next(iter(summary["equal_bytes"].values()))))
    console.print(f"tables and figure: {out}")


def _trials(jobs: Sequence[Job], judges: Sequence[Path]) -> list[PictureMaps]:
    """Return the trials; a picture's shuffled map is that of the one half the folder on."""
    from fechner.compression.folders.comparison import PictureMaps
    from fechner.compression.folders.jobs import map_of

    count = len(jobs)
    others = [jobs[(i + count // 2) % count].importance if count > 1 else None for i in
              range(count)]  # fmt: skip
    return [
        PictureMaps(
            job.name,
            job.source,
            job.importance,
            other,
            tuple((folder.name, map_of(job.name, folder)) for folder in judges),
            job.settings,
        )
        for job, other in zip(jobs, others, strict=True)
    ]
