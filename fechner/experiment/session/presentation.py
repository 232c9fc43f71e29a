"""How one trial of each rating method goes: its course, its questions, its rating.

The course is fixation, reference and gap where the method shows them first, stimulus,
mask, question, marks; what an answer means is the method's own. Which images stand in a frame,
`trial_frames` says. Everything here speaks to a `Display` only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from fechner.errors import InputError
from fechner.experiment.display import (
    Display,
    Frame,
    MarkTask,
    Moment,
    Question,
    Response,
    Shown,
)
from fechner.experiment.session.trial_frames import TrialFrames, frames_of
from fechner.records.stimuli import SEVERE

if TYPE_CHECKING:
    from fechner.experiment.plan.plan import Trial
    from fechner.protocols.marks import Marking, MarkTexts
    from fechner.protocols.methods import AuthenticityProtocol
    from fechner.protocols.parts import Timing
    from fechner.protocols.schema import Protocol
    from fechner.records.journal.marks import Marks
    from fechner.records.scales import RatingScale
    from fechner.records.stimuli import StimulusSet

OnMoment = Callable[[Moment, float], None]

DIGITS = tuple((str(k), f"num_{k}") for k in range(1, 10))
"""The keys of the first, second, ... button of questions that name no keys."""


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
        # A severe picture is judged by looking, also by whoever is SIMULATED.
        answer=None if trial.region == SEVERE else trial.target,
    )
    asked = replace(asked, back_room=protocol.trials.correct_last)
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
        not_yet=protocol.texts.not_yet,
        type_again=protocol.texts.type_again if scale.shown == "slider" else "",
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
    marks: Marks | None = None
    anticipated: bool = False

    def record(self) -> dict[str, Any]:
        """Return the fields that the journal keeps of it."""
        fields: dict[str, Any] = {
            "rating": self.rating,
            "rt_ms": round(self.response.rt_ms, 2),
            "path": [list(move) for move in self.response.path],
            "device": self.response.device,
            "anticipated": self.anticipated,
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
        if self.marks is not None:
            fields["marks"] = self.marks.model_dump(mode="json")
        return fields


def present_trial(
    protocol: Protocol,
    trial: Trial,
    stimuli: StimulusSet,
    display: Display,
    *,
    timing: Timing,
    back: str = "",
    on_moment: OnMoment | None = None,
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
    back
        The word of the button that leads from the rating to the trial before; empty for none.
    on_moment
        Called at the onset of the rated image and at its rating.

    Returns
    -------
    Presented
        What was shown and answered.

    Raises
    ------
    TrialInterruptedError
        If Escape was pressed and the session goes on: the trial is to be run anew.
    SteppedBackError
        If the trial before is to be answered anew, and then this one.
    """
    seen = frames_of(protocol, trial, stimuli)
    for frame in seen.all:
        display.preload(frame)
    display.on_moment = None
    display.fixation(timing.fixation_ms)
    shown = _show(seen, display, timing, on_moment) if seen.test is not None else None
    if shown is not None and protocol.method == "marks":
        return _marked_only(protocol, seen, shown, display, timing)
    asked = replace(rating_question(protocol, trial), back=back)
    response = display.rate(_with_wait(asked, timing, shown))
    display.on_moment = None
    confidence = None
    if protocol.method == "authenticity":
        sure = confidence_question(cast("AuthenticityProtocol", protocol))
        confidence = display.rate(_with_wait(sure, timing, None))
    # Where no image was shown (an instructed catch trial) the answer is not about one of two.
    rating = response.value if shown is None else _rating(protocol, response.value, seen.place)
    marks = None if seen.marked is None else display.mark(mark_task(protocol, seen))
    times = [one.rt_ms for one in (response, confidence) if one is not None]
    fast = min(times) < timing.anticipation_ms
    return Presented(rating, response, shown, seen.place, confidence, marks, fast)


def _marked_only(
    protocol: Protocol, seen: TrialFrames, shown: Shown, display: Display, timing: Timing
) -> Presented:
    """Let the standing image be marked; the answer is 1 for nowhere and 0 for somewhere."""
    earliest = max(timing.minimum_view_ms, timing.refused_before_ms)
    task = replace(mark_task(protocol, seen), not_before_ms=earliest)
    marks = display.mark(task)
    display.on_moment = None
    rating = float(marks.nowhere)
    response = Response(rating, marks.rt_ms, ((marks.rt_ms, rating),), marks.device)
    fast = earliest + marks.rt_ms < timing.anticipation_ms
    return Presented(rating, response, shown, seen.place, marks=marks, anticipated=fast)


def mark_task(protocol: Protocol, seen: TrialFrames) -> MarkTask:
    """Return what is to be marked in a trial whose protocol asks for marks."""
    asked, words = cast("Marking", protocol.marks), cast("MarkTexts", protocol.texts.marks)
    return MarkTask(
        frame=cast("Frame", seen.marked),
        place=seen.marked_place,
        text=words.question,
        tool=asked.tool,
        radius=asked.radius_px,
        least=asked.least,
        most=asked.most,
        undo=words.undo,
        nowhere=words.nowhere,
        done=words.done,
        full=words.full,
        undo_keys=asked.undo,
        nowhere_keys=asked.nowhere,
        not_yet=protocol.texts.not_yet,
    )


def _show(seen: TrialFrames, display: Display, timing: Timing, on_moment: OnMoment | None) -> Shown:
    if seen.first is not None:
        display.show(seen.first, timing.reference_ms or 2000.0)
        display.blank(timing.gap_ms or 0.0)
    test = cast("Frame", seen.test)
    display.on_moment = on_moment
    shown = display.show(test, timing.stimulus_limit_ms)
    if timing.mask_ms and not timing.until_response:
        mask = Frame(test.images, gap_px=test.gap_px, mask=True)
        display.show(mask, timing.mask_ms)
    return shown


def _with_wait(question: Question, timing: Timing, shown: Shown | None) -> Question:
    """Hold answers back until the stimulus was seen long enough, and nobody can anticipate."""
    seen_ms = timing.minimum_view_ms if shown is not None and timing.until_response else 0.0
    return replace(question, not_before_ms=max(seen_ms, timing.refused_before_ms))


def _rating(protocol: Protocol, value: float, place: int) -> float:
    """Return what an answer means: for two images, whether the rated one was chosen."""
    if protocol.method not in ("pair", "jnd"):
        return value
    left_to_right = sorted(protocol.scale.labels_at)
    return float(left_to_right.index(value) == place)
