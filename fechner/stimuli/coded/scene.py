"""The coded versions of one scene: every arm at every rate, decoded, with the files beside.

A task a scene, which a worker process can run. What it made is kept under its key
(`fechner.records.done`): the design, the photograph, the maps, and the versions of the encoders,
so that a build that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fechner.compression.formats.beyond_jpeg import FORMATS
from fechner.compression.jpeg.encoder import reference_encoder
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.errors import InputError, RefusedError
from fechner.provenance import sha256_file, write_bytes
from fechner.records.done import done_key, read_done, write_done
from fechner.records.images.files import read_image, read_map_png, write_png
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.stimuli import INTACT, Stimulus
from fechner.stimuli.coded.arms import SUBSAMPLING, encoder, unit_of
from fechner.stimuli.coded.matching import Coded, nearest_file, size, ss2_of
from fechner.stimuli.kept import KEPT
from fechner.stimuli.losses import losses

FAMILY = "codec"
"""The family of every coded picture; its level is the number of the rate, from 1."""


def coded_name(scene: str, level: int, arm: str) -> str:
    """Return the name of a coded picture: ``boat_codec1_map``."""
    return f"{scene}_{FAMILY}{level}_{arm}"


@dataclass(frozen=True)
class CodedTask:
    """One scene to code into `folder`; `donor` is the map that the arm of that name is given."""

    scene: str
    image: Path
    map: Path
    folder: Path
    design: CodecDesign
    donor: Path | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CodedScene:
    """What a task made, or why the scene was refused.

    Attributes
    ----------
    stimuli
        Their rows, the intact picture first.
    about
        Rate -> what was wanted, and arm -> its setting, bytes and ss2.
    refused
        The reason; empty where the scene was made.
    """

    scene: str
    stimuli: tuple[Stimulus, ...]
    about: Mapping[str, Any]
    refused: str = ""


def coded_scene(task: CodedTask) -> CodedScene:
    """Return the coded versions of a scene, made now or kept from before."""
    path, key = task.folder / KEPT / f"{task.scene}_coded.json", _key(task)
    kept = read_done(path, key, folder=task.folder)
    if kept is not None:
        stimuli = tuple(Stimulus(**row) for row in kept.pop("stimuli"))
        return CodedScene(stimuli=stimuli, **kept)
    try:
        made = _made(task)
    except RefusedError as error:
        _remove_begun(task)
        made = CodedScene(task.scene, (), {}, refused=str(error))
    names = [name for one in made.stimuli for name in (one.file, one.coded) if name]
    files = [task.folder / name for name in names]
    write_done(path, key, wrote=files, folder=task.folder, content=asdict(made))
    return made


def _remove_begun(task: CodedTask) -> None:
    """Remove what was written of a scene before one of its arms was refused."""
    levels = range(1, len(task.design.rates) + 1)
    names = [coded_name(task.scene, n, arm) for n in levels for arm in task.design.arms]
    for name in (f"{task.scene}_{INTACT}", *names):
        for suffix in (".png", *FORMATS.values()):
            (task.folder / f"{name}{suffix}").unlink(missing_ok=True)


def _key(task: CodedTask) -> str:
    parameters = [task.scene, task.design.model_dump(mode="json"), dict(task.versions)]
    reads = [task.image, task.map, *([] if task.donor is None else [task.donor])]
    return done_key("coded scene", parameters, reads)


@dataclass(frozen=True)
class _Loaded:
    """A scene's pixels, its map, and the map of another scene at its size."""

    task: CodedTask
    image: np.ndarray
    importance: np.ndarray
    donor: np.ndarray | None


def _made(task: CodedTask) -> CodedScene:
    loaded = _load(task)
    reference = Ss2Reference(loaded.image)
    rows, about = [_intact(loaded)], {}
    for level, rate in enumerate(task.design.rates, start=1):
        wanted = _wanted(loaded.image, task.design, rate)
        found = {arm: _coded(loaded, arm, wanted, reference) for arm in task.design.arms}
        rows += [_stimulus(loaded, arm, level, one, suffix) for arm, (one, suffix) in found.items()]
        said = {arm: _said(one, reference) for arm, (one, _) in found.items()}
        about[str(level)] = {"rate": rate, "wanted": wanted, "arms": said}
    return CodedScene(task.scene, tuple(rows), {"rates": about})


def _said(one: Coded, reference: Ss2Reference) -> dict[str, float]:
    ss2 = float(reference.score(one.pixels))
    return {"setting": one.setting, "bytes": len(one.content), "ss2": ss2}


def _load(task: CodedTask) -> _Loaded:
    image, importance = read_image(task.image), read_map_png(task.map)
    height, width = image.shape[:2]
    if importance.shape != (height, width):
        raise InputError(
            f"map {task.map} has {importance.shape[1]} x {importance.shape[0]} pixels, "
            f"{task.image} has {width} x {height}; remake the map"
        )
    donor = None
    if task.donor is not None:
        given = read_map_png(task.donor).astype(np.float32)
        donor = cv2.resize(given, (width, height), interpolation=cv2.INTER_AREA)
    return _Loaded(task, image, importance, donor)


def _wanted(image: np.ndarray, design: CodecDesign, rate: float) -> float:
    """Return what the arms of a rate are matched to: bytes, or points of ss2."""
    if design.match == "bytes":
        return float(len(reference_encoder(image, round(rate), SUBSAMPLING)))
    if design.match == "bpp":
        return float(rate * image.shape[0] * image.shape[1] / 8)
    return float(rate)


def _coded(loaded: _Loaded, arm: str, wanted: float, reference: Ss2Reference) -> tuple[Coded, str]:
    """Return an arm's file nearest to what is wanted, and the suffix of its name."""
    design = loaded.task.design
    made_by = encoder(
        arm, loaded.image, importance=loaded.importance, donor=loaded.donor, trust=design.trust
    )
    by_ss2 = design.match == "ss2"
    found = nearest_file(
        arm,
        made_by,
        wanted,
        measure=ss2_of(reference) if by_ss2 else size,
        unit="points of ss2" if by_ss2 else "bytes",
        tolerance=design.tolerance,
    )
    return found, made_by.suffix


def _intact(loaded: _Loaded) -> Stimulus:
    name = f"{loaded.task.scene}_{INTACT}"
    return _written(loaded, name, INTACT, 0, loaded.image, None)


def _stimulus(loaded: _Loaded, arm: str, level: int, one: Coded, suffix: str) -> Stimulus:
    """Write a coded file and what it decodes to; return the row."""
    name = coded_name(loaded.task.scene, level, arm)
    coded = loaded.task.folder / f"{name}{suffix}"
    write_bytes(coded, one.content)
    return _written(loaded, name, arm, level, one.pixels, coded, setting=one.setting)


def _written(
    loaded: _Loaded,
    name: str,
    region: str,
    level: int,
    pixels: np.ndarray,
    coded: Path | None,
    *,
    setting: float = 0.0,
) -> Stimulus:
    path = loaded.task.folder / f"{name}.png"
    write_png(path, pixels)
    return Stimulus(
        stimulus=name,
        file=path.name,
        scene=loaded.task.scene,
        region=region,
        family=FAMILY if level else "none",
        level=level,
        strength=setting,
        strength_unit="" if coded is None else unit_of(region),
        mask_area=1.0,
        bytes=(path if coded is None else coded).stat().st_size,
        sha256=sha256_file(path),
        coded="" if coded is None else coded.name,
        coded_sha256="" if coded is None else sha256_file(coded),
        **losses(loaded.image, pixels, loaded.importance),
    )
