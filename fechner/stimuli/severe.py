"""Severe catch items: one ruined picture a scene, far beyond everything under test.

A participant who looks rates it below the intact picture of its scene, whatever the map says: the
whole picture is degraded, so that no region is favoured. Catch trials alone show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.compression.degrading.degrade import FAMILIES
from fechner.compression.degrading.matching import Loss, match_strengths
from fechner.errors import InputError, RefusedError
from fechner.executors import run_all
from fechner.provenance import sha256_bytes, sha256_file
from fechner.records.done import done_key, read_done, write_done
from fechner.records.images.files import read_image, read_map_png, write_png
from fechner.records.rules.severe_rule import SevereRule
from fechner.records.stimuli import SEVERE, Stimulus
from fechner.stimuli.design import FAR, check_severe
from fechner.stimuli.kept import KEPT
from fechner.stimuli.losses import losses

if TYPE_CHECKING:
    from fechner.records.stimuli import StimulusSet


@dataclass(frozen=True)
class SevereTask:
    """One scene of which a severe picture is made into `folder`."""

    scene: str
    image: Path
    map: Path
    folder: Path
    rule: SevereRule


def severe_items(
    rule: SevereRule | None,
    scenes: Mapping[str, tuple[Path, Path]],
    stimuli: Sequence[Stimulus],
    folder: Path,
    *,
    pool: Executor | None = None,
) -> list[Stimulus]:
    """Make the severe picture of every scene of `stimuli`; none where there is no rule.

    Parameters
    ----------
    rule
        How they are made.
    scenes
        Name -> (image file, importance map).
    stimuli
        What is under test.
    folder
        Of the set; gets ``SCENE_severe.png``.
    pool
        Where scenes run.

    Returns
    -------
    list of Stimulus
        Rows, in the order of the scenes of `stimuli`.

    Raises
    ------
    InputError
        If the family is unknown, cannot lose as much of a scene, or loses too little beside the
        strongest stimulus.
    """
    if rule is None:
        return []
    check_severe(rule, max(one.mse for one in stimuli))
    names = dict.fromkeys(one.scene for one in stimuli)
    files = {name: (Path(image), Path(map_)) for name, (image, map_) in scenes.items()}
    tasks = [SevereTask(name, *files[name], Path(folder), rule) for name in names]
    return run_all(severe_picture, tasks, pool=pool)


def severe_picture(task: SevereTask) -> Stimulus:
    """Make the severe picture of a scene, or take the one that was made before."""
    path = task.folder / f"{task.scene}_{SEVERE}.png"
    record = task.folder / KEPT / f"{task.scene}_{SEVERE}.json"
    rule = task.rule.model_dump(mode="json")
    key = done_key("severe picture", [task.scene, rule], [task.image, task.map])
    kept = read_done(record, key, folder=task.folder)
    if kept is None:
        kept = asdict(_made(task, path))
        write_done(record, key, wrote=[path], folder=task.folder, content=kept)
    return Stimulus(**kept)


def _made(task: SevereTask, path: Path) -> Stimulus:
    image, wanted = read_image(task.image), Loss("mse", task.rule.mse)
    everywhere = np.ones(image.shape[:2], np.float32)
    # Noise of its own in every scene, the same in every study.
    seed = int(sha256_bytes(f"{SEVERE} {task.scene}".encode())[:8], 16)
    try:
        made = match_strengths(image, {SEVERE: everywhere}, task.rule.family, wanted, seed=seed)
    except RefusedError as error:
        raise InputError(
            f"no severe catch item of scene {task.scene!r}: {error} (here: the whole picture); "
            "change [stimuli.severe]"
        ) from error
    write_png(path, made[SEVERE].image)
    return Stimulus(
        stimulus=path.stem,
        file=path.name,
        scene=task.scene,
        region=SEVERE,
        family=task.rule.family,
        level=1,
        strength=float(made[SEVERE].strength),
        strength_unit=FAMILIES[task.rule.family].unit,
        mask_area=1.0,
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
        **losses(image, made[SEVERE].image, read_map_png(task.map)),
    )


def not_severe(found: StimulusSet) -> list[str]:
    """Return a line for every severe item that is not far beyond what its set has under test."""
    largest = max((one.mse for one in found.stimuli), default=0.0)
    return [
        f"{one.file}: a severe catch item that loses {one.mse:.4g} squared grey levels, less than "
        f"{FAR:g} times the {largest:.4g} of the strongest stimulus"
        for one in found.catch_items
        if one.region == SEVERE and one.mse < FAR * largest
    ]
