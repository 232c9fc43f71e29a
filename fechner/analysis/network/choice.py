"""Which selection drives the maps, and the reason in plain sentences.

The rule: held-out evidence against the same evidence under shuffled ratings. Where
nothing survives that, the maps fall back on a declared default and say so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fechner.analysis.network.selection_records import ChannelSelection

FALLBACK = "all"
"""Drives the maps where no selection beats its shuffled control: every channel, weight 1."""
BEATS = 0.95
"""A selection must exceed this share of its shuffled controls: all of them, up to twenty."""


def choose(candidates: Sequence[ChannelSelection]) -> tuple[str, str]:
    """Return the method that drives the maps and the reason, in plain sentences.

    A selection survives when its held-out evidence is positive, exceeds 95 % of its
    shuffled controls and, for pruning, the held-out alignment of all channels. Of the
    survivors the one furthest above its control, in standard deviations of the control,
    drives the maps; when none survives, all channels do, with equal weight.
    """
    margins = {c.method: _margin(c) for c in candidates if c.method != FALLBACK}
    survivors = {method: margin for method, margin in margins.items() if margin is not None}
    if not survivors:
        return FALLBACK, (
            "No selection did better on held-out scenes than the same selection under shuffled "
            "ratings, so nothing was learnt about which channels matter. The maps fall back on "
            "the declared default: all channels with equal weight."
        )
    best = max(survivors, key=survivors.__getitem__)
    winner = next(c for c in candidates if c.method == best)
    return best, _reason(winner, len(survivors), len(margins))


def _margin(candidate: ChannelSelection) -> float | None:
    """Return how far the evidence lies above the control, in its SDs; None if not beyond it."""
    value, control = candidate.evidence, np.array(candidate.shuffled_evidence)
    if value is None or len(control) < 2:
        return None
    before = candidate.alignment_held_out.before
    if candidate.readout is None and before is not None and value <= before:
        return None
    if value <= np.quantile(control, BEATS, method="higher") or (
        candidate.fit in _CORRELATIONS and value <= 0
    ):
        return None
    return float((value - control.mean()) / max(control.std(ddof=1), 1e-9))


_CORRELATIONS = ("spearman", "tau_a", "pearson")


def _reason(winner: ChannelSelection, survivors: int, tried: int) -> str:
    control = np.array(winner.shuffled_evidence)
    what = (
        "the read-out predicts the ratings of held-out scenes with Spearman"
        if winner.readout
        else f"after {winner.method} pruning the held-out alignment ({winner.fit}) is"
    )
    return (
        f"'{winner.method}' drives the maps: {what} {winner.evidence:.3f}; under shuffled ratings "
        f"it is {control.mean():.3f} on average and at most {control.max():.3f} "
        f"({len(control)} shuffles). {survivors} of {tried} selections did better than their "
        "shuffled control; this one did so by most."
    )
