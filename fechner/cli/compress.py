"""``fechner compress``: smaller picture files, with the loss where it matters least.

``fechner compress PATHS`` is ``fechner compress run PATHS``; ``fechner compress compare``
measures maps and encoders against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.compression.folders.batch import SummaryRow
    from fechner.compression.folders.comparison import PictureMaps
    from fechner.compression.folders.jobs import Job
    from fechner.compression.formats.compress import Settings


class _RunByDefault(TyperGroup):
    """A group whose arguments go to ``run`` when they begin with no command of its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name before a path or an option."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help=(
        "Smaller picture files, with the loss where it matters least. "
        "`fechner compress PATHS --out DIR` means `fechner compress run PATHS --out DIR`."
    ),
)

Paths = Annotated[list[Path], typer.Argument(help="Pictures, and folders searched through.")]
Out = Annotated[Path, typer.Option(help="Folder for the results, their table and their sheet.")]
Map = Annotated[
    Path | None, typer.Option("--map", help="Folder of importance maps (NAME.png, grey).")
]
Selection = Annotated[
    Path | None, typer.Option(help="Channel selection (selection.json) to make maps from.")
]
Centre = Annotated[bool, typer.Option("--centre", help="The middle of each picture matters.")]
Jobs = Annotated[int | None, typer.Option(help="Processes; every core by default.")]
Cluster = Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")]


@app.command()
def run(
    paths: Paths,
    out: Out,
    map_: Map = None,
    selection: Selection = None,
    centre: Centre = False,
    quality: Annotated[
        float, typer.Option(help="The important part looks as a plain JPEG of this quality.")
    ] = 85.0,
    background_floor: Annotated[
        float, typer.Option(help="Lowest quality of the rest (SSIMULACRA2; 70 is high).")
    ] = 70.0,
    strength: Annotated[
        float | None, typer.Option(help="Fixed loss in the rest instead of the floor; 1 is usual.")
    ] = None,
    bytes_: Annotated[
        int | None, typer.Option("--bytes", help="Largest size of each file, in bytes.")
    ] = None,
    bpp: Annotated[
        float | None, typer.Option(help="Largest size of each file, in bits per pixel.")
    ] = None,
    effort: Annotated[
        str, typer.Option(help="fast, high (smaller, slower) or max (smallest).")
    ] = "fast",
    form: Annotated[str, typer.Option("--format", help="jpeg, jxl, heic, avif or webp.")] = "jpeg",
    subsampling: Annotated[
        str, typer.Option(help="Chroma of JPEGs made from other formats: 4:2:0 or 4:4:4.")
    ] = "4:2:0",
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep EXIF, XMP and comments of JPEGs.")
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Replace the JPEGs themselves; no copy is kept.")
    ] = False,
    jobs: Jobs = None,
    cluster: Cluster = None,
) -> None:
    """Compress pictures; where importance is low, more is lost.

    Example: fechner compress photos/ --out smaller --centre
    """
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
    maps = _maps(paths, out, map_, selection, centre, settings)
    todo = plan(paths, out, settings, maps=maps, in_place=in_place)
    write_about(out)
    with executor(jobs, cluster) as pool, _saving(len(todo)) as on_row:
        rows = compress_all(todo, pool=pool, on_row=on_row)
    write_summary(rows, out / "summary.csv")
    _sheet(rows, todo, out, settings)
    _tell(totals(rows), out)
    failed = [row for row in rows if row.status == "failed"]
    if failed:
        raise InputError(
            f"{len(failed)} of {len(rows)} pictures could not be compressed; the first, "
            f"{failed[0].image}: {failed[0].note}; all are listed in {out / 'summary.csv'}"
        )


@app.command()
def compare(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="Folder for tables and the figure.")],
    map_: Map = None,
    selection: Selection = None,
    centre: Centre = False,
    judge: Annotated[
        list[Path] | None, typer.Option(help="Folder of maps that only judge; repeat for more.")
    ] = None,
    quality: Annotated[float, typer.Option(help="Quality of the comparison.")] = 85.0,
    background_floor: Annotated[float, typer.Option(help="Lowest quality of the rest.")] = 70.0,
    effort: Annotated[str, typer.Option(help="fast or high.")] = "fast",
    jobs: Jobs = None,
    cluster: Cluster = None,
) -> None:
    """Measure what a map is worth against none, another picture's, its opposite, the centre.

    Example: fechner compress compare photos/ --map maps --judge other --out comparison
    """
    from fechner.cli.console import bar
    from fechner.compression.folders.comparison import measure_all, write_map_comparison
    from fechner.compression.folders.jobs import plan
    from fechner.compression.formats.compress import Settings
    from fechner.compression.jpeg.encoder import checked_effort
    from fechner.compression.jpeg.targets import Target
    from fechner.executors import executor

    target = Target(quality, background_floor)
    settings = Settings(target, effort=checked_effort(effort))
    maps = _maps(paths, out, map_, selection, centre, settings)
    trials = _trials(plan(paths, out, settings, maps=maps), judge or [])
    with executor(jobs, cluster) as pool, bar("Comparing") as progress:
        measured = measure_all(trials, pool=pool, progress=progress)
    parameters = {"quality": quality, "background_floor": background_floor, "effort": effort}
    _tell_comparison(write_map_comparison(measured, out, parameters=parameters), out)


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


