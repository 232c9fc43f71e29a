"""``fechner stats claim``: the tested claim on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.statistics.options import (
    AttentionFile,
    ColumnsText,
    Dimension,
    LabelsText,
    Out,
    ScaleText,
    complain,
    read_attention_of,
    read_given,
)
from fechner.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from fechner.cli.statistics.declared import Given
    from fechner.records.claims.claim import Claim
    from fechner.records.contrasts.contrast import Contrast, UnfittedModel
    from fechner.records.rules.claim_rule import ClaimRule


def claim(
    ratings: Annotated[
        Path,
        typer.Argument(help="Ratings, long or wide, or a study's folder (its study.toml decides)."),
    ],
    stimuli: Annotated[
        Path | None,
        typer.Argument(help="stimuli.csv, or the folder that holds it; a study knows its own."),
    ] = None,
    dimension: Dimension = None,
    scale: ScaleText = None,
    columns: ColumnsText = None,
    labels: LabelsText = None,
    control: Annotated[
        list[str] | None,
        typer.Option(help="Region of a control arm; several times for more; donor by default."),
    ] = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Everybody's ratings decide; screening is shown.")
    ] = False,
    attention: AttentionFile = None,
    margin: Annotated[
        float | None, typer.Option(help="Smallest difference in points that would matter.")
    ] = None,
    out: Out = None,
) -> None:
    """Test whether degrading unimportant regions harms less, and give the verdict.

    Ratings of a study are tested as its study.toml declares: screening, controls, margin, level,
    attention checks. Options given here stand before it.

    Example: fechner stats claim ratings/ratings.csv stimuli/stimuli.csv -o claim.json
    """
    from fechner.analysis.ratings.claims.tested_claim import claim as tested_claim
    from fechner.cli.console import console
    from fechner.cli.statistics.declared import given_files, needed_stimuli, said_of
    from fechner.records.rules.screening_rule import EVERYBODY
    from fechner.records.stimuli import read_stimulus_table

    if margin is not None and margin <= 0:
        raise InputError(f"--margin expects points above 0, got {margin:g}")
    given = given_files(ratings, stimuli=stimuli, attention=attention, dimension=dimension)
    screening = given.study.study.screening if given.study else None
    found = tested_claim(
        read_given(given.ratings, scale, columns, labels),
        read_stimulus_table(needed_stimuli(given)),
        rule=_rule(given, control, margin),
        screening=EVERYBODY if keep_all else screening,
        attention=read_attention_of(given.attention),
        dimension=given.dimension,
    )
    _show_claim(found)
    if given.study is not None:
        complain(said_of(given.study))
    if out is not None:
        found.write(out)
        console.print(f"wrote {out}")


def _rule(given: Given, control: list[str] | None, margin: float | None) -> ClaimRule:
    """Return what is claimed: as the study declares it, but for what was given."""
    from fechner.records.rules.claim_rule import ClaimRule

    declared = ClaimRule() if given.study is None else given.study.study.claim
    stated: dict[str, object] = {}
    if control:
        stated["controls"] = tuple(control)
    if margin is not None:
        stated["margin"] = margin
    return ClaimRule.model_validate(declared.model_dump() | stated)


def _show_claim(found: Claim) -> None:
    from fechner.cli.console import console

    mark = "SIMULATED " if found.simulated else ""
    console.print(f"\n{mark}{found.headline.upper()}\n", style="bold", markup=False)
    for sentence in found.sentences:
        console.print(sentence, markup=False)
    console.print()
    console.print(_contrasts([*found.contrasts, *found.others, *found.ordinal], found.unfitted))
    console.print(
        "* decides; the ordered probit is in latent SDs, all else in points", markup=False
    )
    if found.provenance["parameters"].get("method") == "pair":
        console.print("points are shares: chosen less not chosen, from -1 to 1", markup=False)
    if found.otherwise is not None:
        other = found.otherwise
        console.print(
            f"\nWith the other screening ({other.screening.rule}, {other.n_participants} "
            f"participants): {other.verdict}"
        )
        console.print(_contrasts(other.contrasts))
    for name, test in found.equivalence.items():
        shown = "shown" if test.equivalent else "not shown"
        console.print(f"{name} smaller than {test.bound:g} points: {shown} (p = {test.p:.3g})")
    complain(found.warnings)


def _contrasts(rows: Sequence[Contrast], unfitted: Sequence[UnfittedModel] = ()) -> Table:
    from rich.table import Table

    table = Table(
        "contrast", "model", "points", "interval", "df", "p", box=None, padding=(0, 2, 0, 0)
    )
    for row in rows:
        interval = f"{row.low:.3g} to {row.high:.3g}"
        df = "z" if row.df is None else f"{row.df:.1f}"
        model = row.model + (" *" if row.decides else "")
        table.add_row(row.name, model, f"{row.estimate:.3g}", interval, df, f"{row.p:.3g}")
    for missing in unfitted:
        table.add_row(missing.name, missing.model, "did not fit")
    return table
