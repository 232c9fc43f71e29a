"""``fechner stats detection``: telling real from generated."""

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

    from fechner.analysis.ratings.choices.group_sensitivity import GroupSensitivity

FEW_OF_A_KIND = 10
"""Images of a kind below which a participant's d' is drawn towards 0 by its correction."""


def detection(
    ratings: RatingsFile,
    stimuli: SomeStimuli = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    pooled: Annotated[bool, typer.Option("--pooled", help="All conditions together.")] = False,
    level: Level = 0.95,
    figure: Figure = None,
    out: Out = None,
) -> None:
    """Show how well people tell real from generated images: d', criterion, ROC area.

    Example: fechner stats detection ratings/ratings.csv -o detection.csv --figure detection.png
    """
    from fechner.analysis.ratings.choices.authenticity import (
        ALL_CONDITIONS,
        authenticity_answers,
    )
    from fechner.analysis.ratings.choices.sensitivity import single_sensitivities
    from fechner.cli.console import console
    from fechner.records.stimuli import read_stimulus_table

    check_table_name(out)
    given = read_given(ratings, scale, columns, labels)
    known = None if stimuli is None else read_stimulus_table(stimuli)
    answers = authenticity_answers(given, known, dimension=dimension)
    if pooled:
        answers = answers.assign(condition=ALL_CONDITIONS)
    single = single_sensitivities(answers, level=level)
    group, notes = _population(answers, level)
    notes += _few(single)
    simulated = given.simulated or bool(known and known.simulated)
    if simulated:
        console.print("SIMULATED", style="bold")
    shown = ["participant", "condition", "n_generated", "n_real", "hit_rate", "false_alarm_rate",
             "d_prime", "criterion", "area"]  # fmt: skip
    show(single[[name for name in shown if name in single]], None)
    if group is not None:
        _show_population(group)
    if out is not None:
        from fechner.provenance import write_text
        from fechner.records.cells import csv_text

        record_beside(
            out, given, known, simulated=simulated, notes=tuple(notes),
            parameters={"level": level, "pooled": pooled, "signal": "generated"},
            found={} if group is None else _record_of(group),
        )  # fmt: skip
        write_text(out, csv_text(single, out))
        console.print(f"wrote {out}")
    if figure is not None:
        from fechner.report.choices.detection_figure import write_detection_figure

        table = None if group is None else group.table
        write_detection_figure(answers, single, table, figure, simulated=simulated)
        console.print(f"wrote {figure}")
    complain(notes)


def _population(answers: pd.DataFrame, level: float) -> tuple[GroupSensitivity | None, list[str]]:
    from fechner.analysis.ratings.choices.group_sensitivity import group_sensitivity

    try:
        found = group_sensitivity(answers, level=level)
    except InputError as error:
        return None, [f"no d' of the population: {error}"]
    return found, [] if found.converged else ["the model of the population did not converge"]


def _few(single: pd.DataFrame) -> list[str]:
    fewest = int(single[["n_generated", "n_real"]].to_numpy().min())
    if fewest >= FEW_OF_A_KIND:
        return []
    return [
        f"down to {fewest} images of a kind for one d'; below {FEW_OF_A_KIND} the correction draws "
        "it towards 0: read the population's, or --pooled"
    ]


def _show_population(group: GroupSensitivity) -> None:
    from fechner.cli.console import console

    console.print("\npopulation, participants and images random", style="bold")
    show(group.table, None)
    if len(group.differences):
        show(group.differences, None)
    spread = ", ".join(f"{name} {value:.3f}" for name, value in group.spread.items())
    console.print(
        f"SDs: {spread}; d' above 0: told apart; criterion above 0: slow to say generated",
        markup=False,
    )


def _record_of(group: GroupSensitivity) -> dict[str, object]:
    return {
        "conditions": group.table.to_dict("records"),
        "differences": group.differences.to_dict("records"),
        "spread": group.spread,
        "converged": group.converged,
    }
