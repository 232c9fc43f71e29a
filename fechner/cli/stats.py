"""``fechner stats``: scores, screening, the tested claim, and power, for any table of ratings."""

from __future__ import annotations

import typer

from fechner.cli.statistics import (
    choosing,
    claiming,
    contrasting,
    designing,
    detecting,
    powering,
    reliability,
    scoring,
    screening,
    thresholding,
)

app = typer.Typer(
    no_args_is_help=True, help="Statistics of ratings: scores, screening, the claim, power."
)

app.command()(claiming.claim)
app.command()(contrasting.contrast)
app.command()(scoring.scores)
app.command()(scoring.dmos)
app.command()(choosing.pairs)
app.command()(thresholding.thresholds)
app.command()(detecting.detection)
app.command()(screening.screen)
app.command("reliability")(reliability.show_reliability)
app.command()(powering.power)
app.command()(designing.design)
