"""``fechner demo`` and ``fechner study``: the whole way, with one command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.console import bar, console
from fechner.cli.options.running import Cluster, Jobs

if TYPE_CHECKING:
    from fechner.records.claims.claim import Claim
    from fechner.records.claims.codec_claim import CodecClaim
    from fechner.study.opening import OpenStudy

app = typer.Typer(no_args_is_help=True, help="Run a study of your own, whole or step by step.")

File = Annotated[Path, typer.Argument(help="The study file, or the folder that holds it.")]


class World(str, Enum):
    """What SIMULATED participants care about."""

    map = "map"
    null = "null"
    centre = "centre"
    judge = "judge"


class Claimed(str, Enum):
    """What the demonstration tests."""

    regions = "regions"
    codec = "codec"


@contextmanager
def _opened(file: Path, jobs: int, cluster: str | None) -> Iterator[OpenStudy]:
    from fechner.executors import executor
    from fechner.study.opening import open_study

    with executor(jobs, cluster) as pool:
        yield open_study(file, bars=bar, say=console.print, pool=pool)


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for everything it makes.")
    ] = Path("out/demo"),
    claim: Annotated[
        Claimed, typer.Option(help="What is tested: regions of pictures, or coded files.")
    ] = Claimed.regions,
    world: Annotated[
        World | None,
        typer.Option(
            help="What SIMULATED participants care about: map, null or centre; coded files: judge, "
            "map or null. The first where left out."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Every random draw follows from it.")] = 1,
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Run the whole loop on photographs at hand, with SIMULATED ratings and participants.

    Example: fechner demo --out my-demo
    """
    with _opened(_demonstration(out, claim, world, seed), jobs, cluster) as place:
        say_how_long(place, jobs, cluster)
        if claim is Claimed.codec:
            from fechner.study.codec_demonstration import run_codec_demonstration

            report = run_codec_demonstration(place)
        else:
            from fechner.study.demonstration import run_demonstration

            report = run_demonstration(place)
    console.print(f"\nThe report is at {report}", soft_wrap=True)


def say_how_long(place: OpenStudy, jobs: int, cluster: str | None) -> None:
    """Say what a demonstration that begins now will take, as far as this machine alone does it."""
    from fechner.study import codec_demonstration, demonstration

    if cluster is not None or place.finished.is_dir():
        return
    processes = jobs or os.cpu_count() or 1
    shown = codec_demonstration if place.study.compares_codecs else demonstration
    minutes = demonstration.expected_minutes(processes, shown.SERIAL_S, shown.SHARED_S)
    console.print(
        f"about {max(minutes * 0.8, 1):.0f} to {max(minutes * 1.6, 2):.0f} minutes here "
        f"({processes} {'processes' if processes > 1 else 'process'})"
    )


def _demonstration(out: Path, claim: Claimed, world: World | None, seed: int) -> Path:
    """Write the study file of a demonstration and return its path."""
    from fechner.errors import InputError

    known = (
        (World.judge, World.map, World.null)
        if claim is Claimed.codec
        else (World.map, World.null, World.centre)
    )
    chosen = known[0] if world is None else world
    if chosen not in known:
        raise InputError(
            f"the demonstration of {claim.value} has no world {chosen.value!r}; take "
            f"{', '.join(one.value for one in known)}"
        )
    if claim is Claimed.codec:
        from fechner.study.codec_demonstration import write_codec_demonstration

        return write_codec_demonstration(out, world=chosen.value, seed=seed)
    from fechner.study.demonstration import write_demonstration

    return write_demonstration(out, world=chosen.value, seed=seed)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the study shall live.")],
) -> None:
    """Write a commented study.toml to fill in.

    Example: fechner study init my-study
    """
    from fechner.records.study import write_template

    path = write_template(folder)
    console.print(f"wrote {path}; name your images in it, then: fechner study run {path}")


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to this file.")] = None,
) -> None:
    """Print the JSON Schema of study files, for editors that check TOML.

    Example: fechner study schema --out study.schema.json
    """
    import json

    from fechner.provenance import write_json
    from fechner.records.study import study_schema

    if out is None:
        typer.echo(json.dumps(study_schema(), indent=1))
    else:
        write_json(out, study_schema())


