"""``fechner stats thresholds``: at which strength a degradation is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.statistics.choosing import (
    Figure,
    Level,
    SomeStimuli,
    check_table_name,
    record_beside,
)
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
from fechner.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from fechner.analysis.ratings.choices.thresholds import GroupThresholds
    from fechner.protocols.parts import Quest


def thresholds(
    ratings: RatingsFile,
    stimuli: SomeStimuli = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    measure: Annotated[
        str, typer.Option(help="strength, or a column of the stimuli such as mse.")
    ] = "strength",
    at: Annotated[float, typer.Option(help="Share of right answers at the threshold.")] = 0.75,
    guess: Annotated[float, typer.Option(help="Share of right answers by guessing.")] = 0.5,
    by_scene: Annotated[
        bool, typer.Option("--by-scene", help="Single thresholds scene by scene.")
    ] = False,
    level: Level = 0.95,
    figure: Figure = None,
    out: Out = None,
) -> None:
    """Show the strength at which degradations are found: by participant and in the population.

    Example: fechner stats thresholds ratings/ratings.csv -o thresholds.csv --figure thresholds.png
    """
    from fechner.analysis.ratings.choices.detections import detections
    from fechner.analysis.ratings.choices.thresholds import staircase_thresholds
    from fechner.cli.console import console
    from fechner.protocols.parts import Quest
    from fechner.records.stimuli import read_stimulus_table

    if not 0 <= guess < at < 1:
        raise InputError(f"--at must lie between --guess and 1, got {at:g} and {guess:g}")
    check_table_name(out)
    given = read_given(ratings, scale, columns, labels)
    known = None if stimuli is None else read_stimulus_table(stimuli)
    quest = Quest(guess=guess, threshold_at=at)
    trials = detections(given, known, measure=measure, dimension=dimension)
    by = ("participant", "scene", "region") if by_scene else ("participant", "region")
    single = staircase_thresholds(trials, quest, by=by, level=level)
    group, notes = _group(trials, quest, level)
    notes += _beyond(single, measure)
    simulated = given.simulated or bool(known and known.simulated)
    if simulated:
        console.print("SIMULATED", style="bold")
    if out is not None:
        record_beside(
            out, given, known, simulated=simulated, notes=tuple(notes),
            parameters={"measure": measure, "at": at, "guess": guess, "level": level},
            found={} if group is None else _record(group),
        )  # fmt: skip
    show(single, out)
    console.print(
        f"thresholds in units of {measure}, found in {100 * at:.0f} % of trials", markup=False
    )
    if group is not None:
        _show_group(group)
    if figure is not None:
        from fechner.report.choices.threshold_figure import write_threshold_figure

        levels = None if group is None else group.table
        write_threshold_figure(single, levels, figure, measure=measure, simulated=simulated)
        console.print(f"wrote {figure}")
    complain(notes)


def _group(
    trials: pd.DataFrame, quest: Quest, level: float
) -> tuple[GroupThresholds | None, list[str]]:
    from fechner.analysis.ratings.choices.thresholds import group_thresholds

    try:
        found = group_thresholds(trials, quest, level=level)
    except InputError as error:
        return None, [f"no thresholds of the population: {error}"]
    said = [] if found.converged else ["the model of the population did not converge"]
    return found, said


def _beyond(single: pd.DataFrame, measure: str) -> list[str]:
    outside = int((~single["within"]).sum())
    if not outside:
        return []
    return [
        f"{outside} of {len(single)} thresholds lie beyond what was shown there (column within); "
        f"their {measure} is a bound of the prior rather than a measurement"
    ]


def _show_group(group: GroupThresholds) -> None:
    from fechner.cli.console import console

    console.print("\npopulation, participants and scenes random", style="bold")
    show(group.table, None)
    if len(group.ratios):
        show(group.ratios, None)
    spread = ", ".join(f"{name} {value:.3f}" for name, value in group.spread.items())
    console.print(
        f"slope {group.slope:.2f}, lapses {100 * group.lapse:.0f} %; SDs of log10 "
        f"thresholds: {spread}",
        markup=False,
    )


def _record(group: GroupThresholds) -> dict[str, object]:
    return {
        "regions": group.table.to_dict("records"),
        "ratios": group.ratios.to_dict("records"),
        "slope": group.slope,
        "lapse": group.lapse,
        "spread": group.spread,
        "converged": group.converged,
    }
