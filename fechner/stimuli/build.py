"""From photographs and importance maps to a verified folder of stimuli.

For every scene: find matched regions, degrade each to the same target, write the
pictures; then let every scene's high region be degraded on another scene. Scenes
that cannot be matched honestly are left out with the reason. At the end a network says how far
each picture lies from its intact one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.compression.degrading.matching import MAX_STRENGTH_RATIO, MEASURES
from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.controls import mirrored
from fechner.compression.regions.options import RegionOptions
from fechner.errors import FechnerError, InputError, RefusedError, nearest
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.provenance import provenance, sha256_file
from fechner.records.file_names import check_file_names
from fechner.records.images.files import read_mask_png
from fechner.records.maps import is_simulated_map
from fechner.records.stimuli import (
    LAYER_DISTANCE,
    TRUTHS,
    Stimulus,
    StimulusSet,
    read_stimulus_set,
    write_stimulus_set,
)
from fechner.stimuli.design import Design, Scene
from fechner.stimuli.donors import assign_donors, mismatch
from fechner.stimuli.kept import Built, SceneTask
from fechner.stimuli.layer_distances import described, layer_distances
from fechner.stimuli.scenes import make_donor_arm, make_own_arms

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network

ASSIGNMENTS = 5
"""How often donors are assigned before the scenes without a comparable one are refused."""

DISSOLVED = 50.0
"""Cost of a pair of scenes that was tried and is not comparable."""

FEWEST_SCENES = 8
"""With fewer pictures the random effect of pictures cannot be estimated."""


def build_stimuli(
    scenes: Mapping[str, tuple[Path, Path]],
    folder: Path,
    *,
    family: str | Sequence[str] = "blur",
    target_mse: float | Sequence[float] = 60.0,
    measure: str = "mse",
    arms: Sequence[str] = ("low", "high", "donor"),
    regions: RegionOptions | None = None,
    max_strength_ratio: float = MAX_STRENGTH_RATIO,
    fewest_scenes: int = FEWEST_SCENES,
    seed: int = 0,
    truths: Mapping[str, str] | None = None,
    simulated: bool = False,
    network: Network | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> StimulusSet:
    """Build the stimuli of `scenes` into `folder` and return the set.

    Parameters
    ----------
    scenes
        Name -> (image file, importance map as grey PNG of the same size).
    folder
        Gets ``*.png``, ``masks/*.png``, ``stimuli.csv`` and ``stimuli.json``.
    family
        One or several families; several are crossed with levels and arms.
    target_mse
        What each arm loses, in the unit of `measure`; several numbers are levels.
    measure
        A key of `fechner.compression.degrading.matching.MEASURES`.
    arms
        Regions, from `fechner.stimuli.design.ARMS`.
    regions
        How low and high are matched.
    max_strength_ratio
        Scenes whose low and high need strengths further apart are refused.
    fewest_scenes
        With fewer scenes left (or fewer than two thirds of a smaller set) nothing is built.
    seed
        Of noise, phases and random regions.
    truths
        Scene -> "real" or "generated", for studies that ask which it is.
    simulated
        Whether the maps rest on SIMULATED ratings; also taken from the maps' own records.
    network
        What measures how far each picture lies from its intact one; the packaged network on the
        CPU where left out.
    pool, progress
        Where scenes run, and what is called with how many of them are done.

    Returns
    -------
    StimulusSet
        What lies in `folder`; its record names the scenes that were left out, and why.

    Raises
    ------
    InputError
        If an image or map is unusable, or an option is unknown.
    RefusedError
        If too few scenes can be matched; the reasons are named.

    Examples
    --------
    >>> import tempfile
    >>> from fechner.records.images.files import write_map_png, write_png
    >>> folder, rng, scenes = Path(tempfile.mkdtemp()), np.random.default_rng(0), {}
    >>> for name in ("boat", "0801"):
    ...     scenes[name] = (folder / f"{name}.png", folder / f"map_of_{name}.png")
    ...     write_png(scenes[name][0], rng.integers(60, 200, (96, 128, 3)).astype(np.uint8))
    ...     write_map_png(scenes[name][1], np.tile(np.linspace(0.1, 1, 128), (96, 1)))
    >>> loose = RegionOptions(block=8, patch=2, match=("luminance",))
    >>> made = build_stimuli(
    ...     scenes, folder / "stimuli", family="noise", target_mse=20, regions=loose
    ... )
    >>> [stimulus.stimulus for stimulus in made.stimuli if stimulus.scene == "0801"]
    ['0801_intact', '0801_noise_low', '0801_noise_high', '0801_noise_donor']
    """
    design = Design(
        families=(family,) if isinstance(family, str) else tuple(family),
        targets=tuple(np.atleast_1d(np.asarray(target_mse, float)).tolist()),
        measure=measure,
        arms=tuple(arms),
        regions=regions or RegionOptions(),
        max_strength_ratio=max_strength_ratio,
        seed=seed,
    )
    check_file_names(scenes)
    _check_truths(truths or {}, scenes)
    listed = [Scene(name, Path(image), Path(map_)) for name, (image, map_) in scenes.items()]
    tasks = [SceneTask(scene, Path(folder), design) for scene in listed]
    with_donors = "donor" in design.arms
    steps = len(tasks) * (2 + with_donors)
    built = run_all(make_own_arms, tasks, pool=pool, progress=lambda done, _: progress(done, steps))
    own = _enough(built, fewest_scenes, len(tasks))
    donated: list[Built] = []
    if with_donors:
        donated = _donated(
            [task for task in tasks if task.scene.name in own],
            own,
            pool=pool,
            progress=lambda done, _: progress(len(tasks) + done, steps),
        )
    kept, refused = _kept(built, donated, fewest_scenes, len(tasks))
    seen_by = network or _packaged()
    before = steps - len(tasks)
    distances = layer_distances(
        [stimulus for made in kept.values() for stimulus in made],
        Path(folder),
        network=seen_by,
        pool=pool,
        progress=lambda done, _: progress(before + done, steps),
    )
    progress(steps, steps)
    simulated = simulated or any(is_simulated_map(task.scene.map) for task in tasks)
    said = {
        "record": "StimulusSet",
        "unit": MEASURES[design.measure][1],
        "scenes": _scenes_said(built, donated, kept),
        "refused": refused,
        LAYER_DISTANCE: described(seen_by),
        "provenance": _provenance(tasks, design, simulated),
    }
    stimuli = [
        replace(one, truth=(truths or {}).get(name, ""), layer_distance=distances[one.stimulus])
        for name, made in kept.items()
        for one in made
    ]
    _remove_old(Path(folder), {one.file for one in stimuli})
    return write_stimulus_set(Path(folder), stimuli, said)


def _packaged() -> Network:
    from fechner.analysis.network.layers.networks import load_network

    # The CPU adds up the same everywhere; what is built here is part of the set.
    return load_network(device="cpu")


def _check_truths(truths: Mapping[str, str], scenes: Mapping[str, object]) -> None:
    for scene, truth in truths.items():
        if scene not in scenes:
            raise InputError(f"truth of {scene!r}: no such scene; {nearest(scene, scenes)}")
        if truth not in TRUTHS:
            raise InputError(
                f"truth of {scene!r} is {' or '.join(TRUTHS)}, got {truth!r}; "
                f"{nearest(truth, TRUTHS)}"
            )


def _enough(built: Sequence[Built], fewest: int, asked: int) -> dict[str, Built]:
    """Return the scenes that were built, if they suffice."""
    left = {one.scene: one for one in built if not one.refused}
    needed = min(fewest, max(2, -(-2 * asked // 3)))
    if len(left) < needed:
        reasons = "; ".join(f"{one.scene}: {one.refused}" for one in built if one.refused)
        raise RefusedError(
            f"only {len(left)} of {asked} scenes can be matched, {needed} are needed; {reasons}"
        )
    return left


def _donated(
    tasks: Sequence[SceneTask],
    own: Mapping[str, Built],
    *,
    pool: Executor | None,
    progress: Progress,
) -> list[Built]:
    """Let every scene's region be degraded on another scene.

    A pair whose donor arm needs too different a strength is dissolved and all
    donors are assigned again; scenes that then still have none are refused.
    """
    masks = [read_mask_png(task.mask("high")) for task in tasks]
    # As they are, then mirrored: column j + n is region j reflected left to right.
    costs = _costs(tasks, own, [*masks, *map(mirrored, masks)])
    for _ in range(ASSIGNMENTS):
        donors = assign_donors(costs)
        given = [
            replace(task, donor=tasks[j % len(tasks)].scene.name, donor_mirrored=j >= len(tasks))
            for task, j in zip(tasks, donors, strict=True)
        ]
        made = run_all(make_donor_arm, given, pool=pool, progress=progress)
        made = [_comparable(one, own[one.scene], tasks[0].design) for one in made]
        apart = [i for i, one in enumerate(made) if one.refused]
        if not apart:
            break
        for i in apart:
            costs[i, donors[i]] = DISSOLVED
    return made


def _costs(
    tasks: Sequence[SceneTask], own: Mapping[str, Built], masks: Sequence[np.ndarray]
) -> np.ndarray:
    """Return how badly each region fits each scene, ``(n_scenes, n_masks)``."""
    rows = []
    for task, mask in zip(tasks, masks, strict=False):
        grid = BlockGrid.fitting(mask.shape[0], mask.shape[1], task.design.regions.block)
        rows.append(mismatch(np.asarray(own[task.scene.name].error), grid, mask, masks))
    return np.stack(rows)


def _comparable(gift: Built, own: Built, design: Design) -> Built:
    """Return the donor arm, refused if its strength is too far from the scene's own arms'."""
    if gift.refused:
        return gift
    for label, arms in own.about["strengths"].items():
        mine = [arms["low"], arms["high"], *gift.about["strengths"][label].values()]
        ratio = max(mine) / max(min(mine), 1e-9)
        if ratio > design.max_strength_ratio:
            reason = (
                f"the donor region needs a strength {ratio:.2f} times apart from low and high "
                f"({label}), at most {design.max_strength_ratio:g} is comparable, and no other "
                "scene's region fits better"
            )
            return replace(gift, refused=reason)
    return gift


def _kept(
    built: Sequence[Built], donated: Sequence[Built], fewest: int, asked: int
) -> tuple[dict[str, list[Stimulus]], dict[str, str]]:
    """Return the stimuli of every scene that has all arms, and why the others were refused."""
    refused = {one.scene: one.refused for one in (*built, *donated) if one.refused}
    kept = _enough([one for one in built if one.scene not in refused], fewest, asked)
    gifts = {one.scene: one.stimuli for one in donated}
    return {name: [*one.stimuli, *gifts.get(name, ())] for name, one in kept.items()}, refused


def _scenes_said(
    built: Sequence[Built], donated: Sequence[Built], kept: Iterable[str]
) -> dict[str, Any]:
    own, gifts = ({one.scene: one for one in made} for made in (built, donated))
    return {name: _about(own[name], gifts.get(name)) for name in kept}


def _about(own: Built, gift: Built | None) -> dict[str, Any]:
    about = dict(own.about)
    if gift is not None:
        about |= {key: gift.about[key] for key in ("donor", "donor_mirrored")}
        about["strengths"] = {
            label: {**arms, **gift.about["strengths"][label]}
            for label, arms in about["strengths"].items()
        }
    return about | {"strength_ratio": _ratios(about["strengths"])}


def _ratios(strengths: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return, for each family and target, the largest strength over the smallest, all arms."""
    return {
        label: max(arms.values()) / max(min(arms.values()), 1e-9)
        for label, arms in strengths.items()
    }


def _remove_old(folder: Path, files: set[str]) -> None:
    """Remove the pictures of a former set in this folder that are not part of the new one."""
    with suppress(FechnerError):
        for stimulus in read_stimulus_set(folder).stimuli:
            if stimulus.file not in files:
                (folder / Path(stimulus.file).name).unlink(missing_ok=True)


def _provenance(tasks: Sequence[SceneTask], design: Design, simulated: bool) -> dict[str, Any]:
    inputs = {}
    for task in tasks:
        inputs[f"{task.scene.name} image"] = sha256_file(task.scene.image)
        inputs[f"{task.scene.name} map"] = sha256_file(task.scene.map)
    return provenance(
        parameters=design.as_record(),
        inputs=inputs,
        seed=design.seed,
        simulated=simulated,
    )
