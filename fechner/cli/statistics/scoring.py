"""``fechner stats scores`` and ``dmos``: one number a stimulus."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

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
    listed,
    read_given,
    show,
)


class Method(str, Enum):
    """How scores are made."""

    mos = "mos"
    bias_removed = "bias-removed"
    likelihood = "likelihood"
    z_scores = "z-scores"


class Difference(str, Enum):
    """How differences from the reference are made one number."""

    points = "points"
    z_scores = "z-scores"


def scores(
    ratings: RatingsFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    method: Annotated[Method, typer.Option(help="How scores are made.")] = Method.mos,
    out: Out = None,
) -> None:
    """Show one score an image: MOS, bias-removed, z-scores, or likelihood.

    ``bias-removed`` and ``likelihood`` also show each participant's bias (and inconsistency), and
    write them as NAME_participants.csv beside --out.

    Example: fechner stats scores ratings.csv --method likelihood -o scores.csv
    """
    from fechner.analysis.ratings.matrices import rating_matrix
    from fechner.analysis.ratings.scores.likelihood import maximum_likelihood
    from fechner.analysis.ratings.scores.mos import bias_table, mos, remove_bias, unvaried
    from fechner.analysis.ratings.scores.z_scores import z_scores

    matrix, people = rating_matrix(read_given(ratings, scale, columns, labels), dimension), None
    if method is Method.likelihood:
        model = maximum_likelihood(matrix)
        result, people = model.scores(matrix), model.participants(matrix)
    elif method is Method.bias_removed:
        result, people = mos(remove_bias(matrix)), bias_table(matrix)
    elif method is Method.z_scores:
        standard = z_scores(matrix)
        result = mos(standard.matrix).rename(columns={"mos": "z_score"})
        complain(without_z_scores(standard.left_out))
    else:
        result = mos(matrix)
        complain(without_variance(unvaried(result)))
    show(result, out)
    if people is not None:
        beside = None if out is None else out.with_name(f"{out.stem}_participants{out.suffix}")
        show(people, beside)


def without_variance(names: Sequence[str]) -> list[str]:
    """Return the note that names images which everybody rated the same."""
    if not names:
        return []
    return [
        f"everybody gave the same rating to {listed(names)}: the interval says how far the mean "
        "could still lie, given how many rated it"
    ]


def without_z_scores(participants: Sequence[str]) -> list[str]:
    """Return the note that names participants who are left out of z-scores."""
    if not participants:
        return []
    return [f"no variance, hence no z-scores, and left out: {listed(participants)}"]


def dmos(
    ratings: RatingsFile,
    stimuli: StimuliFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    method: Annotated[
        Difference, typer.Option(help="In points, or as z-scores of each participant (LIVE).")
    ] = Difference.points,
    level: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    out: Out = None,
) -> None:
    """Show how far each image falls below the hidden reference of its scene (DMOS).

    Differences are taken within each participant; an image as good as its intact reference
    scores the good end of the scale. As z-scores, each participant's differences are
    standardised first (0 to 100, 50 is the participant's mean difference).

    Example: fechner stats dmos ratings/ratings.csv stimuli -o dmos.csv
    """
    from fechner.analysis.ratings.scores.dmos import dmos as differential_scores
    from fechner.analysis.ratings.scores.mos import unvaried
    from fechner.records.stimuli import read_stimulus_table

    result = differential_scores(
        read_given(ratings, scale, columns, labels),
        read_stimulus_table(stimuli),
        dimension=dimension,
        level=level,
        standardised=method is Difference.z_scores,
    )
    complain(without_variance(unvaried(result)))
    show(result, out)
