"""Is a stimulus set what it says: files, areas, masks, matching, covariates.

Everything is measured again on the pictures and masks that lie in the folder, never taken from the
record of the build; what the record declares (the target, its tolerance, what was matched) is what
they are held against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from fechner.compression.degrading.matching import (
    LAYER_DISTANCE,
    MEASURES,
    TOLERANCE,
    MeasureOf,
)
from fechner.compression.regions.matched import feather
from fechner.errors import FechnerError, InputError
from fechner.records.images.files import read_image, read_mask_png
from fechner.records.stimuli import (
    INTACT,
    RECORD,
    TABLE,
    Stimulus,
    StimulusSet,
    changed_pictures,
)
from fechner.records.stimuli import LAYER_DISTANCE as RECORDED
from fechner.stimuli.coded.checks import problems_of_coded
from fechner.stimuli.design import UNIFORM
from fechner.stimuli.kept import mask_path
from fechner.stimuli.layer_distances import distance_of_record
from fechner.stimuli.severe import not_severe

SOLVER_SLACK = 1e-3
"""How much more than the tolerance a covariate may differ: the solver's own precision, and that of
masks at the picture's border."""


def problems_of(found: StimulusSet) -> list[str]:
    """Return everything that is wrong with a set, one line each; empty where nothing is.

    Named are: every picture that is missing or holds other bytes, regions of unequal area in one
    scene, pixels that changed outside the region's soft mask, losses that miss their target by
    more than the tolerance, and covariates that were to be matched and differ by more than theirs;
    severe catch items that are not far beyond what is under test;
    of coded pictures, files of another size, of other pixels and off what they were matched to.
    A set from elsewhere is held against as much of this as it declares.
    """
    changed = changed_pictures(found)
    expected = found.record.get("stimuli_sha256")
    if not changed and expected != found.sha256:
        changed = [f"{TABLE} (its rows are not those that were written)"]
    measure_of, problems = _measure_of(found)
    broken = {name.partition(" (")[0] for name in changed}
    lines = [*changed, *problems, *not_severe(found)]
    of_scene = problems_of_coded if found.has_coded_files else partial(_of_scene, measure_of)
    for scene in found.scenes:
        mine = [one for one in found.stimuli if one.scene == scene]
        mine = [one for one in mine if not broken & {one.file, one.coded}]
        try:
            lines += of_scene(found, scene, mine)
        except FechnerError as error:
            lines.append(f"{scene}: {error}")
    return lines


def _measure_of(found: StimulusSet) -> tuple[MeasureOf | None, list[str]]:
    """Return what measures losses, where the set says, and what stands in the way of it."""
    measure = found.record.get("provenance", {}).get("parameters", {}).get("measure")
    if measure != LAYER_DISTANCE:
        return (MEASURES[measure][0] if measure in MEASURES else None), []
    try:
        return distance_of_record(found.record.get(RECORDED, {})), []
    except InputError as error:
        return None, [f"{RECORD}: {error}"]


def _of_scene(
    measure_of: MeasureOf | None, found: StimulusSet, scene: str, mine: list[Stimulus]
) -> Iterable[str]:
    design = found.record.get("provenance", {}).get("parameters", {})
    masks = {
        arm: read_mask_png(mask_path(found.folder, scene, arm))
        for arm in dict.fromkeys(one.region for one in mine)
        if arm != INTACT and mask_path(found.folder, scene, arm).is_file()
    }
    drawn = found.record.get("masks") != "what changed"
    lines = [
        *(_unequal(scene, masks) if drawn else ()),
        *_unmatched(scene, mine, design.get("regions", {})),
    ]
    intact = next((one for one in mine if one.region == INTACT), None)
    if intact is None:
        return lines
    original = read_image(found.image_path(intact))
    about = found.record.get("scenes", {}).get(scene, {})
    sigma = design.get("regions", {}).get("feather", 0.0) * about.get("block", 0)
    soft = {arm: feather(mask, sigma) for arm, mask in masks.items()}
    for one in mine:
        if one.region == INTACT:
            continue
        picture = read_image(found.image_path(one))
        if picture.shape != original.shape:
            lines.append(f"{one.file}: {_size(picture)} pixels, its intact one {_size(original)}")
            continue
        if one.region in soft:
            lines += _outside(one, original, picture, soft[one.region])
        if measure_of is not None:
            lines += _off_target(one, measure_of(original)(picture), design)
    return lines


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"


def _unequal(scene: str, masks: Mapping[str, np.ndarray]) -> list[str]:
    areas = {arm: int(mask.sum()) for arm, mask in masks.items() if arm != UNIFORM}
    if len(set(areas.values())) < 2:
        return []
    said = ", ".join(f"{arm} {area}" for arm, area in areas.items())
    return [f"{scene}: regions of unequal area ({said} pixels)"]


def _outside(
    one: Stimulus, original: np.ndarray, picture: np.ndarray, soft: np.ndarray
) -> list[str]:
    changed = int(((picture != original).any(axis=2) & (soft <= 0)).sum())
    return [f"{one.file}: {changed} pixels changed outside its mask"] if changed else []


def _off_target(one: Stimulus, lost: float, design: Mapping[str, Any]) -> list[str]:
    measure, targets = str(design["measure"]), design.get("targets", [])
    if not 1 <= one.level <= len(targets):
        return []
    wanted = targets[one.level - 1]
    if abs(lost - wanted) <= TOLERANCE * wanted * (1 + 1e-9):
        return []
    unit = MEASURES[measure][1]
    return [f"{one.file}: loses {lost:.4g} {unit}, not {wanted:g} within {100 * TOLERANCE:.1f} %"]


def _unmatched(scene: str, mine: list[Stimulus], regions: Mapping[str, Any]) -> list[str]:
    arms = {one.region: one.covariates for one in mine if one.region in ("low", "high")}
    if len(arms) < 2:
        return []
    lines = []
    for name in regions.get("match", ()):
        low, high = arms["low"].get(name), arms["high"].get(name)
        if low is None or high is None:
            continue
        apart = abs(high - low) / max((abs(high) + abs(low)) / 2, 1e-12)
        if apart > regions["tolerance"] + SOLVER_SLACK:
            lines.append(
                f"{scene}: {name} of high and low differs by {100 * apart:.1f} %, "
                f"at most {100 * regions['tolerance']:.1f} % was to be"
            )
    return lines
