"""The order of the steps of a study, and nothing else.

rated images -> channels -> maps -> stimuli -> [people] -> ratings -> claim -> report.
A step that was done with the same inputs and parameters is skipped; redoing one
redoes what follows from it, because its artefacts are the inputs of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.errors import InputError, nearest
from fechner.records.done import State, step_key
from fechner.study import work
from fechner.study.opening import Place


@dataclass(frozen=True)
class Step:
    """One step: its work, the parameters and files that shape it, the files it writes."""

    name: str
    does: str
    work: Callable[[Place], None]
    parameters: Callable[[Place], Any]
    reads: Callable[[Place], Iterable[Path]]
    writes: Callable[[Place], Iterable[Path]]


def _rated_files(place: Place) -> list[Path]:
    named = (place.study.network.weights, place.study.images.ratings)
    given = [place.folder / name for name in named if name is not None]
    return [place.table, *work.rated_images(place).paths, *given]


def _map_files(place: Place) -> list[Path]:
    return sorted(place.maps.glob("*.json")) + sorted(place.maps.rglob("*.png"))


def _stimulus_files(place: Place) -> list[Path]:
    return [place.stimulus_table, place.stimuli / "stimuli.json"]


def _statistics_files(place: Place) -> list[Path]:
    return [place.statistics / "claim.json", place.statistics / "prediction.json"]


CHANNELS = Step(
    "channels",
    "choose the channels that help the network agree with people",
    work.choose_channels,
    lambda place: [
        place.study.seed,
        place.study.images.model_dump(),
        place.study.network.model_dump(),
        place.study.channels.model_dump(),
    ],
    _rated_files,
    lambda place: [place.selection],
)
MAPS = Step(
    "maps",
    "draw an importance map for one image of every scene",
    work.draw_maps,
    lambda place: [
        place.study.images.dimension,
        place.study.network.model_dump(),
        place.study.maps.model_dump(),
        place.study.stimuli.family,
    ],
    lambda place: [place.selection, *_rated_files(place)],
    _map_files,
)
STIMULI = Step(
    "stimuli",
    "degrade matched regions of low and high importance",
    work.build_stimuli,
    lambda place: [place.study.seed, place.study.stimuli.model_dump()],
    _map_files,
    _stimulus_files,
)
SESSIONS = Step(
    "sessions",
    "let SIMULATED participants rate the stimuli",
    work.simulate_sessions,
    lambda place: [
        place.study.seed,
        place.study.session.model_dump(),
        place.study.simulate and place.study.simulate.model_dump(),
    ],
    _stimulus_files,
    lambda place: place.journals,
)
RATINGS = Step(
    "ratings",
    "collect the ratings of every session",
    work.collect_ratings,
    lambda place: None,
    lambda place: place.journals,
    lambda place: [place.ratings],
)
CLAIM = Step(
    "claim",
    "test the claim and the prediction",
    work.check_the_claim,
    lambda place: place.study.seed,
    lambda place: [place.ratings, *_stimulus_files(place)],
    _statistics_files,
)

TO_PEOPLE = (CHANNELS, MAPS, STIMULI)
FROM_PEOPLE = (RATINGS, CLAIM)
ALL = (*TO_PEOPLE, SESSIONS, *FROM_PEOPLE)


def run(
    place: Place, steps: Iterable[Step], *, again_from: str | None = None, report: bool = True
) -> None:
    """Do these steps in order, skipping what is done, then write the report.

    Parameters
    ----------
    place
        The study.
    steps
        Which steps, in their order.
    again_from
        The name of a step: it and every later one are redone.
    report
        Whether to write the report at the end.

    Raises
    ------
    InputError
        If `again_from` is no step, or a step finds its input wrong.
    """
    state = State(place.folder)
    if again_from is not None:
        state.forget(_names_from(again_from))
    for step in steps:
        key = step_key(step.parameters(place), step.reads(place))
        if state.is_done(step.name, key):
            place.say(f"{step.name}: done already")
            continue
        place.say(f"{step.name}: {step.does}")
        step.work(place)
        state.record(step.name, key, step.writes(place))
    if report:
        work.write_page(place)


def _names_from(name: str) -> list[str]:
    names = [step.name for step in ALL]
    if name not in names:
        raise InputError(
            f"--from expects a step of the study, got '{name}'; {nearest(name, names)}"
        )
    return names[names.index(name) :]


def run_to_people(place: Place, *, again_from: str | None = None) -> None:
    """Do everything up to the participants: channels, maps, stimuli."""
    run(place, TO_PEOPLE, again_from=again_from)


def run_whole(place: Place, *, again_from: str | None = None) -> None:
    """Do everything with SIMULATED participants, from the rated images to the tested claim."""
    run(place, ALL, again_from=again_from)


def finish(place: Place) -> None:
    """Do what follows the participants: collect the ratings, test the claim, write the report.

    Raises
    ------
    InputError
        If the stimuli are not built yet or no participant has rated them.
    """
    if not all(path.exists() for path in _stimulus_files(place)):
        raise InputError(
            f"{place.stimuli} holds no stimuli yet; first: fechner study run {place.folder}"
        )
    if not place.journals:
        raise InputError(f"no participant has rated the stimuli yet; first: {next_command(place)}")
    run(place, FROM_PEOPLE)


def next_command(place: Place) -> str:
    """Return the command that runs the next participant of this study."""
    language = place.study.session.language
    return (
        f"fechner session run --stimuli {place.stimuli} --sessions {place.sessions} "
        f"--protocol {place.protocol} --language {language} --participant CODE"
    )
