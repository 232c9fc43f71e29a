"""``fechner stats design``: the smallest study that reaches a power, by simulation."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fechner.cli.options.running import Cluster, Jobs
from fechner.cli.statistics.options import Dimension, Out, ScaleText, read_given, show
from fechner.cli.statistics.powering import Kind
from fechner.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from fechner.analysis.ratings.power.planned import Assumptions, PlannedTest
    from fechner.analysis.ratings.power.smallest_design import SmallestDesigns


class Layout(str, Enum):
    """Who rates what."""

    full = "full"
    latin = "latin"


class Aim(str, Enum):
    """What counts as a success."""

    difference = "difference"
    equivalence = "equivalence"
    verdict = "verdict"


def design(
    effect: Annotated[
        float | None, typer.Option(help="True low - high in points; 0 for equivalence.")
    ] = None,
    control_effect: Annotated[
        float | None, typer.Option(help="True donor - high in points; as --effect otherwise.")
    ] = None,
    participants: Annotated[
        list[int] | None, typer.Option("--participants", "-p", help="May be given several times.")
    ] = None,
    images: Annotated[
        list[int] | None, typer.Option("--images", "-i", help="May be given several times.")
    ] = None,
    kind: Annotated[
        Kind, typer.Option(help="Typical ratings: acr in five categories, slider without ends.")
    ] = Kind.slider,
    pilot: Annotated[
        Path | None,
        typer.Option(help="claim.json of a pilot (--kind says its scale), or its ratings."),
    ] = None,
    stimuli: Annotated[
        Path | None, typer.Option(help="Stimuli of a pilot that is given by its ratings.")
    ] = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    continuous: Annotated[
        bool, typer.Option("--continuous", help="Ratings without steps and ends of the scale.")
    ] = False,
    layout: Annotated[
        Layout, typer.Option(help="full: all of it; latin: one arm of each image, rotating.")
    ] = Layout.full,
    missing: Annotated[float, typer.Option(help="Share of ratings that are not given.")] = 0.0,
    test: Annotated[
        Aim, typer.Option(help="low - high; its equivalence with 0; or the claim's verdict.")
    ] = Aim.difference,
    margin: Annotated[
        float | None, typer.Option(help="Smallest difference that matters, for equivalence.")
    ] = None,
    wanted: Annotated[float, typer.Option("--power", help="Probability to reach.")] = 0.8,
    runs: Annotated[int, typer.Option(min=1, help="Simulated studies of each size.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw it here (.png, .svg or .pdf).")
    ] = None,
    out: Out = None,
) -> None:
    """Find the smallest study that reaches a power, by simulating it and testing it as it will be.

    Nobody is screened out. Example: fechner stats design --effect 6 -p 20 -p 30 -i 24 -i 48 -i 72
    """
    from fechner.analysis.ratings.power.planned import PlannedStudy, PlannedTest
    from fechner.analysis.ratings.power.smallest_design import smallest_designs
    from fechner.cli.console import bar, console
    from fechner.executors import executor

    planned_test = PlannedTest(test.value, margin=margin)
    assumed = _assumed(kind, pilot, stimuli, _effect(effect, test), dimension, scale)
    assumed = _changed(assumed, control_effect, continuous=continuous)
    with executor(jobs, cluster) as pool, bar("Simulating studies") as progress:
        found = smallest_designs(
            assumed,
            PlannedStudy(2, 2, layout.value, missing),
            planned_test,
            participants=participants or [20, 30, 40],
            images=images or [24, 48, 72, 96],
            wanted=wanted, runs=runs, seed=seed, pool=pool, progress=progress,
        )  # fmt: skip
    show(found.table, out)
    for sentence in _sentences(found, assumed, planned_test, wanted):
        console.print(sentence, markup=False)
    if figure is not None:
        from fechner.report.power_figure import write_simulated_power_figure

        write_simulated_power_figure(
            found.table, figure, wanted=wanted, aim=_aim(assumed, planned_test)
        )
        console.print(f"wrote {figure}")


def _effect(effect: float | None, test: Aim) -> float:
    if effect is not None:
        return effect
    if test is Aim.equivalence:
        return 0.0
    raise InputError("--effect is missing: the smallest true difference that would matter")


def _assumed(
    kind: Kind,
    pilot: Path | None,
    stimuli: Path | None,
    effect: float,
    dimension: str | None,
    scale: str | None,
) -> Assumptions:
    from dataclasses import replace

    from fechner.analysis.ratings.power.pilot import assumptions_of_pilot, components_of_claim
    from fechner.analysis.ratings.power.planned import assumed_ratings
    from fechner.records.claims.claim import read_claim
    from fechner.records.stimuli import read_stimulus_table

    typical = assumed_ratings(kind.value, effect)
    if pilot is None:
        return typical
    if pilot.suffix.lower() == ".json":
        return replace(typical, components=components_of_claim(read_claim(pilot)))
    if stimuli is None:
        raise InputError("a pilot's ratings need --stimuli too: which image is in which arm")
    return assumptions_of_pilot(
        read_given(pilot, scale), read_stimulus_table(stimuli), effect=effect, dimension=dimension
    )


def _changed(
    assumed: Assumptions, control_effect: float | None, *, continuous: bool
) -> Assumptions:
    from dataclasses import replace

    scale = None if continuous else assumed.scale
    return replace(assumed, scale=scale, control_effect=control_effect)


def _aim(assumed: Assumptions, test: PlannedTest) -> str:
    if test.kind == "equivalence":
        return f"power to show that {assumed.effect:g} points lie within +-{test.margin:g}"
    what = "find" if test.kind == "difference" else "support the claim with"
    return f"power to {what} a true difference of {assumed.effect:g} points"


def _sentences(
    found: SmallestDesigns, assumed: Assumptions, test: PlannedTest, wanted: float
) -> list[str]:
    parts, best = assumed.components, found.fewest_ratings
    answers = "without steps and ends"
    if assumed.scale is not None:
        answers = f"{assumed.scale} in steps of {assumed.step:g}"
    said = [
        f"Assumed: low - high {assumed.effect:g} points; SDs of the differences: participants "
        f"{parts.participant:.3g}, images {parts.image:.3g}, residual {parts.residual:.3g}; "
        f"ratings {answers}; nobody screened out."
    ]
    if best is None:
        most = found.table.sort_values("power").iloc[-1]
        said.append(
            f"No size reaches power {wanted:g}; the nearest is {_size(most)}. Ask for more images."
        )
    else:
        said.append(
            f"Smallest for power {wanted:g} ({test.kind}): "
            + "; ".join(_size(row) for _, row in found.smallest.iterrows())
            + f". Fewest ratings: {_size(best)}, {int(best['ratings'])} ratings."
        )
    checked = found.table["analytic"].notna()
    if checked.any():
        away = (found.table["power"] - found.table["analytic"])[checked].abs().max()
        said.append(f"The formula and the simulation differ by {away:.3f} at most.")
    return said


def _size(row: pd.Series[Any]) -> str:
    return (
        f"{int(row['participants'])} participants x {int(row['images'])} images "
        f"({row['power']:.3f}, Monte-Carlo {row['low']:.3f} to {row['high']:.3f})"
    )
