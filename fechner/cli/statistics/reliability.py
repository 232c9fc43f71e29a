"""``fechner stats reliability``: how far participants agree, and how many a MOS needs."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.statistics.options import (
    ColumnsText,
    Dimension,
    LabelsText,
    Out,
    RatingsFile,
    ScaleText,
    complain,
    read_given,
    show,
)

if TYPE_CHECKING:
    import pandas as pd

    from fechner.analysis.ratings.reliability.sources import Sources

SHARE_OF_SCALE = 8
"""The width of an interval that is planned for unless another is given: an eighth of the scale."""


class Difference(str, Enum):
    """How alpha takes two ratings to differ."""

    interval = "interval"
    ordinal = "ordinal"
    nominal = "nominal"


def show_reliability(
    ratings: RatingsFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    metric: Annotated[
        Difference, typer.Option(help="How Krippendorff's alpha takes two ratings to differ.")
    ] = Difference.interval,
    level: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    width: Annotated[
        float | None,
        typer.Option(help="Wanted width of a MOS's interval in points; an eighth of the scale."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of random halves and resampled images.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(help="Draw participants against width (.png, .svg or .pdf).")
    ] = None,
    out: Out = None,
) -> None:
    """Say how far participants agree, what a model can reach, and how many participants it takes.

    Example: fechner stats reliability ratings/ratings.csv --figure participants.png
    """
    import numpy as np

    from fechner.analysis.ratings.matrices import choose_dimension, rating_matrix
    from fechner.analysis.ratings.reliability.participants_needed import (
        participants_for,
        planning_sizes,
        width_table,
    )
    from fechner.analysis.ratings.reliability.summary import summarise_reliability
    from fechner.cli.console import console

    given = read_given(ratings, scale, columns, labels)
    chosen = choose_dimension(given, dimension)
    matrix = rating_matrix(given, chosen)
    found = summarise_reliability(matrix, metric=metric.value, level=level, seed=seed)
    ends = given.scale(chosen)
    wanted = (ends.maximum - ends.minimum) / SHARE_OF_SCALE if width is None else width
    needed = participants_for(wanted, found.sources.rating_sd, level=level)
    if given.simulated:
        console.print("SIMULATED: no participant made these ratings.\n", style="bold")
    show(found.table, out)
    console.print()
    for sentence in found.sentences:
        console.print(sentence, markup=False)
    sizes = planning_sizes(needed, len(matrix.participants)) if figure else [needed]
    rng = np.random.default_rng(seed)
    table = width_table(matrix, found.sources, sizes, level=level, rng=rng)
    console.print(_planned(table, found.sources, wanted, needed, level), markup=False)
    if figure is not None:
        from fechner.report.participants_figure import write_participants_figure

        write_participants_figure(
            table, figure, wanted=wanted, needed=needed, level=level, simulated=given.simulated
        )
        console.print(f"wrote {figure}")
    complain(found.warnings)


def _planned(
    table: pd.DataFrame, sources: Sources, wanted: float, needed: int, level: float
) -> str:
    from fechner.analysis.ratings.reliability.participants_needed import participants_for

    relative = participants_for(wanted, sources.residual_sd, level=level)
    row = table.loc[table["participants"] == needed].iloc[0]
    return (
        f"A MOS with a {100 * level:.0f} % interval {wanted:.3g} points wide needs {needed} "
        f"participants ({relative} where only differences between images count and biases are "
        "removed); "
        f"simulated with {needed}: {row['simulated']:.3g} +- {2 * row['simulated_error']:.1g}."
    )
