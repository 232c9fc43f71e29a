"""``fechner stats claim``: the tested claim on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.statistics.options import (
    ColumnsText,
    Dimension,
    LabelsText,
    Out,
    RatingsFile,
    ScaleText,
    StimuliFile,
    complain,
    read_given,
)

if TYPE_CHECKING:
    from fechner.records.claim import Claim


def claim(
    ratings: RatingsFile,
    stimuli: StimuliFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
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
    from fechner.analysis.ratings.claims.tested_claim import claim as tested_claim
    from fechner.analysis.ratings.screening.screen import MINIMUM_AGREEMENT
    from fechner.cli.console import console
    from fechner.records.stimuli import read_stimulus_table

    found = tested_claim(
        read_given(ratings, scale, columns, labels),
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
    complain(found.warnings)
