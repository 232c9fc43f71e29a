"""What a folder of fechner's is, what is done in it, and which command comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fechner.errors import FechnerError, InputError
from fechner.records.journal.record import read_journal
from fechner.records.maps import read_maps_record
from fechner.records.selection import read_selection
from fechner.records.stimuli import is_half_built, read_stimulus_set
from fechner.records.study import STUDY_FILE
from fechner.study.freezing import rules_changed
from fechner.study.opening import OpenStudy, open_study
from fechner.study.steps import ALL, CHANNELS, MARKS, SESSIONS, TO_PEOPLE, Step, next_command
from fechner.study.work import protocol

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".avif", ".jxl")


@dataclass(frozen=True)
class FolderStatus:
    """What `folder_status` found.

    Attributes
    ----------
    what
        What the folder is, in one sentence.
    lines
        What is in it: a name, and how it stands.
    next
        The command that comes next; empty where none does.
    """

    what: str
    lines: tuple[tuple[str, str], ...] = ()
    next: str = ""


def folder_status(folder: Path) -> FolderStatus:
    """Return what a folder is, what is done in it, and which command comes next.

    Nothing is computed or written. A step of a study counts as done as `fechner study run` would
    count it: its files are there and unchanged, and so is everything that shaped them.

    Raises
    ------
    InputError
        If there is no such folder, or its study file is wrong.

    Examples
    --------
    >>> import tempfile
    >>> folder_status(Path(tempfile.mkdtemp())).what
    "Nothing here is fechner's, and there is no picture."
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"status expects a folder, got {folder}; name one, or leave it out")
    if (folder / STUDY_FILE).is_file():
        return _study(open_study(folder))
    for sign, tell in (
        ("stimuli.json", _stimuli),
        ("maps.json", _maps),
        ("selection.json", _selection),
    ):
        if (folder / sign).is_file():
            return tell(folder)
    if is_half_built(folder):
        return FolderStatus(
            "A stimulus set whose build was not finished.", (), _command_of_build(folder)
        )
    if journals := sorted(folder.glob("*sub-*.jsonl")):
        return _sessions(folder, journals)
    return _others(folder)


def _command_of_build(folder: Path) -> str:
    """Return how a build goes on: by the study around the folder, if there is one."""
    if (folder.parent / STUDY_FILE).is_file():
        return f"fechner study run {folder.parent}"
    return f"fechner stimuli build PHOTOGRAPHS --maps MAPS --out {folder}"


def _study(place: OpenStudy) -> FolderStatus:
    steps = [step for step in ALL if _belongs(place, step)]
    standing: dict[str, str] = {}
    for step in steps:
        # Every step rests on the ones before it: what the first lacks is said once.
        lacking = [name for name, state in standing.items() if state != "done"]
        standing[step.name] = _standing(place, step, after=lacking[-1] if lacking else None)
    counted = _counted(place.journals)
    if not place.simulated:
        planned = place.study.session.participants
        standing["sessions"] = f"{len(counted.whole)} of {planned} participants, {counted}"
    lines = list(standing.items())
    at = [name for name, _ in lines].index("sessions")
    lines.insert(at, ("frozen plan", _plan(place)))
    lines[at + 2 : at + 2] = _balance(place)
    lines.append(("report", "written" if place.report.is_file() else "to do"))
    kind = "study with SIMULATED participants" if place.simulated else "study"
    return FolderStatus(
        f"A {kind}: {place.study.title}", tuple(lines), _next_of_study(place, standing, counted)
    )


def _belongs(place: OpenStudy, step: Step) -> bool:
    """Return whether a study has this step."""
    if step is CHANNELS:
        return place.photographs is None
    return step is not MARKS or protocol(place).marks is not None


def _standing(place: OpenStudy, step: Step, *, after: str | None = None) -> str:
    begun = step.record(place).is_file()
    waits = after is not None and not begun
    try:
        if step.is_done(place):
            return "done"
        step.key(place)  # Reads every input, and says which is missing.
    except FechnerError as error:
        if not waits:
            return f"to do again: {error}" if begun else f"cannot be done yet: {error}"
    if waits:
        return f"to do, after {after}"
    return "to do again: something that shapes it has changed" if begun else "to do"


