"""``fechner compress``: every picture of some folders, smaller, into another folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.compressing.options import (
    FILES,
    SAFETY,
    SIZE,
    Centre,
    Map,
    Paths,
    Selection,
    Weights,
)
from fechner.cli.options.running import RUNNING, Cluster, Jobs
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.compression.folders.jobs import Job
    from fechner.compression.folders.summary import SummaryRow
    from fechner.compression.formats.compress import Settings
    from fechner.compression.formats.metadata import Keep


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
    trust: Annotated[
        str,
        typer.Option(
            help="How far the map is believed, 0 to 1 or full: full takes the rest to the floor.",
            rich_help_panel=SIZE,
        ),
    ] = "0.75",
    strength: Annotated[
        float | None,
        typer.Option(
            help="Fixed loss in the rest instead of the floor; 1 is usual.", rich_help_panel=SIZE
        ),
    ] = None,
    bytes_: Annotated[
        int | None,
        typer.Option(
            "--bytes", min=1, help="Largest size of each file, in bytes.", rich_help_panel=SIZE
        ),
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
        str | None,
        typer.Option(
            help="all; safe (capture date, copyright and what the picture needs: no position, "
            "serial numbers, thumbnail); or none (what it needs). Default: safe; all in place.",
            rich_help_panel=FILES,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            help="Colour behind transparent pixels (white, #3080ff); without it such pictures "
            "are copied.",
            rich_help_panel=FILES,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace files of the folder that fechner did not write; each is named.",
            rich_help_panel=SAFETY,
        ),
    ] = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place",
            help="Replace the JPEGs themselves; --out then gets the originals and the summary.",
            rich_help_panel=SAFETY,
        ),
    ] = False,
    backup: Annotated[
        bool,
        typer.Option(
            help="Keep what is replaced in place, in OUT/originals.", rich_help_panel=SAFETY
        ),
    ] = True,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="List what would become of every input; write nothing.",
            rich_help_panel=SAFETY,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=RUNNING),
    ] = False,
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Compress pictures; where importance is low, more is lost.

    What maps and encoders are worth is measured by `fechner compress compare`.

    Example: fechner compress photos/ --out smaller
    """
    from fechner.cli.compressing.colours import colour
    from fechner.cli.compressing.maps import map_source, with_maps
    from fechner.cli.compressing.telling import saving, tell, tell_plan
    from fechner.compression.folders.batch import compress_all
    from fechner.compression.folders.jobs import plan
    from fechner.compression.folders.summary import SUMMARY, begin_folder, summary_csv, write_report
    from fechner.compression.formats.beyond_jpeg import require
    from fechner.compression.formats.compress import Settings
    from fechner.compression.jpeg.encoder import checked_effort
    from fechner.compression.jpeg.targets import Target, checked_trust
    from fechner.executors import executor

    require(form)
    settings = Settings(
        Target(quality, background_floor, strength, bytes_, bpp, checked_trust(trust)),
        form,
        checked_effort(effort),
        subsampling,
        _kept(keep_metadata, in_place=in_place),
        None if background is None else colour(background),
    )
    source = map_source(map_, centre=centre, selection=selection, weights=weights)
    planned = plan(
        paths,
        out,
        settings,
        maps=source.folder,
        in_place=in_place,
        overwrite=overwrite,
        backup=backup,
    )
    if dry_run:
        tell_plan(planned)
        return
    foreign = begin_folder(out, overwrite=overwrite)
    todo = with_maps(planned, source, out, quiet=quiet)
    with executor(jobs, cluster) as pool, saving(len(todo), quiet=quiet) as on_row:
        rows = compress_all(todo, pool=pool, on_row=on_row)
    write_report(out / SUMMARY, summary_csv(rows))
    _sheet(rows, todo, out, settings)
    replaced_in = (paths[0] if len(paths) == 1 else Path("FOLDER")) if in_place else None
    tell(rows, out, foreign, replaced_in=replaced_in, quiet=quiet)
    failed = [row for row in rows if row.status == "failed"]
    if failed:
        raise InputError(
            f"{len(failed)} of {len(rows)} inputs failed; the first, {failed[0].image}: "
            f"{failed[0].note}; all are listed in {out / SUMMARY}"
        )


def _kept(asked: str | None, *, in_place: bool) -> Keep:
    """Return what metadata is kept: what was asked for, or the default of the run."""
    from fechner.compression.formats.metadata import checked_keep

    if asked is None:
        return "all" if in_place else "safe"
    return checked_keep(asked)


def _sheet(rows: Sequence[SummaryRow], jobs: Sequence[Job], out: Path, settings: Settings) -> None:
    from fechner.cli.compressing.telling import aim
    from fechner.compression.folders.sheet import sheet_html
    from fechner.compression.folders.summary import SHEET, write_report

    panels = {job.name: job.panel for job in jobs}
    write_report(out / SHEET, sheet_html(rows, panels, about=aim(settings)))
