"""Make the SIMULATED tables of answers of two kinds; choices_reference.R analyses them in R.

Run in this folder: python make_choices_tables.py && Rscript choices_reference.R
"""

import numpy as np
import pandas as pd


def comparisons() -> pd.DataFrame:
    """14 participants, 9 scenes, 5 conditions; a third of the pairs missing, some ties."""
    rng = np.random.default_rng(3)
    truth = {"intact": 1.2, "low": 0.6, "donor": 0.3, "high": -0.5, "middle": 0.0}
    names, rows = list(truth), []
    for p in range(14):
        for s in range(9):
            for i in range(5):
                for j in range(i + 1, 5):
                    if rng.random() < 0.35:
                        continue
                    a, b = (names[i], names[j]) if rng.random() < 0.5 else (names[j], names[i])
                    z = truth[a] - truth[b] + rng.normal()
                    share = 0.5 if abs(z) < 0.25 else float(z > 0)
                    rows.append((f"P{p:02d}", f"s{s}", a, b, share))
    return pd.DataFrame(rows, columns=["participant", "scene", "first", "second", "share"])


def preferences() -> pd.DataFrame:
    """20 participants choose low or high on 16 images, both of which differ; 10 % missing."""
    rng = np.random.default_rng(8)
    person, image = rng.normal(0, 0.6, 20), rng.normal(0, 1.0, 16)
    rows = [
        (f"P{p:02d}", f"s{i:02d}", int(0.5 + person[p] + image[i] + rng.logistic() > 0))
        for p in range(20)
        for i in range(16)
        if rng.random() > 0.1
    ]
    return pd.DataFrame(rows, columns=["participant", "scene", "share"])


def detections() -> pd.DataFrame:
    """12 participants, 8 scenes, 2 regions, 30 trials a staircase near its running threshold."""
    rng = np.random.default_rng(2)
    person, scene = rng.normal(0, 0.15, 12), rng.normal(0, 0.15, 8)
    of_person, of_scene = rng.normal(0, 0.08, (12, 2)), rng.normal(0, 0.1, (8, 2))
    grid, rows = np.linspace(-0.8, 1.2, 15), []
    for p in range(12):
        for r, region in enumerate(("high", "low")):
            running = 0.5
            for trial in range(30):
                s = (p + trial) % 8
                x = grid[np.abs(grid - running).argmin()]
                t = (0.1, 0.4)[r] + person[p] + scene[s] + of_person[p, r] + of_scene[s, r]
                share = 0.99 - 0.49 * np.exp(-(10 ** (2.5 * (x - t))))
                right = int(rng.random() < share)
                # Three right answers in four keep the running threshold where it is.
                running += (-0.1 if right else 0.3) * (1 + 6 / (trial + 3)) / 2
                rows.append((f"P{p:02d}", f"s{s}", region, round(10**x, 6), right))
    return pd.DataFrame(rows, columns=["participant", "scene", "region", "strength", "right"])


def authenticity() -> pd.DataFrame:
    """12 participants say of 30 images, intact and degraded, whether each is real, and how sure."""
    rng = np.random.default_rng(4)
    bias, skill, image = rng.normal(0, 0.3, 12), rng.normal(0, 0.3, 12), rng.normal(0, 0.5, 30)
    cell, rows = rng.normal(0, 0.3, (30, 2)), []
    for p in range(12):
        for i in range(30):
            for k, condition in enumerate(("intact", "high")):
                s = 0.5 if i % 2 else -0.5
                z = ((1.6, 1.0)[k] + skill[p]) * s - 0.2 + bias[p] + image[i] + cell[i, k]
                z += rng.normal()
                truth = "generated" if i % 2 else "real"
                sure = 1 + int(np.clip(abs(z) / 0.6, 0, 3))
                rows.append((f"P{p:02d}", f"i{i:02d}", condition, truth, int(z > 0), sure))
    columns = ["participant", "scene", "condition", "truth", "said", "confidence"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    comparisons().to_csv("SIMULATED_comparisons.csv", index=False, lineterminator="\n")
    preferences().to_csv("SIMULATED_preferences.csv", index=False, lineterminator="\n")
    detections().to_csv("SIMULATED_detections.csv", index=False, lineterminator="\n")
    authenticity().to_csv("SIMULATED_authenticity.csv", index=False, lineterminator="\n")
