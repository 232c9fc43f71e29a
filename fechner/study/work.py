"""What each step of a study does: one call of the room that does the work.

Every function reads the artefacts of earlier steps from the study's folder and
writes its own there. Their order stands in ``steps.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.errors import InputError, RefusedError
from fechner.records.file_names import check_file_names
from fechner.records.rated_images import RatedImages, read_rated_images, require_scenes
from fechner.records.ratings import read_ratings
from fechner.study.codecs.coded import (
    check_the_codec_claim,
    judged_points,
    require_encoders,
)
from fechner.study.opening import OpenStudy

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
    from fechner.analysis.network.maps.removal import Degradation
    from fechner.protocols.schema import Protocol

LEAST_SCENES = 4


def rated_images(place: OpenStudy) -> RatedImages:
    """Read the study's rated images: at least four scenes, whose names can be those of files."""
    rated = read_rated_images(place.table, scales=place.study.images.scales)
    require_scenes(rated, LEAST_SCENES)
    check_file_names(dict.fromkeys(rated.scenes.tolist()))
    rated.scores(place.study.images.dimension)
    return rated


def protocol(place: OpenStudy) -> Protocol:
    """Read the protocol that participants follow, with its texts in the study's language."""
    from fechner.protocols.schema import load_protocol

    return load_protocol(place.protocol, language=place.study.session.language)


def _network(place: OpenStudy) -> Network:
    from fechner.analysis.network.layers.networks import load_network

    return load_network(place.study.network.name, weights=place.network_weights)


def best_of_each_scene(rated: RatedImages, dimension: str) -> dict[str, Path]:
    """Return, for each scene in order of appearance, its best-rated image (name: path)."""
    scores, scenes = rated.scores(dimension), rated.scenes
    best: dict[str, Path] = {}
    for scene in dict.fromkeys(scenes):
        members = np.flatnonzero(scenes == scene)
        best[str(scene)] = rated.paths[members[np.argmax(scores[members])]]
    return best


def images_of_scenes(place: OpenStudy, rated: RatedImages | None = None) -> dict[str, Path]:
    """Return the image of each scene that is mapped and degraded (scene: path).

    The best-rated one of `rated`, which are the study's; where nobody rated, every photograph is a
    scene of its own.

    Raises
    ------
    InputError
        If there are fewer than four, or their names cannot be those of files.
    """
    if place.photographs is None:
        found = rated_images(place) if rated is None else rated
        return best_of_each_scene(found, place.study.images.dimension)
    from fechner.records.images.files import image_files

    photographs = {path.stem: path for path in image_files(place.photographs)}
    if len(photographs) < LEAST_SCENES:
        raise InputError(
            f"a study needs {LEAST_SCENES} photographs of different names or more, "
            f"{place.photographs} holds {len(photographs)}; add photographs"
        )
    check_file_names(photographs)
    return photographs


def choose_channels(place: OpenStudy) -> None:
    """Activations of every rated image, then the channels that help them agree with people."""
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.evidence.selection import SelectionOptions
    from fechner.study.channels import select_channels

    chosen, seen, rated = place.study.channels, place.study.network, rated_images(place)
    single = place.individual_ratings
    select_channels(
        rated,
        place.study.images.dimension,
        network=_network(place),
        layers=seen.layers,
        pools=seen.pools,
        size=seen.size,
        options=SelectionOptions(
            strategies=chosen.strategies,
            select=chosen.select,
            objective=Objective(chosen.similarity, chosen.kernel, chosen.fit),
            partial_out=chosen.partial_out,
            held_out=chosen.held_out,
            shuffles=chosen.shuffles,
        ),
        ratings=None if single is None else read_ratings(single, scales=rated.scales),
        seed=place.study.seed,
        cache=place.cache,
        folder=place.channels,
        pool=place.pool,
        bars=place.bars,
    )


