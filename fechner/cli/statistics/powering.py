"""``fechner stats power``: how many images and people a study needs."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.statistics.options import (
    Out,
    show,
)

if TYPE_CHECKING:
    from fechner.analysis.ratings.power.analytic import Components


class Kind(str, Enum):
    """Rating scale whose typical variances are assumed."""

    acr = "acr"
    slider = "slider"


def power(
    participants: Annotated[
        list[int] | None, typer.Option("--participants", "-p", help="May be given several times.")
    ] = None,
    images: Annotated[
        list[int] | None, typer.Option("--images", "-i", help="May be given several times.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Scale whose typical variances hold.")] = Kind.slider,
    pilot: Annotated[
        Path | None, typer.Option(help="claim.json of a pilot; its variances are used instead.")
    ] = None,
    wanted: Annotated[float, typer.Option("--power", help="Probability to find the effect.")] = 0.8,
    equivalence: Annotated[
        float | None, typer.Option(help="Also the power to show that an effect of 0 is within +-.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw it here (.png, .svg or .pdf).")
    ] = None,
    out: Out = None,
) -> None:
    """Plan a study: the smallest effect it can find, for numbers of participants and images.

    Example: fechner stats power -p 15 -p 30 -i 24 -i 48 --pilot statistics/claim.json
    """
    from fechner.analysis.ratings.power.analytic import equivalence_power, power_table
    from fechner.cli.console import console

    components = _components(kind, pilot)
    sizes = tuple(participants or (15, 30, 60)), tuple(images or (24, 48, 96))
    table = power_table(components, participants=sizes[0], images=sizes[1], wanted=wanted)
    if equivalence is not None:
        table["equivalence_power"] = [
            equivalence_power(equivalence, components, participants=int(p), images=int(i))
            for p, i in zip(table["participants"], table["images"], strict=True)
        ]
    show(table, out)
    if figure is not None:
        from fechner.report.power_figure import write_power_figure

        write_power_figure(table, figure, wanted=wanted)
        console.print(f"wrote {figure}")
    console.print(
        f"SDs of the differences: participants {components.participant:.3g}, images "
        f"{components.image:.3g}, residual {components.residual:.3g} points. Images limit, not "
        "participants: beyond about 30 people more images help more."
    )


def _components(kind: Kind, pilot: Path | None) -> Components:
    from fechner.analysis.ratings.power.analytic import ACR_5, SLIDER_100
    from fechner.analysis.ratings.power.pilot import components_of_claim
    from fechner.records.claims.claim import read_claim

    if pilot is None:
        return ACR_5 if kind is Kind.acr else SLIDER_100
    return components_of_claim(read_claim(pilot))
