"""``fechner compress``: every picture of some folders, smaller, into another folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fechner.cli.compressing.options import (
    FILES,
    RUNNING,
    SAFETY,
    SIZE,
    Centre,
    Cluster,
    Jobs,
    Map,
    Paths,
    Selection,
    Weights,
)
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.compression.folders.batch import SummaryRow
    from fechner.compression.folders.jobs import Job
    from fechner.compression.formats.compress import Settings


def run(
    paths: Paths,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for the results, their table and their sheet."),
    ],
    map_: Map = "network",
    centre: Centre = False,
    selection: Selection = None,
    weights: Weights = None,
    quality: Annotated[
        float,
        typer.Option(
            help="The important part looks as a plain JPEG of this quality.", rich_help_panel=SIZE
        ),
    ] = 85.0,
    background_floor: Annotated[
        float,
        typer.Option(
            help="Lowest quality of the rest (SSIMULACRA2; 70 is high).", rich_help_panel=SIZE
        ),
    ] = 70.0,
    strength: Annotated[
        float | None,
        typer.Option(
            help="Fixed loss in the rest instead of the floor; 1 is usual.", rich_help_panel=SIZE
        ),
    ] = None,
    bytes_: Annotated[
        int | None,
        typer.Option("--bytes", help="Largest size of each file, in bytes.", rich_help_panel=SIZE),
    ] = None,
    bpp: Annotated[
        float | None,
        typer.Option(help="Largest size of each file, in bits per pixel.", rich_help_panel=SIZE),
    ] = None,
    effort: Annotated[
        str,
        typer.Option(help="fast, high (smaller, slower) or max (smallest).", rich_help_panel=SIZE),
    ] = "fast",
    form: Annotated[
        str,
        typer.Option("--format", help="jpeg, jxl, heic, avif or webp.", rich_help_panel=FILES),
    ] = "jpeg",
    subsampling: Annotated[
        str,
        typer.Option(
            help="Chroma of JPEGs made from other formats: 4:2:0 or 4:4:4.", rich_help_panel=FILES
        ),
    ] = "4:2:0",
    keep_metadata: Annotated[
        bool,
        typer.Option(
            "--keep-metadata", help="Keep EXIF, XMP and comments of JPEGs.", rich_help_panel=FILES
        ),
    ] = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place",
            help="Replace the JPEGs themselves; no copy is kept.",
            rich_help_panel=SAFETY,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=RUNNING),
    ] = False,
    jobs: Jobs = None,
    cluster: Cluster = None,
) -> None:
    """Compress pictures; where importance is low, more is lost.

    What maps and encoders are worth is measured by `fechner compress compare`.

    Example: fechner compress photos/ --out smaller
    """
    from fechner.cli.compressing.maps import map_source, with_maps
    from fechner.cli.compressing.telling import saving
    from fechner.compression.folders.batch import compress_all, totals, write_about, write_summary
    from fechner.compression.folders.jobs import plan
    from fechner.compression.formats.beyond_jpeg import require
    from fechner.compression.formats.compress import Settings
    from fechner.compression.jpeg.encoder import checked_effort
    from fechner.compression.jpeg.targets import Target
    from fechner.executors import executor

    require(form)
    if keep_metadata and form not in ("jpeg", "jxl"):
        raise InputError(f"--keep-metadata works for jpeg and jxl, not for {form}; leave it out")
    target = Target(quality, background_floor, strength, bytes_, bpp)
    settings = Settings(target, form, checked_effort(effort), subsampling, keep_metadata)
    source = map_source(map_, centre=centre, selection=selection, weights=weights)
    planned = plan(paths, out, settings, maps=source.folder, in_place=in_place)
    write_about(out)
    todo = with_maps(planned, source, out, quiet=quiet)
    with executor(jobs, cluster) as pool, saving(len(todo), quiet=quiet) as on_row:
        rows = compress_all(todo, pool=pool, on_row=on_row)
    write_summary(rows, out / "summary.csv")
    _sheet(rows, todo, out, settings)
    if not quiet:
        _tell(totals(rows), out)
    failed = [row for row in rows if row.status == "failed"]
    if failed:
        raise InputError(
            f"{len(failed)} of {len(rows)} pictures could not be compressed; the first, "
            f"{failed[0].image}: {failed[0].note}; all are listed in {out / 'summary.csv'}"
        )


def _sheet(rows: Sequence[SummaryRow], jobs: Sequence[Job], out: Path, settings: Settings) -> None:
    from dataclasses import asdict

    from fechner.cli.compressing.telling import aim
    from fechner.compression.folders.panels import write_sheet

    panels = {job.name: job.panel for job in jobs}
    write_sheet(out / "sheet.html", [asdict(row) for row in rows], panels, about=aim(settings))


def _tell(sums: dict[str, Any], out: Path) -> None:
    from fechner.cli.compressing.telling import megabytes
    from fechner.cli.console import console

    before, after = sums["bytes_before"], sums["bytes_after"]
    share = 100 * (1 - after / before) if before else 0.0
    console.print(
        f"{sums['compressed']} compressed, {sums['kept']} kept, {sums['failed']} failed: "
        f"{megabytes(before)} to {megabytes(after)}, {share:.1f} % saved"
    )
    console.print(f"table: {out / 'summary.csv'}   crops: {out / 'sheet.html'}")
