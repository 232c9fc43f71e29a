"""Does screening invent effects? SIMULATED worlds without any, screened and tested as a study is.

``python benchmarks/null_worlds.py [--runs 600] [--jobs 2] [--out worlds.csv]`` rates four arms of
every scene (intact and three equal ones) in every combination of

- 30 participants x 24 scenes, 12 x 12, 8 x 20;
- scene SD 8, 5, 4, 3; person-by-arm SD 3, 6; residual SD 13, 18; scene-by-arm SD 5; bias SD 8;
- a scale of 0 to 100, and one of five points;
- everybody honest, and every tenth participant careless: uniform answers, one answer with an SD
  of two points, the scale turned round, or uniform answers in half of the trials.

Each run leaves out whom the default rule leaves out and tests low - high at 5 % by the model that
decides. It prints one row a kind of world and, on its last line, JSON. With 600 runs a rate of
.05 has a standard error of .009, so that the extremes of 192 worlds say little: a world outside
.035 to .065 is run again ten times as often from another seed, and what is found then stands.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
from dataclasses import asdict, dataclass
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set
import pandas as pd  # noqa: E402

from fechner.analysis.ratings.claims.tested_claim import claim  # noqa: E402
from fechner.analysis.ratings.contrasts.crossed import closed_form  # noqa: E402
from fechner.analysis.ratings.matrices import Differences, RatingMatrix  # noqa: E402
from fechner.analysis.ratings.screening.screen import left_out  # noqa: E402
from fechner.records.ratings import ratings_from_table  # noqa: E402
from fechner.records.scales import Scale  # noqa: E402
from fechner.records.stimuli import StimulusTable  # noqa: E402

ARMS = ("intact", "low", "high", "donor")
KINDS = ("uniform", "straight", "inverted", "asleep")
ALLOWED = (0.035, 0.065)


@dataclass(frozen=True)
class World:
    """One combination; SDs in points of 0 to 100."""

    participants: int
    scenes: int
    scene_sd: float
    person_by_arm_sd: float
    residual_sd: float
    points: int
    careless: float
    differing: float = 0.0


def every_world(differing: float = 0.0) -> list[World]:
    designs = ((30, 24), (12, 12), (8, 20))
    spreads = itertools.product(
        (8.0, 5.0, 4.0, 3.0), (3.0, 6.0), (13.0, 18.0), (100, 5), (0.0, 0.1)
    )
    return [World(*d, *s, differing) for d, s in itertools.product(designs, spreads)]


def rated(world: World, rng: np.random.Generator) -> tuple[np.ndarray, dict[int, str]]:
    """Return ratings (participants, scenes, arms), and which participants are careless, how."""
    P, Q, K = world.participants, world.scenes, len(ARMS)
    use_of_scale = care = np.ones((P, 1, 1))
    if world.differing:
        use_of_scale, care = np.exp(rng.normal(0, world.differing, (2, P, 1, 1)))
    values = (
        55
        + np.array([15.0, 0.0, 0.0, 0.0])
        + rng.normal(0, 8, (P, 1, 1))
        + use_of_scale * rng.normal(0, world.scene_sd, (1, Q, 1))
        + rng.normal(0, world.person_by_arm_sd, (P, 1, K))
        + use_of_scale * rng.normal(0, 5, (1, Q, K))
        + care * rng.normal(0, world.residual_sd, (P, Q, K))
    )
    careless = {p: str(rng.choice(KINDS)) for p in range(round(world.careless * P))}
    for p, kind in careless.items():
        values[p] = carelessly(kind, values[p], rng)
    values = values.clip(0, 100)
    return (np.round(values) if world.points == 100 else np.round(values / 25) + 1), careless


def carelessly(kind: str, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    blind = rng.uniform(0, 100, own.shape)
    if kind == "uniform":
        return blind
    if kind == "straight":
        return rng.uniform(30, 80) + rng.normal(0, 2, own.shape)
    if kind == "inverted":
        return 100 - own
    return np.where(rng.random(own.shape) < 0.5, blind, own)


def one_run(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Return what one study found: effects by both screenings, who was lost and who was caught."""
    values, careless = rated(world, rng)
    P, Q, K = values.shape
    names = tuple(f"P{p}" for p in range(P)), tuple(f"s{q}" for q in range(Q))
    images = tuple(f"{scene}_{arm}" for scene in names[1] for arm in ARMS)
    matrix = RatingMatrix(values.reshape(P, -1).T, images, names[0])
    kept = np.array([not why for why in left_out(matrix, conditions=np.tile(np.arange(K), Q))])
    honest = np.array([p not in careless for p in range(P)])
    found = {"honest": float(honest.sum()), "lost": float((honest & ~kept).sum())}
    for kind in KINDS:
        members = [p for p, what in careless.items() if what == kind]
        found |= {kind: float(len(members)), f"{kind}_caught": float((~kept[members]).sum())}
    low, high, donor = values[..., 1], values[..., 2], values[..., 3]
    found["everybody"] = float(effect(low - high, names) != 0)
    if kept.sum() < 2:
        return found | {"error": 1.0, "screened": 0.0, "supported": 0.0}
    left = tuple(name for name, stays in zip(names[0], kept, strict=True) if stays), names[1]
    sign = effect((low - high)[kept], left)
    beyond = effect((donor - high)[kept], left)
    return found | {
        "error": 0.0, "screened": float(sign != 0), "supported": float(sign == beyond == 1)
    }  # fmt: skip