def _tell_comparison(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    from fechner.cli.console import console

    console.print(
        f"{summary['pictures']} pictures, {summary['saving_percent']:.1f} % fewer bytes than a "
        "plain JPEG; SSIMULACRA2 at these bytes:"
    )
    conditions = list(next(iter(summary["equal_bytes"].values())))
    table = Table("part", *conditions, box=None)
    for part, levels in summary["equal_bytes"].items():
        cells = ["" if levels[c] is None else f"{levels[c]:.1f}" for c in conditions]
        table.add_row(part, *cells)
    console.print(table)
    console.print(f"tables and figure: {out}")


def _maps(
    paths: Sequence[Path],
    out: Path,
    maps: Path | None,
    selection: Path | None,
    centre: bool,
    settings: Settings,
) -> Path | None:
    """Return the folder of maps to use, made from a selection if need be; None is the centre."""
    if (maps is not None) + (selection is not None) + centre != 1:
        raise InputError(
            "expected one source of importance: --map DIR, --selection FILE or --centre"
        )
    if maps is not None and not maps.is_dir():
        raise InputError(f"no folder {maps}; make maps with: fechner maps make")
    if selection is None:
        return maps
    return _maps_from(selection, paths, out, settings)


def _maps_from(selection: Path, paths: Sequence[Path], out: Path, settings: Settings) -> Path:
    """Draw the map of every picture that has none yet, below ``.compress/maps``."""
    from fechner.analysis.network.layers.networks import load_network
    from fechner.analysis.network.maps.importance import METHODS, map_method, raw_map
    from fechner.cli.console import bar
    from fechner.compression.folders.jobs import RECORDS, plan
    from fechner.provenance import digest
    from fechner.records.done import done_key, read_done, write_done
    from fechner.records.images.files import read_image, write_map_png
    from fechner.records.maps import counted
    from fechner.records.selection import read_selection

    chosen = read_selection(selection).choice
    network = load_network(chosen.network)
    if chosen.weights_sha256 != network.weights_sha256:
        raise InputError(
            f"{selection} was made with other weights of {network.name} than are here; make maps "
            "with: fechner maps make --weights FILE, and give their folder with --map"
        )
    method = map_method(chosen)
    # A folder a selection and kind, so that other maps are never taken for these.
    made = {"selection": chosen.model_dump(mode="json"), "method": method}
    folder = out / RECORDS / "maps" / digest(made)[:12]
    todo = plan(paths, out, settings)
    with bar("Importance maps") as progress:
        for done, job in enumerate(todo, start=1):
            path = folder / Path(job.name).with_suffix(".png")
            key, record = done_key("maps", made, [job.source]), path.with_suffix(".json")
            if read_done(record, key) is None:
                raw = raw_map(network, read_image(job.source), chosen, method=method)
                values = counted(raw, METHODS[method][1])
                write_map_png(path, values / max(float(values.max()), 1e-12))
                write_done(record, key, wrote=[path])
            progress(done, len(todo))
    return folder


@contextmanager
def _saving(total: int) -> Iterator[Any]:
    """Draw a bar that also tells the bytes saved; give what takes each finished row."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    told = TextColumn("{task.fields[saved]}")
    columns = (TextColumn("Compressing"), BarColumn(), MofNCompleteColumn(), told, TimeLeft())
    saved = 0
    with Progress(*columns) as drawing:
        task = drawing.add_task("", total=total, saved="")

        def on_row(row: SummaryRow) -> None:
            nonlocal saved
            saved += row.bytes_before - row.bytes_after
            drawing.update(task, advance=1, saved=f"{_megabytes(saved)} saved")

        yield on_row


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


def _sheet(rows: Sequence[SummaryRow], jobs: Sequence[Job], out: Path, settings: Settings) -> None:
    from dataclasses import asdict

    from fechner.compression.folders.panels import write_sheet

    target = settings.target
    if target.max_bytes is not None:
        aim = f"at most {target.max_bytes} bytes each"
    elif target.bits_per_pixel is not None:
        aim = f"at most {target.bits_per_pixel:g} bits per pixel"
    else:
        aim = f"the important part as at quality {target.quality:g}"
    about = f"Format {settings.form}, effort {settings.effort}: {aim}."
    panels = {job.name: job.panel for job in jobs}
    write_sheet(out / "sheet.html", [asdict(row) for row in rows], panels, about=about)


def _tell(sums: dict[str, Any], out: Path) -> None:
    from fechner.cli.console import console

    before, after = sums["bytes_before"], sums["bytes_after"]
    share = 100 * (1 - after / before) if before else 0.0
    console.print(
        f"{sums['compressed']} compressed, {sums['kept']} kept, {sums['failed']} failed: "
        f"{_megabytes(before)} to {_megabytes(after)}, {share:.1f} % saved"
    )
    console.print(f"table: {out / 'summary.csv'}   crops: {out / 'sheet.html'}")
