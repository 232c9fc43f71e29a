"""Write what pingouin, krippendorff and rsatoolbox compute on the two SIMULATED rating studies.

Not a test and not run by any: none of the three is a dependency of this project (pingouin and
krippendorff are GPL). To make the file again,

    python -m venv /tmp/reliability
    /tmp/reliability/bin/pip install pingouin==0.7.0 krippendorff==0.9.0 rsatoolbox==0.3.2
    /tmp/reliability/bin/python tests/data/make_reliability_reference.py

The tables are those of make_sureal_reference.py, and the two public ones (VQEG HD3, Netflix)
where FECHNER_TEST_DATA holds them. pingouin takes complete images only.
"""

import csv
import json
import os
from importlib.metadata import version
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pingouin
from rsatoolbox.inference import boot_noise_ceiling
from rsatoolbox.rdm import RDMs

HERE = Path(__file__).parent
PUBLIC = Path(os.environ.get("FECHNER_TEST_DATA", HERE.parents[2] / "shared" / "data")) / "ratings"
TABLES = ("SIMULATED_acr", "SIMULATED_slider_missing")
MOST_PAIRS = 66
"""rsatoolbox takes triangular numbers of values only: the first 66 images are 12 x 11 / 2."""


def rows(name):
    """Return the long table; public ones hold an image a line and a participant a column."""
    if not name.startswith("SIMULATED"):
        wide = pd.DataFrame(np.loadtxt(PUBLIC / f"{name}.csv", delimiter=","))
        return (
            wide.rename_axis("image")
            .reset_index()
            .melt("image", var_name="participant", value_name="rating")
        )
    with (HERE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return pd.DataFrame(list(csv.DictReader(file))).astype({"rating": float})


def intraclass(long):
    """Return value and interval of the six coefficients, unrounded as far as pingouin lets."""
    pingouin.options["round"] = None
    pingouin.options["round.column.CI95"] = None
    found = pingouin.intraclass_corr(
        data=long, targets="image", raters="participant", ratings="rating", nan_policy="omit"
    )
    return {
        row.Type: [float(row.ICC), *map(float, row.CI95)] for row in found.itertuples(index=False)
    }


def ceilings(wide):
    """Return lower and upper bound of the noise ceiling by both correlations."""
    panel = RDMs(wide.to_numpy()[:MOST_PAIRS].T)
    return {
        method: [float(bound) for bound in boot_noise_ceiling(panel, method)]
        for method in ("corr", "spearman")
    }


def main():
    """Write the reference beside the tables."""
    names = ("pingouin", "krippendorff", "rsatoolbox", "numpy", "scipy")
    reference = {
        "made_by": Path(__file__).name,
        "versions": {name: version(name) for name in names},
    }
    public = [path.stem for path in sorted(PUBLIC.glob("*.csv"))]
    for name in [*TABLES, *public]:
        long = rows(name)
        wide = long.pivot_table(index="image", columns="participant", values="rating")
        reference[name] = {
            "intraclass": intraclass(long),
            "complete_images": int(wide.notna().all(axis=1).sum()),
            "alpha": {
                level: float(krippendorff.alpha(wide.to_numpy().T, level_of_measurement=level))
                for level in ("interval", "ordinal", "nominal")
            },
        }
        if wide.notna().all(axis=None):
            reference[name]["ceiling"] = ceilings(wide)
            reference[name]["cronbach_alpha"] = float(pingouin.cronbach_alpha(wide)[0])
    text = json.dumps(reference, indent=1, allow_nan=False) + "\n"
    (HERE / "reliability_reference.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
