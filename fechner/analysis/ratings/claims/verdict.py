"""The verdict on tested contrasts and the sentences that give its reason.

The rule stands in `tested_claim`; here it is applied to records. Nothing is computed from ratings.
"""

from __future__ import annotations

from collections.abc import Sequence

from fechner.records.claims.claim import Verdict
from fechner.records.contrasts.contrast import Contrast
from fechner.records.rules.claim_rule import ClaimRule


def judge(
    deciding: Sequence[Contrast], rule: ClaimRule, controls: Sequence[str]
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict by the rule in `tested_claim`, and the sentences that give its reason.

    Parameters
    ----------
    deciding
        The contrasts by the models that decide: ``low - high`` and each ``control - high``.
    rule
        What was claimed.
    controls
        The declared control arms that were rated.

    Returns
    -------
    tuple
        The verdict, and the sentences: what was found, and what follows.
    """
    found = {row.name: row for row in deciding}
    effect = found[f"{rule.low} - {rule.high}"]
    first = _effect_sentence(effect, rule.level)
    missing = [name for name in rule.controls if name not in controls]
    if effect.high < 0:
        return "not supported", (
            first, "The claim is not supported: the effect goes in the opposite direction."
        )  # fmt: skip
    if effect.low <= 0:
        return "not supported", (
            first, "The claim is not supported: an effect of zero is compatible with these ratings."
        )  # fmt: skip
    if missing or not controls:
        return "not supported", (
            first,
            "The claim is not supported as a whole: without a control mask "
            + (f"({', '.join(missing)}) " if missing else "")
            + "the effect cannot be credited to the map.",
        )
    against = {name: found[f"{name} - {rule.high}"] for name in controls}
    failed = [name for name, row in against.items() if row.low <= 0]
    shown = " and ".join(
        f"{points(row.estimate)} points ({_interval(row, rule.level)}) better under {_mask(name)}"
        for name, row in against.items()
        if not failed or name in failed
    )
    if failed:
        return "not specific to the map", (
            first,
            f"The effect is not specific to the map: images were rated {shown} than under their "
            "own, so that any mask of such shapes may do the same.",
        )
    return "supported", (
        first,
        f"The claim is supported: images were rated {shown} than under their own mask, so that "
        "the effect belongs to the map.",
    )


def _mask(control: str) -> str:
    return "another image's mask" if control == "donor" else f"the control mask {control!r}"


def _effect_sentence(row: Contrast, level: float) -> str:
    less = "better" if row.estimate >= 0 else "worse"
    return (
        f"Images degraded where the model sees little importance were rated "
        f"{points(abs(row.estimate))} points {less} than images degraded as much where it sees "
        f"much ({_interval(row, level)}; {row.n_participants} participants, "
        f"{row.n_images} images)."
    )


def _interval(row: Contrast, level: float) -> str:
    return f"{level:.0%} interval {points(row.low)} to {points(row.high)}".replace(
        "%", "\N{NO-BREAK SPACE}%"
    )


def points(value: float) -> str:
    """Return points of the scale for reading."""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def sign(row: Contrast) -> int:
    """Return 1 or -1 where the interval lies above or below 0, else 0."""
    return int(row.low > 0) - int(row.high < 0)
