"""The stimuli of one scene: its regions, then its arms, each at the target.

Two tasks a scene, each a module-level function that a worker process can run.
`make_own_arms` needs the scene alone; `make_donor_arm` needs another scene's region
too, so it runs when every scene has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fechner.compression.degrading.degrade import FAMILIES, degrade
from fechner.compression.degrading.matching import Matched, check_ratio, match_strengths
from fechner.compression.metrics.local_errors import squared_error
from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.controls import (
    centre_region,
    donor_region,
    middle_map,
    mirrored,
    random_region,
)
from fechner.compression.regions.covariates import covariate_means, covariate_planes
from fechner.compression.regions.matched import Regions, feather, matched_regions
from fechner.errors import InputError
from fechner.provenance import sha256_bytes, sha256_file
from fechner.records.images.files import (
    read_image,
    read_map_png,
    read_mask_png,
    write_mask_png,
    write_png,
)
from fechner.records.stimuli import INTACT, Stimulus
from fechner.stimuli.design import UNIFORM
from fechner.stimuli.kept import Built, SceneTask, kept_or_made, mask_path
from fechner.stimuli.layer_distances import Seen
from fechner.stimuli.losses import losses


def make_own_arms(task: SceneTask, *, seen: Seen | None = None) -> Built:
    """Find the scene's regions and write every arm that needs no other scene.

    Where arms are matched by layer distance, `seen` brings the network.
    """
    return kept_or_made(task, "own", partial(_own_arms, seen), _about_seen(seen))


def make_donor_arm(task: SceneTask, *, seen: Seen | None = None) -> Built:
    """Write the arm in which another scene's region is degraded."""
    return kept_or_made(task, "donor", partial(_donor_arm, seen), _about_seen(seen))


def _about_seen(seen: Seen | None) -> Mapping[str, Any] | None:
    return None if seen is None else seen.about


@dataclass(frozen=True)
class _Loaded:
    """A scene's pixels and weights."""

    task: SceneTask
    image: np.ndarray
    importance: np.ndarray
    seed: int

    @property
    def grid(self) -> BlockGrid:
        height, width = self.image.shape[:2]
        return BlockGrid.fitting(height, width, self.task.design.regions.block)

    @property
    def sigma(self) -> float:
        return self.task.design.regions.feather * self.grid.block


def _load(task: SceneTask) -> _Loaded:
    image, importance = read_image(task.scene.image), read_map_png(task.scene.map)
    if importance.shape != image.shape[:2]:
        raise InputError(
            f"map {task.scene.map} has {importance.shape[1]} x {importance.shape[0]} pixels, "
            f"{task.scene.image} has {image.shape[1]} x {image.shape[0]}; remake the map"
        )
    # Every scene has its own noise; the arms of a scene share it.
    seed = int(sha256_bytes(f"{task.design.seed} {task.scene.name}".encode())[:8], 16)
    return _Loaded(task, image, importance, seed)


def _own_arms(seen: Seen | None, task: SceneTask) -> Built:
    loaded = _load(task)
    regions = matched_regions(loaded.image, loaded.importance, options=task.design.regions)
    masks = {"low": regions.low, "high": regions.high, **_controls(loaded, regions)}
    made, rows, strengths = {}, [_intact(loaded)], {}
    for family in task.design.families:
        for level, target in task.design.levels():
            soft = {arm: feather(mask, loaded.sigma) for arm, mask in masks.items()}
            made = match_strengths(
                loaded.image,
                soft,
                family,
                target,
                max_strength_ratio=np.inf,
                measure_of=None if seen is None else seen.measure_of(),
                seed=loaded.seed,
            )
            arms = {arm: made[arm] for arm in ("low", "high")}
            check_ratio(arms, task.design.max_strength_ratio, FAMILIES[family])
            rows += [_stimulus(loaded, family, level, a, masks[a], m) for a, m in made.items()]
            strengths[f"{family} {target}"] = {arm: one.strength for arm, one in made.items()}
    for arm, mask in masks.items():
        write_mask_png(task.mask(arm), mask)
    error = _whole_error(loaded, strengths)
    return Built(task.scene.name, tuple(rows), _about(loaded, regions, strengths), error)


