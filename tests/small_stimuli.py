"""Small stimulus sets and simulated sessions for tests that need no network and no window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fechner.experiment.journal.journal import (
    Journal,
    JournalRecord,
    journal_header,
    journal_name,
)
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.session.session import run_session
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.protocols.schema import Protocol
from fechner.provenance import digest


@dataclass(frozen=True)
class Picture:
    """What plans, sessions and simulated participants need of a stimulus."""

    stimulus: str
    scene: str
    region: str
    predicted_impact: float
    mse: float = 200.0
    centre_error: float = 200.0
    family: str = "blur"
    level: str = "1"
    strength: float = 1.0


class SmallStimulusSet:
    """Stimuli in a folder, with one small PNG each."""

    def __init__(self, folder: Path, stimuli: list[Picture]) -> None:
        self.folder = folder
        self.stimuli = stimuli
        self.sha256 = digest([vars(stimulus) for stimulus in stimuli])
        for number, stimulus in enumerate(stimuli):
            Image.new("RGB", (8, 6), (number, 7, 9)).save(self.image_path(stimulus))

    def image_path(self, stimulus: Picture) -> Path:
        return self.folder / f"{stimulus.stimulus}.png"


def degraded(scenes: int, *, low: float = 100.0, high: float = 360.0) -> list[Picture]:
    """A low and a high stimulus for each scene, impacts varying from scene to scene."""
    return [
        Picture(f"scene{i}_{region}", f"scene{i}", region, error * (0.8 + 0.4 * (i % 3) / 2))
        for i in range(scenes)
        for region, error in (("low", low), ("high", high))
    ]


def with_intact(scenes: int) -> list[Picture]:
    """The same with an intact stimulus a scene."""
    intact = [
        Picture(f"scene{i}_intact", f"scene{i}", "intact", 0.0, 0.0, 0.0, "none", "0", 0.0)
        for i in range(scenes)
    ]
    return intact + degraded(scenes)


def several_strengths(scenes: int) -> list[Picture]:
    """Intact, and two regions at five strengths each, for thresholds."""
    levels = [
        Picture(
            f"scene{i}_{region}_{k}",
            f"scene{i}",
            region,
            predicted_impact=weight * 4.0**k,
            mse=4.0**k,
            level=str(k),
            strength=2.0**k,
        )
        for i in range(scenes)
        for region, weight in (("low", 0.5), ("high", 2.0))
        for k in range(5)
    ]
    return [s for s in with_intact(scenes) if s.region == "intact"] + levels


def simulated_session(
    folder: Path,
    protocol: Protocol,
    stimuli: SmallStimulusSet,
    observer: SimulatedObserver,
    *,
    session: int = 1,
) -> JournalRecord:
    """Run one session without a window and return its record."""
    plan = make_plan(protocol, stimuli, observer.participant, session=session)  # type: ignore[arg-type]
    header = journal_header(
        protocol,
        participant=observer.participant,
        session=session,
        stimuli_sha256=stimuli.sha256,
        plan_sha256=plan.sha256,
        model=observer.record(),
        software={"fechner": "0", "psychopy": "2026.2.5", "system": "Linux"},
        screen={"frame_ms": 16.667},
    )
    path = folder / journal_name(observer.participant, session, simulated=True)
    display = SimulatedDisplay(SimulatedResponder(observer, stimuli))  # type: ignore[arg-type]
    with Journal.create(path, header) as journal:
        return run_session(protocol, stimuli, plan, display, journal)  # type: ignore[arg-type]
