"""``fechner stats contrast``: differences between any conditions of any table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.options.result_names import refuse_written_inputs
from fechner.cli.statistics.options import (
    ColumnsText,
    Dimension,
    LabelsText,
    Out,
    RatingsFile,
    ScaleText,
    complain,
    read_given,
)

if TYPE_CHECKING:
    from rich.table import Table

    from fechner.records.contrasts.family import ComparedConditions, ContrastFamily


def contrast(
    ratings: RatingsFile,
    stimuli: Annotated[
        Path | None,
        typer.Argument(help="stimuli.csv or its folder; none if the ratings have the column."),
    ] = None,
    factor: Annotated[
        str, typer.Option(help="Column of the stimuli or ratings whose levels are compared.")
    ] = "region",
    of: Annotated[
        list[str] | None,
        typer.Option(
            help="Levels to compare, A,B or A,B,C; several times for a family; without it, all."
        ),
    ] = None,
    within: Annotated[
        str | None, typer.Option(help="Second factor: compare within each of its levels.")
    ] = None,
    interaction: Annotated[
        str | None, typer.Option(help="Second factor: does the difference depend on it?")
    ] = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    level: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    margin: Annotated[
        float | None, typer.Option(help="Smallest difference in points that would matter.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Participant to leave out; several times for more.")
    ] = None,
    out: Out = None,
) -> None:
    """Compare any conditions: differences with intervals, Holm's p, effect sizes, equivalence.

    Example: fechner stats contrast ratings.csv stimuli.csv --factor region --of low,high
    """
    from fechner.analysis.ratings.comparing.family import compare_conditions
    from fechner.cli.console import console
    from fechner.records.stimuli import read_stimulus_table

    written = None if out is None else out.with_suffix(".json")
    if written is not None:
        both = [written, written.with_suffix(".csv")]
        refuse_written_inputs({"out": both, "ratings": ratings, "stimuli": stimuli})
    found = compare_conditions(
        read_given(ratings, scale, columns, labels),
        None if stimuli is None else read_stimulus_table(stimuli),
        factor=factor,
        of=[[name.strip() for name in group.split(",")] for group in of] if of else None,
        within=within,
        interaction=interaction,
        dimension=dimension,
        level=level,
        margin=margin,
        excluded=exclude or (),
    )
    _show(found)
    if written is not None:
        found.write(written)
        console.print(f"wrote {written} and {written.with_suffix('.csv')}")


def _show(found: ContrastFamily) -> None:
    from fechner.cli.console import console

    if found.simulated:
        console.print("\nSIMULATED", style="bold")
    console.print(_by_model(found))
    console.print("* decides; the ordered probit is in latent SDs, all else in points\n")
    console.print(_conclusions(found))
    console.print("d: points over the SD of a single rating within a condition", markup=False)
    complain(found.warnings)


def _by_model(found: ContrastFamily) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "contrast", "model", "estimate", "interval", "df", "p", box=None, padding=(0, 2, 0, 0)
    )
    for row in found.rows:
        for one in [*row.contrasts, *row.ordinal]:
            df = "z" if one.df is None else f"{one.df:.1f}"
            interval = f"{one.low:.3g} to {one.high:.3g}"
            model = one.model + (" *" if one.decides else "")
            cells = (row.name, model, f"{one.estimate:.3g}", interval, df, f"{one.p:.3g}")
            table.add_row(*map(Text, cells))
        for missing in row.unfitted:
            table.add_row(Text(row.name), missing.model, "did not fit")
    return table


def _conclusions(found: ContrastFamily) -> Table:
    from rich.table import Table
    from rich.text import Text

    smaller = [] if found.margin is None else [f"smaller than {found.margin:g}"]
    names = ("contrast", "p (Holm)", "d", *smaller, "a difference")
    table = Table(*names, box=None, padding=(0, 2, 0, 0))
    for row in found.rows:
        table.add_row(*map(Text, _cells(row)))
    return table


def _cells(row: ComparedConditions) -> list[str]:
    cells = [row.name, f"{row.p_holm:.3g}"]
    effect, tested = row.effect, row.equivalence
    cells.append(
        "-" if effect is None else f"{effect.d:.2f} ({effect.low:.2f} to {effect.high:.2f})"
    )
    if tested is not None:
        cells.append(f"{'shown' if tested.equivalent else 'not shown'} (p = {tested.p:.3g})")
    return [*cells, "claimed" if row.claimed else f"not claimed: {row.why_not}"]
