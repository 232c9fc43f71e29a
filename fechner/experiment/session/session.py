"""The session: from consent to thanks, one journalled trial after the other.

The loop runs on any `Display`. After every answer one line reaches the disk before
the next trial begins, so an end at any moment costs at most the running trial; a
session whose journal has trials already goes on after the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from fechner.experiment.display import (
    Display,
    Page,
    SessionQuitError,
    SteppedBackError,
    TrialInterruptedError,
)
from fechner.experiment.plan.catches import passes
from fechner.experiment.plan.plan import NOT_COUNTED
from fechner.experiment.session import presentation
from fechner.experiment.session.before_trials import BeforeTrials
from fechner.experiment.session.commenting import ask_comment
from fechner.experiment.session.correcting import correctable
from fechner.experiment.session.markers import Marker, Markers
from fechner.experiment.session.session_pages import instructions, page_of
from fechner.experiment.session.signals import held
from fechner.experiment.session.staircases import Staircases
from fechner.experiment.session.trial_frames import frames_of
from fechner.experiment.session.vision_tests import turning_away_text
from fechner.records.journal.lines import NOT_ADMITTED, BreakLine

if TYPE_CHECKING:
    from fechner.experiment.journal.journal import Journal
    from fechner.experiment.plan.plan import Plan, Trial
    from fechner.protocols.methods import JndProtocol
    from fechner.protocols.parts import Timing
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord
    from fechner.records.stimuli import StimulusSet


@dataclass(frozen=True)
class SessionStatus:
    """How the session stands after a trial, for the experimenter's line.

    `catch_passed` of `catch_shown` attention checks were passed; `rt_ms` is the median
    reaction time so far, `minutes_left` an estimate from the trials so far.
    """

    done: int
    total: int
    minutes_left: float
    catch_passed: int
    catch_shown: int
    rt_ms: float


OnTrial = Callable[[SessionStatus], None]


def run_session(
    protocol: Protocol,
    stimuli: StimulusSet,
    plan: Plan,
    display: Display,
    journal: Journal,
    *,
    timing: Timing | None = None,
    on_trial: OnTrial | None = None,
    markers: Mapping[str, Marker] | None = None,
) -> JournalRecord:
    """Run what is left of a session and return its record.

    Parameters
    ----------
    protocol, stimuli, plan
        What is shown, and in which order.
    display
        Where it is shown.
    journal
        Open for writing, new or resumed.
    timing
        Overrides the protocol's timing (simulated participants in a window).
    on_trial
        Called after every journalled trial.
    markers
        Called at every onset and answer, by name.

    Returns
    -------
    JournalRecord
        The whole session, earlier runs of it included.

    Raises
    ------
    SessionQuitError
        If the session was ended before its last trial; the journal says so.
    """
    run = _Run(protocol, stimuli, plan, display, journal, timing or protocol.timing)
    run.markers = Markers(markers or {}, run.append)
    try:
        if run.admitted():
            run.trials(on_trial)
            run.end()
        else:
            run.turn_away()
    except SessionQuitError as quit_:
        if journal.record.end is None:
            run.append({"event": "quit", "reason": str(quit_)})
        raise
    return journal.record


class _Run:
    """One run of the loop."""

    def __init__(
        self,
        protocol: Protocol,
        stimuli: StimulusSet,
        plan: Plan,
        display: Display,
        journal: Journal,
        timing: Timing,
    ) -> None:
        self.protocol = protocol
        self.stimuli = stimuli
        self.plan = plan
        self.display = display
        self.journal = journal
        self.timing = timing
        self.simulated = journal.record.simulated
        self.markers = Markers({}, self.append)
        self._truths = {stimulus.stimulus: stimulus.truth for stimulus in stimuli.stimuli}
        self.staircases = _staircases(protocol, stimuli)
        if self.staircases is not None:
            self.staircases.replay(journal.record.trials)

    def append(self, event: Mapping[str, Any]) -> None:
        """Write an event; signals that end the program wait until it is on the disk."""
        with held():
            self.journal.append(event)

    # -- before the trials

    def admitted(self) -> bool:
        """Show every screen before the first trial; return whether the trials may begin."""
        screens = BeforeTrials(self.protocol, self.display, self.journal.record, self.append)
        left = self._left()
        before = self._page_before(left[0], practised=False) if left else None
        # Where only the comment is left, nobody reads what the trials are about.
        pages = instructions(self.protocol) if left else []
        return screens.passed([*pages, *([before] if before else [])])

    def turn_away(self) -> None:
        """Thank who is not admitted; the end says it."""
        text = turning_away_text(self.protocol, self.journal.record)
        self.append({"event": "end", "reason": NOT_ADMITTED})
        with suppress(SessionQuitError):
            self.display.text(self._page("not-admitted", text))

    def _page(self, name: str, body: str) -> Page:
        return page_of(self.protocol, name, body)

    # -- the trials

    def trials(self, on_trial: OnTrial | None) -> None:
        """Run every trial after the last journalled one."""
        clock = _Pace(self.display.now())
        left = self._left()
        for before, trial in zip([None, *left], left, strict=False):
            page = before and self._page_before(trial, practised=before.kind in NOT_COUNTED)
            if page:
                self.display.text(page)
            self._break_before(trial)
            self._one(trial)
            if on_trial is not None:
                on_trial(self._status(clock))

    def _left(self) -> list[Trial]:
        last = self.journal.record.last_trial
        return [trial for trial in self.plan.trials if trial.number > last]

    def _page_before(self, trial: Trial, *, practised: bool) -> Page | None:
        """Return the page that stands before a trial, if any; `practised` the one before it was."""
        practice = trial.kind in NOT_COUNTED
        if practice and not practised:
            return self._page("practice", self.protocol.texts.practice)
        if not practice and (practised or trial.number == 1):
            return self._page("start", self.protocol.texts.start)
        return None

    def _filled(self, trial: Trial) -> Trial:
        """Return the trial with its stimulus: the plan's, or the staircase's choice."""
        if self.staircases is None or not trial.scene:
            return trial
        return self.staircases.fill(trial)

    def _one(self, planned: Trial) -> None:
        while True:
            last = correctable(self.protocol, self.plan, self.journal.record, planned)
            # A corrected answer can make a staircase want another stimulus.
            trial = self._filled(planned)
            try:
                presented = self._presented(trial, back=self.protocol.texts.back if last else "")
                break
            except SteppedBackError:
                self.append({"event": "note", "note": "went back", "trial": trial.number})
                self._correct(cast("Trial", last))
        self.append(self._event(trial, presented))
        if self.staircases is not None:
            self.staircases.answer(self.journal.record.trials[-1])
        self._feedback(trial, presented.rating)
        self._interval(trial)

    def _presented(self, trial: Trial, *, back: str = "") -> presentation.Presented:
        """Show a trial until it is answered: Escape that was not meant shows it anew."""
        while True:
            try:
                return presentation.present_trial(
                    self.protocol,
                    trial,
                    self.stimuli,
                    self.display,
                    timing=self.timing,
                    back=back,
                    on_moment=partial(self.markers.mark, trial) if self.markers else None,
                )
            except TrialInterruptedError:
                self.append({"event": "note", "note": "interrupted", "trial": trial.number})

    def _correct(self, trial: Trial) -> None:
        """Show the last trial anew and journal its answer, which counts from now on."""
        before = self.journal.record.trials[-1].correction or 0
        self.append({**self._event(trial, self._presented(trial)), "correction": before + 1})
        self.staircases = _staircases(self.protocol, self.stimuli)
        if self.staircases is not None:
            self.staircases.replay(self.journal.record.trials)

    def _feedback(self, trial: Trial, rating: float) -> None:
        """Say after a practice trial whether the answer was right, where the protocol asks to."""
        texts, truth = self.protocol.texts, self._truths.get(trial.stimulus)
        known = self.protocol.method == "jnd" or bool(truth)
        practice = trial.kind in NOT_COUNTED and bool(trial.stimulus)
        if not (self.protocol.trials.feedback and practice and known):
            return
        right = 1.0 if self.protocol.method == "jnd" else float(truth == "real")
        name, body = ("right", texts.feedback_right) if rating == right else ("wrong", "")
        self.display.text(self._page(f"feedback-{name}", body or texts.feedback_wrong))

    def _interval(self, trial: Trial) -> None:
        """Show the empty screen between trials, while the next picture is decoded."""
        following = [t for t in self.plan.trials if t.number == trial.number + 1]
        for coming in following:
            coming = self._filled(coming)
            for frame in frames_of(self.protocol, coming, self.stimuli).all:
                self.display.preload(frame)
        try:
            self.display.blank(self.timing.interval_ms)
        except TrialInterruptedError:
            return

    def _event(self, trial: Trial, presented: presentation.Presented) -> dict[str, Any]:
        event: dict[str, Any] = {
            "event": "trial",
            "trial": trial.number,
            "block": trial.block,
            "kind": trial.kind,
            "stimulus": trial.stimulus,
            "scene": trial.scene,
            "region": trial.region,
            "dimension": trial.dimension,
            **presented.record(),
            "simulated": self.simulated,
        }
        for name in ("reference", "second", "target", "repeat_of"):
            if getattr(trial, name) is not None:
                event[name] = getattr(trial, name)
        if trial.second is not None or presented.place:
            event["side"] = "right" if presented.place else "left"
        if self.staircases is not None and trial.stimulus:
            event["strength"] = self.staircases.strength(trial.stimulus)
        truth = self._truths.get(trial.stimulus)
        if truth and self.protocol.method == "authenticity":
            event["truth"] = truth
        if trial.target is not None:
            before = self.journal.record.trials
            event["passed"] = passes(self.protocol, trial, presented.rating, before)
        return event

    def _break_before(self, trial: Trial) -> None:
        after = trial.number - 1
        events = self.journal.record.events
        taken = {event.after_trial for event in events if isinstance(event, BreakLine)}
        if after not in self.plan.breaks or after in taken:
            return
        practice = sum(t.kind in NOT_COUNTED for t in self.plan.trials)
        body = self.protocol.texts.rest.format(
            done=after - practice, total=len(self.plan.trials) - practice
        )
        began = self.display.now()
        self.display.text(self._page("break", body))
        seconds = round(self.display.now() - began, 2)
        self.append({"event": "break", "after_trial": after, "seconds": seconds})

    def _status(self, pace: _Pace) -> SessionStatus:
        trials = self.journal.record.trials
        done, total = self.journal.record.last_trial, len(self.plan.trials)
        catches = [t for t in trials if t.kind == "catch"]
        times = sorted(t.rt_ms for t in trials)
        return SessionStatus(
            done=done,
            total=total,
            minutes_left=pace.minutes_left(self.display.now(), total - done),
            catch_passed=sum(bool(t.passed) for t in catches),
            catch_shown=len(catches),
            rt_ms=times[len(times) // 2],
        )

    def end(self) -> None:
        """Ask for a comment, journal the end, then thank: all is safe before the page is read."""
        ask_comment(self.protocol, self.display, self.journal.record, self.append)
        found = self.staircases.thresholds() if self.staircases is not None else ()
        for threshold in found:
            self.append({"event": "note", "note": "threshold", **asdict(threshold)})
        self.append({"event": "end", "reason": "complete", **self._attention()})
        with suppress(SessionQuitError):
            if self.protocol.texts.debriefing:
                self.display.text(self._page("debriefing", self.protocol.texts.debriefing))
            self.display.text(self._page("thanks", self.protocol.texts.thanks))

    def _attention(self) -> dict[str, Any]:
        """Return how many attention checks were passed, and whether they are enough."""
        catches = [t for t in self.journal.record.trials if t.kind == "catch"]
        passed = sum(bool(t.passed) for t in catches)
        enough = self.protocol.catch.participant_passes(passed, len(catches))
        return {"catch_passed": passed, "catch_shown": len(catches), "attentive": enough}


def _staircases(protocol: Protocol, stimuli: StimulusSet) -> Staircases | None:
    if protocol.method != "jnd":
        return None
    return Staircases(cast("JndProtocol", protocol).quest, stimuli)


class _Pace:
    """How long a trial has taken in this run, on the display's clock."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._trials = 0

    def minutes_left(self, now: float, trials_left: int) -> float:
        """Return the expected minutes of the trials that are left."""
        self._trials += 1
        return (now - self._began) / self._trials * trials_left / 60
