"""Everything a study folder holds, read for the report; what is not there yet stays None.

The report tells only what stands in the artefacts of the steps, and recomputes nothing
that decides anything. Every artefact is read by its record's own reader, so that the report
is as strict as every other room. A step that was not done is named with the command that
does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from fechner.records.claims.claim import Claim, read_claim
from fechner.records.claims.codec_claim import CodecClaim, read_codec_claim
from fechner.records.human_marks.compared import MarksCompared, read_marks_compared
from fechner.records.images.files import image_files
from fechner.records.journal import JournalRecord, read_journal_files
from fechner.records.layout import StudyFolder, read_study_folder
from fechner.records.maps import SET_RECORD, ImportanceMap, read_maps, read_maps_record
from fechner.records.prediction import Prediction, read_prediction
from fechner.records.rated_images import RatedImages, read_rated_images
from fechner.records.ratings import Ratings, read_ratings
from fechner.records.rules.frozen_plan import PlanCheck, read_plan_check
from fechner.records.selection import SelectionStudy, read_selection
from fechner.records.stimuli import RECORD, StimulusSet, read_stimulus_set
from fechner.records.study import Study

Record = TypeVar("Record")


@dataclass(frozen=True)
class Artefacts:
    """A study's folder; each property reads one artefact, None where the step is not done."""

    layout: StudyFolder

    @property
    def study(self) -> Study:
        """What the study file declares."""
        return self.layout.study

    @cached_property
    def rated(self) -> RatedImages | None:
        """The rated images."""
        scales = self.study.images.scales
        return _read(
            self.layout.table,
            lambda path: read_rated_images(path, scales=scales, check_images=False),
        )

    @cached_property
    def selection(self) -> SelectionStudy | None:
        """The channel selections that were compared."""
        return _read(self.layout.selection, read_selection)

    @cached_property
    def maps(self) -> dict[str, ImportanceMap]:
        """The importance maps by name, empty where there are none."""
        return _read(self.layout.maps / SET_RECORD, lambda path: read_maps(path.parent)) or {}

    @cached_property
    def maps_record(self) -> dict[str, Any]:
        """The record of the map set: its shared scale."""
        return (
            _read(self.layout.maps / SET_RECORD, lambda path: read_maps_record(path.parent)) or {}
        )

    @cached_property
    def stimuli(self) -> StimulusSet | None:
        """The stimuli, with the record of the scenes that were refused."""
        return _read(self.layout.stimuli / RECORD, lambda path: read_stimulus_set(path.parent))

    @cached_property
    def ratings(self) -> Ratings | None:
        """The ratings of every session."""
        return _read(self.layout.ratings, read_ratings)

    @cached_property
    def claim(self) -> Claim | None:
        """The tested claim."""
        return _read(self.layout.claim, read_claim)

    @cached_property
    def codec_claim(self) -> CodecClaim | None:
        """The tested claim of a study that compares coded files."""
        return _read(self.layout.claim, read_codec_claim)

    @cached_property
    def plan_check(self) -> PlanCheck | None:
        """The frozen plan beside what was run."""
        return _read(self.layout.plan_check, read_plan_check)

    @cached_property
    def prediction(self) -> Prediction | None:
        """Predicted against observed harm."""
        return _read(self.layout.prediction, read_prediction)

    @cached_property
    def marks(self) -> MarksCompared | None:
        """The study's maps against what its participants marked."""
        return _read(self.layout.marks_compared, read_marks_compared)

    @cached_property
    def people_maps(self) -> dict[str, ImportanceMap]:
        """The maps of people, scene by scene, empty where nobody marked anything."""
        return _read(self.layout.scene_maps / SET_RECORD, lambda path: read_maps(path.parent)) or {}

    @property
    def people_maps_scale(self) -> float:
        """The share of participants that the strongest colour of their maps stands for."""
        return max((found.record["scale"] for found in self.people_maps.values()), default=0.0)

    @cached_property
    def sessions(self) -> tuple[JournalRecord, ...]:
        """The journals that count, in order of their names; refused where one is damaged."""
        return read_journal_files(self.layout.journals).intact()

    @cached_property
    def originals(self) -> dict[str, Path]:
        """The photograph of each map by the map's name, where the images still hold it."""
        folder = self.layout.photographs
        files = image_files(folder) if folder else self.rated.paths if self.rated else []
        paths = {path.name: path for path in files}
        wanted = {name: paths.get(str(m.record.get("image"))) for name, m in self.maps.items()}
        return {name: path for name, path in wanted.items() if path is not None and path.is_file()}

    @property
    def simulated_images(self) -> bool:
        """Whether the ratings that chose the channels were simulated; then all rests on them."""
        chosen = self.selection
        return (self.rated is not None and self.rated.simulated) or (
            chosen is not None and bool(chosen.choice.provenance.get("simulated"))
        )

    @property
    def simulated_participants(self) -> bool:
        """Whether the participants were simulated."""
        return (self.ratings is not None and self.ratings.simulated) or any(
            session.simulated for session in self.sessions
        )

    @property
    def world(self) -> str | None:
        """The declared world of simulated participants."""
        return None if self.study.simulate is None else self.study.simulate.world

    def to_do(self) -> list[tuple[str, str]]:
        """Return what is not done yet, each with the command to give in the study's folder."""
        session = self.study.session
        unrated = self.layout.photographs is not None
        run, finish = "fechner study run study.toml", "fechner study finish study.toml"
        rate = (
            "fechner session run --stimuli stimuli --sessions sessions "
            f"--protocol {session.protocol} --language {session.language} --participant CODE"
        )
        steps: list[tuple[bool, str, str]] = [
            (self.selection is not None or unrated, "Channels are not chosen", run),
            (bool(self.maps), "Importance maps are not made", run),
            (self.stimuli is not None, "Stimuli are not built", run),
            (bool(self.sessions), "Nobody has rated", rate),
            (self.ratings is not None, "Ratings are not collected", finish),
            (self.layout.claim.is_file(), "The claim is not tested", finish),
        ]
        return [(what, command) for done, what, command in steps if not done]


def _read(path: Path, reader: Callable[[Path], Record]) -> Record | None:
    return reader(path) if path.is_file() else None


def read_artefacts(folder: Path) -> Artefacts:
    """Return the artefacts of a study, from its folder or its study file.

    Raises
    ------
    InputError
        If there is no study file, or it is wrong.
    """
    return Artefacts(read_study_folder(Path(folder)))
