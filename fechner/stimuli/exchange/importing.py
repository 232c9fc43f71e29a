"""A finished stimulus set from elsewhere: a table and pictures become a set like our own.

The pictures are read, checked and written as PNG; what a row of ours holds (errors, structural
similarity, predicted harm, layer distance) is measured on them. The folder appears whole or not at
all, and only if `checks.problems_of` finds nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.compression.degrading.matching import Loss
from fechner.compression.regions.covariates import covariate_means, covariate_planes
from fechner.errors import InputError, RefusedError, nearest
from fechner.executors import run_all
from fechner.provenance import provenance, sha256_file
from fechner.records.cells import read_cells, require_columns, require_distinct, require_filled
from fechner.records.file_names import check_file_names
from fechner.records.images.files import (
    read_image,
    read_map_png,
    read_mask_png,
    write_mask_png,
    write_png,
)
from fechner.records.simulated import is_marked
from fechner.records.stimuli import (
    INTACT,
    LAYER_DISTANCE,
    SEVERE,
    TRUTHS,
    Stimulus,
    StimulusSet,
    write_stimulus_set,
)
from fechner.stimuli.checks import problems_of
from fechner.stimuli.kept import KEPT, mask_path
from fechner.stimuli.layer_distances import described, layer_distances
from fechner.stimuli.losses import losses

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network

NEEDED = ("file", "scene", "region")
OPTIONAL = ("stimulus", "family", "level", "strength", "strength_unit", "truth")

Row = Mapping[str, str]


@dataclass(frozen=True)
class _Scene:
    """One scene of the table: its rows, the intact one first, and where its files lie."""

    name: str
    rows: tuple[Row, ...]
    images: Path
    out: Path
    masks: Path | None
    map: Path | None


def import_stimuli(
    table: Path,
    folder: Path,
    *,
    masks: Path | None = None,
    maps: Path | None = None,
    targets: Sequence[Loss] = (),
    network: Network | None = None,
    pool: Executor | None = None,
) -> StimulusSet:
    """Make a stimulus set of finished pictures.

    Parameters
    ----------
    table
        CSV with ``file`` (relative to the table), ``scene`` and ``region`` (``intact`` once a
        scene); where present ``stimulus, family, level, strength, strength_unit, truth``.
    folder
        Where the set is made; there must be nothing yet.
    masks
        Folder of the degraded regions, ``SCENE_REGION.png``; left out, what changed in any
        picture of a region is its mask.
    maps
        Folder of importance maps, ``SCENE.png``; left out, every pixel counts alike.
    targets
        What the levels were made to lose, one a level; left out, losses are not checked.
    network
        What measures layer distances; the packaged network on the CPU where left out.
    pool
        Where scenes are read.

    Returns
    -------
    StimulusSet
        The set in `folder`.

    Raises
    ------
    InputError
        If the table or a picture is wrong, or `folder` is not empty.
    RefusedError
        If the pictures are not what the table, masks and targets say.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already; give a folder that is new or empty")
    rows = _rows(Path(table))
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        scenes = [
            _Scene(
                name,
                tuple(mine),
                Path(table).absolute().parent,
                part,
                masks,
                None if maps is None else maps / f"{name}.png",
            )
            for name, mine in rows.items()
        ]
        stimuli = [one for made in run_all(_measured, scenes, pool=pool) for one in made]
        _refuse_same_pixels(stimuli)
        seen_by = network or _packaged()
        distances = layer_distances(stimuli, part, network=seen_by, pool=pool)
        shutil.rmtree(part / KEPT, ignore_errors=True)
        stimuli = [replace(one, layer_distance=distances[one.stimulus]) for one in stimuli]
        record = _record(Path(table), scenes, targets) | {LAYER_DISTANCE: described(seen_by)}
        ruined = [one for one in stimuli if one.region == SEVERE]
        under_test = [one for one in stimuli if one.region != SEVERE]
        made = write_stimulus_set(part, under_test, record, catch_items=ruined)
        written = replace(made, record={**record, "stimuli_sha256": made.sha256})
        problems = problems_of(written)
        if problems:
            said = "; ".join(problems[:5])
            raise RefusedError(f"{table}: {said}; correct the set, then import it")
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return replace(made, folder=folder)


def _packaged() -> Network:
    from fechner.analysis.network.layers.networks import load_network

    return load_network(device="cpu")


def _rows(table: Path) -> dict[str, list[Row]]:
    """Return the rows of each scene, the intact one first."""
    cells = read_cells(table)
    require_columns(cells, NEEDED, table)
    for column in cells.columns:
        if column not in (*NEEDED, *OPTIONAL):
            raise InputError(
                f"{table}: unknown column {column!r}; {nearest(column, (*NEEDED, *OPTIONAL))}"
            )
    if "stimulus" not in cells:
        cells["stimulus"] = [Path(file).stem for file in cells["file"]]
    for column in (*NEEDED, "stimulus"):
        require_filled(cells, column, table)
    require_distinct(cells, ["stimulus"], table)
    check_file_names(cells["stimulus"], of="stimulus")
    check_file_names(dict.fromkeys(cells["scene"]))
    check_file_names(dict.fromkeys(cells["region"]), of="region")
    scenes: dict[str, list[Row]] = {}
    for cell in cells.to_dict("records"):
        row = {str(column): str(value) for column, value in cell.items()}
        if row.get("truth") and row["truth"] not in TRUTHS:
            raise InputError(f"{table}: truth is {' or '.join(TRUTHS)}, got {row['truth']!r}")
        scenes.setdefault(row["scene"], []).append(row)
    for scene, mine in scenes.items():
        intact = sum(row["region"] == INTACT for row in mine)
        if intact != 1:
            raise InputError(f"{table}: scene {scene!r} has {intact} intact pictures, give it one")
        mine.sort(key=lambda row: row["region"] != INTACT)
    return scenes