@app.command()
def run(
    file: File,
    again_from: Annotated[
        str | None, typer.Option("--from", help="Redo this step and all later ones.")
    ] = None,
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Go from the rated images to the stimuli, and say which command comes next.

    Example: fechner study run my-study/study.toml
    """
    from fechner.study.status import folder_status
    from fechner.study.steps import next_command, run_to_people, run_whole

    with _opened(file, jobs, cluster) as place:
        if place.study.simulate:
            run_whole(place, again_from=again_from)
        else:
            run_to_people(place, again_from=again_from)
    console.print(f"\nThe report so far is at {place.report}", soft_wrap=True)
    if place.study.simulate:
        return
    if place.frozen_plan.is_file() or place.journals:
        console.print(f"next: {folder_status(place.folder).next}", markup=False, soft_wrap=True)
    else:
        console.print(
            f"Now fix what decides, before the first participant:\n  fechner study freeze {file}\n"
            f"then {place.study.session.participants} participants, one command each:\n"
            f"  {next_command(place)}\nand then:\n  fechner study finish {file}",
            soft_wrap=True,
        )


@app.command()
def plan(file: File) -> None:
    """Count trials, minutes and participants, before anything is built or anybody takes part.

    Example: fechner study plan my-study
    """
    from fechner.study.planning import rows_of_participants, study_plan

    with _opened(file, 1, None) as place:
        found = study_plan(place)
        rows = rows_of_participants(place)
    counted, (fewest, most) = found.audit, found.audit.shown
    source = "as built" if found.built else "as designed, not built yet"
    times = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    balanced = (
        f"every stimulus equally often with multiples of {found.conditions}"
        if found.design == "latin square"
        else f"any number sees every stimulus equally often, multiples of {found.conditions} also "
        "every condition equally early"
    )
    for line in (
        f"{found.stimuli} stimuli of {found.scenes} scenes ({source})",
        f"design: {found.design}, {found.conditions} conditions a scene",
        f"session: {counted.trials} trials, about {counted.minutes:.0f} minutes of "
        f"{counted.limit_minutes:g}, {counted.breaks} breaks",
        f"participants: {counted.participants} planned, each stimulus rated {times} times; "
        f"{balanced}",
        *([_codes(counted.participants)] if found.design == "latin square" else []),
        *([] if rows is None else [f"so far: {rows}"]),
    ):
        console.print(line, markup=False, soft_wrap=True)


def _codes(participants: int) -> str:
    return (
        f"codes: those that end in 1, 2, ... {participants} fill the rows of the Latin square in "
        "turn; any other code falls where its letters put it, and fechner session run offers codes "
        "for the row that is used least"
    )


@app.command()
def freeze(file: File) -> None:
    """Write down everything that decides, with its digest, before the first participant.

    Example: fechner study freeze my-study/study.toml
    """
    from fechner.study.freezing import freeze as freeze_plan

    with _opened(file, 1, None) as place:
        plan = freeze_plan(place)
    for name, value in plan.lines.items():
        console.print(f"  {name}: {_in_words(value)}", markup=False, soft_wrap=True)
    console.print(
        f"frozen at {plan.frozen} in {place.frozen_plan}\nsha256 {plan.sha256}\n"
        "Keep a copy where it cannot be changed, a registry for example.",
        soft_wrap=True,
    )


def _in_words(value: object) -> str:
    """Return a line of the plan as people write it: no brackets, none where nothing is declared."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_in_words(one) for one in value)
    if value is None:
        return "none declared"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@app.command()
def finish(
    file: File,
    deviation: Annotated[
        str, typer.Option(help="Why the analysis differs from the frozen plan, for the report.")
    ] = "",
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Collect the ratings, test the claim, and write the report.

    Example: fechner study finish my-study/study.toml
    """
    from fechner.study.steps import finish as finish_study

    with _opened(file, jobs, cluster) as place:
        finish_study(place, deviation=deviation)
    _show_verdict(place)
    console.print(f"\nThe report is at {place.report}", soft_wrap=True)


def _show_verdict(place: OpenStudy) -> None:
    """Print the verdict and the sentences that explain it."""
    from fechner.records.claims.claim import read_claim
    from fechner.records.claims.codec_claim import read_codec_claim

    found: Claim | CodecClaim
    if place.study.compares_codecs:
        found = read_codec_claim(place.claim)
        headline: str = found.verdict
    else:
        found = read_claim(place.claim)
        headline = found.headline
    mark = "SIMULATED " if found.simulated else ""
    console.print(f"\n{mark}{headline.upper()}", style="bold", markup=False)
    for sentence in found.sentences:
        console.print(sentence, markup=False, soft_wrap=True)
