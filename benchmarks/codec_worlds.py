"""What a codec study with SIMULATED participants finds, seed by seed, on one set of coded pictures.

    python benchmarks/codec_worlds.py my-demo

reads the study that ``fechner demo --claim codec --out my-demo`` built and writes JSON: for each
world the verdicts and shares of its claim over the seeds; and how `better` compares with each other
arm by GMS inside the quarter that the maps mark, with the part of the judgement that the quarter
must make up for `better` to be ahead (mean over scenes, by rate). Nothing is encoded again.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fechner.analysis.judging import equal_opinion
from fechner.analysis.judging.codec_claim import codec_claim
from fechner.compression.metrics.local_errors import gms_error
from fechner.compression.ramp import most_important
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.simulated.observers import simulated_panel
from fechner.records.images.files import read_image, read_map_png
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale
from fechner.records.stimuli import read_stimulus_set
from fechner.study.codecs.simulated_opinions import WORLDS, simulated_opinions
from fechner.study.opening import open_study
from fechner.study.work import protocol

equal_opinion.DRAWS_OF_PAIRS = 20  # the verdict is by opinion; intervals of bytes are not reported


def answers(followed, stimuli, panel) -> pd.DataFrame:
    """Return who chose what in every pair that the study's protocol shows them."""
    rows = []
    for code, observer in panel.items():
        seen: Counter[str] = Counter()
        for trial in make_plan(followed, stimuli, code).trials:
            if trial.kind != "main":
                continue
            names = (trial.stimulus, trial.second)
            seen.update(names)
            first, second = (
                observer.quality(stimuli.named(name), repetition=seen[name]) for name in names
            )
            rows.append((code, *names, "preference", float(first > second), len(rows)))
    columns = ["participant", "image", "second", "dimension", "rating", "trial"]
    return pd.DataFrame(rows, columns=columns)


def verdicts(place, stimuli, world: str, seeds: int) -> dict:
    """Return how often the claim was supported in a world, and the mean shares chosen."""
    points = simulated_opinions(stimuli, world, place.maps)
    found, simulate, followed = [], place.study.simulate, protocol(place)
    for seed in range(1, seeds + 1):
        panel = simulated_panel(simulate.participants, world=world, seed=seed, judged=points)
        ratings = ratings_from_table(
            answers(followed, stimuli, panel), scales={"preference": Scale(0, 1)}, simulated=True
        )
        study = place.study
        found.append(codec_claim(ratings, stimuli, rule=study.claim, screening=study.screening))
    shares: dict[str, list[float]] = {}
    for claim in found:
        for row in claim.contrasts:
            if row.decides:
                shares.setdefault(row.name, []).append((1 + row.estimate) / 2)
    return {
        "supported": [claim.verdict == "supported" for claim in found].count(True),
        "seeds": seeds,
        "share_chosen": {name: round(float(np.mean(one)), 3) for name, one in shares.items()},
    }


def in_the_quarter(place, stimuli) -> list[dict]:
    """Return GMS errors of `better` against the others, in the quarter and weighed otherwise."""
    rule, rows = place.study.claim.codec, []
    for scene in stimuli.scenes:
        importance = read_map_png(place.maps / f"{scene}.png")
        own = {(s.region, s.level): s for s in stimuli.stimuli if s.scene == scene}
        intact = read_image(stimuli.image_path(own["intact", 0]))
        error = {
            key: gms_error(intact, read_image(stimuli.image_path(one)))
            for key, one in own.items()
        }  # fmt: skip
        shape = error["intact", 0].shape[::-1]
        quarter = cv2.resize(
            most_important(importance, importance.shape), shape, interpolation=cv2.INTER_AREA
        )
        by_map = cv2.resize(importance, shape, interpolation=cv2.INTER_AREA)
        for (arm, level), lost in error.items():
            if arm in rule.than:
                ours = error[rule.better, level]
                inside, outside = (
                    np.average(ours - lost, weights=w) for w in (quarter, 1 - quarter)
                )
                rows.append(
                    {"against": arm, "level": level,
                     "quarter": np.log(ratio(ours, lost, quarter)),
                     "by_map": np.log(ratio(ours, lost, by_map)),
                     "ahead_from": outside / (outside - inside)}
                )  # fmt: skip
    means = pd.DataFrame(rows).groupby(["against", "level"]).mean().reset_index()
    for column in ("quarter", "by_map"):
        means[column] = np.expm1(means[column])
    return means.round(3).to_dict("records")


def ratio(one, other, weights) -> float:
    return float(np.average(one, weights=weights) / np.average(other, weights=weights))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    place = open_study(given.study)
    stimuli = read_stimulus_set(place.stimuli)
    found = {world: verdicts(place, stimuli, world, given.seeds) for world in WORLDS}
    print(json.dumps({"worlds": found, "gms": in_the_quarter(place, stimuli)}, indent=2))


if __name__ == "__main__":
    main()
