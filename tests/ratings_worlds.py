"""Simulated rating studies for tests: stimuli with known impacts, ratings in a known world."""

import numpy as np
import pandas as pd

from fechner.analysis.ratings.matrices import Differences
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusTable

ARMS = ("intact", "low", "high", "donor")


def stimuli_table(images=12, seed=0):
    """Four arms an image; the donor mask hits as much importance as chance would."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(images):
        low, high = rng.uniform(3, 10), rng.uniform(30, 70)
        impact = {"intact": 0.0, "low": low, "high": high, "donor": rng.uniform(15, 35)}
        centre = {"intact": 0.0, "low": 18.0, "high": 32.0, "donor": 32.0 + rng.normal()}
        for arm in ARMS:
            rows.append(
                {
                    "stimulus": f"image{k:02d}_{arm}",
                    "scene": f"image{k:02d}",
                    "region": arm,
                    "family": None if arm == "intact" else "blur",
                    "level": None if arm == "intact" else 1,
                    "mse": 0.0 if arm == "intact" else 25.0,
                    "predicted_impact": impact[arm],
                    "centre_error": centre[arm],
                }
            )
    return pd.DataFrame(rows)


def rate(stimuli, *, column, participants=16, seed=0, slope=0.4, noise=8.0, image_slope=3.0):
    """Ratings on 0..100 that fall by `slope` points a unit of `column`, plus everything random."""
    rng = np.random.default_rng(seed)
    n = len(stimuli)
    harm = slope * stimuli[column].to_numpy()
    scene = stimuli["scene"].astype("category").cat.codes.to_numpy()
    of_scene = rng.normal(0, 6, scene.max() + 1)[scene]
    of_cell = rng.normal(0, image_slope, n)
    frames = []
    for p in range(participants):
        noisy = 75 + rng.normal(0, 6) + of_scene - harm + of_cell
        noisy = noisy + rng.normal(0, 2, 4)[np.arange(n) % 4] + rng.normal(0, noise, n)
        frames.append(
            pd.DataFrame(
                {
                    "participant": f"P{p:02d}",
                    "image": stimuli["stimulus"],
                    "dimension": "quality",
                    "rating": np.clip(noisy, 0, 100),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def records(ratings, stimuli, *, good="high", simulated=False):
    """Both tables as the records that the statistics take, rated on 0 to 100."""
    scales = dict.fromkeys(ratings["dimension"].unique(), Scale(0, 100, good))
    checked = ratings_from_table(ratings, scales=scales, simulated=simulated)
    return checked, StimulusTable(stimuli)


def simulated_differences(effect, components, *, participants, images, rng):
    """A table of differences with a true mean of `effect` points."""
    values = (
        effect
        + rng.normal(0, components.participant, (participants, 1))
        + rng.normal(0, components.image, (1, images))
        + rng.normal(0, components.residual, (participants, images))
    )
    names = tuple(f"p{k}" for k in range(participants)), tuple(f"i{k}" for k in range(images))
    return Differences(values, *names, "low", "high")
