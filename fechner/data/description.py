"""``fechner data describe``: every table and figure about the labels, in one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fechner.data import label_figures as draw
from fechner.data.distortion_figures import draw_distortions
from fechner.data.distortions import distorted_images, is_table_of_pairs, scores_by_distortion
from fechner.data.label_warnings import warning_for_groups, warnings_for, warnings_for_relations
from fechner.data.labels import (
    Distribution,
    distribution,
    groups,
    relations,
    share_between,
    spread,
)
from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.provenance import atomic_path, provenance, write_json, write_text
from fechner.records.cells import csv_text
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings
from fechner.records.simulated import marked_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Description:
    """What was found and written: one table of statistics, sentences, and the files."""

    table: pd.DataFrame
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]


def describe(
    rated: RatedImages,
    folder: Path | str,
    *,
    dimensions: list[str] | None = None,
    ratings: Ratings | None = None,
    by: str | None = None,
    level: str | None = None,
    progress: Progress = silent,
) -> Description:
    """Write tables (CSV, JSON) and figures (PNG) about the ratings into `folder`.

    Parameters
    ----------
    rated
        The rated images.
    folder
        Where the files go; their names say SIMULATED where the ratings are.
    dimensions
        Which to describe; None describes all.
    ratings
        The single ratings, for the spread of opinion.
    by
        A column of the table that groups the images.
    level
        In a table of pairs, the column that says how strong a distortion is; None takes
        ``level`` if it is there.
    progress
        Told after each dimension.

    Returns
    -------
    Description
        The statistics, warnings and notes, and the files that were written.

    Raises
    ------
    InputError
        If a dimension or column is unknown, ratings are constant, or too few images
        are rated.
    """
    simulated = rated.simulated or (ratings is not None and ratings.simulated)
    work = _Writer(Path(folder), rated, simulated)
    names = dimensions or rated.dimensions
    shapes = [distribution(rated, name) for name in names]
    if by is not None:
        groups(rated, names[0], by)
    if level is not None and not is_table_of_pairs(rated):
        raise InputError(
            "a level belongs to pairs, but the table has no columns 'reference' and 'family'; add "
            "them, or leave out the level"
        )
    for done, shape in enumerate(shapes, start=1):
        _describe_one(work, shape, ratings, by)
        if is_table_of_pairs(rated):
            _describe_distortions(work, shape.dimension, level)
        progress(done, len(shapes))
    if len(names) > 1:
        table = relations(rated, names)
        work.table("relations", table)
        work.figure(
            "relations", lambda: draw.draw_relations(rated, names, simulated=work.simulated)
        )
        work.warnings += warnings_for_relations(table)
    statistics = pd.DataFrame([_row(shape) for shape in shapes])
    work.table("labels", statistics)
    _note_missing_dip(work, shapes)
    inputs = {"rated_images": rated.sha256}
    if ratings is not None:
        inputs["ratings"] = ratings.sha256
    block = provenance(
        parameters={"dimensions": names, "by": by}, inputs=inputs, simulated=simulated
    )
    work.json("labels", _record(work, shapes, block))
    return Description(statistics, tuple(work.warnings), tuple(work.notes), tuple(work.files))


def _describe_one(
    work: _Writer, shape: Distribution, ratings: Ratings | None, by: str | None
) -> None:
    rated, name, simulated = work.rated, shape.dimension, work.simulated
    work.warnings += warnings_for(shape)
    work.figure(
        f"distribution_{name}", lambda: draw.draw_distribution(rated, shape, simulated=simulated)
    )
    opinions = spread(rated, name, ratings)
    if opinions is None:
        work.notes.append(
            f"{name}: no spread of opinion, because single ratings and SDs are absent"
        )
    else:
        work.table(f"spread_{name}", opinions.table)
        work.figure(f"spread_{name}", lambda: draw.draw_spread(opinions, simulated=simulated))
        work.sos[name] = opinions.sos
    if by is None:
        return
    share = share_between(rated, name, by)
    work.table(f"groups_{by}_{name}", groups(rated, name, by))
    work.figure(
        f"groups_{by}_{name}",
        lambda: draw.draw_groups(rated, name, by, share, simulated=simulated),
    )
    work.shares[name] = share
    sentence = warning_for_groups(name, by, share)
    work.warnings += [sentence] if sentence else []


def _describe_distortions(work: _Writer, name: str, level: str | None) -> None:
    rated, simulated = work.rated, work.simulated
    if distorted_images(rated, level)["level"].isna().all():
        work.notes.append(f"{name}: by distortion alone, because there is no column 'level'")
    work.table(f"distortions_{name}", scores_by_distortion(rated, name, level))
    work.figure(
        f"distortions_{name}", lambda: draw_distortions(rated, name, level, simulated=simulated)
    )


class _Writer:
    """Collects what is written and said; names say SIMULATED where it applies."""

    def __init__(self, folder: Path, rated: RatedImages, simulated: bool) -> None:
        self.folder, self.rated, self.simulated = folder, rated, simulated
        self.files: list[Path] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.sos: dict[str, float] = {}
        self.shares: dict[str, float] = {}

    def table(self, name: str, table: pd.DataFrame) -> None:
        write_text(self._path(name, "csv"), csv_text(table))

    def json(self, name: str, content: dict[str, Any]) -> None:
        write_json(self._path(name, "json"), content)

    def figure(self, name: str, make: Callable[[], Figure]) -> None:
        with atomic_path(self._path(name, "png")) as temporary:
            make().savefig(temporary, format="png")

    def _path(self, name: str, suffix: str) -> Path:
        path = self.folder / marked_name(f"{name}.{suffix}", simulated=self.simulated)
        self.files.append(path)
        return path


def _row(shape: Distribution) -> dict[str, Any]:
    """Flatten a distribution into one row of numbers and short texts."""
    row = {k: v for k, v in asdict(shape).items() if k not in ("scale", "modes")}
    modes = shape.modes
    row.update(
        scale_minimum=shape.scale.minimum,
        scale_maximum=shape.scale.maximum,
        good=shape.scale.good,
        dip=modes.dip,
        dip_p=modes.dip_p,
        dip_note=modes.dip_note,
        bimodality=modes.bimodality,
        components=modes.components,
        component_means=" ".join(f"{mean:.6g}" for mean in modes.means),
        component_sds=" ".join(f"{sd:.6g}" for sd in modes.sds),
        component_weights=" ".join(f"{weight:.6g}" for weight in modes.weights),
    )
    return row


def _record(
    work: _Writer, shapes: list[Distribution], provenance_block: dict[str, Any]
) -> dict[str, Any]:
    return {
        "dimensions": {shape.dimension: asdict(shape) for shape in shapes},
        "sos": work.sos,
        "share_between_groups": work.shares,
        "warnings": work.warnings,
        "notes": work.notes,
        "provenance": provenance_block,
    }


def _note_missing_dip(work: _Writer, shapes: list[Distribution]) -> None:
    notes = {shape.modes.dip_note for shape in shapes if shape.modes.dip_note}
    work.notes += [f"dip test {note}" for note in notes]
