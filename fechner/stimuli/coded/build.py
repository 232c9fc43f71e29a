"""From photographs and maps to a set of coded pictures: equal bytes, or equal ss2.

Every arm of `fechner.records.rules.codec_design.CODEC_ARMS` that a design names is encoded at
every rate, decoded losslessly to PNG, and kept with its file. The record names the encoders'
versions, what every file was matched to, and the scenes that could not be matched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, RefusedError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import provenance, sha256_file
from fechner.records.file_names import check_file_names
from fechner.records.maps import is_simulated_map
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.rules.severe_rule import SevereRule
from fechner.records.stimuli import LAYER_DISTANCE, SEVERE, StimulusSet, write_stimulus_set
from fechner.stimuli.build import check_pool
from fechner.stimuli.choosing import first_reasons
from fechner.stimuli.coded.arms import versions
from fechner.stimuli.coded.scene import CodedScene, CodedTask, coded_scene
from fechner.stimuli.design import check_severe
from fechner.stimuli.kept import files_of_former_set, open_folder, remove_pictures
from fechner.stimuli.layer_distances import described, layer_distances
from fechner.stimuli.severe import severe_items

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network

UNITS = {"bytes": "quality of Pillow's JPEG", "bpp": "bits per pixel", "ss2": "points of ss2"}


def build_coded_stimuli(
    scenes: Mapping[str, tuple[Path, Path]],
    folder: Path,
    *,
    design: CodecDesign | None = None,
    severe: SevereRule | None = None,
    wanted: int | None = None,
    again: bool = False,
    network: Network | None = None,
    simulated: bool = False,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> StimulusSet:
    """Build the coded versions of `scenes` into `folder` and return the set.

    Parameters
    ----------
    scenes
        Name -> (image file, importance map as grey PNG of the same size).
    folder
        Gets ``*.png``, the coded files beside them, ``stimuli.csv`` and ``stimuli.json``.
    design
        Arms and rates.
    severe
        How a severe catch item of every scene is made; left out, there are none.
    wanted
        How many scenes the set shall have: refused ones are replaced by the next of `scenes`;
        all of them where left out.
    again
        Build anew where `folder` holds a set of another design or another version of fechner,
        which is refused otherwise.
    network
        What measures how far each picture lies from its intact one; left out, nothing does.
    simulated
        Whether the maps rest on SIMULATED ratings; also taken from the maps' own records.
    pool, progress
        Where scenes run, and what is called with how many of them are done.

    Returns
    -------
    StimulusSet
        Region = arm, family = ``codec``, level = number of the rate, ``bytes`` of the coded file.

    Raises
    ------
    InputError
        If an image or map is unusable, a donor is asked for of one scene, or there are fewer
        scenes than wanted.
    MissingPartError
        If the codec of an arm is not installed.
    RefusedError
        If more than a third of the scenes cannot be matched (the reasons are named), or `folder`
        holds another set.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from fechner.records.images.files import write_map_png, write_png
    >>> folder, rng, scenes = Path(tempfile.mkdtemp()), np.random.default_rng(0), {}
    >>> for name in ("boat", "0801"):
    ...     scenes[name] = (folder / f"{name}.png", folder / f"map_of_{name}.png")
    ...     write_png(scenes[name][0], rng.integers(60, 200, (96, 128, 3)).astype(np.uint8))
    ...     write_map_png(scenes[name][1], np.tile(np.linspace(0.1, 1, 128), (96, 1)))
    >>> design = CodecDesign(arms=("plain", "map"), rates=(50,))
    >>> made = build_coded_stimuli(scenes, folder / "stimuli", design=design)
    >>> [stimulus.coded or stimulus.file for stimulus in made.stimuli if stimulus.scene == "boat"]
    ['boat_intact.png', 'boat_codec1_plain.jpg', 'boat_codec1_map.jpg']
    """
    design, folder = design or CodecDesign(), Path(folder)
    check_file_names(scenes)
    asked = len(scenes) if wanted is None else wanted
    check_pool(asked, len(scenes))
    tasks = _tasks(scenes, folder, design)
    check_severe(severe, 0.0)
    made_from = {"wanted": asked, **design.model_dump(mode="json")}
    if severe is not None:
        made_from[SEVERE] = severe.model_dump(mode="json")
    inputs = {task.scene: _inputs(task) for task in tasks}
    every = {name: sha256 for one in inputs.values() for name, sha256 in one.items()}
    open_folder(folder, made_from, every, again=again)
    made = _made(tasks, asked, pool=pool, progress=progress)
    kept = _enough(made, asked)
    stimuli = [stimulus for one in kept for stimulus in one.stimuli]
    ruined = severe_items(severe, scenes, stimuli, folder, pool=pool)
    tried = [task for task in tasks if task.scene in {one.scene for one in made}]
    said: dict[str, Any] = {
        "record": "StimulusSet",
        "unit": UNITS[design.match],
        "scenes": {one.scene: dict(one.about) for one in kept},
        "refused": {one.scene: one.refused for one in made if one.refused},
        "encoders": dict(versions(design.arms)),
        "provenance": provenance(
            parameters=made_from,
            inputs={k: sha256 for task in tried for k, sha256 in inputs[task.scene].items()},
            simulated=simulated or any(is_simulated_map(task.map) for task in tried),
        ),
    }
    if network is not None:
        both = [*stimuli, *ruined]
        distances = layer_distances(both, folder, network=network, pool=pool)
        both = [replace(one, layer_distance=distances[one.stimulus]) for one in both]
        stimuli, ruined = both[: len(stimuli)], both[len(stimuli) :]
        said[LAYER_DISTANCE] = described(network)
    _remove_others(folder, made, kept, {one.file for one in ruined})
    return write_stimulus_set(folder, stimuli, said, catch_items=ruined)


def _made(
    tasks: Sequence[CodedTask], wanted: int, *, pool: Executor | None, progress: Progress
) -> list[CodedScene]:
    """Code scenes in the order of the pool until `wanted` are kept or none is left to try."""
    made: list[CodedScene] = []
    while True:
        kept = sum(not one.refused for one in made)
        batch = tasks[len(made) : len(made) + wanted - kept]
        if not batch:
            return made
        after = partial(_after, progress, kept, wanted)
        made += _once(made, run_all(coded_scene, batch, pool=pool, progress=after))


def _after(progress: Progress, kept: int, wanted: int, done: int, _: int) -> None:
    progress(kept + done, wanted)


def _once(before: Sequence[CodedScene], batch: Sequence[CodedScene]) -> list[CodedScene]:
    """Return a batch in which no scene shows the pixels of an earlier one."""
    seen = {one.stimuli[0].sha256: one.scene for one in before if not one.refused}
    found = []
    for one in batch:
        if not one.refused:
            first = seen.setdefault(one.stimuli[0].sha256, one.scene)
            if first != one.scene:
                one = replace(one, refused=f"it shows the same pixels as scene {first!r}")
        found.append(one)
    return found


def _remove_others(
    folder: Path, made: Sequence[CodedScene], kept: Sequence[CodedScene], more: set[str]
) -> None:
    """Remove what lies there of a former set, and of scenes that were coded and left out."""
    there = files_of_former_set(folder) | {name for one in made for name in _files(one)}
    remove_pictures(folder, there - more - {name for one in kept for name in _files(one)})


def _files(one: CodedScene) -> list[str]:
    return [name for stimulus in one.stimuli for name in (stimulus.file, stimulus.coded) if name]


def _tasks(
    scenes: Mapping[str, tuple[Path, Path]], folder: Path, design: CodecDesign
) -> list[CodedTask]:
    """Return a task a scene; each takes the map of the scene half the list away as a donor's."""
    made_by, names = versions(design.arms), list(scenes)
    if "donor" in design.arms and len(names) < 2:
        raise InputError("the arm donor needs the map of another scene; give two scenes or more")
    tasks = []
    for place, name in enumerate(names):
        image, own = (Path(path) for path in scenes[name])
        lender = names[(place + max(1, len(names) // 2)) % len(names)]
        donor = Path(scenes[lender][1]) if "donor" in design.arms else None
        tasks.append(CodedTask(name, image, own, folder, design, donor, made_by))
    return tasks


def _enough(made: Sequence[CodedScene], wanted: int) -> list[CodedScene]:
    """Return the scenes that were made, at least two thirds of those that are wanted."""
    kept = [one for one in made if not one.refused]
    if 3 * len(kept) < 2 * wanted:
        refused = {one.scene: one.refused for one in made if one.refused}
        raise RefusedError(
            f"only {len(kept)} of {len(made)} scenes can be coded as asked for; "
            f"{first_reasons(refused)}"
        )
    return kept


def _inputs(task: CodedTask) -> dict[str, str]:
    """Return the digests of what a scene is coded from, as the record names them."""
    if not task.map.is_file():
        raise InputError(
            f"no importance map {task.map} for {task.scene!r}; make it with: fechner maps make"
        )
    found = {f"{task.scene} image": sha256_file(task.image)}
    found[f"{task.scene} map"] = sha256_file(task.map)
    if task.donor is not None:
        found[f"{task.scene} map of its donor"] = sha256_file(task.donor)
    return found
