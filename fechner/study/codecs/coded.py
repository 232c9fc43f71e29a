"""The steps of a study that compares coded files, where they differ from those on regions."""

from __future__ import annotations

from fechner.records.stimuli import read_stimulus_set
from fechner.study.opening import OpenStudy


def require_encoders(place: OpenStudy) -> None:
    """Check that every codec of the study is installed, before anything is computed.

    Raises
    ------
    MissingPartError
        If one is not; the message says which part is missing.
    """
    from fechner.stimuli.coded.arms import require

    for arm in place.study.stimuli.codecs.arms:
        require(arm)


def judged_points(place: OpenStudy, world: str) -> dict[str, float]:
    """Return the points that SIMULATED participants give coded pictures on average.

    See `simulated_opinions`. In another world, and where regions are compared, there are none:
    each participant's own harm decides.
    """
    from fechner.study.codecs.simulated_opinions import WORLDS, simulated_opinions

    if not place.study.compares_codecs or world not in WORLDS:
        return {}
    return simulated_opinions(read_stimulus_set(place.stimuli), world, place.maps)


def check_the_codec_claim(place: OpenStudy, dimension: str) -> None:
    """Was the arm that is claimed to be better rated higher, or preferred, at equal bytes."""
    from fechner.analysis.judging.codec_claim import codec_claim
    from fechner.records.ratings import read_ratings
    from fechner.records.screening.attention import read_attention

    codec_claim(
        read_ratings(place.ratings),
        read_stimulus_set(place.stimuli),
        rule=place.study.claim,
        screening=place.study.screening,
        attention=read_attention(place.attention),
        dimension=dimension,
        seed=place.study.seed,
    ).write(place.claim)
