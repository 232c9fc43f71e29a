"""The steps of a study that compares coded files, where they differ from those on regions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.records.stimuli import read_stimulus_set
from fechner.study.opening import OpenStudy

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network


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


def make_coded_stimuli(place: OpenStudy, images: Mapping[str, Path], network: Network) -> None:
    """Code as many scenes as the study wants, with the maps of the step before.

    Parameters
    ----------
    place
        The study.
    images
        Scene -> photograph.
    network
        What measures how far each picture lies from its intact one.

    Raises
    ------
    AnotherSetError
        If people have judged a set of another design in the study's folder.
    MissingPartError
        If the codec of an arm is not installed.
    RefusedError
        If too many scenes cannot be coded to equal bytes.
    """
    from fechner.stimuli.coded.build import build_coded_stimuli

    options = place.study.stimuli
    with place.bars("Coded pictures") as progress:
        build_coded_stimuli(
            {name: (path, place.maps / f"{name}.png") for name, path in images.items()},
            place.stimuli,
            design=options.codecs,
            wanted=options.scenes,
            again=place.simulated or not place.journals,
            network=network,
            pool=place.pool,
            progress=progress,
        )


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
