"""The report's tables: rows of text, numbers rounded for reading only.

Full precision stays in the artefacts, whose names stand beside each table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from fechner.records.claims.claim import Claim
from fechner.records.contrasts.contrast import Contrast, UnfittedModel
from fechner.records.journal import JournalRecord
from fechner.records.prediction import Correlation, Prediction
from fechner.records.rules.frozen_plan import PlanCheck
from fechner.records.selection import SelectionStudy
from fechner.records.stimuli import COVARIATE, INTACT, LAYER_DISTANCE, SEVERE


@dataclass(frozen=True)
class Table:
    """A table for the page: its header, its rows, and which rows stand out."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: frozenset[int] = frozenset()


def number(value: float | None, digits: int = 3) -> str:
    """Return a number for reading: `digits` significant ones, a dash where there is none."""
    if value is None or not pd.notna(value):
        return "\N{EN DASH}"
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.rstrip(".").replace("-", "\N{MINUS SIGN}") if "e" not in text else text


def p_value(p: float) -> str:
    """Return a p value for reading."""
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def contrast_table(
    contrasts: Sequence[Contrast], level: float, unfitted: Sequence[UnfittedModel] = ()
) -> Table:
    """Return contrasts, one row a model; those that decide stand out, unfitted have no numbers."""
    rows = [
        [
            row.name.replace(" - ", " \N{MINUS SIGN} "),
            row.model + (" (decides)" if row.decides else ""),
            number(row.estimate),
            f"{number(row.low)} to {number(row.high)}",
            number(row.standard_error),
            "z" if row.df is None else f"{row.df:.1f}",
            p_value(row.p),
            "yes" if row.converged else "NO",
        ]
        for row in contrasts
    ]
    rows += [
        [row.name.replace(" - ", " \N{MINUS SIGN} "), row.model, *[number(None)] * 5, "did not fit"]
        for row in unfitted
    ]
    header = ("contrast", "model", "points", interval_name(level), "SE", "df", "p", "converged")
    strong = frozenset(k for k, row in enumerate(contrasts) if row.decides)
    return Table(header, rows, strong)


def column_table(selection: SelectionStudy) -> Table | None:
    """Return what columns predict alone beside the best channels; None without such columns.

    A column stands out whose lead over the channels other scenes would not turn round.
    """

    def within(value: float, low: float, high: float) -> str:
        text = f"{value:.3f} ({low:.3f} to {high:.3f})"
        return text.replace("-", "\N{MINUS SIGN}")

    rows = [
        [
            one.column,
            str(one.levels),
            within(one.prediction, one.low, one.high),
            f"{one.channels_prediction:.3f}, {one.channels}",
            within(one.lead, one.lead_low, one.lead_high),
        ]
        for one in selection.columns
    ]
    header = ("column", "levels", "predicts", "the best channels predict", "the column's lead")
    ahead = frozenset(k for k, one in enumerate(selection.columns) if one.lead_low > 0)
    return Table(header, rows, ahead) if rows else None


def effect_table(claim: Claim) -> Table | None:
    """Return d of the deciding contrasts; None where they are not differences of ratings."""
    rows = [
        [
            name.replace(" - ", " \N{MINUS SIGN} "),
            signed(effect.d),
            f"{signed(effect.low)} to {signed(effect.high)}",
            number(effect.sd),
        ]
        for name, effect in claim.effects.items()
    ]
    header = ("contrast", "d", interval_name(claim.level), "SD of a rating")
    return Table(header, rows) if rows else None


def other_table(claim: Claim) -> Table | None:
    """Return the arms that were rated beside the claim; None without any."""
    rows = [
        [
            row.name.replace(" - ", " \N{MINUS SIGN} "),
            number(row.estimate),
            f"{number(row.low)} to {number(row.high)}",
            p_value(claim.holm[row.name]),
        ]
        for row in claim.others
    ]
    return Table(("contrast", "points", "interval", "p, Holm"), rows) if rows else None


def plan_table(check: PlanCheck) -> Table:
    """Return the frozen plan line by line beside what was run; lines that differ stand out."""
    rows = [
        [
            line.name,
            _for_reading(line.frozen),
            "as frozen" if line.kept else f"DIFFERS: {_for_reading(line.run)}",
        ]
        for line in check.lines
    ]
    strong = frozenset(k for k, line in enumerate(check.lines) if not line.kept)
    return Table(("what decides", "frozen", "run"), rows, strong)


