"""``fechner stats scores`` and ``dmos``: one number a stimulus."""

from __future__ import annotations

from enum import Enum
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
    read_given,
    show,
)

if TYPE_CHECKING:
    pass


class Method(str, Enum):
    """How scores are made."""

    mos = "mos"
    bias_removed = "bias-removed"
    likelihood = "likelihood"


def scores(
    ratings: RatingsFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    method: Annotated[Method, typer.Option(help="How scores are made.")] = Method.mos,
    out: Out = None,
) -> None:
    """Show one score an image: MOS, bias-removed MOS, or the likelihood with participants modelled.

    Example: fechner stats scores ratings.csv --method likelihood -o scores.csv
    """
    import pandas as pd

    from fechner.analysis.ratings.matrices import rating_matrix
    from fechner.analysis.ratings.scores.likelihood import maximum_likelihood
    from fechner.analysis.ratings.scores.mos import mos, remove_bias

    matrix = rating_matrix(read_given(ratings, scale, columns, labels), dimension)
    if method is Method.likelihood:
        model = maximum_likelihood(matrix)
        result = pd.DataFrame(
            {"image": matrix.images, "quality": model.quality, "error": model.quality_error}
        )
    else:
        result = mos(remove_bias(matrix) if method is Method.bias_removed else matrix)
    show(result, out)


def dmos(
    ratings: RatingsFile,
    stimuli: StimuliFile,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    level: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    out: Out = None,
) -> None:
    """Show how far each image falls below the hidden reference of its scene (DMOS).

    Differences are taken within each participant; an image as good as its intact reference
    scores the good end of the scale.

    Example: fechner stats dmos ratings/ratings.csv stimuli -o dmos.csv
    """
    from fechner.analysis.ratings.scores.dmos import dmos as differential_scores
    from fechner.records.stimuli import read_stimulus_table

    result = differential_scores(
        read_given(ratings, scale, columns, labels),
        read_stimulus_table(stimuli),
        dimension=dimension,
        level=level,
    )
    show(result, out)
