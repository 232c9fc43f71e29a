"""``fechner stats pairs``: scale values of compared images."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

    from fechner.analysis.ratings.choices.scale_values import ScaleValues
    from fechner.records.ratings import Ratings
    from fechner.records.stimuli import StimulusSet, StimulusTable

SomeStimuli = Annotated[
    Path | None,
    typer.Argument(help="stimuli.csv, or the folder that holds it: tells the conditions."),
]
Level = Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)]
Figure = Annotated[Path | None, typer.Option(help="Also draw it here (.png, .svg or .pdf).")]


class PairModel(str, Enum):
    """How choices become distances."""

    thurstone = "thurstone"
    bradley_terry = "bradley-terry"


class By(str, Enum):
    """What stands on the scale."""

    condition = "condition"
    image = "image"


def pairs(
    ratings: RatingsFile,
    stimuli: SomeStimuli = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    model: Annotated[
        PairModel, typer.Option(help="How choices become distances.")
    ] = PairModel.thurstone,
    by: Annotated[
        By | None,
        typer.Option(help="One scale of conditions, or the images of each scene (no stimuli)."),
    ] = None,
    anchor: Annotated[
        str | None, typer.Option(help="Condition at 0 JND; intact, or the mean, otherwise.")
    ] = None,
    level: Level = 0.95,
    figure: Figure = None,
    out: Out = None,
) -> None:
    """Scale compared images in JND: Thurstone case V or Bradley-Terry, with intervals.

    Example: fechner stats pairs ratings/ratings.csv stimuli -o scale.csv --figure scale.png
    """
    from fechner.cli.console import console
    from fechner.errors import InputError
    from fechner.records.stimuli import read_stimulus_table

    check_table_name(out)
    given = read_given(ratings, scale, columns, labels)
    known = None if stimuli is None else read_stimulus_table(stimuli)
    if by is By.condition and known is None:
        raise InputError("a scale of conditions needs the stimuli; give stimuli.csv or its folder")
    if anchor is not None and (known is None or by is By.image):
        raise InputError("--anchor names a condition; give the stimuli, and not --by image")
    found = _scaled(given, known, dimension, model.value, by, anchor, level)
    simulated = given.simulated or bool(known and known.simulated)
    if simulated:
        console.print("SIMULATED", style="bold")
    if out is not None:
        record_beside(
            out, given, known, simulated=simulated, notes=found.notes,
            parameters={"model": model.value, "level": level, "anchor": found.anchor},
        )  # fmt: skip
    show(found.table, out)
    zero = "the mean of the items" if found.anchor is None else found.anchor
    console.print(f"1 JND: chosen in 75 % of comparisons; 0 is {zero}", markup=False)
    if figure is not None:
        from fechner.report.choices.scale_figure import write_scale_figure

        write_scale_figure(found.table, figure, anchor=found.anchor, simulated=simulated)
        console.print(f"wrote {figure}")
    complain(found.notes)


def _scaled(
    given: Ratings,
    known: StimulusSet | StimulusTable | None,
    dimension: str | None,
    model: Any,
    by: By | None,
    anchor: str | None,
    level: float,
) -> ScaleValues:
    from fechner.analysis.ratings.choices.comparisons import comparisons
    from fechner.analysis.ratings.choices.scale_values import condition_scale, image_scales

    chosen = comparisons(given, dimension)
    if known is None or by is By.image:
        intact = () if known is None else _intact(known.table)
        return image_scales(chosen, model=model, level=level, intact=intact)
    return condition_scale(chosen, known, model=model, level=level, anchor=anchor)


def _intact(table: pd.DataFrame) -> list[str]:
    return list(table.loc[table["region"] == "intact", "stimulus"])


def check_table_name(out: Path | None) -> None:
    """Refuse, before anything is computed, a name under which no table can be written.

    Raises
    ------
    InputError
        If the table is called ``.json``, as its record is.
    """
    from fechner.errors import InputError

    if out is not None and out.suffix == ".json":
        raise InputError(f"-o expects the name of a table (.csv or .tsv), got {out.name}")


def record_beside(
    out: Path,
    given: Ratings,
    known: StimulusSet | StimulusTable | None,
    *,
    parameters: dict[str, Any],
    notes: tuple[str, ...],
    simulated: bool,
    found: dict[str, Any] | None = None,
) -> None:
    """Write what a table was made from as JSON beside it.

    Parameters
    ----------
    out
        The table.
    given, known
        The ratings and, where they were used, the stimuli.
    parameters
        Of the analysis.
    notes
        What a reader must know.
    simulated
        Whether anything is SIMULATED.
    found
        Further results that are no table.
    """
    from fechner.provenance import provenance, write_json_beside

    inputs = {"ratings": given.sha256}
    if known is not None:
        inputs["stimuli"] = known.sha256
    block = provenance(parameters=parameters, inputs=inputs, simulated=simulated)
    record = {**(found or {}), "notes": list(notes), "provenance": block}
    write_json_beside(out, record)
