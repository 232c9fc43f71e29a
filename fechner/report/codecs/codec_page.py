"""The page of a codec study: verdict, pairs, scale, bytes at equal opinion, and what was shown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fechner.provenance import write_text
from fechner.records.claims.codec_claim import CodecClaim
from fechner.records.images.files import read_image
from fechner.records.maps import SET_RECORD as MAPS_RECORD
from fechner.records.stimuli import INTACT, StimulusSet
from fechner.records.stimuli import RECORD as STIMULI_RECORD
from fechner.report import story
from fechner.report.artefacts import Artefacts
from fechner.report.charts.chart import Chart
from fechner.report.codecs.codec_charts import codec_charts
from fechner.report.codecs.codec_manuscript import codec_manuscript
from fechner.report.codecs.codec_tables import exact_codec_tables
from fechner.report.codecs.codec_worlds import simulated_world
from fechner.report.codecs.judged_pairs import judged_pairs
from fechner.report.frame.frame import rendered
from fechner.report.frame.records_named import RecordNamed, records_named
from fechner.report.manuscript.exact_table import ExactTable
from fechner.report.manuscript.exact_tables import write_tables
from fechner.report.manuscript.written import Manuscript, write_manuscript
from fechner.report.pictures import SceneRow, picture
from fechner.report.style import drawing
from fechner.report.tables import Table, contrast_table, number, plan_table, session_facts
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


def write_codec_report(study: Artefacts) -> Path:
    """Write the page of a codec study, its manuscript and its tables; return the page's path.

    Raises
    ------
    InputError
        If an artefact is damaged.
    """
    claim = study.codec_claim
    judged = judged_pairs(study, claim)
    exact, paper = exact_codec_tables(study, claim, judged), codec_manuscript(study, claim)
    with drawing():
        charts = codec_charts(claim, judged)
    page = _page(study, claim, charts=charts, exact=exact, paper=paper)
    write_tables(study, exact)
    write_manuscript(study, story.page_title(study), paper)
    write_text(study.layout.report, page)
    return study.layout.report


def _page(
    study: Artefacts,
    claim: CodecClaim | None,
    *,
    charts: dict[str, Chart],
    exact: dict[str, ExactTable],
    paper: Manuscript,
) -> str:
    stimuli = study.stimuli
    return rendered(
        TEMPLATE,
        charts=charts,
        exact=exact,
        tables_folder="tables/",
        kind="report",
        title=story.page_title(study),
        simulated_note=_simulated_note(study),
        claim=claim,
        tone="soft" if claim is None else story.VERDICT_COLOURS[claim.verdict],
        to_do=study.to_do(),
        facts=story.facts(study),
        contrasts=claim and contrast_table(claim.contrasts, claim.rule.level),
        saved=claim and _saved_table(claim),
        sizes=stimuli and _size_table(stimuli),
        encoders=stimuli and stimuli.record.get("encoders", {}),
        refused=stimuli.record.get("refused", {}) if stimuli else {},
        crops=[] if stimuli is None else _crops(stimuli, stamped=study.simulated_images),
        plan=study.plan_check and plan_table(study.plan_check),
        plan_sentence=study.plan_check and story.plan_sentence(study.plan_check),
        session_facts=session_facts(study.sessions),
        manuscript=paper,
        limits=_limits(study, claim),
        provenance=_records(study, claim),
    )


def _limits(study: Artefacts, claim: CodecClaim | None) -> list[str]:
    """Return what this study cannot show."""
    said = []
    if study.simulated_participants:
        said.append("Simulated data show that the steps work together; they are no evidence.")
    if study.stimuli is not None:
        said.append(
            f"{len(study.stimuli.scenes)} pictures at the sizes of the table, by these encoders "
            "and settings; other pictures, sizes and settings may turn out otherwise."
        )
        refused = study.stimuli.record.get("refused", {})
        if refused:
            said.append(f"{len(refused)} scenes could not be coded and were left out beforehand.")
    return [*said, *(claim.warnings if claim else [])]


def _records(study: Artefacts, claim: CodecClaim | None) -> list[RecordNamed]:
    layout, stimuli = study.layout, study.stimuli
    return records_named(
        [
            (layout.maps / MAPS_RECORD, study.maps_record.get("provenance")),
            (layout.stimuli / STIMULI_RECORD, stimuli and stimuli.record.get("provenance")),
            (layout.claim, claim and claim.provenance),
        ]
    )


def _saved_table(claim: CodecClaim) -> Table:
    rows = [
        [
            f"{one.better} against {one.than}",
            "\N{EN DASH}" if one.per_cent is None else _per_cent(one.per_cent),
            "cannot be given"
            if one.low is None or one.high is None
            else f"{_per_cent(one.low)} to {_per_cent(one.high)}",
            f"{100 * one.given:.0f} %",
        ]
        for one in claim.bytes_at_equal_opinion
    ]
    level = f"{100 * claim.rule.level:.0f} % interval"
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


def _crops(stimuli: StimulusSet, *, stamped: bool) -> list[SceneRow]:
    """Return every arm of the lowest rate at native resolution, where the arms differ most."""
    rows = []
    for scene in stimuli.scenes[:SCENES]:
        own = [s for s in stimuli.stimuli if s.scene == scene and s.level in (0, 1)]
        images = {one.region: read_image(stimuli.unchanged_path(one)) for one in own}
        window = where_arms_differ([images[name] for name in images if name != INTACT])
        shown = [
            picture(image[window], name, side=None, stamped=stamped)
            for name, image in images.items()
        ]
        rows.append(SceneRow(scene, shown))
    return rows