def _for_reading(line: str) -> str:
    """Return a line of a plan without the marks of JSON where it is JSON.

    Examples
    --------
    >>> _for_reading('{"least_spread":0.25,"rule":"blind"}'), _for_reading("null")
    ('least spread 0.25, rule blind', 'none')
    """
    try:
        found = json.loads(line)
    except ValueError:
        return line
    if found is None:
        return "none"
    if isinstance(found, dict):
        return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found.items())
    return ", ".join(str(one) for one in found) if isinstance(found, list) else line


def component_table(claim: Claim) -> Table:
    """Return the variance components of the deciding models, as SDs in points."""
    deciding = [row for row in claim.contrasts if row.decides and row.variances]
    parts = list(dict.fromkeys(name for row in deciding for name in row.variances))
    rows = [
        [row.name.replace(" - ", " \N{MINUS SIGN} ")]
        + [number(row.variances.get(part, 0.0) ** 0.5) for part in parts]
        for row in deciding
    ]
    return Table(("contrast", *(f"SD {part}" for part in parts)), rows)


def ordinal_table(claim: Claim) -> Table | None:
    """Return the contrasts by ordered probit; None where the scale is continuous."""
    rows = [
        [
            row.name.replace(" - ", " \N{MINUS SIGN} "),
            number(row.estimate),
            f"{number(row.low)} to {number(row.high)}",
            p_value(row.p),
        ]
        for row in claim.ordinal
    ]
    return Table(("contrast", "latent SDs", "interval", "p"), rows) if rows else None


def tested_table(prediction: Prediction) -> Table | None:
    """Return both predictions of the stimuli side by side; None where there is only the map's."""
    if len(prediction.tested) < 2:
        return None
    arms = list(dict.fromkeys(arm for one in prediction.tested for arm in one.by_arm))
    rows = []
    for one in prediction.tested:
        corrected = "" if one.disattenuated is None else signed(one.disattenuated)
        rows.append([
            one.name,
            *_correlation(one.pearson),
            p_value(one.pearson.p),
            signed(one.spearman.r),
            corrected,
            *(signed(one.by_arm[arm].r) if arm in one.by_arm else "" for arm in arms),
        ])  # fmt: skip
    level = interval_name(prediction.level)
    header = ("prediction", "r", level, "p", "Spearman", "corrected", *(f"in {a}" for a in arms))
    return Table(header, rows, frozenset({0}))


def rival_table(prediction: Prediction) -> Table:
    """Return the map's prediction and its rivals: r, the difference, and what remains beyond."""
    own = prediction.pearson
    rows = [["the importance map", *_correlation(own), "", "", "", ""]]
    for rival in prediction.rivals:
        beyond = rival.beyond
        rows.append([
            rival.name + (" (matched)" if rival.matched else ""),
            *_correlation(rival.correlation),
            signed(rival.difference),
            f"{signed(rival.difference_low)} to {signed(rival.difference_high)}",
            "" if beyond is None else signed(beyond.r),
            "" if beyond is None else p_value(beyond.p),
        ])  # fmt: skip
    if prediction.beyond_all is not None:
        every = prediction.beyond_all
        rows.append(["all that differ, at once", "", "", "", "", signed(every.r), p_value(every.p)])
    level = interval_name(prediction.level)
    header = ("prediction", "r", level, "map \N{MINUS SIGN} rival", level, "beyond: r", "p")
    return Table(header, rows, frozenset({0}))


def _correlation(found: Correlation) -> list[str]:
    return [signed(found.r), f"{signed(found.low)} to {signed(found.high)}"]