def draw_maps(place: OpenStudy) -> None:
    """Draw an importance map of one image of every scene, all on one shared scale.

    The same images get the rivals of these maps; coded files are not held against any.
    """
    from fechner.analysis.network.maps.importance import OF_PAIRS
    from fechner.analysis.network.maps.making import importance_maps
    from fechner.records.selection import read_selection
    from fechner.study.map_rivals.made import draw_rivals
    from fechner.study.maps import study_method

    selection = None if place.photographs else read_selection(place.selection).choice
    asked = place.study.maps.method
    if place.study.compares_codecs and asked == "auto":
        asked = "distance"
    method = study_method(selection, asked)
    by_distance = method in OF_PAIRS
    network = _distance_network(place) if by_distance else _network(place)
    images, selection = images_of_scenes(place), None if by_distance else selection
    degradation = _degradation(place, method)
    with place.bars("Importance maps") as progress:
        importance_maps(
            network,
            images,
            selection,
            folder=place.maps,
            method=method,
            degradation=degradation,
            pool=place.pool,
            progress=progress,
        )
    if not place.study.compares_codecs:
        draw_rivals(place, network, images, selection, method=method, degradation=degradation)


def _distance_network(place: OpenStudy, *, device: str = "auto") -> Network:
    from fechner.study.maps import distance_network

    return distance_network(place.study.network.name, weights=place.network_weights, device=device)


