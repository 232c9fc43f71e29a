"""What each step of a study does: one call of the room that does the work.

Every function reads the artefacts of earlier steps from the study's folder and
writes its own there. Their order stands in ``steps.py``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.errors import InputError
from fechner.provenance import sha256_file, write_text
from fechner.records.rated_images import RatedImages, read_rated_images, require_scenes
from fechner.records.ratings import read_ratings
from fechner.records.scales import is_simulated
from fechner.study.opening import Place

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
    from fechner.analysis.network.maps.removal import Degradation

LEAST_SCENES = 4


def rated_images(place: Place) -> RatedImages:
    """Read the study's rated images, which must hold at least four scenes."""
    images = place.study.images
    rated = read_rated_images(place.table, scales=images.scales)
    require_scenes(rated, LEAST_SCENES)
    rated.scores(images.dimension)
    return rated


def _network(place: Place) -> Network:
    from fechner.analysis.network.layers.networks import load_network

    options = place.study.network
    weights = None if options.weights is None else place.folder / options.weights
    return load_network(options.name, weights=weights)


def best_of_each_scene(rated: RatedImages, dimension: str) -> dict[str, Path]:
    """Return, for each scene in order of appearance, its best-rated image (name: path)."""
    scores, scenes = rated.scores(dimension), rated.scenes
    best: dict[str, Path] = {}
    for scene in dict.fromkeys(scenes):
        members = np.flatnonzero(scenes == scene)
        best[str(scene)] = rated.paths[members[np.argmax(scores[members])]]
    return best


def choose_channels(place: Place) -> None:
    """Activations of every rated image, then the channels that help them agree with people."""
    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.choosing.sets import parse_channel_sets, read_channels
    from fechner.analysis.network.evidence.selection import select_channels

    options, seen, network = place.study.channels, place.study.network, _network(place)
    rated = rated_images(place)
    sets = parse_channel_sets(seen.layers or [network.default_layer], seen.pools)
    with place.bars("Activations") as progress:
        values = read_channels(
            network,
            sets,
            rated.paths,
            size=seen.size,
            cache=place.folder / "cache",
            progress=progress,
        )
    with place.bars("Channels") as progress:
        study = select_channels(
            values,
            rated,
            place.study.images.dimension,
            partial_out=options.partial_out,
            held_out=options.held_out,
            strategies=options.strategies,
            shuffles=options.shuffles,
            select=options.select,
            objective=Objective(options.similarity, options.kernel, options.fit),
            individual=_individual_ratings(place, rated),
            seed=place.study.seed,
            simulated=is_simulated(place.table),
            progress=progress,
        )
    study.write(place.selection)


def _individual_ratings(place: Place, rated: RatedImages) -> np.ndarray | None:
    """Return individual ratings (n_participants, n_images), or None where there are none."""
    from fechner.analysis.network.evidence.ceiling import rating_matrix

    images = place.study.images
    if images.ratings is None:
        return None
    ratings = read_ratings(place.folder / images.ratings, scales=rated.scales)
    return rating_matrix(ratings, rated.table["image"].tolist(), images.dimension)


def draw_maps(place: Place) -> None:
    """Draw an importance map of the best-rated image of every scene, all on one shared scale."""
    from fechner.analysis.network.maps.importance import importance_maps, map_method
    from fechner.records.selection import read_selection

    selection = read_selection(place.selection).choice
    method = map_method(selection, asked=place.study.maps.method)
    with place.bars("Importance maps") as progress:
        importance_maps(
            _network(place),
            best_of_each_scene(rated_images(place), place.study.images.dimension),
            selection,
            folder=place.maps,
            method=method,
            degradation=_degradation(place, method),
            progress=progress,
        )


def _degradation(place: Place, method: str) -> Degradation:
    """Return how the stimuli lose detail, for maps of what the prediction loses with it."""
    from fechner.analysis.network.maps.removal import BLURRED, Degradation
    from fechner.compression.degrading.degrade import FAMILIES, degrade

    family, strength = place.study.stimuli.family, place.study.maps.strength
    if method == "contribution" or (strength is None and family == "blur"):
        return BLURRED
    if strength is None:
        raise InputError(
            f"maps by removal need a strength of the family '{family}'; "
            'set strength in the study file\'s [maps], or its method to "contribution"'
        )
    words = f"{family}, {strength:g} {FAMILIES[family].unit}"
    return Degradation(words, partial(degrade, family=family, strength=strength))


def build_stimuli(place: Place) -> None:
    """Degrade matched regions of the first scenes: intact, low, high, and another image's mask."""
    from fechner.compression.regions.matched import RegionOptions
    from fechner.stimuli.build import build_stimuli as build

    options = place.study.stimuli
    images = best_of_each_scene(rated_images(place), place.study.images.dimension)
    chosen = list(images.items())[: options.scenes]
    with place.bars("Stimuli") as progress:
        build(
            {name: (path, place.maps / f"{name}.png") for name, path in chosen},
            place.stimuli,
            family=options.family,
            target_mse=options.target_mse,
            regions=RegionOptions(share=options.share, match=options.match),
            max_strength_ratio=options.max_strength_ratio,
            seed=place.study.seed,
            simulated=is_simulated(place.table),
            pool=place.pool,
            progress=progress,
        )


def simulate_sessions(place: Place) -> None:
    """Let SIMULATED participants rate the stimuli, the first of them in the real window."""
    from fechner.experiment.simulated.observers import simulated_panel
    from fechner.experiment.starting.run import run_participant

    simulate = place.study.simulate
    if simulate is None:
        raise InputError("the study file has no [simulate] table; add one, or run participants")
    for old in place.sessions.glob("SIMULATED_*.jsonl"):
        old.unlink()
    panel = simulated_panel(simulate.participants, world=simulate.world, seed=place.study.seed)
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
            )
            progress(number + 1, len(panel))


def collect_ratings(place: Place) -> None:
    """Every journal of the study becomes one long table of ratings."""
    from fechner.experiment.exports.exports import ratings_table
    from fechner.experiment.journal.journal import read_journal

    table = ratings_table([read_journal(path) for path in place.journals])
    write_text(place.ratings, table.to_csv(index=False, lineterminator="\n"))


def check_the_claim(place: Place) -> None:
    """Did degrading unimportant regions harm ratings less, and did predicted harm come true."""
    import pandas as pd

    from fechner.analysis.ratings.claim import test_claim
    from fechner.analysis.ratings.dealt_maps import dealt_maps
    from fechner.analysis.ratings.prediction import predicted_against_observed
    from fechner.protocols.schema import load_protocol

    protocol = load_protocol(place.protocol, language=place.study.session.language)
    about: dict[str, Any] = {
        "dimension": protocol.dimension,
        "good": protocol.scale.good,
        "simulated": place.study.simulate is not None,
        "inputs": {path.name: sha256_file(path) for path in (place.ratings, place.stimulus_table)},
    }
    ratings = pd.read_csv(place.ratings, dtype={"participant": str})
    stimuli = pd.read_csv(place.stimulus_table)
    claim = test_claim(ratings, stimuli, **about)
    claim.write(place.statistics / "claim.json")
    prediction = predicted_against_observed(
        ratings,
        stimuli,
        excluded=claim.excluded,
        cross=dealt_maps(stimuli, place.stimuli, place.maps),
        seed=place.study.seed,
        **about,
    )
    prediction.write(place.statistics / "prediction.json")


def write_page(place: Place) -> None:
    """One HTML page from the artefacts of every step."""
    from fechner.report.page import write_report

    write_report(place.folder)
