"""``fechner layers``: which distance from a reference, inside a network, agrees with people."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fechner.cli.layers_plot import plot
from fechner.cli.options.running import Cluster, Jobs
from fechner.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from fechner.records.layers.results import LayerResults
    from fechner.records.layers.study import LayerStudy

app = typer.Typer(
    no_args_is_help=True,
    help="Distances from a reference inside networks: which layer agrees with people, and how.",
)
app.command()(plot)

Tables = Annotated[
    list[Path],
    typer.Argument(
        help="STUDY.toml, or tables of images with their references, each a set of the study.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables.")]
Networks = Annotated[
    list[str] | None,
    typer.Option("--network", "-n", help="NAME or NAME=CHECKPOINT; repeat for several."),
]
Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        "-l",
        help="LAYER, A+B (joined), NETWORK/LAYER, usual or all; repeat. Default: usual.",
    ),
]
ReadOuts = Annotated[
    list[str] | None,
    typer.Option("--readout", "-r", help="How a distance is made; repeat. Default: every one."),
]
Weights = Annotated[
    Path | None, typer.Option(help="Checkpoint of the one network instead of published weights.")
]
Dimension = Annotated[
    str | None, typer.Option("--dimension", "-d", help="Rated dimension. Default: the only one.")
]
ReferenceRating = Annotated[
    float | None, typer.Option(help="Rating of every reference, where the table has none.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Of splits and intervals. Default: 0.")]
Resamples = Annotated[
    int | None, typer.Option(min=0, help="Behind intervals; 0: none. Default: 1000.")
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder that keeps distances. Default: OUT/cache.")
]


class Split(str, Enum):
    """How a set is dealt into pairs that fit and pairs that judge."""

    reference = "reference"
    image = "image"


@app.command()
def run(
    tables: Tables,
    out: Out,
    network: Networks = None,
    layer: Layers = None,
    readout: ReadOuts = None,
    weights: Weights = None,
    channel_weights: Annotated[
        list[str] | None,
        typer.Option(help="[NAME=]selection.json: weigh channels, too; repeat for several."),
    ] = None,
    yardsticks: Annotated[
        bool, typer.Option("--yardsticks", help="Known metrics in the same table.")
    ] = False,
    heads: Annotated[
        Path | None, typer.Option(help="Folder with the heads of LPIPS and DISTS.")
    ] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option(help="Column of the table with your own metric, COLUMN or COLUMN:high."),
    ] = None,
    ratings: Annotated[
        Path | None, typer.Option(help="Long table of single ratings, for the noise ceiling.")
    ] = None,
    dimension: Dimension = None,
    reference_rating: ReferenceRating = None,
    seed: Seed = None,
    resamples: Resamples = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    cache: Cache = None,
) -> None:
    """Compare every combination of network, layer, read-out and weights with what people said.

    Writes layers.csv, its intervals, distances, distortions, differences and notes. An
    interrupted run goes on where it stopped.

    Example: fechner layers run live.csv -n alexnet -l all -r rms -r cosine --yardsticks --out live
    """
    from fechner.cli.console import bar, console
    from fechner.executors import executor
    from fechner.study.layers import layer_study

    study = _study(
        tables,
        network=network, layer=layer, readout=readout, weights=weights, dimension=dimension,
        reference_rating=reference_rating, scores=scores, ratings=ratings,
        more={
            "channel_weights": channel_weights, "yardsticks": yardsticks or None, "heads": heads,
            "seed": seed, "resamples": resamples,
        },
    )  # fmt: skip
    with executor(jobs, cluster) as pool:
        results = layer_study(study, cache=cache or out / "cache", pool=pool, bars=bar)
    written = results.write(out)
    _show(results)
    console.print(f"wrote {', '.join(path.name for path in written)} in {out}", soft_wrap=True)


@app.command()
def finetune(
    tables: Tables,
    out: Out,
    network: Networks = None,
    layer: Layers = None,
    readout: ReadOuts = None,
    weights: Weights = None,
    dimension: Dimension = None,
    reference_rating: ReferenceRating = None,
    share: Annotated[float, typer.Option(help="Of a set, what fits; the rest judges.")] = 0.6,
    split: Annotated[
        Split,
        typer.Option(help="Deal whole references, or single images, which flatters."),
    ] = Split.reference,
    seed: Seed = None,
    resamples: Resamples = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    cache: Cache = None,
) -> None:
    """Fit non-negative channel weights on a part of each set; judge them on the rest and elsewhere.

    Writes crossed.csv and one selection a fit, which `fechner layers run --channel-weights` takes.

    Example: fechner layers finetune live.csv tid.csv -n alexnet -l features.5 -r rms --out tuned
    """
    from fechner.cli.console import bar, console
    from fechner.executors import executor
    from fechner.study.layer_weights import finetune_layers

    default = None if _is_file(tables) else ["rms"]
    study = _study(
        tables,
        network=network, layer=layer, readout=readout or default,
        weights=weights, dimension=dimension, reference_rating=reference_rating, scores=None,
        more={"seed": seed, "resamples": resamples},
    )  # fmt: skip
    with executor(jobs, cluster) as pool:
        found = finetune_layers(
            study,
            share=share,
            by=split.value,
            cache=cache or out / "cache",
            pool=pool,
            bars=bar,
        )
    found.write(out)
    for note in found.notes:
        console.print(note, soft_wrap=True, markup=False)
    _show_crossed(found.table)
    console.print(f"wrote crossed.csv and {len(found.weights)} files of weights in {out}",
                  soft_wrap=True)  # fmt: skip


@app.command()
def expect(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished fechner layers run.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write the table here (CSV).")
    ] = None,
) -> None:
    """Set published numbers beside a finished run, with their protocol and a tolerance.

    A published row is compared where the run has the same whole set, network, layer and
    read-out; elsewhere it says why not. Sets are known by name (tid2013, kadid10k, live).

    Example: fechner layers expect tid2013/
    """
    from rich.table import Table

    from fechner.analysis.network.distances.published import beside_published
    from fechner.cli.console import console, print_table
    from fechner.records.layers.results import read_layer_results, write_table

    results = read_layer_results(folder)
    found = beside_published(results.layers)
    drawing = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("set", "row", "published", "found", "verdict"):
        drawing.add_column(name, justify="right" if name == "found" else "left")
    for _, row in found[found["spearman"].notna()].iterrows():
        drawing.add_row(
            row["set"],
            f"{row['network']} {row['layer']} {row['readout']}",
            _range(row),
            f"{row['spearman']:.3f}",
            row["verdict"],
        )
    if len(drawing.rows):
        print_table(drawing)
    absent = found[found["spearman"].isna()]
    for why, rows in absent.groupby("verdict", sort=False):
        console.print(f"{len(rows)} published numbers not compared: {why}", soft_wrap=True)
    if out is not None:
        write_table(found, out, results.provenance)
        console.print(f"wrote {out}", soft_wrap=True)


def _is_file(tables: list[Path]) -> bool:
    return len(tables) == 1 and tables[0].suffix.lower() == ".toml"


def _study(
    tables: list[Path],
    *,
    network: list[str] | None,
    layer: list[str] | None,
    readout: list[str] | None,
    weights: Path | None,
    dimension: str | None,
    reference_rating: float | None,
    scores: list[str] | None,
    ratings: Path | None = None,
    more: dict[str, Any],
) -> LayerStudy:
    """Return the study that a file declares, or that tables and options make."""
    from fechner.records.layers.study import checked_layer_study, read_layer_study

    given = {name: value for name, value in more.items() if value is not None}
    if _is_file(tables):
        asked = {
            "--network": network, "--layer": layer, "--weights": weights, "--scores": scores,
            "--dimension": dimension, "--reference-rating": reference_rating,
            "--readout": readout, "--ratings": ratings,
        }  # fmt: skip
        named = [name for name, value in asked.items() if value is not None]
        if named:
            raise InputError(f"{tables[0]} says {named[0]} itself; change it there, or give tables")
        study = read_layer_study(tables[0])
        content = study.model_dump() | given
        return checked_layer_study(content, str(tables[0]))
    part = {
        "dimension": dimension, "reference_rating": reference_rating, "scores": scores or [],
        "ratings": ratings,
    }  # fmt: skip
    content = {
        "sets": [{"table": path, **part} for path in tables],
        "networks": _networks(network or [], layer, weights),
        "readouts": readout or [],
        **given,
    }
    return checked_layer_study(content, "the command line")


def _networks(
    words: list[str], layers: list[str] | None, weights: Path | None
) -> list[dict[str, Any]]:
    if weights is not None and (len(words) != 1 or "=" in words[0]):
        raise InputError("--weights needs one --network; for several write NAME=CHECKPOINT")
    found = []
    used: set[str] = set()
    for word in words:
        name, _, checkpoint = word.partition("=")
        mine = [
            one.removeprefix(f"{name}/")
            for one in layers or []
            if "/" not in one or one.startswith(f"{name}/")
        ]
        used |= {one for one in layers or [] if "/" not in one or one.startswith(f"{name}/")}
        whole = [one for one in mine if one in ("usual", "all")]
        found.append(
            {
                "name": name,
                "weights": Path(checkpoint) if checkpoint else weights,
                "layers": whole[0] if whole else mine or "usual",
            }
        )
    left = [one for one in layers or [] if one not in used]
    if left:
        raise InputError(f"--layer {left[0]} belongs to no --network; name the network with -n")
    return found


def _show(results: LayerResults) -> None:
    """Print the best distance of each network and every yardstick, and the notes."""
    from rich.table import Table

    from fechner.cli.console import console, print_table

    measured = results.measured
    for name, rows in measured.groupby("set", sort=False):
        first = rows.iloc[0]
        console.print(
            f"[bold]{name}[/]: {first['n_pairs']:.0f} pairs, {first['n_references']:.0f} references"
        )
        inside = rows[rows["network"] != "yardstick"]
        best = rows.loc[inside.groupby("network", sort=False)["spearman"].idxmax()]
        shown = [*best.iterrows(), *rows[rows["network"] == "yardstick"].iterrows()]
        drawing = Table(box=None, header_style="bold", pad_edge=False)
        weighed = any(row["weights"] != "none" for _, row in shown)
        for column in ("network", "layer", "read-out", *["weights"] * weighed):
            drawing.add_column(column)
        for column in ("Spearman", "95 %", "within types"):
            drawing.add_column(column, justify="right", no_wrap=True)
        for _, row in shown:
            drawing.add_row(
                row["network"], row["layer"], row["readout"], *[row["weights"]] * weighed,
                f"{row['spearman']:.3f}", f"[{row['low']:.3f}, {row['high']:.3f}]",
                _number(row["within_distortion"]),
            )  # fmt: skip
        print_table(drawing)
        if len(inside):
            console.print(
                f"the best of each network, chosen among {len(inside)} rows in all, which "
                "flatters it; every row is in layers.csv",
                style="dim",
                soft_wrap=True,
            )
    for _, note in results.notes.iterrows():
        where = " ".join(str(note[name]) for name in ("set", "network", "layer") if note[name])
        console.print(f"note: {where}: {note['note']}", markup=False, soft_wrap=True)


def _show_crossed(table: pd.DataFrame) -> None:
    from fechner.cli.console import console

    for (network, layer, readout), rows in table.groupby(
        ["network", "layer", "readout"], sort=False
    ):
        console.print(f"{network} {layer}, {readout}", markup=False, soft_wrap=True)
        for _, row in rows.iterrows():
            where = {
                "reference": "other references",
                "image": "other images of the same references, which flatters",
            }.get(row["part"], row["part"])
            console.print(
                f"  fitted on {row['fitted_on']}, judged on {row['judged_on']} ({where}): "
                f"{_number(row['before'])} -> {_number(row['after'])}, gain {row['gain']:+.3f} "
                f"[{_number(row['low'])}, {_number(row['high'])}]",
                markup=False,
                soft_wrap=True,
            )


def _range(row: pd.Series) -> str:
    low, high = row["published_low"], row["published_high"]
    told = f"{low:.3f}" if low == high else f"{low:.3f} to {high:.3f}"
    return f"{told} +- {row['tolerance']:.3f}"


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
