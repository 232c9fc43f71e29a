"""Which charts the page of a codec study has: each where the artefacts hold what it draws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fechner.records.claims.codec_claim import CodecClaim
from fechner.report.charts.chart import Chart, chart
from fechner.report.charts.study_charts import Told
from fechner.report.choices.scale_figure import scale_chart
from fechner.report.codecs.codec_figures import arm_looks, chosen_matrix, opinion_curves
from fechner.report.codecs.judged_pairs import JudgedPairs, chosen_shares
from fechner.report.style import PALETTE


def codec_charts(claim: CodecClaim | None, judged: JudgedPairs | None) -> dict[str, Chart]:
    """Return the charts that a codec study's artefacts allow, by name; call inside `drawing`."""
    if claim is None:
        return {}
    return {
        name: chart(draw, name=name, label=label, simulated=claim.simulated, tables=tables)
        for name, draw, label, tables in _drawn(claim, judged)
    }


def _drawn(claim: CodecClaim, judged: JudgedPairs | None) -> Iterator[Told]:
    if claim.curve:
        draw = partial(opinion_curves, claim)
        yield "opinion_curves", draw, "Opinion against bytes", ("opinion_curves",)
    if judged is None:
        return
    about = "Share of comparisons in which each arm was chosen"
    draw = partial(chosen_matrix, chosen_shares(judged), judged.arms)
    yield "chosen", draw, about, ("chosen_shares",)
    found = judged.scale
    short = found.table.assign(item=found.table["item"].str.replace(" codec ", " "))
    looks = arm_looks(judged.arms)

    def colour_of(item: str) -> str:
        return looks.get(item.rpartition(" ")[0], (PALETTE["intact"], ""))[0]

    yield (
        "scale",
        lambda width: scale_chart(short, anchor=found.anchor, width=width, colour_of=colour_of),
        "Scale of the conditions in JND", ("condition_scale",),
    )  # fmt: skip
