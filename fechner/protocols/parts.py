"""The pieces that a rating protocol is made of: timing, screen, keys, trials, checks.

Every piece is a frozen record that refuses unknown keys. Times are milliseconds,
distances centimetres, angles degrees of visual angle, greys 8-bit sRGB values.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fechner.records.scales import TOLERANCE

Milliseconds = Annotated[float, Field(ge=0, le=600_000)]
UNTIL_RESPONSE: Literal["until response"] = "until response"


class Piece(BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


TYPICAL_VIEW_MS = 2000.0
"""How long an image that stays until the response is looked at before answering; a guess."""

TYPICAL_ANSWER_MS = 2500.0
"""How long an answer takes; a guess, which the live line of a session replaces."""


class Timing(Piece):
    """The course of one trial, in milliseconds.

    Fixation, stimulus, mask, rating, interval. With ``stimulus_ms = "until response"``
    the stimulus stays while it is rated, no mask is shown, and no answer is taken before
    `minimum_view_ms` after the stimulus onset. `reference_ms` and `gap_ms`
    belong to methods that show a reference first. Nobody answers a question within
    `anticipation_ms` of its appearance: such answers are told apart in the journal ("flag"), or
    not accepted ("refuse").
    """

    fixation_ms: Milliseconds = 500
    reference_ms: Milliseconds | None = None
    gap_ms: Milliseconds | None = None
    stimulus_ms: Milliseconds | Literal["until response"] = UNTIL_RESPONSE
    mask_ms: Milliseconds = 0
    interval_ms: Milliseconds = 500
    minimum_view_ms: Milliseconds = 1000
    anticipation_ms: Milliseconds = 150
    anticipation: Literal["flag", "refuse"] = "flag"

    @model_validator(mode="after")
    def _mask_follows_a_limited_stimulus(self) -> Timing:
        if self.until_response and self.mask_ms:
            raise ValueError("mask_ms needs a stimulus_ms in milliseconds, not 'until response'")
        if not self.until_response and self.minimum_view_ms > self.stimulus_ms:  # type: ignore[operator]
            raise ValueError("minimum_view_ms cannot be longer than stimulus_ms")
        return self

    @property
    def until_response(self) -> bool:
        """Whether the stimulus stays on the screen until it is rated."""
        return self.stimulus_ms == UNTIL_RESPONSE

    @property
    def stimulus_limit_ms(self) -> float | None:
        """How long the stimulus is shown; None: until the response."""
        return None if self.until_response else float(self.stimulus_ms)

    @property
    def refused_before_ms(self) -> float:
        """How long after a question's appearance no answer is accepted."""
        return self.anticipation_ms if self.anticipation == "refuse" else 0.0

    @property
    def typical_trial_ms(self) -> float:
        """Expected length of a trial, answered 2.5 s after the image is gone or was looked at."""
        shown = self.stimulus_limit_ms or TYPICAL_VIEW_MS
        before = self.fixation_ms + (self.reference_ms or 0.0) + (self.gap_ms or 0.0)
        return before + shown + self.mask_ms + TYPICAL_ANSWER_MS + self.interval_ms


class ScreenSettings(Piece):
    """What the screen must be like, and the size of what is drawn on it."""

    background_grey: int = Field(default=128, ge=0, le=255)
    distance_cm: float = Field(default=60.0, gt=0)
    pixels_per_degree: float = Field(default=40.0, gt=0)
    text_height_deg: float = Field(default=0.6, gt=0, le=5)
    font: str = "DejaVu Sans"


WITHOUT_NUM_LOCK = {
    **{"num_insert": "num_0", "num_end": "num_1", "num_down": "num_2", "num_page_down": "num_3"},
    **{"num_next": "num_3", "num_left": "num_4", "num_begin": "num_5", "num_right": "num_6"},
    **{"num_home": "num_7", "num_up": "num_8", "num_page_up": "num_9", "num_prior": "num_9"},
    **{"num_delete": "num_decimal", "num_separator": "num_decimal"},
}
"""The keypad's keys as they are called without Num Lock, and with it; both are one key here."""


def with_num_lock(key: str) -> str:
    """Return the name of a key as it is with Num Lock, which changes nothing here.

    Examples
    --------
    >>> with_num_lock("num_end"), with_num_lock("end")
    ('num_1', 'end')
    """
    return WITHOUT_NUM_LOCK.get(key, key)


class Keys(Piece):
    """Names of the keys, as PsychoPy names them; the mouse always works as well.

    `back` leads to the screen before, until the first trial, and with `Trials.correct_last` to the
    trial before.

    `choices` holds one group of keys for each answer, from the lowest answer; a
    slider has none and moves with `decrease` and `increase`; the digits of both rows type
    its number.
    """

    confirm: tuple[str, ...] = ("return", "num_enter", "space")
    quit: tuple[str, ...] = ("escape",)
    back: tuple[str, ...] = ("backspace", "num_subtract")
    decrease: tuple[str, ...] = ("left",)
    increase: tuple[str, ...] = ("right",)
    choices: tuple[tuple[str, ...], ...] = ()

    @model_validator(mode="after")
    def _no_key_has_two_meanings(self) -> Keys:
        groups = [self.confirm, self.quit, self.back, *self.choices]
        if not self.choices:
            groups += [self.decrease, self.increase]
            _refuse_digits(self.decrease + self.increase)
        names = [name for group in groups for name in {with_num_lock(name) for name in group}]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the key {twice[0]!r} has two meanings; give it one")
        return self


