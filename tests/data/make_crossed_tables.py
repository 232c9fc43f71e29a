"""Simulate the small tables whose numbers ``crossed_reference.R`` computes with lme4 and ordinal.

``python make_crossed_tables.py`` writes ``SIMULATED_crossed_small_*.csv`` beside itself, the same
bytes every time. No participant made a rating. Columns: participant ``p``, image ``i``, condition
``cond``, in two tables also ``level``, and rating ``y``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
MEANS = {
    "intact": 78.0, "low": 66.0, "high": 60.0,
    "low at 1": 66.0, "high at 1": 60.0, "low at 2": 66.0, "high at 2": 50.0,
}  # fmt: skip
LEVELS = ("low at 1", "high at 1", "low at 2", "high at 2")


def ratings(rng, people, images, *, arms=("low", "high"), sd=(7, 7, 3, 5, 11), noise=None):
    """Every participant, image and arm; SDs of participants, images, their slopes, residual."""
    P, Q = people, images
    of_p, of_i = rng.normal(0, sd[0], P), rng.normal(0, sd[1], Q)
    frames = []
    for arm in arms:
        y = MEANS[arm] + of_p[:, None] + of_i + rng.normal(0, sd[2], (P, 1)) / 2**0.5
        y = y + rng.normal(0, sd[3], (1, Q)) / 2**0.5 + rng.normal(0, sd[4], (P, Q))
        p, i = np.indices((P, Q))
        frames.append(pd.DataFrame({"p": p.ravel(), "i": i.ravel(), "cond": arm, "y": y.ravel()}))
    return pd.concat(frames, ignore_index=True)


def slider(table):
    return table.assign(y=table["y"].clip(0, 100).round().astype(int))


def five_points(table, cuts=(50, 60, 70, 80)):
    return table.assign(y=np.digitize(table["y"], cuts) + 1)


def balanced():
    return slider(ratings(np.random.default_rng(1), 14, 12, arms=("intact", "low", "high")))


def missing():
    rng = np.random.default_rng(2)
    table = slider(ratings(rng, 14, 12, arms=("intact", "low", "high")))
    return table[rng.random(len(table)) > 0.15]


def latin():
    table = slider(ratings(np.random.default_rng(11), 16, 14))
    return table[(table["p"] + table["i"]) % 2 == (table["cond"] == "low")]


def singular_participant():
    """Participants do not differ in the difference: their mean square is below the residual's."""
    return slider(ratings(np.random.default_rng(1), 10, 12, sd=(7, 7, 0, 6, 11)))


def singular_both():
    """Nor does it vary between images."""
    return slider(ratings(np.random.default_rng(1), 8, 9, sd=(7, 7, 0, 0, 11)))


def acr():
    return five_points(ratings(np.random.default_rng(5), 14, 12, arms=("intact", "low", "high")))


def by_level(table):
    parts = table["cond"].str.split(" at ")
    return table.assign(cond=parts.str[0], level=parts.str[1])


def acr_floor():
    """Two levels, the second near the floor of the scale."""
    table = by_level(ratings(np.random.default_rng(6), 12, 10, arms=LEVELS))
    return five_points(table.assign(y=table["y"] - 8 * (table["level"] == "2")), (50, 56, 66, 76))


def levels():
    """Region by level on a slider: the difference is 10 points larger at level 2."""
    return slider(by_level(ratings(np.random.default_rng(20), 12, 10, arms=LEVELS)))


def crowd():
    """Each of 120 people rates 10 of 40 images, each in an arm of its own."""
    rng = np.random.default_rng(7)
    table = slider(ratings(rng, 120, 40))
    seen = np.argsort(np.argsort(rng.random((120, 40)), axis=1), axis=1) < 10
    arm = rng.integers(0, 2, (120, 40))
    p, i = table["p"], table["i"]
    return table[seen[p, i] & (arm[p, i] == (table["cond"] == "low"))]


def crowd_pairs():
    """Each of 80 people rates both arms of 5 of 30 images."""
    rng = np.random.default_rng(8)
    table = slider(ratings(rng, 80, 30))
    seen = np.argsort(np.argsort(rng.random((80, 30)), axis=1), axis=1) < 5
    return table[seen[table["p"], table["i"]]]


def between_images():
    """Every image is rated in one arm only, by everybody."""
    table = slider(ratings(np.random.default_rng(9), 12, 20))
    return table[table["i"] % 2 == (table["cond"] == "low")]


TABLES = (
    balanced, missing, latin, singular_participant, singular_both, acr, acr_floor, levels, crowd,
    crowd_pairs, between_images,
)  # fmt: skip

if __name__ == "__main__":
    for make in TABLES:
        path = HERE / f"SIMULATED_crossed_small_{make.__name__}.csv"
        path.write_text(make().to_csv(index=False, lineterminator="\n"))
