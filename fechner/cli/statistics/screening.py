"""``fechner stats screen``: who would be left out, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fechner.cli.statistics.options import (
    AttentionFile,
    ColumnsText,
    Dimension,
    LabelsText,
    Out,
    RatingsFile,
    ScaleText,
    complain,
    read_attention_of,
    read_given,
    show,
)


def screen(
    ratings: RatingsFile,
    stimuli: Annotated[
        Path | None,
        typer.Argument(help="stimuli.csv or its folder: the conditions to be blind to."),
    ] = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    attention: AttentionFile = None,
    sample_sd: Annotated[
        bool, typer.Option("--sample-sd", help="BT.500 with n - 1, not n.")
    ] = False,
    out: Out = None,
) -> None:
    """Show, for each participant, whether the ratings carry information, and why not.

    Ratings of a study are screened as its study.toml declares.

    Example: fechner stats screen ratings/ratings.csv stimuli
    """
    import pandas as pd

    from fechner.analysis.ratings.matrices import choose_dimension, conditions_of, rating_matrix
    from fechner.analysis.ratings.screening.screen import screen as screened
    from fechner.cli.console import console
    from fechner.cli.statistics.declared import given_files, said_of
    from fechner.records.rules.screening_rule import ScreeningRule
    from fechner.records.stimuli import read_stimulus_table

    files = given_files(ratings, stimuli=stimuli, attention=attention, dimension=dimension)
    stimuli, dimension = files.stimuli, files.dimension
    rule = files.study.study.screening if files.study else ScreeningRule()
    given = read_given(files.ratings, scale, columns, labels)
    matrix = rating_matrix(given, dimension)
    conditions = None
    if stimuli is not None:
        conditions = conditions_of(matrix.images, read_stimulus_table(stimuli))
    rows = screened(
        matrix,
        conditions=conditions,
        rule=rule,
        attention=read_attention_of(files.attention),
        response_ms=given.response_ms(choose_dimension(given, dimension)),
        sd="sample" if sample_sd else "population",
    )
    table = pd.DataFrame([row.model_dump() for row in rows]).dropna(axis="columns", how="all")
    verdict = ["participant", "kept", "reason"]
    show(table[[*verdict, *table.columns.difference(verdict, sort=False)]], out)
    console.print(f"The rule is {rule}.", markup=False)
    left = [f"{row.participant} ({row.reason})" for row in rows if not row.kept]
    console.print(f"Left out: {', '.join(left) if left else 'nobody'}.", markup=False)
    if files.study is not None:
        complain(said_of(files.study))
    if stimuli is None:
        complain(["without the stimuli agreement is not blind to conditions; look, do not decide"])
