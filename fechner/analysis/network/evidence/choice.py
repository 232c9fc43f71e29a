"""Which selection drives the maps, and the reason in plain sentences.

The rule: held-out evidence against the same evidence under shuffled ratings, and prediction
of ratings before alignment of matrices. Where nothing survives, the maps fall back on a
declared default and say so.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fechner.analysis.network.alignment.alignment import CORRELATIONS
from fechner.records.selection import ChannelSelection

FALLBACK = "all"
"""Drives the maps where no selection beats its shuffled control: every channel, weight 1."""
BEATS = 0.95
"""A selection must exceed this share of its shuffled controls: all of them, up to twenty."""


def choose(candidates: Mapping[str, ChannelSelection]) -> tuple[str, str]:
    """Return the name of the selection that drives the maps and the reason, in sentences.

    A selection survives when its held-out evidence is positive, exceeds 95 % of its
    shuffled controls and, for pruning, the held-out alignment of all channels. Survivors that
    predict the ratings of unseen scenes come first, the best prediction among them; they all
    speak of the same images in the same unit. Only where none predicts does alignment decide:
    it is blind to the sign of a channel, and a matrix may align at .05 where the same channels
    predict at .38. Of those the one furthest above its control, in standard deviations of the
    control, drives the maps. When none survives, all channels do, with equal weight: those of
    the first set where there are several.
    """
    margins = {name: _margin(c) for name, c in candidates.items() if not _keeps_all(c)}
    survivors = {name: margin for name, margin in margins.items() if margin is not None}
    if not survivors:
        return next(name for name, c in candidates.items() if _keeps_all(c)), (
            "No selection did better on held-out scenes than the same selection under shuffled "
            "ratings, so nothing was learnt about which channels matter. The maps fall back on "
            "the declared default: all channels with equal weight."
        )
    predicting = {
        name: reached.held_out_spearman
        for name in survivors
        if (reached := candidates[name].readout) is not None
    }
    ranked = predicting or survivors
    best = max(ranked, key=ranked.__getitem__)
    why = _rank_sentence(len(predicting), len(survivors), len(margins))
    return best, f"{_evidence_sentence(best, candidates[best])} {why}"


def _keeps_all(candidate: ChannelSelection) -> bool:
    """Return whether ratings had no say, whatever the control: ``all``, ``all:within``, ..."""
    return candidate.method.partition(":")[0] == FALLBACK and candidate.readout is None


def _margin(candidate: ChannelSelection) -> float | None:
    """Return how far the evidence lies above the control, in its SDs; None if not beyond it."""
    value, control = candidate.evidence, np.array(candidate.shuffled_evidence)
    if value is None or len(control) < 2:
        return None
    before = candidate.alignment_held_out.before
    if candidate.readout is None and before is not None and value <= before:
        return None
    if value <= np.quantile(control, BEATS, method="higher") or (
        candidate.fit in CORRELATIONS and value <= 0
    ):
        return None
    return float((value - control.mean()) / max(control.std(ddof=1), 1e-9))


def _evidence_sentence(name: str, winner: ChannelSelection) -> str:
    control = np.array(winner.shuffled_evidence)
    what = (
        "the read-out predicts the ratings of held-out scenes with Spearman"
        if winner.readout
        else f"after {winner.method} pruning the held-out alignment ({winner.fit}) is"
    )
    return (
        f"'{name}' drives the maps: {what} {winner.evidence:.3f}; under shuffled ratings "
        f"it is {control.mean():.3f} on average and at most {control.max():.3f} "
        f"({len(control)} shuffles)."
    )


def _rank_sentence(predicting: int, survivors: int, tried: int) -> str:
    """Return in one sentence why this survivor comes before the others."""
    beat = f"{survivors} of {tried} selections did better than their shuffled control"
    if survivors == 1:
        return f"{beat}: this one."
    if not predicting:
        return f"{beat}, none of them by predicting ratings; this one did so by most."
    if predicting == survivors:
        return f"{beat}; this one predicts best."
    if predicting == 1:
        return f"{beat}; only this one predicts ratings, the others align matrices."
    return f"{beat}; {predicting} of them predict ratings, and this one predicts best."
