"""What was made of a scene is kept, and made again only if something changed.

A task's result lies in ``.scenes/NAME_TASK.json`` under a digest of everything that it
was made from. A task whose digest and files are unchanged is not done again, so a
build that was stopped goes on where it was, and a damaged picture is made again alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fechner.errors import FechnerError, RefusedError
from fechner.provenance import (
    digest,
    read_json,
    sha256_file,
    write_json,
)
from fechner.records.stimuli import INTACT, Stimulus
from fechner.stimuli.design import Design, Scene

KEPT = ".scenes"
"""Folder, inside the stimulus set's, of what each task made."""

ALGORITHM = 2
"""Raised whenever the same inputs would give other stimuli."""


@dataclass(frozen=True)
class SceneTask:
    """One scene to build into `folder`; `donor` is the mask file of another scene's region."""

    scene: Scene
    folder: Path
    design: Design
    donor: Path | None = None
    donor_mirrored: bool = False


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


def mask_path(folder: Path, scene: str, arm: str) -> Path:
    """Return where an arm's region is kept, a PNG of 0 and 255."""
    return folder / "masks" / f"{scene}_{arm}.png"


def kept_or_made(task: SceneTask, name: str, make: Callable[[SceneTask], Built]) -> Built:
    """Return what `make` makes of a task, or made before from the same inputs.

    A scene that `make` refuses is kept as refused, with the reason.
    """
    path = task.folder / KEPT / f"{task.scene.name}_{name}.json"
    key = _key(task, name)
    kept = _kept(path, key, task.folder)
    if kept is not None:
        return kept
    try:
        built = make(task)
    except RefusedError as error:
        built = Built(task.scene.name, (), {}, refused=str(error))
    write_json(path, {"key": key, "masks": _masks(task, built), **asdict(built)})
    return built


def _key(task: SceneTask, name: str) -> str:
    design = task.design.as_record()
    if name == "own":
        design["arms"] = [arm for arm in task.design.arms if arm != "donor"]
    inputs = [task.scene.name, sha256_file(task.scene.image), sha256_file(task.scene.map)]
    if task.donor is not None:
        inputs.append(f"{sha256_file(task.donor)} {task.donor_mirrored}")
        inputs.append(sha256_file(mask_path(task.folder, task.scene.name, "high")))
    return digest([ALGORITHM, name, design, inputs])


def _masks(task: SceneTask, built: Built) -> dict[str, str]:
    arms = {stimulus.region for stimulus in built.stimuli} - {INTACT}
    paths = [mask_path(task.folder, task.scene.name, arm) for arm in sorted(arms)]
    return {str(path.relative_to(task.folder)): sha256_file(path) for path in paths}


def _kept(path: Path, key: str, folder: Path) -> Built | None:
    """Return what was made before, if it was made from the same and is all still there."""
    with suppress(FechnerError, KeyError, TypeError):
        record = read_json(path)
        if record.pop("key") != key:
            return None
        stimuli = tuple(Stimulus(**row) for row in record.pop("stimuli"))
        files = {stimulus.file: stimulus.sha256 for stimulus in stimuli} | record.pop("masks")
        if all(sha256_file(folder / file) == sha for file, sha in files.items()):
            return Built(stimuli=stimuli, **record)
    return None
