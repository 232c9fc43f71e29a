"""Maps of images held against what people marked in them: `fechner maps against-people`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from fechner.analysis.judging.against_people import (
    ALL_MEASURES,
    half_against_half,
    measured,
)
from fechner.analysis.judging.human_density import (
    SPREAD,
    human_plane,
    marked_weights,
    working_shape,
)
from fechner.analysis.judging.marks_elsewhere import MarksOfAll, marks_of_all
from fechner.analysis.judging.over_images import PEOPLE, agreement_table
from fechner.analysis.judging.rivals import CONTRAST, IMAGE_RIVALS, UNIFORM, image_rivals
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.provenance import provenance, sha256_file
from fechner.records.images.files import read_image
from fechner.records.map_worth.agreement import MapComparison
from fechner.records.map_worth.marks import HumanMarks, MarkedImage, read_marks
from fechner.study.map_worth.made import MapsToJudge, OneMap
from fechner.study.map_worth.maps import how_made, map_digests, maps_of_images
from fechner.study.map_worth.readable import readable_images
from fechner.study.opening import Bars, no_bars


def maps_against_people(
    images: Mapping[str, Path],
    marks: Path,
    asked: MapsToJudge,
    *,
    spread: float = SPREAD,
    seed: int = 0,
    pool: Executor | None = None,
    folder: Path | None = None,
    bars: Bars = no_bars,
) -> MapComparison:
    """Hold maps, their rivals, and people themselves against marks of people.

    Parameters
    ----------
    images
        Name and file of each image; one that cannot be read is left out and named in the notes.
    marks
        Table of points, or folder of maps; see `records.map_worth.marks`.
    asked
        Which maps.
    spread
        SD of the density of points, in longer sides of the picture.
    seed
        Of the random halves and of permuted weights.
    pool
        Where images run; the results are the same wherever they do.
    folder
        Through which networks travel there; all processes of `pool` must see it.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If marks or maps are not what was expected, no image can be read, or the spread is no
        share.
    """
    if not 0 < spread <= 1:
        raise InputError(
            f"the spread of marks is a share of the longer side above 0 and at most 1, got {spread}"
        )
    with bars("Images") as progress:
        readable = readable_images(images, pool=pool, progress=progress)
    people = read_marks(marks, readable.sizes, left_out=readable.left_out)
    named = {name: readable.paths[name] for name in people.images}
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(
            list(named.values()), asked, seed=seed, pool=pool, folder=folder, progress=progress
        )
    tasks = [
        _Task(name, path, people.images[name], {method: of[path] for method, of in maps.items()})
        for name, path in named.items()
    ]
    together = _together(people, readable.sizes)
    with bars("Marks") as progress, travelling(together, folder, pool) as carried:
        found = run_all(
            partial(_of_image, carried, spread, seed), tasks, pool=pool, progress=progress
        )
    rows = [row for of_image in found for row in of_image]
    table = pd.DataFrame(rows)
    agreement, differences = agreement_table(table, [*rivals, *IMAGE_RIVALS])
    return MapComparison(
        "people",
        agreement,
        differences,
        table,
        pd.DataFrame({"note": [*readable.notes, *_notes(people)]}, dtype=object),
        provenance(
            parameters={"spread": spread, "n_images": len(named), **how_made(asked)},
            inputs={
                "marks": people.sha256,
                **{path.name: sha256_file(path) for path in named.values()},
                **map_digests(asked),
            },
            seed=seed,
            simulated=people.simulated,
        ),
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """An image, what people marked in it, and its maps by method."""

    name: str
    path: Path
    marked: MarkedImage
    own: Mapping[str, OneMap]


def _together(people: HumanMarks, sizes: Mapping[str, tuple[int, int]]) -> MarksOfAll:
    drawn = (marked_weights(marked, sizes[name]) for name, marked in people.images.items())
    return marks_of_all(drawn, {working_shape(sizes[name]) for name in people.images})


def _of_image(
    carried: MarksOfAll | Path, spread: float, seed: int, task: _Task
) -> list[dict[str, object]]:
    """Return a row for each map and measure of one image."""
    image = read_image(task.path)
    size = image.shape[0], image.shape[1]
    human = human_plane(task.marked, size, spread=spread)
    elsewhere = arrived(carried).elsewhere(human.weights)
    rivals = image_rivals(image)
    # No place of a uniform map is higher than another: every measure would be a blank.
    maps = {**task.own, **{key: plane for key, plane in rivals.items() if key != UNIFORM}}
    contrast = rivals[CONTRAST]
    found = {key: measured(plane, human, elsewhere, contrast=contrast)
             for key, plane in maps.items()}  # fmt: skip
    found[PEOPLE] = half_against_half(
        task.marked, size, elsewhere, contrast=contrast, spread=spread, seed=seed
    )
    return [
        {"image": task.name, "map": key, "measure": measure, "value": values[measure]}
        for key, values in found.items()
        for measure in ALL_MEASURES
    ]


def _notes(people: HumanMarks) -> list[str]:
    notes = [f"{name}: nobody marked anything; left out" for name in people.unmarked]
    single = all(one.participants is None for one in people.images.values())
    if single:
        notes.append(
            "no ceiling: the marks of single participants are not known (column participant)"
        )
    return notes
