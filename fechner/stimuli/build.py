"""From photographs and importance maps to a verified folder of stimuli.

For every scene: find matched regions, degrade each to the same target, write the
pictures; then let every scene's high region be degraded on another scene. Scenes
that cannot be matched honestly are left out with the reason and replaced (`choosing`). At the end
a network says how far each picture lies from its intact one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.compression.degrading.matching import LAYER_DISTANCE as LAYER_DISTANCE_MEASURE
from fechner.compression.degrading.matching import MAX_STRENGTH_RATIO, MEASURES
from fechner.compression.regions.options import RegionOptions
from fechner.errors import InputError, nearest
from fechner.progress import Progress, silent
from fechner.provenance import provenance, sha256_file
from fechner.records.file_names import check_file_names
from fechner.records.maps import is_simulated_map
from fechner.records.rules.severe_rule import SevereRule
from fechner.records.stimuli import (
    LAYER_DISTANCE,
    TRUTHS,
    StimulusSet,
    write_stimulus_set,
)
from fechner.stimuli.choosing import choose_scenes
from fechner.stimuli.design import UNIFORM, Design, Scene
from fechner.stimuli.kept import (
    KEPT,
    Built,
    SceneTask,
    files_of_former_set,
    mask_path,
    open_folder,
    remove_pictures,
)
from fechner.stimuli.layer_distances import Seen, described, layer_distances
from fechner.stimuli.severe import severe_items

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network

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
    wanted: int | None = None,
    fewest_scenes: int = FEWEST_SCENES,
    again: bool = False,
    seed: int = 0,
    severe: SevereRule | None = None,
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
    wanted
        How many scenes the set shall have: refused ones are replaced by the next of `scenes`;
        all of them where left out.
    fewest_scenes
        With fewer scenes left (or fewer than two thirds of a smaller set) nothing is built.
    again
        Build anew where `folder` holds a set of another design or another version of fechner,
        which is refused otherwise.
    seed
        Of noise, phases and random regions.
    severe
        How a severe catch item of every scene is made; left out, there are none.
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
        If an image or map is unusable, an option is unknown, or there are fewer scenes than
        wanted.
    RefusedError
        If too few scenes can be matched (the reasons are named), or `folder` holds another set.

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
        severe=severe,
    )
    check_file_names(scenes)
    _check_truths(truths or {}, scenes)
    listed = [Scene(name, Path(image), Path(map_)) for name, (image, map_) in scenes.items()]
    _check_maps(listed)
    asked = len(listed) if wanted is None else wanted
    check_pool(asked, len(listed))
    inputs = {scene.name: (sha256_file(scene.image), sha256_file(scene.map)) for scene in listed}
    made_from = {"wanted": asked, **design.as_record()}
    open_folder(Path(folder), made_from, _inputs(inputs), again=again)
    tasks = [SceneTask(scene, Path(folder), design) for scene in listed]
    before = asked * (1 + ("donor" in design.arms))
    steps = before + asked
    seen_by = network or _packaged()
    with _carried(design, seen_by, Path(folder), pool) as seen:
        chosen = choose_scenes(
            tasks,
            wanted=asked,
            fewest=fewest_scenes,
            seen=seen,
            pool=pool,
            progress=lambda done, _: progress(done, steps),
        )
    kept = {
        name: [*chosen.own[name].stimuli, *(gift.stimuli if gift else ())]
        for name in chosen.kept
        for gift in [chosen.gifts.get(name)]
    }
    rows = [one for made in kept.values() for one in made]
    ruined = severe_items(severe, scenes, rows, Path(folder), pool=pool)
    distances = layer_distances(
        [*rows, *ruined],
        Path(folder),
        network=seen_by,
        pool=pool,
        progress=lambda done, _: progress(before + done, steps),
    )
    progress(steps, steps)
    tried = {name: inputs[name] for name in inputs if name in {**chosen.own, **chosen.refused}}
    simulated = simulated or any(is_simulated_map(scenes[name][1]) for name in tried)
    said = {
        "record": "StimulusSet",
        "unit": MEASURES[design.measure][1],
        "scenes": {name: _about(chosen.own[name], chosen.gifts.get(name)) for name in kept},
        "refused": chosen.refused,
        LAYER_DISTANCE: described(seen_by),
        "provenance": provenance(
            parameters=made_from, inputs=_inputs(tried), seed=design.seed, simulated=simulated
        ),
    }
    stimuli = [
        replace(one, truth=(truths or {}).get(name, ""), layer_distance=distances[one.stimulus])
        for name, made in kept.items()
        for one in made
    ]
    ruined = [replace(one, layer_distance=distances[one.stimulus]) for one in ruined]
    _remove_others(Path(folder), {one.file for one in [*stimuli, *ruined]}, chosen.left_out)
    return write_stimulus_set(Path(folder), stimuli, said, catch_items=ruined)


@contextmanager
def _carried(
    design: Design, network: Network, folder: Path, pool: Executor | None
) -> Iterator[Seen | None]:
    """Give the network that arms are matched by to where scenes are built; None where none is."""
    from fechner.analysis.network.layers.travelling import travelling

    if design.measure != LAYER_DISTANCE_MEASURE:
        yield None
        return
    with travelling(network, folder / KEPT, pool) as carried:
        yield Seen(carried, described(network))


def _packaged() -> Network:
    from fechner.analysis.network.layers.networks import load_network

    # The CPU adds up the same everywhere; what is built here is part of the set.
    return load_network(device="cpu")


def _check_maps(scenes: Sequence[Scene]) -> None:
    missing = [scene for scene in scenes if not scene.map.is_file()]
    if missing:
        first = f"{missing[0].map} for {missing[0].name!r}"
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise InputError(f"no importance map {first}{more}; make it with: fechner maps make")


def check_pool(wanted: int, there: int) -> None:
    """Check that as many scenes are there as are wanted.

    Raises
    ------
    InputError
        If there are fewer.
    """
    if wanted > there:
        raise InputError(
            f"{wanted} scenes are wanted and the pool holds {there}; add photographs (more than "
            f"wanted, because some are refused) or ask for {there} or fewer"
        )


def _check_truths(truths: Mapping[str, str], scenes: Mapping[str, object]) -> None:
    for scene, truth in truths.items():
        if scene not in scenes:
            raise InputError(f"truth of {scene!r}: no such scene; {nearest(scene, scenes)}")
        if truth not in TRUTHS:
            raise InputError(
                f"truth of {scene!r} is {' or '.join(TRUTHS)}, got {truth!r}; "
                f"{nearest(truth, TRUTHS)}"
            )


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
    """Return, for each family and target, the largest strength over the smallest, all regions."""
    regional = {
        label: [strength for arm, strength in arms.items() if arm != UNIFORM]
        for label, arms in strengths.items()
    }
    return {label: max(found) / max(min(found), 1e-9) for label, found in regional.items()}


def _remove_others(folder: Path, files: set[str], left_out: Sequence[Built]) -> None:
    """Remove what lies there of a former set, and of scenes that were built and left out."""
    vain = {one.file for built in left_out for one in built.stimuli}
    remove_pictures(folder, (files_of_former_set(folder) | vain) - files)
    for built in left_out:
        for arm in {one.region for one in built.stimuli}:
            mask_path(folder, built.scene, arm).unlink(missing_ok=True)


def _inputs(digests: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the digests of image and map of each scene, as the record names them."""
    return {
        f"{name} {kind}": sha256
        for name, pair in digests.items()
        for kind, sha256 in zip(("image", "map"), pair, strict=True)
    }