def _plan(place: OpenStudy) -> str:
    if not place.frozen_plan.is_file():
        return "not frozen"
    changed = rules_changed(place)
    return (
        f"frozen, and the study file now differs in {', '.join(changed)}" if changed else "frozen"
    )


def _balance(place: OpenStudy) -> list[tuple[str, str]]:
    """Return a line on how participants fill the Latin square, where there is one to fill."""
    with suppress(FechnerError):
        if protocol(place).trials.design != "latin square":
            return []
        # Only then: what counts trials brings numba and OpenCV.
        from fechner.study.planning import rows_of_participants

        rows = rows_of_participants(place)
        if rows is not None:
            return [("balance", str(rows))]
    return []


def _next_of_study(place: OpenStudy, standing: dict[str, str], counted: _Counted) -> str:
    to_people = [step.name for step in TO_PEOPLE if step.name in standing]
    if any(standing[name] != "done" for name in to_people) or place.simulated:
        finished = all(state == "done" for state in standing.values())
        return f"fechner report {place.folder}" if finished else f"fechner study run {place.folder}"
    if not place.frozen_plan.is_file() and not place.journals:
        return f"fechner study freeze {place.folder}"
    if len(counted.whole) < place.study.session.participants:
        return next_command(place)
    after = [name for name in standing if name not in (*to_people, SESSIONS.name)]
    if all(standing[name] == "done" for name in after):
        return f"fechner report {place.folder}"
    return f"fechner study finish {place.folder}"


@dataclass(frozen=True)
class _Counted:
    """How many sessions stand how, and who has a complete one."""

    states: Counter[str]
    whole: frozenset[str]

    def __str__(self) -> str:
        number = self.states.total()
        told = ", ".join(f"{count} {state}" for state, count in self.states.items())
        return f"{number} session{'' if number == 1 else 's'}" + (f" ({told})" if told else "")


def _counted(journals: Sequence[Path]) -> _Counted:
    states: Counter[str] = Counter()
    whole = set()
    for path in journals:
        try:
            record = read_journal(path)
        except InputError:
            states["damaged"] += 1
            continue
        states[record.state] += 1
        if record.complete:
            whole.add(record.participant)
    return _Counted(states, frozenset(whole))


def _sessions(folder: Path, journals: Sequence[Path]) -> FolderStatus:
    return FolderStatus(
        "A folder of rating sessions.",
        (("sessions", str(_counted(journals))),),
        f"fechner session list {folder}",
    )


def _stimuli(folder: Path) -> FolderStatus:
    found = read_stimulus_set(folder)
    lines = (("scenes", str(len(found.scenes))), ("stimuli", str(len(found.stimuli))))
    return FolderStatus("A stimulus set.", lines, f"fechner stimuli verify {folder}")


def _maps(folder: Path) -> FolderStatus:
    found = read_maps_record(folder)["maps"]
    return FolderStatus(
        "A folder of importance maps.",
        (("maps", str(len(found))),),
        f"fechner compress PHOTOGRAPHS --map {folder} -o smaller",
    )


def _selection(folder: Path) -> FolderStatus:
    chosen = read_selection(folder / "selection.json").choice
    kept = f"{sum(chosen.kept)} of {chosen.n_channels} by {chosen.method}"
    lines = (("network", f"{chosen.network}, {'+'.join(chosen.layers)}"), ("channels", kept))
    return FolderStatus(
        "A selection of channels.",
        lines,
        f"fechner maps make PHOTOGRAPHS --selection {folder / 'selection.json'} -o maps",
    )


def _others(folder: Path) -> FolderStatus:
    studies = sorted(path.parent.name for path in folder.glob(f"*/{STUDY_FILE}"))
    if studies:
        return FolderStatus(
            f"A folder of {len(studies)} studies.",
            tuple((name, "study") for name in studies),
            f"fechner status {folder / studies[0]}",
        )
    pictures = sum(path.suffix.lower() in PICTURES for path in folder.iterdir())
    if not pictures:
        return FolderStatus("Nothing here is fechner's, and there is no picture.")
    return FolderStatus(
        "A folder of pictures, nothing of fechner's yet.",
        (("pictures", str(pictures)),),
        f"fechner compress {folder} -o smaller",
    )
