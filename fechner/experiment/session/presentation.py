"""How one trial of each rating method looks: its frames, its questions, its rating.

The course is fixation, reference and gap where the method shows them first, stimulus,
mask, question; which images stand in a frame, and what an answer means, is the
method's own. Everything here speaks to a `Display` only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fechner.errors import InputError
from fechner.experiment.display import (
    Display,
    Frame,
    Question,
    Response,
    Shown,
)

if TYPE_CHECKING:
    from fechner.experiment.plan.plan import Trial
    from fechner.protocols.methods import AuthenticityProtocol
    from fechner.protocols.parts import Timing
    from fechner.protocols.schema import Protocol
    from fechner.records.scales import RatingScale
    from fechner.records.stimuli import StimulusSet

DIGITS = tuple((str(k), f"num_{k}") for k in range(1, 10))
"""The keys of the first, second, ... button of questions that name no keys."""


@dataclass(frozen=True)
class TrialFrames:
    """The frames of a trial: the reference shown first, if any, then the rated frame.

    `place` is the index of the rated image among the images of `test`.
    """

    test: Frame | None
    first: Frame | None = None
    place: int = 0

    @property
    def all(self) -> tuple[Frame, ...]:
        """Every frame, in order."""
        return tuple(frame for frame in (self.first, self.test) if frame is not None)


def frames_of(protocol: Protocol, trial: Trial, stimuli: StimulusSet) -> TrialFrames:
    """Return the frames of a trial; none for a trial that shows no image."""
    if not trial.stimulus:
        return TrialFrames(None)
    path = _paths(stimuli)
    test = path[trial.stimulus]
    reference = path[trial.reference] if trial.reference else None
    method, texts = protocol.method, protocol.texts
    if method == "dcr_sequential" and reference is not None:
        first = Frame((reference,), (texts.reference_caption,))
        return TrialFrames(Frame((test,), (texts.test_caption,)), first)
    if method == "dcr_side_by_side" and reference is not None:
        side = {"left": "right", "right": "left"}.get(_of(protocol, "reference_side"), trial.side)
        captions = (texts.test_caption, texts.reference_caption)
        return _beside(protocol, test, reference, side, captions)
    if method == "jnd" and reference is not None:
        return _beside(protocol, test, reference, trial.side, ())
    if method == "pair" and trial.second is not None:
        pair = _beside(protocol, test, path[trial.second], trial.side, ())
        before = Frame((reference,), (texts.reference_caption,)) if reference else None
        return TrialFrames(pair.test, before, pair.place)
    return TrialFrames(Frame((test,)))


def _paths(stimuli: StimulusSet) -> dict[str, Path]:
    return {s.stimulus: Path(stimuli.image_path(s)) for s in stimuli.stimuli}


def _of(protocol: Protocol, name: str) -> Any:
    return getattr(protocol, name)


def _beside(
    protocol: Protocol, test: Path, other: Path, side: str, captions: tuple[str, ...]
) -> TrialFrames:
    """Return two images side by side with `test` on `side`; captions are (test, other)."""
    gap = _of(protocol, "gap_px")
    if side == "left":
        return TrialFrames(Frame((test, other), captions, gap), place=0)
    return TrialFrames(Frame((other, test), captions[::-1], gap), place=1)


def rating_question(protocol: Protocol, trial: Trial) -> Question:
    """Return what a trial asks; an instructed catch trial asks for a named answer."""
    text = protocol.texts.question
    if trial.target is not None and not trial.stimulus:
        label = dict(protocol.labels)[trial.target]
        text = protocol.texts.catch.format(label=label)
    asked = _question(
        protocol,
        protocol.scale,
        name=trial.dimension,
        text=text,
        labels=protocol.texts.labels,
        keys=protocol.keys.choices,
        answer=trial.target,
    )
    # Where the degraded picture is sought, the worse of the two is the right answer.
    return replace(asked, good="low") if protocol.method == "jnd" else asked


def confidence_question(protocol: AuthenticityProtocol) -> Question:
    """Return the second question of the authenticity method."""
    return _question(
        protocol,
        protocol.confidence,
        name="confidence",
        text=protocol.texts.confidence_question,
        labels=protocol.texts.confidence_labels,
        keys=protocol.confidence_keys,
    )


def _question(
    protocol: Protocol,
    scale: RatingScale,
    *,
    name: str,
    text: str,
    labels: tuple[str, ...],
    keys: tuple[tuple[str, ...], ...],
    answer: float | None = None,
) -> Question:
    return Question(
        kind="slider" if scale.shown == "slider" else "buttons",
        name=name,
        text=text,
        labels=labels,
        values=scale.labels_at,
        keys=keys,
        minimum=scale.minimum,
        maximum=scale.maximum,
        step=scale.step,
        good=scale.good,
        confirm=protocol.texts.confirm_hint,
        answer=answer,
    )


def numbered_buttons(name: str, text: str, labels: tuple[str, ...], expected: float) -> Question:
    """Return a question with one numbered button a label.

    Parameters
    ----------
    name, text
        What is asked, as the journal names it and as the participant reads it.
    labels
        Of the buttons; the first stands for 0, the next for 1, ...
    expected
        The answer that a simulated participant gives.

    Returns
    -------
    Question
        Answered by buttons.

    Raises
    ------
    InputError
        If there are more labels than number keys.
    """
    if len(labels) > len(DIGITS):
        raise InputError(f"{name} offers {len(labels)} answers; at most 9 fit the number keys")
    return Question(
        kind="buttons",
        name=name,
        text=text,
        labels=labels,
        values=tuple(float(k) for k in range(len(labels))),
        keys=DIGITS[: len(labels)],
        answer=expected,
    )


@dataclass(frozen=True)
class Presented:
    """What one trial showed and what was answered."""

    rating: float
    response: Response
    shown: Shown | None
    place: int
    confidence: Response | None = None

    def record(self) -> dict[str, Any]:
        """Return the fields that the journal keeps of it."""
        fields: dict[str, Any] = {
            "rating": self.rating,
            "rt_ms": round(self.response.rt_ms, 2),
            "path": [list(move) for move in self.response.path],
            "device": self.response.device,
        }
        if self.shown is not None:
            fields |= {
                "onset_s": round(self.shown.onset_s, 5),
                "late_ms": round(self.shown.late_ms, 2),
                "duration_ms": round(self.shown.duration_ms, 2),
                "dropped_frames": self.shown.dropped_frames,
                "shown_sha256": self.shown.sha256[self.place],
                "pixel_difference": self.shown.difference,
            }
        if self.confidence is not None:
            fields |= {
                "confidence": self.confidence.value,
                "confidence_rt_ms": round(self.confidence.rt_ms, 2),
            }
        return fields


def present_trial(
    protocol: Protocol, trial: Trial, stimuli: StimulusSet, display: Display, *, timing: Timing
) -> Presented:
    """Run one trial on `display`, from the fixation cross to the answer.

    Parameters
    ----------
    protocol
        Whose method says what is shown and asked.
    trial
        With its stimulus; an empty one shows no image.
    stimuli
        The set that the images come from.
    display
        Where the trial is shown.
    timing
        The times of the trial, in milliseconds.

    Returns
    -------
    Presented
        What was shown and answered.

    Raises
    ------
    TrialInterruptedError
        If Escape was pressed and the session goes on: the trial is to be run anew.
    """
    seen = frames_of(protocol, trial, stimuli)
    for frame in seen.all:
        display.preload(frame)
    display.fixation(timing.fixation_ms)
    shown = _show(seen, display, timing) if seen.test is not None else None
    response = display.rate(_with_wait(rating_question(protocol, trial), timing, shown))
    confidence = None
    if protocol.method == "authenticity":
        asked = confidence_question(cast("AuthenticityProtocol", protocol))
        confidence = display.rate(asked)
    # Where no image was shown (an instructed catch trial) the answer is not about one of two.
    rating = response.value if shown is None else _rating(protocol, response.value, seen.place)
    return Presented(rating, response, shown, seen.place, confidence)


def _show(seen: TrialFrames, display: Display, timing: Timing) -> Shown:
    if seen.first is not None:
        display.show(seen.first, timing.reference_ms or 2000.0)
        display.blank(timing.gap_ms or 0.0)
    test = cast("Frame", seen.test)
    shown = display.show(test, timing.stimulus_limit_ms)
    if timing.mask_ms and not timing.until_response:
        mask = Frame(test.images, gap_px=test.gap_px, mask=True)
        display.show(mask, timing.mask_ms)
    return shown


def _with_wait(question: Question, timing: Timing, shown: Shown | None) -> Question:
    """Hold answers back until the stimulus was seen long enough."""
    if shown is None or not timing.until_response:
        return question
    return replace(question, not_before_ms=timing.minimum_view_ms)


def _rating(protocol: Protocol, value: float, place: int) -> float:
    """Return what an answer means: for two images, whether the rated one was chosen."""
    if protocol.method not in ("pair", "jnd"):
        return value
    left_to_right = sorted(protocol.scale.labels_at)
    return float(left_to_right.index(value) == place)
