"""The choices that a codec study's charts and tables show, without those who were left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fechner.analysis.ratings.choices.comparisons import Comparisons, comparisons, with_conditions
from fechner.analysis.ratings.choices.scale_values import ScaleValues, condition_scale
from fechner.records.claims.codec_claim import CodecClaim
from fechner.records.stimuli import INTACT
from fechner.report.artefacts import Artefacts


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """What was chosen over what.

    Attributes
    ----------
    arms
        Names of the arms, the one that is held better first.
    compared
        One comparison a row, as `comparisons.with_conditions` has it.
    scale
        The conditions on one scale.
    """

    arms: tuple[str, ...]
    compared: pd.DataFrame
    scale: ScaleValues


def judged_pairs(study: Artefacts, claim: CodecClaim | None) -> JudgedPairs | None:
    """Return the choices of a study; None where nobody chose between pairs."""
    ratings, stimuli = study.ratings, study.stimuli
    if claim is None or not claim.paired or ratings is None or stimuli is None:
        return None
    chosen = comparisons(ratings, claim.dimension)
    kept = chosen.table[~chosen.table["participant"].isin(claim.excluded)]
    chosen = Comparisons(kept, chosen.dimension, chosen.simulated)
    table, _ = with_conditions(chosen, stimuli)
    scale = condition_scale(chosen, stimuli, level=claim.rule.level)
    claimed = (claim.rule.codec.better, *claim.rule.codec.than)
    others = (one.region for one in stimuli.stimuli if one.region != INTACT)
    return JudgedPairs(tuple(dict.fromkeys((*claimed, *others))), table, scale)


def chosen_shares(judged: JudgedPairs) -> pd.DataFrame:
    """Return how often each arm was chosen over each other at equal rate.

    One row a rate and pair of arms, both ways round: ``rate, arm, over, comparisons`` and
    ``share`` in [0, 1], ties half.
    """
    rows = judged.compared
    same = rows[rows["level_first"] == rows["level_second"]]
    ahead = same[["level_first", "region_first", "region_second", "share"]].set_axis(
        ["rate", "arm", "over", "share"], axis=1
    )
    back = ahead.rename(columns={"arm": "over", "over": "arm"}).assign(share=1 - ahead["share"])
    both = pd.concat([ahead, back])
    both = both[(both["rate"] > 0) & (both["arm"] != both["over"])]
    found = both.groupby(["rate", "arm", "over"])["share"].agg(comparisons="count", share="mean")
    return found.reset_index().astype({"rate": np.int64})
