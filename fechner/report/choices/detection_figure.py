"""Telling real from generated: d' by condition, and the ROC of answers with confidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fechner.analysis.ratings.choices.sensitivity import evidence_of
from fechner.report.choices.written import write_figure
from fechner.report.style import PALETTE, WIDTH, arm_colour, jitter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def detection_chart(
    answers: pd.DataFrame, single: pd.DataFrame, population: pd.DataFrame | None
) -> Figure:
    """Draw d' of everybody beside the population's, and one ROC a condition.

    Parameters
    ----------
    answers
        What `authenticity.authenticity_answers` returns; without confidence no ROC is drawn.
    single
        ``condition, d_prime`` of every participant.
    population
        ``condition, d_prime, d_prime_low, d_prime_high``; None where there is none.
    """
    import matplotlib.pyplot as plt

    asked = "confidence" in answers and answers["confidence"].notna().any()
    size = (WIDTH if asked else WIDTH / 2, 3.4)
    figure, axes = plt.subplots(1, 2 if asked else 1, figsize=size, squeeze=False)
    conditions = sorted(single["condition"].unique())
    _draw_d_primes(axes[0, 0], conditions, single, population)
    if asked:
        _draw_rocs(axes[0, 1], conditions, answers[answers["confidence"].notna()])
    figure.tight_layout()
    return figure


def _draw_d_primes(
    axis: Axes, conditions: list[str], single: pd.DataFrame, population: pd.DataFrame | None
) -> None:
    axis.axhline(0, color=PALETTE["soft"], linewidth=0.8)
    for place, condition in enumerate(conditions):
        colour = arm_colour(condition.split()[0])
        values = single.loc[single["condition"] == condition, "d_prime"].to_numpy(float)
        x = place - 0.08 + jitter(len(values), 0.16)
        axis.plot(x, values, "o", color=colour, alpha=0.55, markersize=5)
        rows = [] if population is None else population.to_dict("records")
        for row in rows:
            if row["condition"] == condition:
                ends = [row["d_prime_low"], row["d_prime_high"]]
                axis.plot([place + 0.3] * 2, ends, color=colour, linewidth=2.5)
                axis.plot(place + 0.3, row["d_prime"], "D", color=colour, markersize=7)
    axis.set_xticks(range(len(conditions)), conditions)
    axis.set_xlim(-0.5, len(conditions) - 0.4)
    axis.set_ylabel("d' (SDs of the evidence)")
    axis.grid(axis="y")
    axis.set_title(
        "dots: participants; diamonds: the population", fontsize=8.5, fontweight="normal"
    )


def _draw_rocs(axis: Axes, conditions: list[str], answers: pd.DataFrame) -> None:
    axis.plot([0, 1], [0, 1], color=PALETTE["soft"], linewidth=0.8)
    for condition in conditions:
        rows = answers[answers["condition"] == condition]
        signal = rows["generated"].to_numpy() == 1
        if signal.all() or not signal.any():
            continue
        evidence = evidence_of(rows)
        cuts = np.concatenate([[np.inf], np.sort(np.unique(evidence))[::-1]])
        hits = [(evidence[signal] >= cut).mean() for cut in cuts]
        alarms = [(evidence[~signal] >= cut).mean() for cut in cuts]
        colour = arm_colour(condition.split()[0])
        axis.plot(alarms, hits, "o-", color=colour, markersize=4, label=condition)
    axis.set_xlabel("real images called generated")
    axis.set_ylabel("generated images called generated")
    axis.set_aspect("equal")
    axis.grid()
    axis.legend(loc="lower right")
    axis.set_title("all participants, by confidence", fontsize=8.5, fontweight="normal")


def write_detection_figure(
    answers: pd.DataFrame,
    single: pd.DataFrame,
    population: pd.DataFrame | None,
    path: Path,
    *,
    simulated: bool = False,
) -> None:
    """Write the picture as PNG, SVG or PDF, by the suffix of `path`.

    Parameters
    ----------
    answers, single, population
        What `detection_chart` takes.
    path
        Where to.
    simulated
        Whether to draw SIMULATED onto it.
    """
    write_figure(lambda: detection_chart(answers, single, population), path, simulated=simulated)
