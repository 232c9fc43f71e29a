"""How fast ratings are tested beside statsmodels, and whether screening invents effects.

``python benchmarks/ratings.py [--quick] [--full]`` prints a table and, as its last line, one JSON
object. Everything is CPU seconds of one process and one thread, on SIMULATED ratings
(SDs: participants 8, images 8, participant-by-arm 3, image-by-arm 5, residual 13).

- ``closed_form_ratio``, ``reml_ratio``, ``slopes_ratio``: seconds of statsmodels' MixedLM (by
  Powell's method and without formulas, the quickest way that does not go wrong) over ours, for the
  same variance components; 30 participants, 48 images, five arms.
- ``claim_7200_s``: the whole claim, screening and every model included, on 30 participants x 48
  scenes x 5 arms; the slower of 0 to 100 and five points.
- ``power_curve_s``: see ``power_curve.py``.
- with ``--full``, ``null_false_positive_max`` and ``_min`` and what else ``null_worlds.py`` finds:
  an hour or so on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set
import pandas as pd  # noqa: E402
from null_worlds import every_world, null_worlds, summary  # noqa: E402
from power_curve import power_curve  # noqa: E402

from fechner.analysis.ratings.claims.tested_claim import claim  # noqa: E402
from fechner.analysis.ratings.contrasts.crossed import closed_form, reml_crossed  # noqa: E402
from fechner.analysis.ratings.contrasts.mixed import mixed_model, mixed_slopes  # noqa: E402
from fechner.analysis.ratings.contrasts.slopes import reml_slopes, slopes_design  # noqa: E402
from fechner.analysis.ratings.matrices import Differences, differences  # noqa: E402
from fechner.records.contrasts.contrast import Contrast  # noqa: E402
from fechner.records.ratings import ratings_from_table  # noqa: E402
from fechner.records.scales import Scale  # noqa: E402
from fechner.records.stimuli import StimulusTable  # noqa: E402

MEANS = {"intact": 75.0, "low": 70.0, "donor": 62.0, "random": 60.0, "high": 55.0}


def simulated_arms(participants: int, images: int, arms: int, *, seed: int) -> pd.DataFrame:
    """Return ratings as `matrices.rated_arms` does."""
    rng = np.random.default_rng(seed)
    P, Q, names = participants, images, list(MEANS)[:arms]
    y = (
        np.array([MEANS[name] for name in names])
        + rng.normal(0, 8, (P, 1, 1))
        + rng.normal(0, 8, (1, Q, 1))
        + rng.normal(0, 3, (P, 1, arms))
        + rng.normal(0, 5, (1, Q, arms))
        + rng.normal(0, 13, (P, Q, arms))
    )
    p, i, a = (codes.ravel() for codes in np.indices(y.shape))
    return pd.DataFrame(
        {
            "participant": [f"P{k:02d}" for k in p],
            "scene": [f"s{k:02d}" for k in i],
            "region": np.array(names)[a],
            "family": None,
            "level": None,
            "rating": y.ravel().clip(0, 100),
        }
    )


def closed_form_ratio(quick: bool) -> float:
    """Of complete differences."""
    tables = [table_of(seed) for seed in range(2 if quick else 9)]
    return ratio("closed form", mixed_model, closed_form, tables, within=0.01)


def reml_ratio(quick: bool) -> float:
    """Of differences of which 8 % are missing."""
    rng = np.random.default_rng(0)
    tables = []
    for seed in range(2 if quick else 9):
        table = table_of(seed)
        seen = rng.random(table.values.shape) >= 0.08
        tables.append(replace(table, values=np.where(seen, table.values, np.nan)))
    return ratio("REML", mixed_model, reml_crossed, tables, within=0.01)


def table_of(seed: int) -> Differences:
    return differences(simulated_arms(30, 48, 2, seed=seed), "intact", "low")


def slopes_ratio(quick: bool) -> float:
    """Of the ratings themselves, in five arms, a fifth of them missing."""
    designs = []
    for seed in range(1 if quick else 3):
        arms = simulated_arms(30, 24 if quick else 48, 5, seed=seed)
        seen = np.random.default_rng(seed).random(len(arms)) < 0.8
        designs.append(slopes_design(arms[seen].reset_index(drop=True), "low", "high"))
    return ratio("slopes", mixed_slopes, reml_slopes, designs, within=0.03)


def ratio(
    what: str,
    theirs: Callable[..., Contrast],
    ours: Callable[..., Contrast],
    given: list,
    *,
    within: float,
) -> float:
    """Return the median of seconds over seconds; both must have found the same."""
    ours(given[0]), theirs(given[0])  # Import, and fill caches.
    found = []
    for one in given:
        slow, reference = timed(theirs, one)
        repeats = [timed(ours, one) for _ in range(5)]
        row = repeats[0][1]
        if abs(row.standard_error / reference.standard_error - 1) > within:
            raise SystemExit(f"{what}: {row.standard_error} is not {reference.standard_error}")
        found.append((slow, min(seconds for seconds, _ in repeats)))
    print(
        f"{what}: statsmodels {statistics.median(a for a, _ in found):.4f} s, ours "
        f"{statistics.median(b for _, b in found):.5f} s",
        flush=True,
    )
    return statistics.median(a / b for a, b in found)


def timed(call: Callable[..., Contrast], given: object) -> tuple[float, Contrast]:
    begun = time.process_time()
    found = call(given)
    return time.process_time() - begun, found


def claim_7200_s(quick: bool) -> float:
    """Seconds of the slower of two whole claims."""
    records = {scale: claim_records(12 if quick else 48, scale) for scale in ("slider", "five")}
    claim(*claim_records(5, "five"))  # Import.
    seconds = {}
    for scale, given in records.items():
        times = []
        for _ in range(3):
            begun = time.process_time()
            claim(*given)
            times.append(time.process_time() - begun)
        seconds[scale] = statistics.median(times)
        print(f"claim, {scale}: {seconds[scale]:.3f} s", flush=True)
    return max(seconds.values())


def claim_records(scenes: int, scale: str):
    arms = simulated_arms(30, scenes, 5, seed=1)
    arms["image"] = arms["scene"] + "_" + arms["region"]
    if scale == "five":
        arms["rating"] = np.digitize(arms["rating"], [40, 55, 70, 85]) + 1.0
    stimuli = arms[["image", "scene", "region"]].drop_duplicates()
    table = arms[["participant", "image", "rating"]].assign(dimension="quality")
    ends = Scale(1, 5) if scale == "five" else Scale(0, 100)
    ratings = ratings_from_table(table, scales={"quality": ends}, simulated=True)
    return ratings, StimulusTable(stimuli.rename(columns={"image": "stimulus"}), simulated=True)


def null_rates(jobs: int) -> dict[str, float]:
    """Return what `null_worlds` finds with its default number of runs."""
    return summary(null_worlds(every_world(), runs=600, jobs=jobs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Smaller sizes, for a check.")
    parser.add_argument("--full", action="store_true", help="Null worlds too: an hour or so.")
    parser.add_argument("--jobs", type=int, default=2, help="Processes of the null worlds.")
    chosen = parser.parse_args()
    figures = {
        figure.__name__: figure(chosen.quick)
        for figure in (closed_form_ratio, reml_ratio, slopes_ratio, claim_7200_s)
    }
    if not chosen.quick:
        figures["power_curve_s"] = power_curve()["power_curve_s"]
    if chosen.full:
        figures |= null_rates(chosen.jobs)
    if chosen.quick:
        print("--quick: smaller sizes under the same names; do not compare with a full run")
    for name, value in figures.items():
        print(f"{name:28s} {value:.6g}")
    print(json.dumps({name: float(value) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
