"""What was made of a scene is kept, and made again only if something changed.

A task's result lies in ``.scenes/NAME_TASK.json`` under its key (`fechner.records.done`): the
design, the photograph, its map and, for a donor arm, both masks. A task whose key and files are
unchanged is not done again, so a build that was stopped goes on where it was, and a damaged
picture is made again alone.

A folder that holds a finished set of another design, or of another version of fechner, is opened
only on request: somebody may have rated it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fechner import __version__
from fechner.errors import FechnerError, InputError, RefusedError
from fechner.provenance import digest, read_json
from fechner.records.done import done_key, read_done, write_done
from fechner.records.stimuli import INTACT, RECORD, SEVERE, Stimulus, read_stimulus_set
from fechner.records.stimuli import KEPT as KEPT
from fechner.stimuli.design import Design, Scene


@dataclass(frozen=True)
class SceneTask:
    """One scene to build into `folder`; `donor` is the scene that lends its high region."""

    scene: Scene
    folder: Path
    design: Design
    donor: str | None = None
    donor_mirrored: bool = False

    def pictures(self, *, of_donor: bool) -> list[str]:
        """Return the files of the donor arm's pictures, or those of all others."""
        name, design = self.scene.name, self.design
        wanted = [one for one in design.conditions() if (one[2] == "donor") is of_donor]
        intact = [] if of_donor else [f"{name}_{INTACT}"]
        return [f"{one}.png" for one in (*intact, *(design.stimulus(name, *c) for c in wanted))]

    def mask(self, arm: str) -> Path:
        """Return where an arm's region of this scene is kept."""
        return mask_path(self.folder, self.scene.name, arm)


@dataclass(frozen=True)
class Built:
    """What a task made, or why the scene was refused.

    Attributes
    ----------
    stimuli
        Their rows.
    about
        What the set's record says of the scene: gap, covariates, strengths, ...
    error
        ``(rows, columns)`` of blocks: squared error of the whole degraded picture at
        the strength of the scene's own arms, from which donors are chosen.
    refused
        The reason; empty where the scene was built.
    """

    scene: str
    stimuli: tuple[Stimulus, ...]
    about: Mapping[str, Any]
    error: tuple[tuple[float, ...], ...] = ()
    refused: str = ""


class AnotherSetError(RefusedError):
    """A folder holds a set of another design, or of another version of fechner."""

    def __init__(self, folder: Path, differences: Sequence[str], remedy: str) -> None:
        self.folder, self.differences = folder, tuple(differences)
        super().__init__(
            f"{folder} holds another stimulus set ({'; '.join(differences)}); {remedy}"
        )


REMEDY = "give another folder, or replace it with: --again (from Python, again=True)"
"""What whoever builds a set can do; a study says what it can (`study.work.make_stimuli`)."""


def open_folder(
    folder: Path, design: Mapping[str, Any], inputs: Mapping[str, str], *, again: bool
) -> None:
    """Refuse a folder that holds another set, or clear it where it shall be built again.

    Parameters
    ----------
    folder
        Where a set is to be built.
    design
        What is to be built, as the set's provenance says it.
    inputs
        Name -> sha256 of every picture and map that it may be built from.
    again
        Whether another set there may be replaced.

    Raises
    ------
    AnotherSetError
        If the folder holds a set of another design or version, and `again` is False.
    """
    path = folder / RECORD
    if not path.is_file():
        return
    differences = _differences(path, design, inputs)
    if not differences:
        return
    if not again:
        raise AnotherSetError(folder, differences, REMEDY)
    for kept in (folder / KEPT).glob("*.json"):
        kept.unlink()


def _told_apart(made: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return the options that differ, one by one, also within a group of options."""
    words = []
    for name in {**wanted, **made}:
        then, now = made.get(name), wanted.get(name)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            words += _told_apart(then, now)
        elif digest(then) != digest(now):
            words.append(f"{name} {then} instead of {now}")
    return words


def _differences(path: Path, design: Mapping[str, Any], inputs: Mapping[str, str]) -> list[str]:
    """Return in what a finished set differs from a design, in words."""
    try:
        made = read_json(path)["provenance"]
        version, parameters, read = made["fechner"], dict(made["parameters"]), made["inputs"]
        changed = [name for name, sha256 in read.items() if inputs.get(name) != sha256]
    except (InputError, KeyError, TypeError, ValueError):
        return [f"{path.name} cannot be read"]
    words = _told_apart(parameters, design)
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        words.append(f"another {changed[0]}{more}")
    if version != __version__:
        words.append(f"built by fechner {version}, this is {__version__}")
    return words


def remove_pictures(folder: Path, files: Iterable[str]) -> None:
    """Remove files of a set's folder that are part of it no longer, by their bare names."""
    for file in files:
        (folder / Path(file).name).unlink(missing_ok=True)


def files_of_former_set(folder: Path) -> set[str]:
    """Return the pictures and coded files of the set that lies in a folder; none where none does.

    A set whose table cannot be read is none.
    """
    with suppress(FechnerError):
        former = read_stimulus_set(folder).pictures
        return {name for one in former for name in (one.file, one.coded) if name}
    return set()


def mask_path(folder: Path, scene: str, arm: str) -> Path:
    """Return where an arm's region is kept, a PNG of 0 and 255."""
    return folder / "masks" / f"{scene}_{arm}.png"


def kept_or_made(
    task: SceneTask,
    name: str,
    make: Callable[[SceneTask], Built],
    seen: Mapping[str, Any] | None = None,
) -> Built:
    """Return what `make` makes of a task, or made before from the same inputs.

    A scene that `make` refuses is kept as refused, with the reason.

    Parameters
    ----------
    task
        The scene.
    name
        Of what is made.
    make
        Makes it.
    seen
        By which network the arms are matched, where they are.
    """
    path = task.folder / KEPT / f"{task.scene.name}_{name}.json"
    key = _key(task, name, seen)
    kept = read_done(path, key, folder=task.folder)
    if kept is not None:
        stimuli = tuple(Stimulus(**row) for row in kept.pop("stimuli"))
        return Built(stimuli=stimuli, **kept)
    try:
        built = make(task)
    except RefusedError as error:
        # Pictures that were written before an arm was refused are part of nothing.
        remove_pictures(task.folder, task.pictures(of_donor=name == "donor"))
        built = Built(task.scene.name, (), {}, refused=str(error))
    write_done(path, key, wrote=_files(task, built), folder=task.folder, content=asdict(built))
    return built


def _key(task: SceneTask, name: str, seen: Mapping[str, Any] | None) -> str:
    # Severe catch items are kept apart: adding them redoes no regions.
    design = {key: said for key, said in task.design.as_record().items() if key != SEVERE}
    if name == "own":
        design["arms"] = [arm for arm in task.design.arms if arm != "donor"]
    reads = [task.scene.image, task.scene.map]
    if task.donor is not None:
        reads += [mask_path(task.folder, task.donor, "high"), task.mask("high")]
    parameters = [name, task.scene.name, design, task.donor, task.donor_mirrored]
    parameters += [] if seen is None else [dict(seen)]
    return done_key("scene", parameters, reads)


def _files(task: SceneTask, built: Built) -> list[Path]:
    """Return the pictures and the masks that a task wrote."""
    arms = dict.fromkeys(stimulus.region for stimulus in built.stimuli)
    masks = [task.mask(arm) for arm in arms if arm != INTACT]
    return [*(task.folder / stimulus.file for stimulus in built.stimuli), *masks]
