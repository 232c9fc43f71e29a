"""Which scales hold for a table: given by the caller, beside the table, or in its study file.

A scale is never guessed, and never declared twice in two ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fechner.errors import InputError
from fechner.records.scales import Scale, is_marked_simulated, read_sidecar, sidecar_path
from fechner.records.study import study_scales


def declared_scales(
    csv: Path, given: Mapping[str, Scale] | None = None
) -> tuple[dict[str, Scale], bool]:
    """Return the scale of each dimension of a table, and whether its ratings are SIMULATED.

    Raises
    ------
    InputError
        If no scale is declared, or one is declared twice in two ways.
    """
    scales, simulated = scales_found(csv, given)
    if not scales:
        raise InputError(
            f"the rating scale of {csv} is not declared; write it in {sidecar_path(csv).name} "
            'beside it, for example {"dimensions": {"quality": {"minimum": 1, "maximum": 5, '
            '"good": "high"}}}, or in the study file as [images.scales.quality]; where a command '
            "takes --scale, its --help says how"
        )
    return scales, simulated


def scales_found(
    csv: Path, given: Mapping[str, Scale] | None = None
) -> tuple[dict[str, Scale], bool]:
    """Return what `declared_scales` does, and no scale where none is declared.

    Raises
    ------
    InputError
        If a scale is declared twice in two ways.
    """
    beside = read_sidecar(csv)
    source, scales = ("the study or --scale", given) if given is not None else study_scales(csv)
    for name, scale in scales.items():
        other = beside.dimensions.get(name, scale)
        if other != scale:
            raise InputError(
                f"{source} declares {name!r} as {scale} ({scale.good} is good), "
                f"{sidecar_path(csv)} as {other} ({other.good} is good); correct one of them"
            )
    if given is None:
        scales = {**beside.dimensions, **scales}
    return dict(scales), is_marked_simulated(csv, beside)
