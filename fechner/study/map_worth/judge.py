"""Judging maps by people: the maps of a table's references, made or given, and the verdict.

`fechner maps judge` in one call: pairs, or rated patches, are read; maps of their references are
made with a selection and its rivals, or read from folders; and what each map's errors say is held
against what people said.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pandas as pd

from fechner.analysis.judging.judged import judged_maps
from fechner.analysis.judging.patch_shares import patch_shares
from fechner.analysis.judging.weighted_errors import weighted_errors
from fechner.compression.metrics.local_errors import LOCAL_ERRORS, LocalError
from fechner.data.pairs import ReferencePairs
from fechner.errors import InputError, nearest
from fechner.provenance import provenance
from fechner.records.layers.study import PairsTable
from fechner.records.map_worth.judged import JudgedMaps
from fechner.records.map_worth.patches import read_patch_ratings
from fechner.study.map_worth.made import MapsToJudge
from fechner.study.map_worth.maps import (
    LayerDistance,
    how_made,
    map_digests,
    maps_of_images,
    without_weights,
)
from fechner.study.map_worth.readable import readable_images
from fechner.study.opening import Bars, no_bars
from fechner.study.pair_sets import open_pair_set

LAYER_DISTANCE = "layer distance"
"""What a layer sees of the damage at each place; under the uniform map, not localised at all."""


def judge_pairs(
    table: PairsTable,
    asked: MapsToJudge,
    *,
    families: Sequence[str] = (),
    errors: Sequence[str] = (),
    resamples: int = 1000,
    seed: int = 0,
    pool: Executor | None = None,
    folder: Path | None = None,
    bars: Bars = no_bars,
) -> JudgedMaps:
    """Judge maps by the pairs of a table.

    Parameters
    ----------
    table
        Images with their references and what people said of them.
    asked
        Which maps.
    families
        The distortion types that count; none is all.
    errors
        Names of local errors that are weighed; none is all, the layer distance among them where
        maps by distance are asked for.
    resamples, seed
        Of the bootstrap over references, and of the permuted weights.
    pool
        Where references run.
    folder
        Through which networks travel there; all processes of `pool` must see it.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If the table, a map or a name is not what was expected.
    """
    with bars("Images") as progress:
        opened = open_pair_set(table, pool=pool, progress=progress)
    pairs, notes = opened.pairs, list(opened.left_out)
    pairs = _of_families(pairs, families, table.table)
    taken = _errors_called(errors, asked)
    images = list(dict.fromkeys(Path(path) for path in pairs.references))
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(
            images, asked, seed=seed, pool=pool, folder=folder, progress=progress
        )
    notes += without_weights(maps)
    with bars("Weighted errors") as progress:
        found = weighted_errors(
            pairs, maps, rivals=rivals, errors=taken, pool=pool, folder=folder, progress=progress
        )
    judge, differences = judged_maps(
        found,
        pairs.dmos,
        [str(path) for path in pairs.references],
        families=pairs.families,
        resamples=resamples,
        seed=seed,
    )
    return JudgedMaps(
        judge,
        differences,
        pd.DataFrame({"note": notes}, dtype=object),
        provenance(
            parameters={
                "set": pairs.name,
                "dimension": opened.dimension,
                "families": list(families),
                "n_pairs": len(pairs),
                "n_references": len(images),
                "resamples": resamples,
                **how_made(asked),
            },
            inputs={"table": opened.sha256, **map_digests(asked)},
            seed=seed,
            simulated=pairs.simulated,
        ),
    )


def _of_families(pairs: ReferencePairs, families: Sequence[str], table: Path) -> ReferencePairs:
    if not families:
        return pairs
    if pairs.families is None:
        raise InputError(f"{table} has no column 'family'; leave out --family")
    known = sorted(set(pairs.families))
    for name in families:
        if name not in known:
            raise InputError(f"{table} has no family {name!r}; {nearest(name, known)}")
    kept = np.flatnonzero(np.isin(pairs.families, list(families)))
    return ReferencePairs(
        images=[pairs.images[k] for k in kept],
        references=[pairs.references[k] for k in kept],
        dmos=pairs.dmos[kept],
        scenes=pairs.scenes[kept],
        families=pairs.families[kept],
        levels=None if pairs.levels is None else pairs.levels[kept],
        name=pairs.name,
        simulated=pairs.simulated,
    )


def _errors_called(names: Sequence[str], asked: MapsToJudge) -> dict[str, LocalError]:
    known: dict[str, LocalError] = dict(LOCAL_ERRORS)
    if asked.distance is not None:
        known[LAYER_DISTANCE] = LayerDistance(asked.distance)
    for name in names:
        if name not in known:
            raise InputError(f"no local error {name!r}; {nearest(name, known)}")
    return {name: known[name] for name in names or known}


def judge_patches(
    table: Path,
    asked: MapsToJudge,
    *,
    resamples: int = 1000,
    seed: int = 0,
    pool: Executor | None = None,
    folder: Path | None = None,
    bars: Bars = no_bars,
) -> JudgedMaps:
    """Judge maps by rated patches: is a patch worse than its image where the map is high.

    Parameters
    ----------
    table
        See `records.map_worth.patches`; images that cannot be read are left out and named in the
        notes.
    asked
        Which maps, here of the images themselves.
    resamples, seed
        Of the bootstrap over images, and of the permuted weights.
    pool
        Where images run.
    folder
        Through which networks travel there; all processes of `pool` must see it.
    bars
        Draws a bar from its title.

    Raises
    ------
    InputError
        If the table or a map is not what was expected, or no image can be read.
    """
    patches = read_patch_ratings(table)
    named = {str(path): path for path in patches.images}
    with bars("Images") as progress:
        readable = readable_images(named, pool=pool, progress=progress)
    patches = patches.within({named[name]: size for name, size in readable.sizes.items()})
    images = list(readable.paths.values())
    with bars("Maps") as progress:
        maps, rivals = maps_of_images(
            images, asked, seed=seed, pool=pool, folder=folder, progress=progress
        )
    found = patch_shares(patches, maps, rivals=rivals)
    judge, differences = judged_maps(
        found,
        patches.worse,
        [str(path) for path in patches.images],
        resamples=resamples,
        seed=seed,
    )
    return JudgedMaps(
        judge,
        differences,
        pd.DataFrame({"note": [*readable.notes, *without_weights(maps)]}, dtype=object),
        provenance(
            parameters={
                "set": table.stem,
                "n_patches": len(patches),
                "n_images": len(images),
                "resamples": resamples,
                **how_made(asked),
            },
            inputs={"table": patches.sha256, **map_digests(asked)},
            seed=seed,
            simulated=patches.simulated,
        ),
    )
