"""A selection, a comparison and an explanation as tables and pictures in a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fechner.errors import InputError, nearest
from fechner.provenance import (
    atomic_path,
    provenance,
    write_json,
    write_text,
)
from fechner.records.cells import csv_text
from fechner.records.simulated import marked_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fechner.analysis.network.evidence.curves import PruningCurves
    from fechner.analysis.network.evidence.explain import Explanation
    from fechner.records.selection import ChannelSelection, SelectionStudy

COMPARED = ("all", "random", "negative", "greedy", "curve", "negative:within", "readout")
"""What `fechner channels compare` compares when nothing is named."""
MOST_PAIRS = 200


def evidence_table(study: SelectionStudy) -> pd.DataFrame:
    """Return one row a candidate: in-sample, held-out, shuffled and read-out numbers."""
    rows = []
    for name, one in study.by_name.items():
        low, high = one.alignment_held_out.interval or (np.nan, np.nan)
        noise = one.alignment_shuffled
        rows.append(
            {
                "strategy": name + (" *" if name == study.chosen else ""),
                "kept": one.n_kept / one.n_channels,
                "train_before": one.alignment_selection.before,
                "train_after": one.alignment_selection.after,
                "shuffled_train": _mean(noise.selection),
                "held_out_before": one.alignment_held_out.before,
                "held_out_after": one.alignment_held_out.after,
                "low": low,
                "high": high,
                "shuffled_held_out": _mean(noise.held_out),
                "prediction": one.readout.held_out_spearman if one.readout else np.nan,
                "shuffled_prediction": _mean(one.readout.shuffled) if one.readout else np.nan,
            }
        )
    return pd.DataFrame(rows)


def write_selection(study: SelectionStudy, folder: Path) -> pd.DataFrame:
    """Write evidence.csv, channels.csv and the ranked impacts; return the evidence."""
    from fechner.report.selection_figures import ranked_impacts

    evidence = evidence_table(study)
    _write_csv(evidence, folder / "evidence.csv", _simulated(study.choice))
    tables = []
    for name, one in study.by_name.items():
        content = {part: getattr(one, part) for part in ("impact", "kept", "weights", "stability")}
        tables.append(pd.DataFrame({"candidate": name, "channel": one.channel_names(), **content}))
        if any(one.impact):
            path = folder / f"impacts_{re.sub(r'[^a-z0-9.+_-]+', '_', name)}.png"
            _write_figure(ranked_impacts(one), path, _simulated(one))
    _write_csv(pd.concat(tables), folder / "channels.csv", _simulated(study.choice))
    return evidence


def write_curves(curves: PruningCurves, choice: ChannelSelection, folder: Path) -> None:
    """Write curves.csv and curves.png."""
    from fechner.report.selection_figures import pruning_curves

    _write_csv(curves.table(), folder / "curves.csv", _simulated(choice))
    title = f"{choice.dimension}, {choice.network}"
    _write_figure(pruning_curves(curves, title=title), folder / "curves.png", _simulated(choice))


def write_channel_comparison(
    table: pd.DataFrame,
    folder: Path,
    dimension: str,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    seed: int,
    simulated: bool,
) -> None:
    """Write comparison_DIMENSION.csv with its JSON, evidence_ and stability_DIMENSION.png.

    Parameters
    ----------
    table
        What `compare.compare` returns.
    folder
        Where the files go; names say SIMULATED where the ratings are.
    dimension
        Which ratings, for the names of the files.
    parameters, inputs, seed
        For the provenance: what shaped the table, sha256 of what was read.
    simulated
        Whether the ratings are simulated.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    from fechner.report.selection_figures import evidence, stability

    block = provenance(parameters=parameters, inputs=inputs, seed=seed, simulated=simulated)
    _write_with_record(table, folder / f"comparison_{dimension}.csv", dimension, block)
    _write_figure(evidence(table), folder / f"evidence_{dimension}.png", simulated)
    _write_figure(stability(table), folder / f"stability_{dimension}.png", simulated)


