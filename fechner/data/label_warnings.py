"""What a distribution of ratings keeps an alignment from showing, in plain words."""

from __future__ import annotations

import pandas as pd

from fechner.data.labels import Distribution

LEAST_RANGE = 0.4
"""Part of the scale that the middle 90 % of images should take."""

MOST_AT_AN_END = 0.15
"""Part of the images that may stand within 5 % of one end of the scale."""

LEAST_RELIABILITY = 0.7
MOST_TIES = 0.05
MOST_SKEW = 1.0
MOST_BETWEEN_GROUPS = 0.5
CLOSEST_DIMENSIONS = 0.9
"""Spearman above which two dimensions order images almost alike."""


def warnings_for(distribution: Distribution) -> list[str]:
    """Return what limits an alignment with these ratings, one sentence each; none may apply."""
    checks = (_bimodal, _restricted, _at_an_end, _unreliable, _tied, _skewed)
    found = (check(distribution) for check in checks)
    return [f"{distribution.dimension}: {sentence}" for sentence in found if sentence]


def warnings_for_relations(relations: pd.DataFrame) -> list[str]:
    """Return a sentence for each pair of dimensions that can hardly be told apart."""
    close = relations[relations["spearman"].abs() > CLOSEST_DIMENSIONS]
    return [
        f"{row.first} and {row.second} order the images almost alike (Spearman "
        f"{row.spearman:.2f}): channels for one are channels for the other, unless the other "
        "is partialled out."
        for row in close.itertuples()
    ]


def warning_for_groups(dimension: str, column: str, share: float) -> str | None:
    """Return a sentence where most of the variance lies between the groups of `column`."""
    if share <= MOST_BETWEEN_GROUPS:
        return None
    return (
        f"{dimension}: {100 * share:.0f} % of the variance lies between the groups of "
        f"{column!r}. A "
        f"network that only tells these groups apart would align well; compare images within a "
        "group before believing more."
    )


def p_text(p: float) -> str:
    """Return ``p 0.012``, or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}"


def _bimodal(distribution: Distribution) -> str | None:
    modes = distribution.modes
    if not modes.several:
        return None
    evidence = (
        f"dip {modes.dip:.3f}, {p_text(modes.dip_p)}"
        if modes.dip_p is not None
        else f"bimodality coefficient {modes.bimodality:.2f}"
    )
    centres = ", ".join(f"{mean:.3g}" for mean in modes.means)
    return (
        f"bimodal or more ({evidence}; Gaussians by BIC: {modes.components}, at {centres}). Most "
        "pairs lie either within a mode or across modes, so alignment mainly shows what separates "
        "those groups of images; look at what they are."
    )


def _restricted(distribution: Distribution) -> str | None:
    if distribution.range_used >= LEAST_RANGE:
        return None
    reliability = distribution.reliability
    consequence = (
        "Without SDs and counts nobody can tell whether these differences exceed rating error"
        if reliability is None
        else f"They exceed rating error (reliability {reliability:.2f})"
        if reliability >= LEAST_RELIABILITY
        else "They are small against rating error, and alignment stays low whatever a network knows"
    )
    return (
        f"range restricted: the middle 90 % of the images take "
        f"{100 * distribution.range_used:.0f} % of "
        f"the scale {distribution.scale}. {consequence}; what is found holds for this part of the "
        "scale."
    )


def _at_an_end(distribution: Distribution) -> str | None:
    ends = {"floor": distribution.at_floor, "ceiling": distribution.at_ceiling}
    end = max(ends, key=lambda name: ends[name])
    if ends[end] <= MOST_AT_AN_END:
        return None
    return (
        f"{100 * ends[end]:.0f} % of the images stand at the {end} of the scale, where "
        "their differences "
        "cannot be seen."
    )


def _unreliable(distribution: Distribution) -> str | None:
    if distribution.reliability is None or distribution.reliability >= LEAST_RELIABILITY:
        return None
    return (
        f"reliability of the mean ratings is {distribution.reliability:.2f}: rating error bounds "
        "every alignment with them; more raters an image would lift it."
    )


def _tied(distribution: Distribution) -> str | None:
    if distribution.tied_pairs <= MOST_TIES:
        return None
    return (
        f"{100 * distribution.tied_pairs:.0f} % of the pairs have equal ratings; rank "
        "agreement cannot "
        "reach 1."
    )


def _skewed(distribution: Distribution) -> str | None:
    if abs(distribution.skew) <= MOST_SKEW:
        return None
    side = "low" if distribution.skew < 0 else "high"
    return (
        f"skewed ({distribution.skew:.2f}): a few images with {side} ratings make the largest "
        "differences and carry much of the alignment."
    )
