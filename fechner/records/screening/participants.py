"""What screening saw of one participant, as a record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ScreenedParticipant(BaseModel):
    """What screening saw of one participant.

    Attributes
    ----------
    participant, n
        The code and the number of ratings.
    mean, sd, bias
        In points of the scale.
    agreement
        Correlation with the mean of all others, each participant's mean of every condition
        taken out; null where there are too few ratings to tell.
    agreement_z, inconsistency_z
        Standard errors by which agreement and inconsistency lie above the median participant's.
    inconsistency
        SD of what the others' mean does not explain, in points.
    catch_shown, catch_passed
        Attention checks.
    anticipated
        Answers faster than the protocol's limit of anticipation.
    corrected
        Answers that were corrected later; the last ones count.
    repeat_difference
        Root mean square difference of two ratings of one stimulus, in points; null without.
    rt_median_ms
        Median response time; null where unknown.
    kept, reason
        Whether the claim rests on this participant, and why not.
    bt500, bt500_bias_removed
        Whether ITU-R BT.500 would reject: for comparison only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant: str
    n: int
    mean: float
    sd: float | None
    bias: float
    agreement: float | None
    agreement_z: float | None = None
    inconsistency: float | None = None
    inconsistency_z: float | None = None
    catch_shown: int = 0
    catch_passed: int = 0
    anticipated: int = 0
    corrected: int = 0
    repeat_difference: float | None = None
    rt_median_ms: float | None = None
    kept: bool
    reason: str = ""
    bt500: bool
    bt500_bias_removed: bool