def signed(value: float) -> str:
    """Return a correlation for reading, two decimals."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def interval_name(level: float) -> str:
    """Return what an interval of that level is called in a header."""
    return f"{100 * level:.0f}\N{NO-BREAK SPACE}% interval"


def calibration_table(prediction: Prediction) -> Table:
    """Return the lines of drops over impacts, of all arms together and of each."""
    rows = [
        [
            "all arms" if line.arm is None else line.arm,
            number(100 * line.slope),
            f"{number(100 * line.slope_low)} to {number(100 * line.slope_high)}",
            number(line.intercept),
            f"{number(line.intercept_low)} to {number(line.intercept_high)}",
            str(line.df),
            p_value(line.p),
        ]
        for line in prediction.calibration
    ]
    level = interval_name(prediction.level)
    slope = "points a 100 squared grey levels"
    header = ("arm", slope, level, "points at 0", level, "df", "p of the slope")
    return Table(header, rows, frozenset({0}))


def arm_tables(stimuli: pd.DataFrame) -> list[tuple[str, Table]]:
    """Return one `arm_table` a family and level, each with its name."""
    degraded = stimuli[stimuli["region"] != INTACT]
    cells = degraded.groupby(["family", "level"], sort=False)
    return [(f"{family}, level {level}", arm_table(rows)) for (family, level), rows in cells]


MEASURES = (
    "strength", "mask_area", "mse", "ssim", "bytes", "predicted_impact", LAYER_DISTANCE,
    "centre_error",
)  # fmt: skip
"""Columns of the stimuli that the tables of arms show, where there, before the covariates."""


def arm_table(stimuli: pd.DataFrame) -> Table:
    """Return what each arm of the stimuli removed, and every covariate, as means over scenes."""
    measures = (column for column in MEASURES if column in stimuli.columns)
    columns = [*measures, *(c for c in stimuli.columns if c.startswith(COVARIATE))]
    grouped = stimuli.groupby("region", sort=False)[columns].mean()
    means = {str(arm): row for arm, row in grouped.to_dict("index").items()}
    rows = [
        [_covariate(c), *(number(row[c]) for row in means.values()), _ratio(means, c)]
        for c in columns
    ]
    return Table(("mean over scenes", *means, "high / low"), rows)


def _covariate(column: str) -> str:
    return column.removeprefix(COVARIATE).replace("_", " ")


def _ratio(means: dict[str, dict[Any, Any]], column: str) -> str:
    high = means.get("high", {}).get(column)
    low = means.get("low", {}).get(column)
    return f"{high / low:.2f}" if high is not None and low else "\N{EN DASH}"


def scene_table(stimuli: pd.DataFrame) -> Table:
    """Return, for each scene, strength, MSE, SSIM and what was predicted of its arms."""
    wanted = ("strength", "mse", "ssim", "predicted_impact", LAYER_DISTANCE)
    columns = [column for column in wanted if column in stimuli.columns]
    degraded = stimuli[stimuli["region"] != INTACT]
    rows = [
        [row["scene"], row["region"], *(number(row[c]) for c in columns)]
        for _, row in degraded.iterrows()
    ]
    return Table(("scene", "arm", *(c.replace("_", " ") for c in columns)), rows)


def refused_table(refused: Mapping[str, str]) -> Table | None:
    """Return the scenes that could not be matched, each with the reason; None without any."""
    rows = [[scene, reason] for scene, reason in refused.items()]
    return Table(("scene", "why it was refused"), rows) if rows else None


def participant_table(claim: Claim) -> Table:
    """Return the screening: one row a participant."""
    rows = [
        [
            row.participant, str(row.n), number(row.mean), number(row.sd), number(row.bias),
            number(row.agreement, 2), number(row.inconsistency),
            f"{row.catch_passed} of {row.catch_shown}" if row.catch_shown else "",
            "yes" if row.kept else f"NO: {row.reason}",
            "would reject" if row.bt500 else "",
            "would reject" if row.bt500_bias_removed else "",
        ]
        for row in claim.participants
    ]  # fmt: skip
    header = ("participant", "ratings", "mean", "SD", "bias", "agreement", "inconsistency",
              "checks", "kept", "BT.500", "BT.500, bias removed")  # fmt: skip
    return Table(header, rows)


def session_facts(sessions: Sequence[JournalRecord]) -> list[tuple[str, str]]:
    """Return what the journals say of the sessions, as pairs of name and value."""
    if not sessions:
        return []
    headers = [session.header for session in sessions]
    main = [t for s in sessions for t in s.trials if t.kind == "main"]
    catch = [t for s in sessions for t in s.trials if t.kind == "catch"]
    facts = [
        ("participants", str(len({h.participant for h in headers}))),
        ("sessions", f"{len(sessions)}, {sum(s.complete for s in sessions)} finished"),
        ("ratings", f"{len(main):,} that count"),
        ("protocol", ", ".join(sorted({h.protocol for h in headers}))),
        ("language", ", ".join(sorted({h.language for h in headers}))),
    ]
    if main:
        facts.append(("median response time", f"{median(t.rt_ms for t in main) / 1000:.1f} s"))
    if catch:
        ruined = sum(t.region == SEVERE for t in catch)
        severe = f", {ruined} of them with a severe picture" if ruined else ""
        passed = sum(bool(t.passed) for t in catch)
        facts.append(("catch trials", f"{len(catch)}{severe}; {passed} passed"))
    checked = [t.pixel_difference for t in main if t.pixel_difference is not None]
    if checked:
        exact = sum(difference == 0 for difference in checked)
        facts.append(("shown pixels read back", f"{exact} of {len(checked)} trials bit-exact"))
    digests = sorted({h.stimuli_sha256 for h in headers})
    same = "the same bytes for everybody" if len(digests) == 1 else f"{len(digests)} DIFFERENT SETS"
    facts.append(("stimulus set", f"{same} ({digests[0][:12]}\N{HORIZONTAL ELLIPSIS})"))
    return facts
