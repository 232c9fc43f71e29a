"""The tested claim: 20 SIMULATED participants, 12 scenes, three regions and the intact picture."""

import numpy as np
import pandas as pd

import fechner
from fechner.records import StimulusTable, ratings_from_table
from fechner.report.rating_figures import contrast_forest
from fechner.report.style import drawing

good = {"intact": 80, "low": 72, "donor": 64, "high": 55}
scenes = [f"scene {k:02d}" for k in range(12)]
rows = [(f"{scene} {arm}", scene, arm) for scene in scenes for arm in good]
stimuli = pd.DataFrame(rows, columns=["stimulus", "scene", "region"])
people = pd.DataFrame({"participant": [f"P{k:02d}" for k in range(20)]})
table = people.merge(stimuli, how="cross").rename(columns={"stimulus": "image"})
rng = np.random.default_rng(1)
own = {image: rng.normal(0, 5) for image in stimuli["stimulus"]}
table["rating"] = (
    table["region"].map(good) + table["image"].map(own) + rng.normal(0, 13, len(table))
)
table = table.assign(dimension="quality", rating=table["rating"].clip(0, 100))
scales = {"quality": fechner.Scale(0, 100)}
ratings = ratings_from_table(table, scales=scales, simulated=True)
with drawing():
    figure = contrast_forest(fechner.claim(ratings, StimulusTable(stimuli, simulated=True)))
    figure.suptitle("SIMULATED ratings", y=1.15, color="#b00020", fontweight="bold")
    figure.savefig("SIMULATED_claim.png", facecolor="white", bbox_inches="tight", dpi=200)
