"""Maps of images held against what people marked in them: `fechner maps against-people`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.analysis.judging.against_people import (
    ALL_MEASURES,
    half_against_half,
    measured,
)
from fechner.analysis.judging.human_density import SPREAD, human_plane, marked_elsewhere
from fechner.analysis.judging.over_images import PEOPLE, agreement_table
from fechner.analysis.judging.rivals import CONTRAST, IMAGE_RIVALS, UNIFORM, image_rivals
from fechner.errors import InputError
from fechner.provenance import provenance, sha256_file
from fechner.records.images.files import image_size, read_image
from fechner.records.map_worth.agreement import MapComparison
from fechner.records.map_worth.marks import HumanMarks, read_marks
from fechner.study.map_worth.made import MapsToJudge
from fechner.study.map_worth.maps import how_made, map_digests, maps_of_images
from fechner.study.opening import Bars, no_bars


def maps_against_people(
    images: Mapping[str, Path],
    marks: Path,
    asked: MapsToJudge,
    *,
    spread: float = SPREAD,
    seed: int = 0,
    bars: Bars = no_bars,
) -> MapComparison:
    """Hold maps, their rivals, and people themselves against marks of people.

    Parameters
    ----------
    images
        Name and file of each image.
    marks
        Table of points, or folder of maps; see `records.map_worth.marks`.
    asked
        Which maps.
    spread
        SD of the density of points, in longer sides of the picture.
    seed
        Of the random halves and of permuted weights.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If marks or maps are not what was expected, or the spread is not positive.
    """
    if not spread > 0:
        raise InputError(f"the spread of marks is a share of the longer side above 0, got {spread}")
    sizes = {name: image_size(path) for name, path in images.items()}
    people = read_marks(marks, sizes)
    named = {name: images[name] for name in people.images}
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(list(named.values()), asked, seed=seed, progress=progress)
    rows: list[dict[str, object]] = []
    with bars("Marks") as progress:
        for done, name in enumerate(named, start=1):
            own = {method: of[named[name]] for method, of in maps.items()}
            rows += _of_image(name, named[name], own, people, sizes, spread, seed)
            progress(done, len(named))
    table = pd.DataFrame(rows)
    agreement, differences = agreement_table(table, [*rivals, *IMAGE_RIVALS])
    return MapComparison(
        "people",
        agreement,
        differences,
        table,
        pd.DataFrame({"note": _notes(people)}, dtype=object),
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


def _of_image(
    name: str,
    path: Path,
    own: Mapping[str, np.ndarray | None],
    people: HumanMarks,
    sizes: Mapping[str, tuple[int, int]],
    spread: float,
    seed: int,
) -> list[dict[str, object]]:
    """Return a row for each map and measure of one image."""
    human = human_plane(people.images[name], sizes[name], spread=spread)
    others = [
        human_plane(marked, sizes[other], spread=spread)
        for other, marked in people.images.items()
        if other != name
    ]
    elsewhere = marked_elsewhere(others, human.weights.shape)
    rivals = image_rivals(read_image(path))
    # No place of a uniform map is higher than another: every measure would be a blank.
    maps = {**own, **{key: plane for key, plane in rivals.items() if key != UNIFORM}}
    contrast = rivals[CONTRAST]
    found = {key: measured(plane, human, elsewhere, contrast=contrast)
             for key, plane in maps.items()}  # fmt: skip
    found[PEOPLE] = half_against_half(
        people.images[name], sizes[name], elsewhere, contrast=contrast, spread=spread, seed=seed
    )
    return [
        {"image": name, "map": key, "measure": measure, "value": values[measure]}
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
