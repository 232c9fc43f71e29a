"""The order of the steps of a study, and nothing else.

rated images -> channels -> maps -> stimuli -> [people] -> ratings -> claim -> [marks] -> report;
photographs that nobody rated go to the maps at once.
A step is skipped while everything that shapes it is unchanged (`records.done`); redoing
one redoes what follows from it, because its artefacts are the inputs of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fechner.errors import InputError, nearest
from fechner.records.done import done_key, read_done, write_done
from fechner.records.scales import sidecar_path
from fechner.records.stimuli import CATCH_TABLE, RECORD, TABLE, read_stimulus_set
from fechner.study import marks, work
from fechner.study.freezing import check_plan, freeze
from fechner.study.map_rivals.given import given_files, made_files
from fechner.study.opening import OpenStudy


@dataclass(frozen=True)
class Step:
    """One step: its work, the parameters and files that shape it, the files it writes."""

    name: str
    does: str
    work: Callable[[OpenStudy], None]
    parameters: Callable[[OpenStudy], Any]
    reads: Callable[[OpenStudy], Iterable[Path]]
    writes: Callable[[OpenStudy], Iterable[Path]]

    def key(self, place: OpenStudy) -> str:
        """Return the key of this step's result with what the study holds now."""
        return done_key(self.name, self.parameters(place), self.reads(place))

    def record(self, place: OpenStudy) -> Path:
        """Return the file that says whether the step is done."""
        return place.finished / f"{self.name}.json"

    def is_done(self, place: OpenStudy) -> bool:
        """Return whether the step's files are there, and nothing that shapes them has changed."""
        there = all(path.exists() for path in self.writes(place))
        return (
            there
            and read_done(self.record(place), self.key(place), folder=place.folder) is not None
        )

    def run(self, place: OpenStudy) -> None:
        """Do the step, unless it is done already."""
        key, record = self.key(place), self.record(place)
        if self.is_done(place):
            place.say(f"{self.name}: done already")
            return
        place.say(f"{self.name}: {self.does}")
        self.work(place)
        write_done(record, key, wrote=self.writes(place), folder=place.folder)


def _with_scales(table: Path) -> list[Path]:
    """Return a table and the file beside it that declares its scales, where there is one."""
    return [path for path in (table, sidecar_path(table)) if path == table or path.exists()]


def _rated_files(place: OpenStudy) -> list[Path]:
    return [*_with_scales(place.table), *work.rated_images(place).paths]


def _image_files(place: OpenStudy) -> list[Path]:
    """Return the images that are mapped and degraded, and the tables that chose them."""
    if place.photographs is not None:
        return list(work.images_of_scenes(place).values())
    return _rated_files(place)


def _channel_files(place: OpenStudy) -> list[Path]:
    ratings = place.individual_ratings
    given = [] if ratings is None else _with_scales(ratings)
    return [*_rated_files(place), *given, *_network_files(place)]


def _network_files(place: OpenStudy) -> list[Path]:
    return [] if place.network_weights is None else [place.network_weights]


def _map_files(place: OpenStudy) -> list[Path]:
    """Return the study's own maps, of which alone the stimuli are made."""
    pictures = [*place.maps.glob("*.png"), *place.maps.glob("signed/*.png")]
    return sorted(place.maps.glob("*.json")) + sorted(pictures)


def _rival_files(place: OpenStudy) -> list[Path]:
    """Return what the map is held against; the user's pictures of the scenes that are shown."""
    if not place.given_rivals:
        return made_files(place)
    return [*made_files(place), *given_files(place, read_stimulus_set(place.stimuli).scenes)]


def _stimulus_files(place: OpenStudy) -> list[Path]:
    pictures = sorted(place.stimuli.glob("*.png")) + sorted(place.stimuli.glob("masks/*.png"))
    coded = sorted(
        path for end in ("jpg", "avif", "jxl") for path in place.stimuli.glob(f"*.{end}")
    )
    tables = [place.stimuli / TABLE, place.stimuli / RECORD, *place.stimuli.glob(CATCH_TABLE)]
    return [*tables, *pictures, *coded]


def _seen_files(place: OpenStudy) -> list[Path]:
    """Return what shapes simulated sessions; marks, and who judges coded files, follow the maps."""
    follows = place.study.compares_codecs or work.protocol(place).marks is not None
    return [*_stimulus_files(place), *(_map_files(place) if follows else [])]


