"""``fechner session``: plan sessions, run participants, check and export what they rated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fechner.errors import InputError, RefusedError, nearest

if TYPE_CHECKING:
    from fechner.experiment.session.session import SessionStatus
    from fechner.records.journal import JournalFolder

app = typer.Typer(
    no_args_is_help=True, help="Rating sessions: plan, run, list, verify, export, screens."
)

Stimuli = Annotated[Path, typer.Option(help="Folder of a stimulus set.")]
ProtocolName = Annotated[str, typer.Option(help="A shipped protocol or a TOML file.")]
Sessions = Annotated[Path, typer.Option(help="Folder of the journals.")]
Language = Annotated[str, typer.Option(help="Language of the participant's texts.")]


@app.command()
def plan(
    stimuli: Stimuli,
    protocol: ProtocolName = "slider",
    participants: Annotated[
        int, typer.Option("--participants", "-p", min=1, help="How many to audit.")
    ] = 30,
    participant: Annotated[str, typer.Option(help="Print this participant's trials.")] = "",
    session: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Audit the balance of the trial plans, or print one participant's trials.

    Example: fechner session plan --stimuli study/stimuli --protocol slider --participants 30
    """
    from fechner.cli.console import console
    from fechner.experiment.plan.audit import audit
    from fechner.experiment.plan.plan import make_plan
    from fechner.experiment.starting.preflight import check_length
    from fechner.protocols.schema import load_protocol
    from fechner.records.stimuli import read_stimulus_set

    loaded, found = load_protocol(protocol), read_stimulus_set(stimuli)
    if participant:
        _print_trials(make_plan(loaded, found, participant, session=session))
        return
    codes = [f"P{number:03d}" for number in range(1, participants + 1)]
    result = audit(loaded, found, codes)
    console.print(f"{result.participants} participants, {result.trials} trials each")
    length = f"about {result.minutes:.0f} min, limit {result.limit_minutes:g} min"
    console.print(f"length          {length}, breaks: {result.breaks}")
    console.print(f"each stimulus   shown {_range(result.shown)} times (main trials)")
    console.print(f"in each block   {_range(result.in_block)} times")
    console.print(f"scene returns   after {result.nearest_return} trials or more")
    console.print(f"orders          {result.distinct_orders} different")
    for region, place in result.positions.items():
        console.print(f"mean place      {region:<12} {place:.3f} of the session (ideal 0.500)")
    console.print(f"region pairs    {_range(_ends(result.follows))} times in succession")
    check_length(loaded, [make_plan(loaded, found, code) for code in codes])


def _ends(counts: dict[Any, int]) -> tuple[int, int]:
    return (min(counts.values()), max(counts.values())) if counts else (0, 0)


