"""The page of a codec study: verdict, pairs, scale, bytes at equal opinion, and what was shown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fechner import __version__
from fechner.records.claims.codec_claim import CodecClaim, read_codec_claim
from fechner.records.images.files import read_image
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.report import story
from fechner.report.artefacts import Artefacts
from fechner.report.choices.scale_figure import scale_chart
from fechner.report.codecs.codec_figures import chosen_matrix, opinion_curves
from fechner.report.codecs.codec_manuscript import codec_manuscript
from fechner.report.codecs.codec_worlds import simulated_world
from fechner.report.manuscript.written import as_html
from fechner.report.pictures import SceneRow, picture
from fechner.report.style import drawing, svg
from fechner.report.tables import Table, contrast_table, number, plan_table
from fechner.stimuli.coded.sheet import where_arms_differ

TEMPLATE = "codecs.html.j2"
SCENES = 3
"""Of how many scenes crops are shown."""


def _simulated_note(study: Artefacts) -> str | None:
    """Return what is simulated and in which world; None where nothing is."""
    if not study.simulated_participants:
        return None
    said = ["The participants are SIMULATED.", simulated_world(study)]
    return " ".join(
        [*filter(None, said), "The page shows that the pipeline works, and nothing about people."]
    )


def tested_codec_claim(study: Artefacts) -> CodecClaim | None:
    """Return the tested claim; None where nobody has judged yet."""
    return read_codec_claim(study.layout.claim) if study.layout.claim.exists() else None


def render_codecs(study: Artefacts) -> str:
    """Return the HTML of a codec study's page.

    Raises
    ------
    InputError
        If an artefact is damaged.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fechner.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["italics"] = as_html
    claim = tested_codec_claim(study)
    stimuli = study.stimuli
    with drawing():
        parts: dict[str, Any] = {
            "title": story.page_title(study),
            "simulated_note": _simulated_note(study),
            "claim": claim,
            "tone": "soft" if claim is None else story.VERDICT_COLOURS[claim.verdict],
            "contrasts": claim and contrast_table(claim.contrasts, claim.rule.level),
            "saved": claim and _saved_table(claim),
            "sizes": stimuli and _size_table(stimuli),
            "encoders": stimuli and stimuli.record.get("encoders", {}),
            "refused": stimuli.record.get("refused", {}) if stimuli else {},
            "crops": [] if stimuli is None else _crops(stimuli),
            "plan": study.plan_check and plan_table(study.plan_check),
            "manuscript": codec_manuscript(study, claim),
            "version": __version__,
            **_charts(study, claim),
        }
    return environment.get_template(TEMPLATE).render(**parts)


def _charts(study: Artefacts, claim: CodecClaim | None) -> dict[str, str]:
    found = {"curves": "", "pairs": "", "scale": ""}
    if claim is None:
        return found
    if claim.curve:
        found["curves"] = svg(
            opinion_curves(claim), label="Opinion against bytes", simulated=claim.simulated
        )
    if claim.paired and study.ratings is not None and study.stimuli is not None:
        found |= _of_pairs(study, claim)
    return found


def _of_pairs(study: Artefacts, claim: CodecClaim) -> dict[str, str]:
    from fechner.analysis.ratings.choices.comparisons import (
        Comparisons,
        comparisons,
        with_conditions,
    )
    from fechner.analysis.ratings.choices.scale_values import condition_scale

    ratings, stimuli = study.ratings, study.stimuli
    if ratings is None or stimuli is None:
        return {}
    chosen = comparisons(ratings, claim.dimension)
    kept = chosen.table[~chosen.table["participant"].isin(claim.excluded)]
    chosen = Comparisons(kept, chosen.dimension, chosen.simulated)
    table, _ = with_conditions(chosen, stimuli)
    names = [claim.rule.codec.better, *claim.rule.codec.than]
    values = condition_scale(chosen, stimuli, level=claim.rule.level)
    short = values.table.assign(item=values.table["item"].str.replace(" codec ", " "))
    return {
        "pairs": svg(
            chosen_matrix(table, names), label="Share of comparisons in which each arm was chosen",
            simulated=claim.simulated,
        ),
        "scale": svg(
            scale_chart(short, anchor=values.anchor), label="Scale of the conditions in JND",
            simulated=claim.simulated,
        ),
    }  # fmt: skip


def _saved_table(claim: CodecClaim) -> Table:
    rows = [
        [
            f"{one.better} against {one.than}",
            "\N{EN DASH}" if one.per_cent is None else _per_cent(one.per_cent),
            "cannot be given"
            if one.low is None or one.high is None
            else f"{_per_cent(one.low)} to {_per_cent(one.high)}",
            f"{one.given:.0%}",
        ]
        for one in claim.bytes_at_equal_opinion
    ]
    level = f"{claim.rule.level:.0%} interval"
    return Table(("arms", "bytes at equal opinion", level, "resamplings that gave a number"), rows)


def _per_cent(value: float) -> str:
    return f"{value:+.1f} %".replace("-", "\N{MINUS SIGN}")


def _size_table(stimuli: StimulusSet) -> Table:
    """Return bytes, ss2 and MSE of every arm at every rate: means over scenes."""
    rows = pd.DataFrame(
        {"rate": int(level), "arm": arm, "ss2": one["ss2"], "bytes": one["bytes"],
         "off": one["bytes"] / said["wanted"] - 1}
        for scene in stimuli.record["scenes"].values()
        for level, said in scene["rates"].items()
        for arm, one in said["arms"].items()
    )  # fmt: skip
    by_bytes = stimuli.record.get("unit") != "points of ss2"
    cells = []
    for (rate, arm), own in rows.groupby(["rate", "arm"], sort=False):
        worst = max(own["off"], key=abs)
        cells.append(
            [str(rate), str(arm), f"{own['bytes'].mean():,.0f}",
             _per_cent(100 * worst) if by_bytes else "\N{EN DASH}", number(own["ss2"].mean())]
        )  # fmt: skip
    header = ("rate", "arm", "mean bytes", "furthest from the wanted bytes", "mean ss2")
    return Table(header, cells)


def _crops(stimuli: StimulusSet) -> list[SceneRow]:
    """Return every arm of the lowest rate at native resolution, where the arms differ most."""
    rows = []
    for scene in stimuli.scenes[:SCENES]:
        own = [s for s in stimuli.stimuli if s.scene == scene and s.level in (0, 1)]
        images = {one.region: read_image(stimuli.unchanged_path(one)) for one in own}
        window = where_arms_differ([images[name] for name in images if name != INTACT])
        shown = [picture(image[window], name, side=None) for name, image in images.items()]
        rows.append(SceneRow(scene, shown))
    return rows
