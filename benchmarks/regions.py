"""Matched regions by exchanges, beside the solver alone and beside cheaper searches.

    python benchmarks/regions.py FOLDER [--maps MAPS] [--side 512] [--every 1] [--tolerance 0.02]

Of each photograph (short side as asked) two matched sets of patches are chosen under three maps:
centre, local contrast, and a random smooth one; with ``--maps`` under its map of that folder, as
`fechner maps make` writes them. Four ways, on the same program, in one process:

- ``exchanges``: ours, under the prices of the linear program
- ``solver``: `scipy.optimize.milp` alone, as `fechner.compression.regions.options` would stop it
- ``without prices``: the same exchanges, with importance itself in place of the loss
- ``at random``: the best matched one of as many sets drawn at random as ours tries in a start

Prints one row a way and, as its last line, one JSON object: CPU seconds together, how many choices
it found, how far they lie below the bound of the linear program (relative; median, 90th percentile,
largest), and ``solver_over_exchanges``, the ratio of CPU time.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import cv2  # noqa: E402 - after the threads are set
import numpy as np  # noqa: E402
from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: E402

from fechner.compression.degrading.families import gaussian  # noqa: E402
from fechner.compression.regions.blocks import BlockGrid  # noqa: E402
from fechner.compression.regions.covariates import covariate_planes, edge_density  # noqa: E402
from fechner.compression.regions.exchanges import EXCHANGES, exchanged, relax  # noqa: E402
from fechner.compression.regions.options import RegionOptions  # noqa: E402
from fechner.compression.regions.program import Program, program_of  # noqa: E402
from fechner.records.images.files import image_files, read_image, read_map_png  # noqa: E402
from fechner.rival_maps import local_contrast, luma_of  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--maps", type=Path)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--every", type=int, default=1, help="only every so many photographs")
    parser.add_argument("--tolerance", type=float, default=RegionOptions().tolerance)
    asked = parser.parse_args()
    options = RegionOptions(tolerance=asked.tolerance)
    programs = [
        program_for(image, importance, options)
        for path in image_files(asked.folder)[:: asked.every]
        for image in [reduced(read_image(path), asked.side)]
        for importance in maps_of(image, asked.maps and asked.maps / f"{path.stem}.png")
    ]
    exchanged(programs[0], relax(programs[0]), near=0.0)  # Compiled once, not for each choice.
    ways = {
        "exchanges": ours,
        "solver": solver,
        "without prices": without_prices,
        "at random": at_random,
    }
    rows = {name: row(programs, way, options) for name, way in ways.items()}
    for name, figures in rows.items():
        print(f"{name:<16}{figures}")
    ratio = rows["solver"]["cpu_s"] / rows["exchanges"]["cpu_s"]
    print(json.dumps({"ways": rows, "solver_over_exchanges": round(ratio, 1)}))


def reduced(image: np.ndarray, side: int) -> np.ndarray:
    """Return the photograph at a short side of `side` pixels."""
    scale = side / min(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def maps_of(image: np.ndarray, file: Path | None) -> list[np.ndarray]:
    """Return the map in a file, or three: centre, local contrast, and smooth noise."""
    height, width = image.shape[:2]
    if file:
        return [cv2.resize(read_map_png(file), (width, height), interpolation=cv2.INTER_AREA)]
    y, x = np.mgrid[-2 : 2 : height * 1j, -2 : 2 : width * 1j]
    noise = np.random.default_rng(int(image.sum())).normal(size=(height, width))
    smooth = gaussian(noise.astype(np.float32), height / 8)
    return [np.exp(-(x**2 + y**2) / 2), local_contrast(luma_of(image)), smooth - smooth.min()]


def program_for(image: np.ndarray, importance: np.ndarray, options: RegionOptions) -> Program:
    """Return what `matched_regions` chooses from."""
    grid = BlockGrid.fitting(*image.shape[:2], options.block)
    sigma, planes = options.feather * grid.block, covariate_planes(image)
    counts = 1 - options.edge_weight + options.edge_weight * edge_density(image)
    return program_of(
        grid,
        grid.means(gaussian((importance * counts).astype(np.float32), sigma)),
        {name: grid.means(gaussian(planes[name], sigma)) for name in options.all_matched()},
        patches=options.patches(grid),
        side=options.patch,
        tolerance=options.tolerance,
    )


def ours(program: Program, options: RegionOptions) -> float | None:
    relaxed = relax(program)
    found = exchanged(program, relaxed, near=relaxed.bound / (1 + options.solver_gap))
    return None if found is None else program.gap(found)


def solver(program: Program, options: RegionOptions) -> float | None:
    found = milp(
        program.cost,
        integrality=np.ones(len(program.cost)),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(program.covered, 0, 1),
            LinearConstraint(program.counts, program.patches, program.patches),
            LinearConstraint(program.apart, -np.inf, 0),
        ],
        options={"node_limit": options.node_limit, "mip_rel_gap": options.solver_gap},
    )
    return None if found.x is None else -found.fun


def without_prices(program: Program, options: RegionOptions) -> float | None:
    relaxed = relax(program)
    loss = np.stack([-program.value, program.value]) / program.patches / relaxed.bound
    order = loss.argsort(axis=1, kind="stable")
    near = relaxed.bound / (1 + options.solver_gap)
    found = exchanged(program, replace(relaxed, loss=loss, order=order), near=near)
    return None if found is None else program.gap(found)


def at_random(program: Program, options: RegionOptions) -> float | None:
    rng, best = np.random.default_rng(0), None
    for _ in range(EXCHANGES * program.patches // 1000):
        drawn = rng.integers(0, len(program.value), (1000, 2, program.patches))
        sums = program.covariates[:, drawn].sum(axis=-1)
        apart = np.abs(sums[..., 0] - sums[..., 1])
        near = (apart <= program.tolerance / 2 * sums.sum(axis=-1)).all(axis=0)
        for places in drawn[near]:
            free = program.cover[:, places.ravel()].sum(axis=1).max() <= 1
            if free and (best is None or program.gap(places) > best):
                best = program.gap(places)
    return best


def row(programs: list[Program], way, options: RegionOptions) -> dict[str, object]:
    """Return the CPU seconds of one way, and how far below the bound its choices lie."""
    begin = time.process_time()
    reached = [way(program, options) for program in programs]
    took = time.process_time() - begin
    below = [
        relax(program).bound / gap - 1
        for program, gap in zip(programs, reached, strict=True)
        if gap is not None and gap > 0
    ]
    figures: dict[str, object] = {"cpu_s": round(took, 1), "found": len(below), "of": len(reached)}
    if below:
        median, late, largest = np.quantile(below, [0.5, 0.9, 1.0]).round(3).tolist()
        figures |= {"below_bound": median, "below_bound_90": late, "below_bound_largest": largest}
    return figures


if __name__ == "__main__":
    main()