def _measured(scene: _Scene) -> list[Stimulus]:
    """Write the pictures and masks of a scene and return its rows."""
    pictures = [read_image(scene.images / row["file"]) for row in scene.rows]
    original = pictures[0]
    for row, picture in zip(scene.rows, pictures, strict=True):
        if picture.shape != original.shape:
            raise InputError(
                f"{row['file']} has {picture.shape[1]} x {picture.shape[0]} pixels, the intact "
                f"picture of {scene.name!r} has {original.shape[1]} x {original.shape[0]}"
            )
    masks = _masks(scene, pictures)
    for arm, mask in masks.items():
        write_mask_png(mask_path(scene.out, scene.name, arm), mask)
    importance = _importance(scene, original.shape[:2])
    planes = {**covariate_planes(original), "importance": importance}
    measured = partial(_row, scene, original, importance, planes, masks)
    return [measured(row, picture) for row, picture in zip(scene.rows, pictures, strict=True)]


def _masks(scene: _Scene, pictures: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    masks: dict[str, np.ndarray] = {}
    for row, picture in zip(scene.rows, pictures, strict=True):
        arm = row["region"]
        if arm == INTACT:
            continue
        changed = (picture != pictures[0]).any(axis=2)
        if not changed.any():
            raise InputError(f"{row['file']} has the pixels of the intact picture; remove its row")
        if arm == SEVERE:
            continue
        if scene.masks is None:
            masks[arm] = masks.get(arm, np.zeros_like(changed)) | changed
        elif arm not in masks:
            masks[arm] = read_mask_png(scene.masks / f"{scene.name}_{arm}.png")
            if masks[arm].shape != changed.shape:
                raise InputError(f"the mask of {scene.name!r} {arm} is not of its picture's size")
    return masks


def _importance(scene: _Scene, shape: tuple[int, int]) -> np.ndarray:
    if scene.map is None:
        return np.ones(shape, np.float32)
    importance = read_map_png(scene.map)
    if importance.shape != shape:
        raise InputError(f"map {scene.map} is not of its picture's size; remake the map")
    return importance


def _row(
    scene: _Scene,
    original: np.ndarray,
    importance: np.ndarray,
    planes: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray],
    row: Row,
    picture: np.ndarray,
) -> Stimulus:
    intact = row["region"] == INTACT
    everywhere = np.ones(original.shape[:2], bool)
    mask = masks.get(row["region"], everywhere)
    path = scene.out / f"{row['stimulus']}.png"
    write_png(path, picture)
    return Stimulus(
        stimulus=row["stimulus"],
        file=path.name,
        scene=scene.name,
        region=row["region"],
        family=row.get("family") or ("none" if intact else "unknown"),
        level=int(_number(row, "level", 0 if intact else 1)),
        strength=_number(row, "strength", 0.0),
        strength_unit=row.get("strength_unit", ""),
        mask_area=0.0 if intact else float(mask.mean()),
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
        truth=row.get("truth", ""),
        covariates=covariate_means(planes, mask.astype(np.float32)),
        **losses(original, picture, importance),
    )


def _number(row: Row, column: str, missing: float) -> float:
    cell = row.get(column, "")
    try:
        value = float(cell) if cell else float(missing)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value) or (column == "level" and value != int(value)):
        raise InputError(f"{column} of {row['file']} expects a number, got {cell!r}; correct it")
    return value


def _refuse_same_pixels(stimuli: Sequence[Stimulus]) -> None:
    seen: dict[str, str] = {}
    for one in stimuli:
        if one.region == INTACT and one.sha256 in seen:
            raise InputError(
                f"scenes {seen[one.sha256]!r} and {one.scene!r} show the same pixels; keep one"
            )
        if one.region == INTACT:
            seen[one.sha256] = one.scene


def _record(table: Path, scenes: Sequence[_Scene], targets: Sequence[Loss]) -> dict[str, Any]:
    parameters: dict[str, Any] = {"imported": table.name}
    if targets:
        parameters |= {
            "measure": targets[0].measure,
            "targets": [target.value for target in targets],
        }
    return {
        "record": "StimulusSet",
        "scenes": {scene.name: {} for scene in scenes},
        "refused": {},
        "masks": "given" if scenes[0].masks is not None else "what changed",
        "maps": "given" if scenes[0].map is not None else "none: predicted_impact equals mse",
        "provenance": provenance(
            parameters=parameters,
            inputs={table.name: sha256_file(table)},
            simulated=is_marked(table.name),
        ),
    }
