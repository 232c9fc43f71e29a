"""Which selection drives the maps, and the reason in plain sentences.

The rule: held-out evidence against the same evidence under shuffled ratings. Where
nothing survives that, the maps fall back on a declared default and say so.
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
    shuffled controls and, for pruning, the held-out alignment of all channels. Of the
    survivors the one furthest above its control, in standard deviations of the control,
    drives the maps; when none survives, all channels do, with equal weight: those of the
    first set where there are several.
    """
    margins = {name: _margin(c) for name, c in candidates.items() if not _keeps_all(c)}
    survivors = {name: margin for name, margin in margins.items() if margin is not None}
    if not survivors:
        return next(name for name, c in candidates.items() if _keeps_all(c)), (
            "No selection did better on held-out scenes than the same selection under shuffled "
            "ratings, so nothing was learnt about which channels matter. The maps fall back on "
            "the declared default: all channels with equal weight."
        )
    best = max(survivors, key=survivors.__getitem__)
    return best, _reason(best, candidates[best], len(survivors), len(margins))


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


def _reason(name: str, winner: ChannelSelection, survivors: int, tried: int) -> str:
    control = np.array(winner.shuffled_evidence)
    what = (
        "the read-out predicts the ratings of held-out scenes with Spearman"
        if winner.readout
        else f"after {winner.method} pruning the held-out alignment ({winner.fit}) is"
    )
    return (
        f"'{name}' drives the maps: {what} {winner.evidence:.3f}; under shuffled ratings "
        f"it is {control.mean():.3f} on average and at most {control.max():.3f} "
        f"({len(control)} shuffles). {survivors} of {tried} selections did better than their "
        "shuffled control; this one did so by most."
    )
