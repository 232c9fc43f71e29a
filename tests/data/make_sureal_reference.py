"""Make two SIMULATED rating studies, and write what the package sureal computes on them.

Not a test and not run by any: sureal is no dependency of this project. To make the files again,

    python -m venv /tmp/sureal
    /tmp/sureal/bin/pip install sureal==0.9.0 numpy==2.4.6 scipy==1.17.1
    /tmp/sureal/bin/python tests/data/make_sureal_reference.py

The tables are written first and sureal reads them back, so that the numbers belong to the files.
"""

import csv
import json
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from sureal.dataset_reader import RawDatasetReader
from sureal.subjective_model import (
    BiasremvMosModel,
    BiasremvSubjrejMosModel,
    DmosModel,
    MosModel,
    SubjectMLEModelProjectionSolver2,
    SubjrejMosModel,
)

HERE = Path(__file__).parent
MODELS = (
    MosModel,
    BiasremvMosModel,
    SubjrejMosModel,
    BiasremvSubjrejMosModel,
    SubjectMLEModelProjectionSolver2,
    DmosModel,
)
COMPARED = (
    "quality_scores", "quality_scores_std", "observer_bias", "observer_inconsistency",
    "observer_rejected", "observer_rejected_1st_stats", "observer_rejected_2nd_stats",
    "loglikelihood",
)  # fmt: skip
SCENES, STEPS, PARTICIPANTS, SPAMMERS = 12, 6, 24, 2
SCALES = {"SIMULATED_acr": (1, 5), "SIMULATED_slider_missing": (0, 100)}


def rate(rng, low, high):
    """Return whole ratings (n_images, n_participants); step 0 of each scene is its reference."""
    span = high - low
    harm = np.sort(rng.uniform(0, 0.7, (SCENES, STEPS)), axis=1)
    harm[:, 0] = 0
    quality = (0.92 - harm + rng.normal(0, 0.04, (SCENES, 1))).ravel()
    bias = rng.normal(0, 0.08, PARTICIPANTS)
    spread = rng.uniform(0.05, 0.22, PARTICIPANTS)
    noise = rng.normal(0, 1, (SCENES * STEPS, PARTICIPANTS)) * spread
    values = np.round(low + span * (quality[:, None] + bias + noise))
    values[:, :SPAMMERS] = rng.integers(low, high + 1, (SCENES * STEPS, SPAMMERS))
    return np.clip(values, low, high)


def write_table(name, values, low, high):
    """Write the long table and its scale, as `fechner.records.ratings` reads them."""
    with (HERE / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["participant", "image", "dimension", "rating"])
        for participant in range(PARTICIPANTS):
            for row, value in enumerate(values[:, participant]):
                if np.isfinite(value):
                    image = f"{row // STEPS:02d}_{row % STEPS}"
                    writer.writerow([f"{participant:02d}", image, "quality", f"{value:g}"])
    declared = {"dimensions": {"quality": {"minimum": low, "maximum": high, "good": "high"}},
                "provenance": {"simulated": True, "made_by": Path(__file__).name}}  # fmt: skip
    (HERE / f"{name}.json").write_text(json.dumps(declared, indent=1) + "\n", encoding="utf-8")


def dataset(name, high):
    """Return the table as the dataset that sureal reads."""
    with (HERE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    opinions = {}
    for row in rows:
        opinions.setdefault(row["image"], {})[row["participant"]] = float(row["rating"])
    scenes = sorted({image.split("_")[0] for image in opinions})
    return SimpleNamespace(
        dataset_name=name,
        yuv_fmt="notyuv",
        ref_score=high,
        ref_videos=[
            {"content_id": k, "content_name": scene, "path": f"{scene}_0"}
            for k, scene in enumerate(scenes)
        ],
        dis_videos=[
            {
                "content_id": scenes.index(image.split("_")[0]),
                "asset_id": k,
                "path": image,
                "os": own,
            }
            for k, (image, own) in enumerate(opinions.items())
        ],
    )


def computed(name, high):
    """Return every number of every model that a test compares with."""
    found = {}
    for model in MODELS:
        result = model(RawDatasetReader(dataset(name, high))).run_modeling()
        found[model.TYPE] = {
            key: np.where(np.isfinite(result[key]), result[key], None).tolist()
            for key in COMPARED
            if key in result
        }
    return found


def main():
    """Write both tables, and the reference beside them."""
    rng = np.random.default_rng(20)
    reference = {
        "made_by": Path(__file__).name,
        "versions": {name: version(name) for name in ("sureal", "numpy", "scipy")},
    }
    for name, (low, high) in SCALES.items():
        values = rate(rng, low, high)
        if "missing" in name:
            values[rng.random(values.shape) < 0.08] = np.nan
        else:
            values[0] = high  # on a short scale everybody may agree on a picture
        write_table(name, values, low, high)
        reference[name] = computed(name, high)
    text = json.dumps(reference, separators=(",", ":"), allow_nan=False) + "\n"
    (HERE / "sureal_reference.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