def _range(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _print_trials(planned: Any) -> None:
    from fechner.cli.console import console, plain_table

    table = plain_table(
        "trial", "block", "kind", "stimulus", "against", "side", "target", whole="stimulus"
    )
    for trial in planned.trials:
        target = "" if trial.target is None else f"{trial.target:g}"
        against = trial.second or trial.reference or ""
        shown = trial.stimulus or f"{trial.scene} {trial.region}".strip()
        table.add_row(
            str(trial.number), str(trial.block), trial.kind, shown, against, trial.side, target
        )
    console.print(table)
    console.print(f"plan {planned.sha256[:16]}, row {planned.row}, breaks after {planned.breaks}")


@app.command()
def run(
    stimuli: Stimuli,
    sessions: Sessions = Path("sessions"),
    protocol: ProtocolName = "slider",
    participant: Annotated[str, typer.Option(help="The code; left out, codes are offered.")] = "",
    session: Annotated[int, typer.Option(min=1, help="Number of the session.")] = 1,
    language: Language = "en",
    windowed: Annotated[bool, typer.Option("--windowed", help="No full screen.")] = False,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of the window in pixels.")] = "",
    monitor: Annotated[int, typer.Option(min=0, help="Number of the screen, from 0.")] = 0,
    verify_pixels: Annotated[str, typer.Option(help="Read back: first, all or none.")] = "first",
    pixels_per_cm: Annotated[float, typer.Option(help="Of the screen; 0: calibrate.")] = 0.0,
    distance: Annotated[float, typer.Option(help="Viewing distance in cm.")] = 0.0,
    simulate: Annotated[
        str, typer.Option(help="A SIMULATED participant of the world map, null or centre.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated participant.")] = 1,
    maps: Annotated[
        Path | None, typer.Option(help="Maps that SIMULATED marks follow in the world map.")
    ] = None,
    window: Annotated[
        bool, typer.Option("--window/--no-window", help="Show a simulated session.")
    ] = True,
    screens: Annotated[Path | None, typer.Option(help="Save a picture of each screen.")] = None,
    marker: Annotated[
        list[str] | None,
        typer.Option(help="Called at onset and answer: an entry point, or module:function."),
    ] = None,
    readmit: Annotated[
        bool, typer.Option("--readmit", help="Ask again who was not admitted before.")
    ] = False,
) -> None:
    """Run one participant; the same command resumes a session that was interrupted.

    Example: fechner session run --stimuli study/stimuli --sessions study/sessions --participant P07
    """
    from fechner.cli.console import complaints, console
    from fechner.experiment.calibration import Calibration
    from fechner.experiment.starting.run_participant import run_participant
    from fechner.records.journal import read_journals

    if verify_pixels not in ("first", "all", "none"):
        hint = nearest(verify_pixels, ("first", "all", "none"))
        raise InputError(f"--verify-pixels expects first, all or none: {hint}")
    if bool(pixels_per_cm) != bool(distance):
        raise InputError("--pixels-per-cm and --distance belong together; give both or neither")
    if not participant:
        participant = _offered(sessions, protocol, language, stimuli)
    observer = _observer(participant, simulate, seed)
    with complaints.status("") as status:
        record = run_participant(
            stimuli,
            protocol,
            participant,
            session=session,
            sessions_folder=sessions,
            window="psychopy" if window else "none",
            observer=observer,
            windowed=windowed or bool(size),
            size=_size(size),
            monitor=monitor,
            verify_pixels=verify_pixels,  # type: ignore[arg-type]
            screenshots=screens,
            language=language,
            on_trial=lambda now: status.update(live_line(now)),
            calibration=Calibration(pixels_per_cm, distance) if pixels_per_cm else None,
            maps=maps,
            readmit=readmit,
            markers=marker or (),
        )
    kind = "SIMULATED session" if record.simulated else "session"
    console.print(f"{kind} {record.state}: {len(record.trials)} trials in {record.path}")
    if record.turned_away:
        complaints.print("to ask the questions again under this code give --readmit")
    found = read_journals(sessions)
    for damaged in found.damaged:
        complaints.print(f"note: {damaged.problem}", markup=False, soft_wrap=True)
    if rows := _rows(found, protocol, language, stimuli):
        console.print(rows, markup=False, soft_wrap=True)


def _rows(found: JournalFolder, protocol: str, language: str, stimuli: Path) -> str:
    """Return how participants fill the Latin square so far; nothing where everybody rates all."""
    from fechner.experiment.plan.rows import conditions_of, rows_filled
    from fechner.protocols.schema import load_protocol
    from fechner.records.stimuli import read_stimulus_set

    followed = load_protocol(protocol, language=language)
    if followed.trials.design != "latin square":
        return ""
    conditions = conditions_of(followed, read_stimulus_set(stimuli))
    took_part = [one for one in found.journals if not one.turned_away]
    return str(rows_filled(followed, conditions, {one.participant for one in took_part}))


def live_line(now: SessionStatus) -> str:
    """Return the experimenter's line: trial, minutes left, catch trials, reaction time."""
    return (
        f"trial {now.done}/{now.total}  "
        f"{now.minutes_left:.1f} min left  "
        f"catch {now.catch_passed}/{now.catch_shown}  "
        f"median answer {now.rt_ms / 1000:.1f} s"
    )


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise InputError(f"--size expects WIDTHxHEIGHT in pixels such as 1280x1024, got {text!r}")
    return int(width), int(height)


def _offered(sessions: Path, protocol: str, language: str, stimuli: Path) -> str:
    """Let the experimenter take an offered code; without a terminal, say it and stop."""
    import secrets
    import sys

    from fechner.experiment.plan.rows import conditions_of
    from fechner.experiment.session.codes import offer_code
    from fechner.experiment.starting.earlier_sessions import codes_in_use
    from fechner.protocols.schema import load_protocol
    from fechner.records.stimuli import read_stimulus_set

    followed = load_protocol(protocol, language=language)
    rows = conditions_of(followed, read_stimulus_set(stimuli))
    code = offer_code(codes_in_use(sessions), seed=secrets.randbits(32), rows=rows)
    if not sys.stdin.isatty():
        raise InputError(f"give --participant CODE; a free random one is {code}")
    return typer.prompt("participant code", default=code)


def _observer(participant: str, simulate: str, seed: int) -> Any:
    if not simulate:
        return None
    from fechner.experiment.simulated.observers import SimulatedObserver

    return SimulatedObserver(participant, world=simulate, seed=seed)  # type: ignore[arg-type]


@app.command("list")
def list_sessions(sessions: Sessions = Path("sessions")) -> None:
    """List the sessions of a folder and how they stand; damaged journals are named.

    Example: fechner session list --sessions study/sessions
    """
    from fechner.cli.console import console, plain_table
    from fechner.records.journal import read_journals

    found = read_journals(sessions)
    table = plain_table(
        "participant", "session", "protocol", "trials", "state", "begun", whole="participant"
    )
    for record in found.journals:
        table.add_row(
            record.participant,
            str(record.session),
            record.header.protocol,
            str(len(record.trials)),
            f"SIMULATED {record.state}" if record.simulated else record.state,
            record.header.written[:16],
        )
    console.print(table)
    _print_damaged(found)


def _print_damaged(found: JournalFolder) -> None:
    from fechner.cli.console import console

    for damaged in found.damaged:
        console.print("[red]✗[/red]", end=" ")
        console.print(damaged.problem, markup=False, soft_wrap=True)


@app.command()
def verify(
    sessions: Sessions = Path("sessions"),
    stimuli: Annotated[Path | None, typer.Option(help="Compare with this stimulus set.")] = None,
    protocol: Annotated[
        str, typer.Option(help="Compare with this protocol, in each journal's language.")
    ] = "",
) -> None:
    """Check every journal, and with --stimuli what it says was shown; exit code 2 on a problem.

    With --protocol the pictures of the tests of vision are drawn again. Every journal is reported,
    whatever is wrong with the others.

    Example: fechner session verify --sessions study/sessions --stimuli study/stimuli
    """
    from fechner.cli.console import console
    from fechner.experiment.shown_pixels import ShownPixels
    from fechner.experiment.verify import verify_session
    from fechner.protocols.schema import load_protocol
    from fechner.records.journal import read_journals
    from fechner.records.stimuli import verify as verify_stimuli

    pixels = ShownPixels(verify_stimuli(stimuli)) if stimuli else None
    found = read_journals(sessions)
    spoken = {record.header.language for record in found.journals} if protocol else set()
    loaded = {language: load_protocol(protocol, language=language) for language in spoken}
    bad = len(found.damaged)
    for record in found.journals:
        verdict = verify_session(record, protocol=loaded.get(record.header.language), pixels=pixels)
        bad += bool(verdict.problems)
        line = "; ".join(verdict.problems + verdict.notes) or "whole"
        sign = "[red]✗[/red]" if verdict.problems else "[green]✓[/green]"
        console.print(sign, end=" ")
        console.print(f"{record.path.name}: {line}", markup=False, soft_wrap=True)
    _print_damaged(found)
    if bad:
        many = "1 journal has problems" if bad == 1 else f"{bad} journals have problems"
        raise RefusedError(f"{many} (above); what cannot be repaired stays out of the analysis")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="CSV for ratings and attention; else a folder.")],
    sessions: Sessions = Path("sessions"),
    form: Annotated[
        str,
        typer.Option(
            "--format", help="ratings, attention, marks, bids, psychds, sureal or psychopy"
        ),
    ] = "ratings",
    stimuli: Annotated[Path | None, typer.Option(help="Images for bids.")] = None,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out journals that cannot be read.")
    ] = False,
    smooth: Annotated[
        str, typer.Option(help="SD of the maps of marks: '0.5 deg' (where known) or '20 px'.")
    ] = "",
) -> None:
    """Export journals; the same journals always give the same files.

    A journal that cannot be read is refused, because its participant would be missing from
    the export without a word; --skip-damaged leaves such journals out and names them.

    Example: fechner session export bids/ --sessions study/sessions --format bids
    """
    from fechner.cli.console import console
    from fechner.experiment.exports.forms import export as write
    from fechner.records.journal import read_journals
    from fechner.records.stimuli import read_stimulus_set

    shown = read_stimulus_set(stimuli) if stimuli else None
    found = read_journals(sessions)
    try:
        journals = found.journals if skip_damaged else found.intact()
    except InputError as error:
        raise InputError(f"{error}; or leave them out with --skip-damaged") from error
    written = write(journals, form, out, stimuli=shown, smooth=smooth or None)
    where = ", ".join(map(str, written)) if len(written) < 3 else f"{len(written)} files in {out}"
    console.print(f"written: {where}", soft_wrap=True)
    for damaged in found.damaged:
        console.print(f"left out: {damaged.problem}", markup=False, soft_wrap=True)


@app.command()
def screens(
    stimuli: Stimuli,
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    protocol: Annotated[str, typer.Option(help="A protocol; left out, every shipped one.")] = "",
    language: Language = "en",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of the window.")] = "1280x1024",
    width: Annotated[int, typer.Option(min=16, help="Width of the pictures in pixels.")] = 480,
) -> None:
    """Save a picture of each screen of a protocol, from a short simulated session.

    Example: fechner session screens docs/img/screens --stimuli study/stimuli --protocol acr
    """
    from fechner.cli.console import bar, console
    from fechner.experiment.tour import tour
    from fechner.protocols.schema import shipped

    names = [protocol] if protocol else shipped()
    with bar("Screens") as progress:
        for number, name in enumerate(names, start=1):
            shape = _size(size) or (1280, 1024)
            tour(stimuli, name, out, language=language, size=shape, width=width)
            progress(number, len(names))
    console.print(f"the screens of {', '.join(names)} are in {out}")