def _refuse_digits(keys: tuple[str, ...]) -> None:
    """Refuse keys that move a slider's mark and type a digit of its number."""
    digits = [name for name in keys if name.removeprefix("num_").isdigit()]
    if digits:
        raise ValueError(
            f"the key {digits[0]!r} types a digit on a slider and cannot move its mark; "
            "remove it from decrease and increase"
        )


class Trials(Piece):
    """How many trials of which kind, and how they are ordered.

    practice
        Trials on main stimuli before the session counts; not analysed.
    stabilising
        First trials of the session proper whose ratings are thrown away
        (ITU-R BT.500-15: about five).
    feedback
        Practice answers are followed by whether they were right; for methods that know it
        (``jnd``, and ``authenticity`` where the stimulus set says what is real).
    anchors
        Extremes shown among the practice trials so that the range is known:
        ``best`` is an intact stimulus, ``worst`` the one with the largest error.
    repeats
        Main stimuli shown a second time near the end, for consistency.
    correct_last
        From a trial's question a way back leads to the trial before, which is shown anew; its
        last answer counts, the earlier ones stay in the journal.
    break_every
        A rest after so many trials; 0: never.
    scene_gap
        No scene returns within so many trials.
    design
        ``complete``: every participant rates every stimulus. ``latin square``: every
        participant sees each scene in one condition, rotated over participants.
    conditions_per_scene
        In how many conditions a participant of a ``latin square`` sees each scene. Every
        condition of every scene is seen equally often by as many participants as there are
        conditions; which conditions meet in one participant is drawn anew for the next as many.
    """

    practice: int = Field(default=4, ge=0, le=100)
    feedback: bool = False
    stabilising: int = Field(default=5, ge=0, le=50)
    anchors: tuple[Literal["best", "worst"], ...] = ("best", "worst")
    repeats: int = Field(default=0, ge=0, le=500)
    correct_last: bool = False
    break_every: int = Field(default=40, ge=0)
    session_minutes: float = Field(default=30.0, gt=0, le=240)
    scene_gap: int = Field(default=1, ge=0, le=100)
    design: Literal["complete", "latin square"] = "complete"
    conditions_per_scene: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _only_incomplete_designs_leave_conditions_out(self) -> Trials:
        if self.design == "complete" and self.conditions_per_scene != 1:
            raise ValueError(
                "conditions_per_scene belongs to design = 'latin square'; a complete design shows "
                "all of them"
            )
        return self

    @model_validator(mode="after")
    def _anchors_are_practice_trials(self) -> Trials:
        if len(self.anchors) > self.practice:
            raise ValueError(
                f"practice = {self.practice} leaves no room for {len(self.anchors)} anchors; "
                "raise practice or shorten anchors"
            )
        return self


class Catch(Piece):
    """Attention checks: trials whose right answer is known.

    ``instructed``: a page asks for a named answer (alternately the lowest and the
    highest label). ``identical``: the reference is shown as the test, and the right
    answer is the good end of the scale. ``reference and severe``: the same alternately with
    the severe picture of a scene, which must be rated worse than the last reference; in pairs
    the reference stands beside the severe picture and must be preferred. Any other trial is
    passed within `tolerance` scale units of its target; a participant passes with a share of at
    least `pass_share`.
    """

    count: int = Field(default=0, ge=0, le=100)
    kind: Literal["instructed", "identical", "reference and severe"] = "instructed"
    tolerance: float = Field(default=0.0, ge=0)
    pass_share: float = Field(default=0.75, ge=0, le=1)

    @property
    def shows_severe(self) -> bool:
        """Whether severe catch items of the stimulus set are shown."""
        return self.count > 0 and self.kind == "reference and severe"

    def passed(self, rating: float, target: float) -> bool:
        """Say whether `rating` passes a catch trial whose right answer is `target`."""
        return abs(rating - target) <= self.tolerance + TOLERANCE

    def participant_passes(self, passed: int, shown: int) -> bool:
        """Say whether `passed` of `shown` catch trials are enough."""
        return passed >= self.pass_share * shown - TOLERANCE


class ScreeningQuestion(Piece):
    """A question before the session; its wording stands in the text file under `name`.

    `options` are the answers in order; with `accept` given, any other answer ends the
    session before it begins and is journalled as such.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    options: tuple[str, ...] = Field(min_length=2)
    accept: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _accepted_answers_exist(self) -> ScreeningQuestion:
        unknown = [answer for answer in self.accept if answer not in self.options]
        if unknown:
            raise ValueError(f"accept names {unknown[0]!r}, which is not among options")
        return self


class Quest(Piece):
    """QUEST+ (Watson 2017): which strength to show next, and when a threshold is found.

    The psychometric function is a Weibull on the logarithm of strength, with
    `strengths` levels between the weakest and strongest of each region in the
    stimulus set; `guess` is the share of right answers at strength zero.
    """

    trials_per_region: int = Field(default=30, ge=10, le=500)
    strengths: int = Field(default=15, ge=3, le=200)
    slopes: tuple[float, ...] = (1.0, 2.0, 3.5, 5.0)
    lapses: tuple[float, ...] = (0.01, 0.04)
    guess: float = Field(default=0.5, ge=0, lt=1)
    threshold_at: float = Field(default=0.75, gt=0, lt=1)
