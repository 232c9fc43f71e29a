"""Small stimulus sets and simulated sessions for tests that need no network and no window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from journals import header_for
from PIL import Image

from fechner.experiment.journal.journal import Journal
from fechner.experiment.plan.plan import make_plan
from fechner.experiment.session.session import run_session
from fechner.experiment.simulated.display import SimulatedDisplay, SimulatedResponder
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.protocols.schema import Protocol
from fechner.provenance import provenance, sha256_file
from fechner.records.journal import JournalRecord, journal_name
from fechner.records.stimuli import Stimulus, StimulusSet, write_stimulus_set


def picture(
    stimulus: str,
    scene: str,
    region: str,
    predicted_impact: float,
    mse: float = 200.0,
    centre_error: float = 200.0,
    family: str = "blur",
    level: int = 1,
    strength: float = 1.0,
) -> Stimulus:
    """Return a stimulus with what plans, sessions and simulated participants need of it."""
    return Stimulus(
        stimulus=stimulus,
        file=f"{stimulus}.png",
        scene=scene,
        region=region,
        family=family,
        level=level,
        strength=strength,
        strength_unit="px",
        mask_area=0.2,
        bytes=0,
        mse=mse,
        ssim=1.0,
        predicted_impact=predicted_impact,
        centre_error=centre_error,
        sha256="",
    )


def small_set(folder: Path, stimuli: list[Stimulus]) -> StimulusSet:
    """Write a set of such stimuli, with one small PNG each."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, stimulus in enumerate(stimuli):
        path = folder / stimulus.file
        Image.new("RGB", (8, 6), (number, 7, 9)).save(path)
        size = path.stat().st_size
        written.append(replace(stimulus, bytes=size, sha256=sha256_file(path)))
    return write_stimulus_set(folder, written, {"provenance": provenance(parameters={})})


def degraded(scenes: int, *, low: float = 100.0, high: float = 360.0) -> list[Stimulus]:
    """A low and a high stimulus for each scene, impacts varying from scene to scene."""
    return [
        picture(f"scene{i}_{region}", f"scene{i}", region, error * (0.8 + 0.4 * (i % 3) / 2))
        for i in range(scenes)
        for region, error in (("low", low), ("high", high))
    ]


def with_intact(scenes: int) -> list[Stimulus]:
    """The same with an intact stimulus a scene."""
    intact = [
        picture(f"scene{i}_intact", f"scene{i}", "intact", 0.0, 0.0, 0.0, "none", 0, 0.0)
        for i in range(scenes)
    ]
    return intact + degraded(scenes)


def several_strengths(scenes: int) -> list[Stimulus]:
    """Intact, and two regions at five strengths each, for thresholds."""
    levels = [
        picture(
            f"scene{i}_{region}_{k}",
            f"scene{i}",
            region,
            predicted_impact=weight * 4.0**k,
            mse=4.0**k,
            level=k,
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
    stimuli: StimulusSet,
    observer: SimulatedObserver,
    *,
    session: int = 1,
) -> JournalRecord:
    """Run one session without a window and return its record."""
    plan = make_plan(protocol, stimuli, observer.participant, session=session)
    header = header_for(
        protocol,
        plan,
        model=observer.record(),
        software={"fechner": "0", "psychopy": "2026.2.5", "system": "Linux"},
        screen={"frame_ms": 16.667},
    )
    path = folder / journal_name(observer.participant, session, simulated=True)
    display = SimulatedDisplay(SimulatedResponder(observer, stimuli))
    with Journal.create(path, header) as journal:
        return run_session(protocol, stimuli, plan, display, journal)