def write_layer_agreement(
    table: pd.DataFrame,
    folder: Path,
    dimension: str,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    seed: int,
    simulated: bool,
) -> None:
    """Write layers_DIMENSION.csv with its JSON, and layers_DIMENSION.png.

    Parameters
    ----------
    table
        What `agreement.layer_agreement` returns.
    folder
        Where the files go; names say SIMULATED where the ratings are.
    dimension
        Which ratings, for the names of the files.
    parameters, inputs, seed
        For the provenance: what shaped the table, sha256 of what was read.
    simulated
        Whether the ratings are simulated.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    from fechner.report.selection_figures import agreement_by_layer

    block = provenance(parameters=parameters, inputs=inputs, seed=seed, simulated=simulated)
    _write_with_record(table, folder / f"layers_{dimension}.csv", dimension, block)
    figure = agreement_by_layer(table, title=f"agreement with {dimension}")
    _write_figure(figure, folder / f"layers_{dimension}.png", simulated)


def write_explanation(
    explanation: Explanation,
    table: pd.DataFrame,
    choice: ChannelSelection,
    folder: Path,
    *,
    by: Sequence[str] = (),
) -> list[Path]:
    """Write the matrices, what moved, and its breakdown by columns of `table`.

    Parameters
    ----------
    explanation
        The matrices before and after, and what moved.
    table
        The rows of the rated images that were explained.
    choice
        The selection that was explained, for titles and for SIMULATED.
    folder
        Where the files go.
    by
        Columns of `table`.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    InputError
        If a column is not in the table.
    """
    from fechner.analysis.network.evidence.explain import breakdown
    from fechner.report.selection_figures import rsm_triptych

    for column in by:
        if column not in table:
            raise InputError(
                f"no column {column!r} in the table; {nearest(column, map(str, table.columns))}"
            )
    names = table["image"].to_numpy()
    pairs, images = explanation.pairs, explanation.images.copy()
    ends = pd.concat([pairs.head(MOST_PAIRS // 2), pairs.tail(MOST_PAIRS // 2)])
    ends = ends.assign(first=names[ends["first"]], second=names[ends["second"]])
    images["image"] = names[images["image"]]
    tables = {"pairs": ends, "images": images, "bands": explanation.bands}
    for column in by:
        tables[f"by_{column}"] = breakdown(explanation, table[column].to_numpy())
    written = []
    for name, content in tables.items():
        written.append(_write_csv(content, folder / f"{name}.csv", _simulated(choice)))
    title = f"{choice.dimension}, {choice.network}: {choice.method}"
    figure = rsm_triptych(explanation, title=title)
    written.append(_write_figure(figure, folder / "rsm.png", _simulated(choice)))
    written.append(_named(folder / "rsm.npz", _simulated(choice)))
    with atomic_path(written[-1]) as temporary:
        np.savez_compressed(
            temporary,
            order=explanation.order,
            ratings=explanation.ratings,
            before=explanation.before,
            after=explanation.after,
            human=explanation.human,
        )
    return written


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _simulated(choice: ChannelSelection) -> bool:
    return bool(choice.provenance.get("simulated"))


def _named(path: Path, simulated: bool) -> Path:
    return path.with_name(marked_name(path.name, simulated=simulated))


def _write_csv(table: pd.DataFrame, path: Path, simulated: bool) -> Path:
    path = _named(path, simulated)
    write_text(path, csv_text(table, path))
    return path


def _write_with_record(
    table: pd.DataFrame, path: Path, dimension: str, block: dict[str, Any]
) -> None:
    written = _write_csv(table, path, bool(block["simulated"]))
    write_json(written.with_suffix(".json"), {"dimension": dimension, **block})


def _write_figure(figure: Figure, path: Path, simulated: bool) -> Path:
    import matplotlib.pyplot as plt

    from fechner.report.style import PALETTE

    if simulated:
        figure.text(
            0.995, 0.995, "SIMULATED", ha="right", va="top", color=PALETTE["stamp"],
            fontsize=8, fontweight="bold",
        )  # fmt: skip
    path = _named(path, simulated)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, facecolor="white")
    plt.close(figure)
    return path
