"""How long one power curve by simulation takes: five sizes of a study, 1000 runs each.

``python benchmarks/power_curve.py`` prints, as its last line, one JSON object: `power_curve_s`,
CPU seconds of a curve of complete studies (the median of five), and `power_curve_off`, by how
many Monte-Carlo standard errors it is away from the formula at most.
"""

from __future__ import annotations

import json
import os
import statistics
import time

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 - after the threads are set

from fechner.analysis.ratings.power.analytic import SLIDER_100  # noqa: E402
from fechner.analysis.ratings.power.planned import (  # noqa: E402
    Assumptions,
    PlannedStudy,
    PlannedTest,
)
from fechner.analysis.ratings.power.simulated import simulated_power  # noqa: E402

RUNS = 1000
STUDIES = [PlannedStudy(30, images) for images in (12, 24, 36, 48, 72)]


def power_curve() -> dict[str, float]:
    """Return both figures."""
    seconds, off = [], []
    for seed in range(5):
        begun = time.process_time()
        table = simulated_power(
            Assumptions(SLIDER_100, 5.2), STUDIES, PlannedTest(), runs=RUNS, seed=seed
        )
        seconds.append(time.process_time() - begun)
        p = table["analytic"]
        off.append(((table["power"] - p).abs() / np.sqrt(p * (1 - p) / RUNS)).max())
    return {"power_curve_s": statistics.median(seconds), "power_curve_off": float(max(off))}


if __name__ == "__main__":
    print(json.dumps({name: round(value, 3) for name, value in power_curve().items()}))
