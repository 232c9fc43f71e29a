"""From photographs and maps to a set of coded pictures: equal bytes, or equal ss2.

Every arm of `fechner.records.rules.codec_design.CODEC_ARMS` that a design names is encoded at
every rate, decoded losslessly to PNG, and kept with its file. The record names the encoders'
versions, what every file was matched to, and the scenes that could not be matched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, RefusedError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import provenance, sha256_file
from fechner.records.file_names import check_file_names
from fechner.records.maps import is_simulated_map
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.stimuli import LAYER_DISTANCE, StimulusSet, write_stimulus_set
from fechner.stimuli.coded.arms import versions
from fechner.stimuli.coded.scene import CodedScene, CodedTask, coded_scene
from fechner.stimuli.layer_distances import described, layer_distances

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network

UNITS = {"bytes": "quality of Pillow's JPEG", "bpp": "bits per pixel", "ss2": "points of ss2"}


def build_coded_stimuli(
    scenes: Mapping[str, tuple[Path, Path]],
    folder: Path,
    *,
    design: CodecDesign | None = None,
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
        If an image or map is unusable, or a donor is asked for of one scene.
    MissingPartError
        If the codec of an arm is not installed.
    RefusedError
        If more than a third of the scenes cannot be matched; the reasons are named.

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
    tasks = _tasks(scenes, folder, design)
    made = run_all(coded_scene, tasks, pool=pool, progress=progress)
    kept = _enough(made)
    stimuli = [stimulus for one in kept for stimulus in one.stimuli]
    said: dict[str, Any] = {
        "record": "StimulusSet",
        "unit": UNITS[design.match],
        "scenes": {one.scene: dict(one.about) for one in kept},
        "refused": {one.scene: one.refused for one in made if one.refused},
        "encoders": dict(versions(design.arms)),
        "provenance": _provenance(tasks, design, simulated),
    }
    if network is not None:
        distances = layer_distances(stimuli, folder, network=network, pool=pool)
        stimuli = [replace(one, layer_distance=distances[one.stimulus]) for one in stimuli]
        said[LAYER_DISTANCE] = described(network)
    return write_stimulus_set(folder, stimuli, said)


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


def _enough(made: Sequence[CodedScene]) -> list[CodedScene]:
    """Return the scenes that were made, at least two thirds of those that were asked for."""
    kept = [one for one in made if not one.refused]
    if 3 * len(kept) < 2 * len(made) or not kept:
        reasons = "; ".join(f"{one.scene}: {one.refused}" for one in made if one.refused)
        raise RefusedError(
            f"only {len(kept)} of {len(made)} scenes can be coded as asked for; {reasons}"
        )
    return kept


def _provenance(tasks: Sequence[CodedTask], design: CodecDesign, simulated: bool) -> dict[str, Any]:
    inputs = {}
    for task in tasks:
        inputs[f"{task.scene} image"] = sha256_file(task.image)
        inputs[f"{task.scene} map"] = sha256_file(task.map)
    return provenance(
        parameters=design.model_dump(mode="json"),
        inputs=inputs,
        simulated=simulated or any(is_simulated_map(task.map) for task in tasks),
    )