def _degradation(place: OpenStudy, method: str) -> Degradation:
    """Return how images are degraded for their maps: as the study's own stimuli are."""
    from fechner.analysis.network.maps.importance import OF_PAIRS
    from fechner.analysis.network.maps.removal import BLURRED
    from fechner.study.maps import degradation_of, degradation_of_regions

    stimuli, strength = place.study.stimuli, place.study.maps.strength
    if method == "contribution":
        return BLURRED
    if place.study.compares_codecs:
        return degradation_of("blur", strength)
    if method in OF_PAIRS and strength is None and stimuli.measure == "mse":
        loss = stimuli.levels[(len(stimuli.levels) - 1) // 2]
        return degradation_of_regions(stimuli.families[0], loss, stimuli.share)
    return degradation_of(stimuli.families[0], strength)


def check_stimuli(place: OpenStudy) -> None:
    """Check that the stimuli which the study declares can be made, before anything is computed.

    Raises
    ------
    InputError
        If the design names what there is not, or wants more scenes than there are, the protocol
        shows other catch items than are made, or a rival that the user brings does not fit its
        image.
    """
    from fechner.stimuli.build import check_pool
    from fechner.stimuli.design import check_severe
    from fechner.study.design import check_catch_items, design_of
    from fechner.study.map_rivals.given import check_given

    if place.study.compares_codecs:
        require_encoders(place)
        check_severe(place.study.stimuli.severe_rule, 0.0)
    else:
        design_of(place.study)
    check_catch_items(place.study, protocol(place))
    images = images_of_scenes(place)
    check_pool(place.study.stimuli.scenes, len(images))
    check_given(place, images)


def make_stimuli(place: OpenStudy) -> None:
    """Degrade matched regions of as many scenes as are wanted, as the study's design says.

    A set of another design is replaced, unless people have rated it already. Where codecs are
    compared, the scenes are coded instead.

    Raises
    ------
    RefusedError
        If too few scenes can be made, or people have judged a set of another design.
    """
    from fechner.stimuli.kept import AnotherSetError

    try:
        _make_stimuli(place)
    except AnotherSetError as error:
        raise RefusedError(
            f"people have judged the set in {place.stimuli}, and this would be another "
            f"({'; '.join(error.differences)}); restore what changed, or begin a study in a folder "
            "of its own"
        ) from error


def _make_stimuli(place: OpenStudy) -> None:
    from fechner.study.design import build_declared

    study = place.study
    # What people say of coded files is their quality; nobody rated these scenes before.
    unrated = study.compares_codecs or place.photographs is not None
    rated = None if unrated else rated_images(place)
    scenes = images_of_scenes(place, rated)
    with place.bars("Coded pictures" if study.compares_codecs else "Stimuli") as progress:
        made = build_declared(
            study,
            {name: (path, place.maps / f"{name}.png") for name, path in scenes.items()},
            place.stimuli,
            wanted=study.stimuli.scenes,
            again=place.simulated or not place.journals,
            truths=None if rated is None else rated.truths(scenes),
            simulated=rated is not None and rated.simulated,
            network=_distance_network(place, device="cpu"),
            pool=place.pool,
            progress=progress,
        )
    for scene, why in made.record["refused"].items():
        place.say(f"left out {scene}: {why}")
    if len(made.scenes) < study.stimuli.scenes:
        place.say(
            f"{len(made.scenes)} of {study.stimuli.scenes} scenes: the photographs are used up; "
            "add some, and run again"
        )


def simulate_sessions(place: OpenStudy) -> None:
    """Let SIMULATED participants rate the stimuli, the first of them in the real window."""
    from fechner.experiment.simulated.observers import simulated_panel
    from fechner.experiment.starting.run_participant import run_participant

    simulate = place.study.simulate
    if simulate is None:
        raise InputError("the study file has no [simulate] table; add one, or run participants")
    for old in place.sessions.glob("SIMULATED_*.jsonl"):
        old.unlink()
    panel = simulated_panel(
        simulate.participants,
        world=simulate.world,
        seed=place.study.seed,
        judged=judged_points(place, simulate.world),
    )
    with place.bars("SIMULATED participants") as progress:
        for number, (code, observer) in enumerate(panel.items()):
            seen = number < simulate.in_window
            run_participant(
                place.stimuli,
                place.protocol,
                code,
                sessions_folder=place.sessions,
                window="psychopy" if seen else "none",
                observer=observer,
                language=place.study.session.language,
                verify_pixels="all" if seen else "none",
                screenshots=place.sessions / "screens" if seen else None,
                maps=place.maps,
            )
            progress(number + 1, len(panel))


def collect_ratings(place: OpenStudy) -> None:
    """Every journal of the study becomes one long table of ratings, its scales beside it."""
    from fechner.experiment.exports.attention import attention_table
    from fechner.experiment.exports.ratings import write_ratings_table
    from fechner.experiment.same_study import check_same_study
    from fechner.records.journal import read_journal_files
    from fechner.records.screening.attention import write_attention
    from fechner.records.stimuli import read_stimulus_set

    journals = read_journal_files(place.journals).intact()
    stimuli = read_stimulus_set(place.stimuli)
    for note in check_same_study(journals, protocol(place), stimuli):
        place.say(note)
    write_ratings_table(journals, place.ratings)
    write_attention(attention_table(journals), place.attention)


def check_the_claim(place: OpenStudy) -> None:
    """Did degrading unimportant regions harm ratings less, and did predicted harm come true.

    Where codecs are compared, the claim is that of coded files.
    """
    if place.study.compares_codecs:
        check_the_codec_claim(place, protocol(place).dimension)
        return
    from fechner.analysis.ratings.claims.tested_claim import claim
    from fechner.analysis.ratings.prediction.rivals import pixel_predictions
    from fechner.analysis.ratings.prediction.tracking import predicted_against_observed
    from fechner.records.screening.attention import read_attention
    from fechner.records.stimuli import read_stimulus_set
    from fechner.study.map_rivals.given import rivals_of

    ratings, stimuli = read_ratings(place.ratings), read_stimulus_set(place.stimuli)
    dimension = protocol(place).dimension
    rule = place.study.claim
    tested = claim(
        ratings,
        stimuli,
        rule=rule,
        screening=place.study.screening,
        attention=read_attention(place.attention),
        dimension=dimension,
    )
    tested.write(place.claim)
    pixels = pixel_predictions(stimuli, place.maps, rivals_of(place), low=rule.low, high=rule.high)
    prediction = predicted_against_observed(
        ratings,
        stimuli,
        low=rule.low,
        high=rule.high,
        level=rule.level,
        dimension=dimension,
        excluded=tested.excluded,
        cross=pixels.cross,
        rivals=pixels.rivals,
        seed=place.study.seed,
    )
    prediction.write(place.prediction)


def write_page(place: OpenStudy) -> None:
    """One HTML page from the artefacts of every step."""
    from fechner.report.page import write_report

    write_report(place.folder)
