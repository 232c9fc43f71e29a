"""Maps held against what their own model says when places are degraded: `fechner maps check`."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.analysis.judging.deletion import deletion_and_insertion
from fechner.analysis.judging.over_images import agreement_table
from fechner.analysis.judging.rivals import CONTRAST, IMAGE_RIVALS, UNIFORM, image_rivals
from fechner.analysis.judging.weighing import resized
from fechner.analysis.network.layers.travelling import arrived, travelling
from fechner.analysis.network.maps.removal import BLURRED
from fechner.analysis.network.sanity.tile_losses import Faithfulness, faithfulness, tile_losses
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.provenance import provenance, sha256_file
from fechner.records.images.files import read_image
from fechner.records.map_worth.agreement import MapComparison
from fechner.study.map_worth.made import MapsToJudge, OneMap
from fechner.study.map_worth.maps import (
    how_made,
    map_digests,
    maps_of_images,
    without_weights,
)
from fechner.study.map_worth.readable import readable_images
from fechner.study.map_worth.sanity import Reselection, Rows, sanity_rows
from fechner.study.opening import Bars, no_bars

LOSS = "loss"
AT_EQUAL_MSE = "loss at equal mse"
GIVEN_CONTRAST = "loss given contrast"
DELETION, INSERTION = "deletion", "insertion"


def check_maps(
    images: Mapping[str, Path],
    asked: MapsToJudge,
    *,
    full: bool = False,
    others: Mapping[str, MapsToJudge] | None = None,
    reselection: Reselection | None = None,
    seed: int = 0,
    pool: Executor | None = None,
    folder: Path | None = None,
    bars: Bars = no_bars,
) -> MapComparison:
    """Hold maps and their rivals against the losses that their model predicts for tiles.

    Parameters
    ----------
    images
        Name and file of each image; one that cannot be read is left out and named in the notes.
    asked
        Which maps; a selection and its network are needed, because they are asked.
    full
        Whether deletion, insertion and the sanity checks are added, which takes many more passes.
    others
        Name of other selections, with their networks, whose maps should be alike.
    reselection
        Rated images on which the selection is made anew, under shuffled ratings and on other
        scenes.
    seed
        Of everything that is drawn.
    pool
        Where images run; the results are the same wherever they do.
    folder
        Through which networks travel there; all processes of `pool` must see it.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If there is no selection or it does not fit its network, no image can be read, or a map is
        not what was expected.
    """
    if asked.selection is None or asked.network is None:
        raise InputError("a check asks the model of a selection; give --selection")
    with bars("Images") as progress:
        readable = readable_images(images, pool=pool, progress=progress)
    paths = list(readable.paths.values())
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(
            paths, asked, seed=seed, pool=pool, folder=folder, progress=progress
        )
    tasks = [
        (name, path, {method: of[path] for method, of in maps.items()})
        for name, path in readable.paths.items()
    ]
    with bars("Degraded tiles") as progress, travelling(asked, folder, pool) as carried:
        found = run_all(partial(_of_image, carried, full), tasks, pool=pool, progress=progress)
    rows: Rows = [row for of_image in found for row in of_image]
    notes = [*readable.notes, *without_weights(maps)]
    if full:
        with bars("Sanity") as progress:
            more, said = sanity_rows(
                readable.paths, asked, maps, others=others or {}, reselection=reselection,
                seed=seed, pool=pool, folder=folder, progress=progress,
            )  # fmt: skip
        rows, notes = rows + more, notes + said
    table = pd.DataFrame(rows)
    agreement, differences = agreement_table(table, [*rivals, *IMAGE_RIVALS])
    degradation = asked.degradation or BLURRED
    return MapComparison(
        "check",
        agreement,
        differences,
        table,
        pd.DataFrame({"note": notes}, dtype=object),
        provenance(
            parameters={
                "n_images": len(paths),
                "degradation": degradation.words,
                "full": full,
                **how_made(asked),
            },
            inputs={
                "weights": asked.network.weights_sha256,
                **{path.name: sha256_file(path) for path in paths},
                **map_digests(asked),
            },
            seed=seed,
            simulated=bool(asked.selection.provenance.get("simulated")),
        ),
    )


def _of_image(
    carried: MapsToJudge | Path, full: bool, task: tuple[str, Path, Mapping[str, OneMap]]
) -> Rows:
    """Return a row for each map and measure of one image."""
    asked, (name, path, own) = arrived(carried), task
    assert asked.selection is not None and asked.network is not None
    image = read_image(path)
    degraded = (asked.degradation or BLURRED).apply
    tiles = tile_losses(asked.network, image, asked.selection, degraded=degraded)
    of_picture = image_rivals(image)
    # All tiles are alike to a uniform map: every measure would be a blank.
    maps = {**own, **{key: plane for key, plane in of_picture.items() if key != UNIFORM}}
    contrast = _whole(of_picture[CONTRAST], image)
    found: list[tuple[str, str, float]] = []
    for key, plane in maps.items():
        values = _whole(plane, image)
        missing = Faithfulness(*[float("nan")] * 3)
        told = missing if values is None else faithfulness(values, tiles, contrast=contrast)
        found += [
            (key, LOSS, told.loss),
            (key, AT_EQUAL_MSE, told.loss_at_equal_mse),
            (key, GIVEN_CONTRAST, told.loss_given_contrast),
        ]
    if full:
        both = deletion_and_insertion(image, degraded(image), list(maps.values()))
        for key, (deletion, insertion) in zip(maps, both, strict=True):
            found += [(key, DELETION, deletion), (key, INSERTION, insertion)]
    return [
        {"image": name, "map": key, "measure": measure, "value": value}
        for key, measure, value in found
    ]


def _whole(plane: np.ndarray | None, image: np.ndarray) -> np.ndarray | None:
    return None if plane is None else resized(plane, image.shape[:2])
