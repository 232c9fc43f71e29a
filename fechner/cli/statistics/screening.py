"""``fechner stats screen``: who would be left out, and why."""

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
    read_given,
    show,
)

if TYPE_CHECKING:
    pass


def screen(
    ratings: RatingsFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
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
    from fechner.analysis.ratings.screening.screen import screen as screened
    from fechner.cli.console import console

    matrix = rating_matrix(read_given(ratings, scale, columns, labels), dimension)
    result = screened(matrix, minimum=minimum, sd="sample" if sample_sd else "population")
    show(result, out)
    left = result.loc[~result["keep"], "participant"].tolist()
    console.print(
        f"agreement below {minimum:g}: {', '.join(left) if left else 'nobody'} "
        f"(BT.500 columns for comparison, with {'sample' if sample_sd else 'population'} SD)",
        markup=False,
    )