def effect(differences: np.ndarray, names: tuple[tuple[str, ...], tuple[str, ...]]) -> int:
    """Return 1 or -1 where the interval of the model that decides lies above or below 0, else 0."""
    row = closed_form(Differences(differences, *names, "low", "high"))
    return int(row.low > 0) - int(row.high < 0)


def world_rates(job: tuple[World, int, int]) -> dict[str, float]:
    world, runs, seed = job
    rng = np.random.default_rng([seed, *every_world_key(world)])
    total = pd.DataFrame([one_run(world, rng) for _ in range(runs)]).sum()
    rates = {name: total[name] / runs for name in ("everybody", "screened", "supported", "error")}
    rates["lost"] = total["lost"] / total["honest"]
    for kind in KINDS:
        rates[kind] = total[f"{kind}_caught"] / total[kind] if total[kind] else np.nan
    return {**asdict(world), "runs": runs, **rates}


def every_world_key(world: World) -> list[int]:
    return [int(10 * value) for value in asdict(world).values()][: None if world.differing else -1]


def null_worlds(worlds: list[World], *, runs: int, jobs: int) -> pd.DataFrame:
    """Return one row a world: rates of false effects, of people lost and of careless caught."""
    with multiprocessing.Pool(jobs) as pool:
        table = pd.DataFrame(pool.map(world_rates, [(w, runs, 1) for w in worlds], chunksize=1))
        doubtful = table.index[~table["screened"].between(*ALLOWED)]
        again = pool.map(world_rates, [(worlds[k], 10 * runs, 2) for k in doubtful], chunksize=1)
    for k, row in zip(doubtful, again, strict=True):
        table.loc[k] = pd.Series(row)
    return table


def whole_claims(worlds: list[World], *, each: int) -> float:
    """Return the share of studies that end in an error when the whole claim is tested."""
    failed = 0
    for number, world in enumerate(worlds):
        for run in range(each):
            rng = np.random.default_rng([3, number, run])
            try:
                claim(*as_records(rated(world, rng)[0], world))
            except Exception as error:
                print(f"{world}: {error}")
                failed += 1
    return failed / (each * len(worlds))


def as_records(values: np.ndarray, world: World):
    P, Q, K = values.shape
    stimuli = pd.DataFrame(
        [(f"s{q}_{arm}", f"s{q}", arm) for q in range(Q) for arm in ARMS],
        columns=["stimulus", "scene", "region"],
    )
    table = pd.DataFrame(
        {
            "participant": np.repeat([f"P{p}" for p in range(P)], Q * K),
            "image": np.tile(stimuli["stimulus"], P),
            "dimension": "quality",
            "rating": values.ravel(),
        }
    )
    scale = Scale(0, 100) if world.points == 100 else Scale(1, 5)
    ratings = ratings_from_table(table, scales={"quality": scale}, simulated=True)
    return ratings, StimulusTable(stimuli, simulated=True)


def summary(table: pd.DataFrame) -> dict[str, float]:
    """Return the extremes over all worlds that must hold."""
    return {
        "null_false_positive_max": float(table["screened"].max()),
        "null_false_positive_min": float(table["screened"].min()),
        "null_supported_max": float(table["supported"].max()),
        "null_errors": float(table["error"].mean()),
        "null_honest_lost_max": float(table["lost"].max()),
        **{f"caught_{kind}": float(table[kind].mean()) for kind in KINDS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--claims", type=int, default=0, help="Whole claims a world, for errors.")
    parser.add_argument(
        "--differing", type=float, default=0.0,
        help="Log-normal SD of honest people's use of the scale and of their residual SD.",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="Also write one row a world here (CSV).")
    chosen = parser.parse_args()
    worlds = every_world(chosen.differing)
    table = null_worlds(worlds, runs=chosen.runs, jobs=chosen.jobs)
    if chosen.out:
        table.to_csv(chosen.out, index=False)
    shown = table.groupby(["participants", "scenes", "scene_sd"], sort=False)
    rates = ["everybody", "screened", "supported", "lost", *KINDS]
    print(shown[rates].mean().round(3).to_string())
    figures = summary(table)
    if chosen.claims:
        figures["whole_claim_errors"] = whole_claims(worlds, each=chosen.claims)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
