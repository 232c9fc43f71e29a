"""Published correlations beside those of a finished layer study, each with its protocol.

The numbers and their sources stand in ``published_layers.toml``. A tolerance says how far
another implementation or other weights of the same architecture may lie off; what lies further
is worth an explanation, not necessarily a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import pandas as pd

from fechner.analysis.network.distances.study import NO_WEIGHTS
from fechner.provenance import read_toml

COLUMNS = (
    "set", "network", "layer", "published_layer", "readout", "published_low", "published_high",
    "tolerance", "spearman", "difference", "verdict", "protocol", "source",
)  # fmt: skip


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    file = resources.files("fechner.analysis.network.distances") / "published_layers.toml"
    with resources.as_file(file) as path:
        return read_toml(path)


def published_rows() -> pd.DataFrame:
    """Return every published number: the `COLUMNS` that no run is needed for, and n_pairs."""
    content = _content()
    sources = {one["key"]: one for one in content["source"]}
    rows = []
    for row in content["row"]:
        for name, count in content["pairs"].items():
            if name not in row:
                continue
            told = row[name] if isinstance(row[name], list) else [row[name], row[name]]
            rows.append(
                {
                    "set": name, "network": row["network"], "layer": row["layer"],
                    "published_layer": row.get("published_layer", row["layer"]),
                    "readout": row["readout"], "published_low": told[0],
                    "published_high": told[1], "tolerance": row["tolerance"],
                    "protocol": sources[row["source"]]["protocol"],
                    "source": sources[row["source"]]["about"], "n_pairs": count,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def beside_published(layers: pd.DataFrame) -> pd.DataFrame:
    """Return every published number with that of a run.

    Parameters
    ----------
    layers
        The table of a layer study; sets are known by their names (``tid2013``, ``KADID-10k``).

    Returns
    -------
    Frame of `COLUMNS`: ``difference`` is what the run found minus the nearer end of what was
    published (0 inside), ``verdict`` agrees, differs, or why nothing was compared.
    """
    known = {name: _set_called(name) for name in layers["set"].unique()}
    rows = []
    for one in published_rows().to_dict("records"):
        mine = layers[layers["set"].map(known) == one["set"]]
        count = one.pop("n_pairs")
        found, verdict = _found(mine, one, count)
        difference = float("nan")
        if found is not None:
            difference = found - min(max(found, one["published_low"]), one["published_high"])
            # A distance of .01 is published to three digits: half of the last is rounding.
            verdict = "agrees" if abs(difference) <= one["tolerance"] + 5e-4 else "differs"
        rows.append(one | {"spearman": found, "difference": difference, "verdict": verdict})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.assign(spearman=table["spearman"].astype(float))


def _set_called(name: str) -> str | None:
    plain = "".join(letter for letter in str(name).lower() if letter.isalnum())
    plain = "kadid10k" if plain == "kadid" else plain
    return next((key for key in _content()["pairs"] if key in plain), None)


def _found(mine: pd.DataFrame, one: Mapping[Any, Any], count: int) -> tuple[float | None, str]:
    """Return the run's number, or why there is none."""
    if mine.empty:
        return None, f"the run has no set {one['set']}"
    same = mine[
        (mine["network"] == one["network"])
        & (mine["layer"] == one["layer"])
        & (mine["readout"] == one["readout"])
        & (mine["weights"] == NO_WEIGHTS)
        & mine["spearman"].notna()
    ]
    if same.empty:
        return None, f"the run on {one['set']} has no such row with a number"
    row = same.iloc[0]
    if int(row["n_pairs"]) != count:
        return None, (
            f"the run has {int(row['n_pairs'])} pairs of {one['set']}, published was all {count}"
        )
    return float(row["spearman"]), ""
