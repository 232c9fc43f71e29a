"""``fechner stats``: scores, screening, the tested claim, and power, for any table of ratings."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from fechner.analysis.ratings.power import Components
    from fechner.records.claim import Claim
    from fechner.records.ratings import Ratings
    from fechner.records.scales import Scale

app = typer.Typer(
    no_args_is_help=True, help="Statistics of ratings: scores, screening, the claim, power."
)

RatingsFile = Annotated[
    Path, typer.Argument(help="Long table: participant, image, dimension, rating (CSV).")
]
StimuliFile = Annotated[Path, typer.Argument(help="stimuli.csv, or the folder that holds it.")]
Dimension = Annotated[
    str | None, typer.Option(help="Which rating dimension, where there are several.")
]
ScaleText = Annotated[
    str | None,
    typer.Option(
        "--scale", help="Ends, e.g. 1:5, or 1:5:low if low is good; else from the .json beside."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Also write the result here.")]


class Method(str, Enum):
    """How scores are made."""

    mos = "mos"
    bias_removed = "bias-removed"
    likelihood = "likelihood"


class Kind(str, Enum):
    """Rating scale whose typical variances are assumed."""

    acr = "acr"
    slider = "slider"


@app.command()
def claim(
    ratings: RatingsFile,
    stimuli: StimuliFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    control: Annotated[str, typer.Option(help="Region of the control arm.")] = "donor",
    keep_all: Annotated[bool, typer.Option("--keep-all", help="Do not screen.")] = False,
    equivalence: Annotated[
        float | None, typer.Option(help="Smallest difference in points that would matter.")
    ] = None,
    out: Out = None,
) -> None:
    """Test whether degrading unimportant regions harms less, and give the verdict.

    Example: fechner stats claim ratings/ratings.csv stimuli/stimuli.csv -o claim.json
    """
    from fechner.analysis.ratings.screening import MINIMUM_AGREEMENT
    from fechner.analysis.ratings.tested_claim import claim as tested_claim
    from fechner.cli.console import console
    from fechner.records.stimuli import read_stimulus_table

    found = tested_claim(
        _read(ratings, scale),
        read_stimulus_table(stimuli),
        control=control,
        dimension=dimension,
        minimum_agreement=None if keep_all else MINIMUM_AGREEMENT,
        equivalence_bound=equivalence,
    )
    _show_claim(found)
    if out is not None:
        found.write(out)
        console.print(f"wrote {out}")


@app.command()
def scores(
    ratings: RatingsFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    method: Annotated[Method, typer.Option(help="How scores are made.")] = Method.mos,
    out: Out = None,
) -> None:
    """Show one score an image: MOS, bias-removed MOS, or the likelihood with participants modelled.

    Example: fechner stats scores ratings.csv --method likelihood -o scores.csv
    """
    import pandas as pd

    from fechner.analysis.ratings import scores as rules
    from fechner.analysis.ratings.matrices import rating_matrix

    matrix = rating_matrix(_read(ratings, scale), dimension)
    if method is Method.likelihood:
        model = rules.maximum_likelihood(matrix)
        result = pd.DataFrame(
            {"image": matrix.images, "quality": model.quality, "error": model.quality_error}
        )
    else:
        result = rules.mos(rules.remove_bias(matrix) if method is Method.bias_removed else matrix)
    _show(result, out)


@app.command()
def dmos(
    ratings: RatingsFile,
    stimuli: StimuliFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    level: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    out: Out = None,
) -> None:
    """Show how far each image falls below the hidden reference of its scene (DMOS).

    Differences are taken within each participant; an image as good as its intact reference
    scores the good end of the scale.

    Example: fechner stats dmos ratings/ratings.csv stimuli -o dmos.csv
    """
    from fechner.analysis.ratings.scores import dmos as differential_scores
    from fechner.records.stimuli import read_stimulus_table

    result = differential_scores(
        _read(ratings, scale), read_stimulus_table(stimuli), dimension=dimension, level=level
    )
    _show(result, out)


@app.command()
def screen(
    ratings: RatingsFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    minimum: Annotated[
        float, typer.Option(help="Agreement with all others below which one is left out.")
    ] = 0.2,
    sample_sd: Annotated[
        bool, typer.Option("--sample-sd", help="BT.500 with n - 1, not n.")
    ] = False,
    out: Out = None,
) -> None:
    """Show, for each participant, whether the ratings carry information, and why not.

    Example: fechner stats screen ratings/ratings.csv
    """
    from fechner.analysis.ratings.matrices import rating_matrix
    from fechner.analysis.ratings.screening import screen as screened
    from fechner.cli.console import console

    matrix = rating_matrix(_read(ratings, scale), dimension)
    result = screened(matrix, minimum=minimum, sd="sample" if sample_sd else "population")
    _show(result, out)
    left = result.loc[~result["keep"], "participant"].tolist()
    console.print(
        f"agreement below {minimum:g}: {', '.join(left) if left else 'nobody'} "
        f"(BT.500 columns for comparison, with {'sample' if sample_sd else 'population'} SD)",
        markup=False,
    )


@app.command()
def power(
    participants: Annotated[
        list[int] | None, typer.Option("--participants", "-p", help="May be given several times.")
    ] = None,
    images: Annotated[
        list[int] | None, typer.Option("--images", "-i", help="May be given several times.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Scale whose typical variances hold.")] = Kind.slider,
    pilot: Annotated[
        Path | None, typer.Option(help="claim.json of a pilot; its variances are used instead.")
    ] = None,
    wanted: Annotated[float, typer.Option("--power", help="Probability to find the effect.")] = 0.8,
    equivalence: Annotated[
        float | None, typer.Option(help="Also the power to show that an effect of 0 is within +-.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw it here (.png, .svg or .pdf).")
    ] = None,
    out: Out = None,
) -> None:
    """Plan a study: the smallest effect it can find, for numbers of participants and images.

    Example: fechner stats power -p 15 -p 30 -i 24 -i 48 --pilot statistics/claim.json
    """
    from fechner.analysis.ratings.power import equivalence_power, power_table
    from fechner.cli.console import console

    components = _components(kind, pilot)
    sizes = tuple(participants or (15, 30, 60)), tuple(images or (24, 48, 96))
    table = power_table(components, participants=sizes[0], images=sizes[1], wanted=wanted)
    if equivalence is not None:
        table["equivalence_power"] = [
            equivalence_power(equivalence, components, participants=int(p), images=int(i))
            for p, i in zip(table["participants"], table["images"], strict=True)
        ]
    _show(table, out)
    if figure is not None:
        from fechner.report.power_figure import write_power_figure

        write_power_figure(table, figure, wanted=wanted)
        console.print(f"wrote {figure}")
    console.print(
        f"SDs of the differences: participants {components.participant:.3g}, images "
        f"{components.image:.3g}, residual {components.residual:.3g} points. Images limit, not "
        "participants: beyond about 30 people more images help more."
    )


def _components(kind: Kind, pilot: Path | None) -> Components:
    from fechner.analysis.ratings.power import ACR_5, SLIDER_100, Components
    from fechner.records.claim import read_claim

    if pilot is None:
        return ACR_5 if kind is Kind.acr else SLIDER_100
    found = read_claim(pilot)
    row = found.contrast(f"{found.low} - {found.high}")
    parts = [row.variances.get(name) for name in ("participant", "image", "residual")]
    if None in parts or row.model == "REML slopes":
        raise InputError(
            f"{pilot} holds no variances of differences ({row.model}); plan with --kind instead"
        )
    return Components(*(float(part or 0.0) ** 0.5 for part in parts))


def _read(path: Path, scale: str | None) -> Ratings:
    """Return the ratings, on the scale that is given here or else declared for the table."""
    from fechner.records.cells import read_cells, require_columns
    from fechner.records.ratings import read_ratings

    if scale is None:
        return read_ratings(path)
    cells = read_cells(path)
    require_columns(cells, ("dimension",), path)
    return read_ratings(path, scales=dict.fromkeys(cells["dimension"].unique(), _scale(scale)))


def _scale(text: str) -> Scale:
    from pydantic import ValidationError

    from fechner.records.scales import Scale

    parts = text.split(":")
    good = parts[2] if len(parts) > 2 else "high"
    try:
        return Scale(float(parts[0]), float(parts[1]), good)  # type: ignore[arg-type]
    except (ValueError, IndexError, ValidationError) as error:
        raise InputError(
            f"--scale expects MINIMUM:MAXIMUM or MINIMUM:MAXIMUM:low, got {text!r}"
        ) from error


def _show_claim(found: Claim) -> None:
    from rich.table import Table

    from fechner.cli.console import console

    mark = "SIMULATED " if found.simulated else ""
    console.print(f"\n{mark}{found.verdict.upper()}\n", style="bold", markup=False)
    for sentence in found.sentences:
        console.print(sentence, markup=False)
    table = Table(
        "contrast", "model", "points", "interval", "df", "p", box=None, padding=(0, 2, 0, 0)
    )
    for row in [*found.contrasts, *found.ordinal]:
        interval = f"{row.low:.3g} to {row.high:.3g}"
        df = "z" if row.df is None else f"{row.df:.1f}"
        model = row.model + (" *" if row.decides else "")
        table.add_row(row.name, model, f"{row.estimate:.3g}", interval, df, f"{row.p:.3g}")
    console.print()
    console.print(table)
    console.print(
        "* decides; the ordered probit is in latent SDs, all else in points", markup=False
    )
    if found.equivalence is not None:
        shown = "shown" if found.equivalence.equivalent else "not shown"
        bound, p = found.equivalence.bound, found.equivalence.p
        console.print(f"equivalence within +-{bound:g} points: {shown} (p = {p:.3g})")
    _complain(found.warnings)


def _complain(warnings: Sequence[str]) -> None:
    from fechner.cli.console import complaints

    for warning in warnings:
        complaints.print(f"note: {warning}", markup=False)


def _show(table: pd.DataFrame, out: Path | None) -> None:
    """Print a table, and write it whole as CSV where asked."""
    from rich.table import Table
    from rich.text import Text

    from fechner.cli.console import console
    from fechner.provenance import write_text
    from fechner.records.cells import csv_text

    drawn = Table(*(name.replace("_", " ") for name in map(str, table.columns)), box=None)
    for row in table.itertuples(index=False):
        drawn.add_row(*(Text(_cell(value)) for value in row))
    console.print(drawn)
    if out is not None:
        write_text(out, csv_text(table, out))
        console.print(f"wrote {out}")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
