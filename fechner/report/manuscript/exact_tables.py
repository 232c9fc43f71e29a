"""Every table of a study as CSV, with all its digits: what a reader computes on.

The tables of the page are rounded for reading; these are not. They lie in ``tables/`` beside the
report, with a record that says what each holds, and the page carries the same bytes inside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fechner.provenance import provenance, read_json, sha256_bytes, write_json, write_text
from fechner.records.claims.claim import Claim
from fechner.records.contrasts.contrast import Contrast
from fechner.records.prediction import Prediction
from fechner.records.selection import SelectionStudy
from fechner.records.stimuli import COVARIATE, INTACT, StimulusSet
from fechner.report.artefacts import Artefacts
from fechner.report.manuscript.chart_tables import chart_tables
from fechner.report.manuscript.exact_table import ExactTable
from fechner.report.tables import MEASURES

RECORD = "tables.json"


def exact_tables(study: Artefacts) -> dict[str, ExactTable]:
    """Return every table that the study has results for, by name."""
    found: list[ExactTable] = []
    if study.selection is not None:
        found.append(_of_columns(study.selection, simulated=study.simulated_images))
    if study.claim is not None:
        found += _of_claim(study.claim)
    if study.prediction is not None:
        found += _of_prediction(study.prediction)
    if study.stimuli is not None:
        found += _of_stimuli(study.stimuli)
    found += chart_tables(study)
    return {one.name: one for one in found if len(one.table)}


def write_tables(study: Artefacts, tables: Mapping[str, ExactTable] | None = None) -> list[str]:
    """Write every table and the record of all, remove those of an earlier report; return names.

    `tables` are those of `exact_tables` where left out.
    """
    folder, tables = study.layout.tables, exact_tables(study) if tables is None else tables
    record = folder / RECORD
    earlier = read_json(record).get("tables", {}) if record.is_file() else {}
    for name in set(earlier) - {one.file for one in tables.values()}:
        (folder / name).unlink(missing_ok=True)
    for one in tables.values():
        write_text(folder / one.file, one.text)
    about = {
        one.file: {
            "about": one.about,
            "source": one.source,
            "rows": len(one.table),
            "columns": list(one.table.columns),
            "sha256": sha256_bytes(one.text.encode("utf-8")),
        }
        for one in tables.values()
    }
    if about:
        simulated = any(one.simulated for one in tables.values())
        made = provenance(parameters={}, simulated=simulated)
        write_json(record, {"tables": about, "provenance": made})
    return list(about)


def _of_claim(claim: Claim) -> list[ExactTable]:
    points = "in points of the rating scale, higher is better"
    sources: dict[str, Any] = {"source": "statistics/claim.json", "simulated": claim.simulated}
    otherwise = [] if claim.otherwise is None else claim.otherwise.contrasts
    holm = pd.DataFrame([{"name": name, "p_holm": p} for name, p in claim.holm.items()])
    others = contrasts_exactly(claim.others)
    return [
        ExactTable("contrasts", f"One contrast by one model a row, {points}; variances in squared "
                   "points", table=contrasts_exactly(claim.contrasts), **sources),
        ExactTable("effects", "d of the deciding contrasts, in SDs of a single rating, and that SD "
                   "in points",
                   table=pd.DataFrame([{"name": name, **effect.model_dump()}
                                       for name, effect in claim.effects.items()]), **sources),
        ExactTable("drops", f"How far each arm was rated below the intact picture, {points}",
                   table=contrasts_exactly(claim.drops), **sources),
        ExactTable("contrasts_by_image", f"One contrast within one image a row, {points}; t "
                   "intervals over participants",
                   table=_rows(claim.images), **sources),
        ExactTable("ordinal", "Contrasts by ordered probit, in SDs of the latent variable",
                   table=contrasts_exactly(claim.ordinal), **sources),
        ExactTable("other_arms", f"Arms that were rated beside and decide nothing, {points}",
                   table=others.merge(holm, on="name") if len(others) else others, **sources),
        ExactTable("other_screening", f"The deciding contrasts with the other screening, {points}",
                   table=contrasts_exactly(otherwise), **sources),
        ExactTable("equivalence", "Two one-sided tests against the declared margin, in points",
                   table=pd.DataFrame([{"name": name, **test.model_dump()}
                                       for name, test in claim.equivalence.items()]), **sources),
        ExactTable("unfitted", "Models that did not fit, and why",
                   table=_rows(claim.unfitted), **sources),
        ExactTable("participants", "What screening saw of each participant, in points, "
                   "milliseconds and standard errors",
                   table=_rows(claim.participants), **sources),
    ]  # fmt: skip


def contrasts_exactly(rows: Sequence[Contrast]) -> pd.DataFrame:
    """Return contrasts as a table, each variance component in a column of its own."""
    flat = []
    for row in rows:
        values = row.model_dump()
        variances = values.pop("variances")
        flat.append(values | {f"variance_{part}": value for part, value in variances.items()})
    return pd.DataFrame(flat)


def _rows(records: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame([record.model_dump() for record in records])


def _of_columns(selection: SelectionStudy, *, simulated: bool) -> ExactTable:
    return ExactTable(
        "columns",
        "What the mean ratings of each column's levels predict of held-out scenes (Spearman), what "
        "the best channels do, and the difference, with intervals over scenes",
        "channels/selection.json",
        _rows(selection.columns),
        simulated,
    )


def _of_prediction(found: Prediction) -> list[ExactTable]:
    sources: dict[str, Any] = {
        "source": "statistics/prediction.json", "simulated": found.simulated,
    }  # fmt: skip
    images = [
        {**row.model_dump(exclude={"rivals"}),
         **{f"rival_{name}": value for name, value in row.rivals.items()}}
        for row in found.images
    ]  # fmt: skip
    named = {"pearson": found.pearson, "spearman": found.spearman, "beyond_all": found.beyond_all}
    return [
        ExactTable("prediction", "Correlations over images with their intervals",
                   table=pd.DataFrame([{"name": name, **row.model_dump()}
                                       for name, row in named.items() if row]), **sources),
        ExactTable("predictions", "Both predictions that every stimulus carries, over images: the "
                   "map-weighted error and the layer distance", table=_tested(found), **sources),
        ExactTable("prediction_by_image", "Predicted impact, high minus low, in squared grey "
                   "levels; observed difference, low minus high, in points; rivals in their units",
                   table=pd.DataFrame(images), **sources),
        ExactTable("prediction_by_arm", "Predicted impact of a stimulus in squared grey levels, "
                   "and how many points below intact it was rated",
                   table=_rows(found.arms), **sources),
        ExactTable("rivals", "Each rival's correlation, the map's minus the rival's, and the "
                   "partial correlation of the map's prediction beyond it",
                   table=pd.DataFrame([_flat(row.model_dump()) for row in found.rivals]),
                   **sources),
        ExactTable("calibration", "Drop below intact as a line of the predicted impact: slope in "
                   "points a squared grey level, intercept in points; no arm: all together",
                   table=_rows(found.calibration), **sources),
        ExactTable("shuffled_maps", "Correlation under the whole maps of other images, one draw a "
                   "row", table=pd.DataFrame({"r": found.shuffled}), **sources),
    ]  # fmt: skip


def _tested(found: Prediction) -> pd.DataFrame:
    rows = []
    for one in found.tested:
        values = one.model_dump(exclude={"disattenuated_interval"})
        low, high = one.disattenuated_interval or (None, None)
        values |= {"disattenuated_low": low, "disattenuated_high": high}
        by_arm = values.pop("by_arm")
        rows.append(_flat(values | {f"drop_of_{arm}": found for arm, found in by_arm.items()}))
    return pd.DataFrame(rows)


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Return nested values side by side: ``{"a": {"b": 1}}`` becomes ``{"a_b": 1}``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        parts = value if isinstance(value, dict) else {}
        flat |= {f"{name}_{key}": one for key, one in parts.items()} or {name: value}
    return flat


def _of_stimuli(stimuli: StimulusSet) -> list[ExactTable]:
    table, simulated = stimuli.table, stimuli.simulated
    degraded = table[table["region"] != INTACT]
    columns = [*MEASURES, *(name for name in table.columns if name.startswith(COVARIATE))]
    means = degraded.groupby(["family", "level", "region"], sort=False)[columns].mean()
    refused = stimuli.record.get("refused", {})
    return [
        ExactTable("arms", "What each arm removed, means over scenes; units in the manual of "
                   "stimuli", "stimuli/stimuli.csv", means.reset_index(), simulated),
        ExactTable("scenes", "What was removed from each scene", "stimuli/stimuli.csv",
                   degraded.reset_index(drop=True), simulated),
        ExactTable("refused_scenes", "Scenes that could not be matched, and why",
                   "stimuli/stimuli.json",
                   pd.DataFrame(list(refused.items()), columns=["scene", "reason"]), simulated),
    ]  # fmt: skip