CHANNELS = Step(
    "channels",
    "choose the channels that help the network agree with people",
    work.choose_channels,
    lambda place: [
        place.study.seed,
        place.study.images.model_dump(mode="json"),
        place.study.network.model_dump(mode="json"),
        place.study.channels.model_dump(mode="json"),
    ],
    _channel_files,
    lambda place: [place.selection],
)
MAPS = Step(
    "maps",
    "draw an importance map for one image of every scene",
    work.draw_maps,
    lambda place: [
        place.study.images.model_dump(mode="json"),
        place.study.network.model_dump(mode="json"),
        place.study.maps.model_dump(mode="json", exclude={"rivals"}),
        place.study.seed,
        # Maps are made for the degradation of the stimuli.
        place.study.stimuli.model_dump(
            mode="json", include={"families", "levels", "measure", "share"}
        ),
    ],
    lambda place: [
        *([] if place.photographs else [place.selection]),
        *_image_files(place),
        *_network_files(place),
    ],
    lambda place: [*_map_files(place), *made_files(place)],
)
STIMULI = Step(
    "stimuli",
    "make the pictures that participants will rate",
    work.make_stimuli,
    lambda place: [
        place.study.seed,
        place.study.images.model_dump(mode="json"),
        place.study.network.model_dump(mode="json"),
        place.study.stimuli.model_dump(mode="json"),
    ],
    lambda place: [*_image_files(place), *_map_files(place), *_network_files(place)],
    _stimulus_files,
)
SESSIONS = Step(
    "sessions",
    "let SIMULATED participants rate the stimuli",
    work.simulate_sessions,
    lambda place: [
        place.study.seed,
        place.study.session.model_dump(mode="json"),
        work.protocol(place).sha256,
        place.study.simulate and place.study.simulate.model_dump(mode="json"),
    ],
    _seen_files,
    lambda place: place.journals,
)
RATINGS = Step(
    "ratings",
    "collect the ratings of every session",
    work.collect_ratings,
    lambda place: [work.protocol(place).sha256, [path.name for path in place.journals]],
    lambda place: place.journals,
    lambda place: [*_with_scales(place.ratings), place.attention],
)
CLAIM = Step(
    "claim",
    "test the claim and the prediction",
    work.check_the_claim,
    lambda place: [
        place.study.seed,
        place.study.screening.model_dump(mode="json"),
        place.study.claim.model_dump(mode="json"),
        place.study.maps.rivals,
    ],
    lambda place: [
        *_with_scales(place.ratings),
        place.attention,
        *_stimulus_files(place),
        *_map_files(place),
        *_rival_files(place),
    ],
    lambda place: [place.claim, *([] if place.study.compares_codecs else [place.prediction])],
)

MARKS = Step(
    "marks",
    "make maps of what participants marked, and hold the study's maps against them",
    marks.collect_marks,
    lambda place: [
        place.study.seed,
        work.protocol(place).sha256,
        [path.name for path in place.journals],
        place.study.claim.level,
    ],
    lambda place: [*place.journals, place.claim, *_stimulus_files(place), *_map_files(place)],
    lambda place: [
        place.marks_compared,
        *(path for path in sorted(place.marks.rglob("*")) if path.is_file()),
    ],
)

TO_PEOPLE = (CHANNELS, MAPS, STIMULI)
"""What comes before the participants; without rated images no channels are chosen."""
ALL = (*TO_PEOPLE, SESSIONS, RATINGS, CLAIM, MARKS)


def run_steps(
    place: OpenStudy, steps: Iterable[Step], *, again_from: str | None = None, report: bool = True
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
    if again_from is not None:
        for step in _steps_from(again_from):
            step.record(place).unlink(missing_ok=True)
    steps = tuple(steps)
    if STIMULI in steps:
        work.check_stimuli(place)
    for step in steps:
        if step is not CHANNELS or place.photographs is None:
            step.run(place)
    if report:
        work.write_page(place)


def _steps_from(name: str) -> tuple[Step, ...]:
    names = [step.name for step in ALL]
    if name not in names:
        raise InputError(
            f"--from expects a step of the study, got '{name}'; {nearest(name, names)}"
        )
    return ALL[names.index(name) :]


def run_to_people(place: OpenStudy, *, again_from: str | None = None) -> None:
    """Do everything up to the participants: channels, maps, stimuli."""
    run_steps(place, TO_PEOPLE, again_from=again_from)


def run_whole(place: OpenStudy, *, again_from: str | None = None) -> None:
    """Do everything with SIMULATED participants, from the rated images to the tested claim."""
    run_steps(place, TO_PEOPLE, again_from=again_from, report=False)
    freeze(place)
    run_steps(place, (SESSIONS, RATINGS), report=False)
    check_plan(place)
    run_steps(place, _last_steps(place))


def finish(place: OpenStudy, *, deviation: str = "") -> None:
    """Do what follows the participants: collect the ratings, test the claim, write the report.

    Parameters
    ----------
    place
        The study.
    deviation
        Why the analysis differs from the frozen plan, where it does.

    Raises
    ------
    InputError
        If the stimuli are not built yet, no participant has rated them, or the analysis differs
        from the frozen plan without a reason.
    """
    from fechner.study.planning import rows_of_participants

    if not (place.stimuli / "stimuli.csv").exists():
        raise InputError(
            f"{place.stimuli} holds no stimuli yet; first: fechner study run {place.folder}"
        )
    if not place.journals:
        raise InputError(f"no participant has rated the stimuli yet; first: {next_command(place)}")
    run_steps(place, (RATINGS,), report=False)
    rows = rows_of_participants(place)
    if rows is not None and not rows.balanced:
        place.say(f"{rows}; stimuli were not rated equally often")
    if check_plan(place, deviation=deviation) is None:
        place.say("no plan was frozen before the first participant; the report says so")
    run_steps(place, _last_steps(place))


def _last_steps(place: OpenStudy) -> tuple[Step, ...]:
    """Return what follows the ratings; marks only where the protocol asks for them."""
    return (CLAIM,) if work.protocol(place).marks is None else (CLAIM, MARKS)


def next_command(place: OpenStudy) -> str:
    """Return the command that runs the next participant of this study."""
    language = place.study.session.language
    return (
        f"fechner session run --stimuli {place.stimuli} --sessions {place.sessions} "
        f"--protocol {place.protocol} --language {language} --participant CODE"
    )
