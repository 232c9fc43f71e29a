"""Which images stand in the frames of a trial: rated, shown before, beside each other, marked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import Frame

if TYPE_CHECKING:
    from fechner.experiment.plan.plan import Trial
    from fechner.protocols.schema import Protocol
    from fechner.records.stimuli import StimulusSet


@dataclass(frozen=True)
class TrialFrames:
    """The frames of a trial: the reference shown first, if any, then the rated frame.

    `place` is the index of the rated image among the images of `test`. `marked` is the frame
    whose image at `marked_place` is marked; None where no marks are asked for.
    """

    test: Frame | None
    first: Frame | None = None
    place: int = 0
    marked: Frame | None = None
    marked_place: int = 0

    @property
    def rated(self) -> tuple[Frame, ...]:
        """Every frame that is shown to be rated, in order."""
        return tuple(frame for frame in (self.first, self.test) if frame is not None)

    @property
    def all(self) -> tuple[Frame, ...]:
        """Every different frame, that of the marks included."""
        marked = () if self.marked is None else (self.marked,)
        return tuple(dict.fromkeys((*self.rated, *marked)))


def frames_of(protocol: Protocol, trial: Trial, stimuli: StimulusSet) -> TrialFrames:
    """Return the frames of a trial; none for a trial that shows no image."""
    if not trial.stimulus:
        return TrialFrames(None)
    path = {s.stimulus: Path(stimuli.image_path(s)) for s in stimuli.pictures}
    test = path[trial.stimulus]
    reference = path[trial.reference] if trial.reference else None
    second = path[trial.second] if trial.second is not None else None
    seen = _rated_frames(protocol, trial, test, reference, second)
    asked = protocol.marks
    if asked is None or seen.test is None:
        return seen
    one_image = len(seen.test.images) == 1
    if asked.beside_reference and one_image and reference is not None:
        beside = _right_of_reference(protocol, test, reference)
        return replace(seen, marked=beside.test, marked_place=beside.place)
    return replace(seen, marked=seen.test, marked_place=seen.place)


def _rated_frames(
    protocol: Protocol, trial: Trial, test: Path, reference: Path | None, second: Path | None
) -> TrialFrames:
    method, texts = protocol.method, protocol.texts
    if method == "dcr_sequential" and reference is not None:
        first = Frame((reference,), (texts.reference_caption,))
        return TrialFrames(Frame((test,), (texts.test_caption,)), first)
    if method == "dcr_side_by_side" and reference is not None:
        side = {"left": "right", "right": "left"}.get(_of(protocol, "reference_side"), trial.side)
        captions = (texts.test_caption, texts.reference_caption)
        return _beside(test, reference, side, captions, gap_px=_of(protocol, "gap_px"))
    if method == "marks" and reference is not None and protocol.shows_reference:
        return _right_of_reference(protocol, test, reference)
    if method == "jnd" and reference is not None:
        return _beside(test, reference, trial.side, (), gap_px=_of(protocol, "gap_px"))
    if method == "pair" and second is not None:
        pair = _beside(test, second, trial.side, (), gap_px=_of(protocol, "gap_px"))
        before = Frame((reference,), (texts.reference_caption,)) if reference else None
        return TrialFrames(pair.test, before, pair.place)
    return TrialFrames(Frame((test,)))


def _of(protocol: Protocol, name: str) -> Any:
    return getattr(protocol, name)


def _right_of_reference(protocol: Protocol, test: Path, reference: Path) -> TrialFrames:
    captions = (protocol.texts.test_caption, protocol.texts.reference_caption)
    return _beside(test, reference, "right", captions, gap_px=Frame.gap_px)


def _beside(
    test: Path, other: Path, side: str, captions: tuple[str, ...], *, gap_px: int
) -> TrialFrames:
    """Return two images side by side with `test` on `side`; captions are (test, other)."""
    if side == "left":
        return TrialFrames(Frame((test, other), captions, gap_px), place=0)
    return TrialFrames(Frame((other, test), captions[::-1], gap_px), place=1)