def _controls(loaded: _Loaded, regions: Regions) -> dict[str, np.ndarray]:
    """Return the regions of the control arms that this scene can make alone."""
    design, grid = loaded.task.design, regions.grid
    blocks = design.regions.patches(grid) * design.regions.patch**2
    makers = {
        "middle": lambda: (
            matched_regions(
                loaded.image, middle_map(loaded.importance), options=design.regions
            ).high
        ),
        "random": lambda: random_region(
            grid,
            patches=design.regions.patches(grid),
            side=design.regions.patch,
            rng=np.random.default_rng(loaded.seed),
        ),
        "mirrored": lambda: mirrored(regions.high),
        "centre": lambda: centre_region(grid, blocks),
        UNIFORM: lambda: np.ones(loaded.image.shape[:2], bool),
    }
    return {arm: makers[arm]() for arm in design.arms if arm in makers}


def _whole_error(
    loaded: _Loaded, strengths: Mapping[str, Mapping[str, float]]
) -> tuple[tuple[float, ...], ...]:
    """Return the error, block by block, of degrading everything as strongly as the arms."""
    arms, family = next(iter(strengths.values())), loaded.task.design.families[0]
    strength = float(np.sqrt(arms["low"] * arms["high"]))
    error = squared_error(loaded.image, degrade(loaded.image, family, strength, seed=loaded.seed))
    blocks = loaded.grid.means(error).reshape(loaded.grid.shape)
    return tuple(tuple(float(value) for value in row) for row in blocks)


def _donor_arm(seen: Seen | None, task: SceneTask) -> Built:
    loaded = _load(task)
    own = read_mask_png(task.mask("high"))
    blocks = round(own.sum() / loaded.grid.block**2)
    if task.donor is None:
        raise InputError("a donor arm needs another scene's region; name the scene")
    given = read_mask_png(mask_path(task.folder, task.donor, "high"))
    given = mirrored(given) if task.donor_mirrored else given
    mask = donor_region(loaded.grid, given, blocks)
    soft, rows, strengths = feather(mask, loaded.sigma), [], {}
    for family in task.design.families:
        for level, target in task.design.levels():
            made = match_strengths(
                loaded.image,
                {"donor": soft},
                family,
                target,
                measure_of=None if seen is None else seen.measure_of(),
                seed=loaded.seed,
            )
            rows.append(_stimulus(loaded, family, level, "donor", mask, made["donor"]))
            strengths[f"{family} {target}"] = {"donor": made["donor"].strength}
    write_mask_png(task.mask("donor"), mask)
    about = {
        "donor": task.donor,
        "donor_mirrored": task.donor_mirrored,
        "strengths": strengths,
    }
    return Built(task.scene.name, tuple(rows), about)


def _intact(loaded: _Loaded) -> Stimulus:
    everywhere = np.ones(loaded.image.shape[:2], bool)
    name = f"{loaded.task.scene.name}_{INTACT}"
    return _written(loaded, name, INTACT, "none", 0, 0.0, everywhere, 0.0, loaded.image)


def _stimulus(
    loaded: _Loaded, family: str, level: int, arm: str, mask: np.ndarray, made: Matched
) -> Stimulus:
    name = loaded.task.design.stimulus(loaded.task.scene.name, family, level, arm)
    area = float(mask.mean())
    return _written(loaded, name, arm, family, level, made.strength, mask, area, made.image)


def _written(
    loaded: _Loaded,
    name: str,
    region: str,
    family: str,
    level: int,
    strength: float,
    mask: np.ndarray,
    area: float,
    image: np.ndarray,
) -> Stimulus:
    """Write one picture and return its row."""
    path = loaded.task.folder / f"{name}.png"
    write_png(path, image)
    planes = {**covariate_planes(loaded.image), "importance": loaded.importance}
    soft = feather(mask, loaded.sigma)
    return Stimulus(
        stimulus=name,
        file=path.name,
        scene=loaded.task.scene.name,
        region=region,
        family=family,
        level=level,
        strength=float(strength),
        strength_unit=FAMILIES[family].unit if family in FAMILIES else "",
        mask_area=area,
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
        covariates=covariate_means(planes, soft),
        **losses(loaded.image, image, loaded.importance),
    )


def _about(
    loaded: _Loaded, regions: Regions, strengths: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    return {
        "size": [loaded.image.shape[1], loaded.image.shape[0]],
        "block": regions.grid.block,
        "area": regions.area,
        "importance_gap": regions.gap,
        "importance_gap_of_mean": regions.gap / float(loaded.importance.mean()),
        "importance_gap_at_edges_of_mean": regions.edge_gap / float(loaded.importance.mean()),
        "solver_gap": regions.solver_gap,
        "perimeter": dict(regions.perimeter),
        "covariates": {arm: dict(values) for arm, values in regions.covariates.items()},
        "matched": list(loaded.task.design.regions.match),
        "strengths": {label: dict(arms) for label, arms in strengths.items()},
    }
