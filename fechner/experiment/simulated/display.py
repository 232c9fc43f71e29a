"""A display without a window, and the answers of simulated participants on any display.

`SimulatedResponder` turns frames and questions into a simulated participant's
answers; `SimulatedDisplay` gives it a clock of its own that runs as fast as the
computer does. A real window can use the same responder, so that simulated
participants see real pixels.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError
from fechner.experiment.display import (
    Frame,
    MarkTask,
    Moment,
    Page,
    Question,
    Response,
    Shown,
    SteppedBackError,
    WritingTask,
    WrittenText,
    load_pixels,
)
from fechner.experiment.display import pixels_sha256 as digest_of_pixels
from fechner.experiment.simulated.marking import Damage, Pixels, simulated_marks
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.records.journal.marks import Marks, Stroke

if TYPE_CHECKING:
    from collections.abc import Callable

    from fechner.records.stimuli import Stimulus, StimulusSet

COMMENT = "SIMULATED: nothing to add."
"""The comment of every simulated participant who types one."""

PAGE_MS = 1000.0
MARK_MS = 500.0
THRESHOLD_OF_REAL = 60.0  # points of quality above which a picture passes as real


GOES_BACK = 0.1
"""Share of the ways back to the last trial that a simulated participant takes."""


class SimulatedResponder:
    """Answers questions as `observer` would, about the stimuli of `stimuli`.

    A stimulus seen again is a new repetition with a fresh residual; `seen` counts what
    an interrupted session has shown already. `maps` are the importance maps that marks follow
    in the world ``map``.
    """

    def __init__(
        self,
        observer: SimulatedObserver,
        stimuli: StimulusSet,
        *,
        seen: Counter[str] | None = None,
        maps: Path | None = None,
    ) -> None:
        self.observer = observer
        self.damage = Damage(stimuli, maps)
        self._by_path = {
            Path(stimuli.image_path(stimulus)).resolve(): stimulus for stimulus in stimuli.pictures
        }
        self._seen: Counter[str] = Counter(seen or {})
        self._asked: Counter[str] = Counter()
        self._ways_back = 0

    def goes_back(self, question: Question) -> bool:
        """Return whether the way back to the last trial is taken, where there is one."""
        if not question.back:
            return False
        self._ways_back += 1
        return bool(self.observer.generator("back", self._ways_back).random() < GOES_BACK)

    def look(self, frame: Frame) -> tuple[tuple[Stimulus, int], ...]:
        """Return the stimuli of a frame with the number of times each was seen, now included."""
        stimuli = [self._stimulus(path) for path in frame.images]
        for stimulus in stimuli:
            self._seen[stimulus.stimulus] += 1
        return tuple((stimulus, self._seen[stimulus.stimulus]) for stimulus in stimuli)

    def answer(
        self, question: Question, looked: tuple[tuple[Stimulus, int], ...]
    ) -> tuple[float, float]:
        """Return value and reaction time in milliseconds for what was `looked` at."""
        self._asked[question.name] += 1
        times = self._asked[question.name]
        reaction_ms = question.not_before_ms + self.observer.reaction_ms(question.name, times)
        # Before the first image come consent and screening, which nobody answers blindly.
        lapses = bool(looked) and self.observer.lapses(question.name, times)
        if question.answer is not None and not lapses:
            return float(question.answer), reaction_ms
        if not looked or question.name == "consent" or question.name.startswith("screening."):
            return float(question.values[0]), reaction_ms
        return self._rated(question, looked), reaction_ms

    def marks(self, task: MarkTask, size: tuple[int, int]) -> list[Pixels]:
        """Return the pixels of each mark on an image of `size` (width, height) px.

        Raises
        ------
        InputError
            If the window shows the image in another size than its file has.
        """
        stimulus = self._stimulus(task.frame.images[task.place])
        damage = self.damage.of(stimulus, self.observer.world)
        if damage.shape != size[::-1]:
            raise InputError(f"{stimulus.file} is shown as {size[0]} x {size[1]} px; restore it")
        repetition = self._seen[stimulus.stimulus]
        return simulated_marks(self.observer, stimulus, damage, task, repetition=repetition)

    def _rated(self, question: Question, looked: tuple[tuple[Stimulus, int], ...]) -> float:
        # Of a reference and a test beside each other it is the test that is rated.
        stimulus, repetition = max(looked, key=lambda one: one[0].mse)
        if self.observer.lapses(stimulus.stimulus, repetition):
            return self._blind(question, stimulus.stimulus, repetition)
        two_buttons = question.kind == "buttons" and len(question.values) == 2
        if two_buttons and len(looked) == 2:
            return self._preferred(question, looked)
        if two_buttons or question.name == "confidence":
            return self._judged(question, stimulus, repetition)
        return _placed(question, self.observer.quality(stimulus, repetition=repetition) / 100)

    def _judged(self, question: Question, stimulus: Stimulus, repetition: int) -> float:
        """Answer whether a picture is real, and how sure that is: by its distance from even."""
        above = self.observer.looks_real(stimulus, repetition=repetition) - THRESHOLD_OF_REAL
        if question.name == "confidence":
            return _placed(question, min(abs(above) / 40, 1.0))
        return question.values[int(above > 0)]

    def _preferred(self, question: Question, looked: tuple[tuple[Stimulus, int], ...]) -> float:
        left, right = (self.observer.quality(s, repetition=number) for s, number in looked)
        return question.values[int((right > left) == (question.good == "high"))]

    def _blind(self, question: Question, name: str, repetition: int) -> float:
        # The hidden reaction time is as good a coin as any, and keeps answers reproducible.
        chance = self.observer.reaction_ms(f"blind {name}", repetition) % 1.0
        return _placed(question, chance)

    def _stimulus(self, path: Path) -> Stimulus:
        try:
            return self._by_path[Path(path).resolve()]
        except KeyError:
            raise InputError(
                f"a simulated participant was shown {path}, which is not in the stimulus set"
            ) from None


def _placed(question: Question, share: float) -> float:
    """Return the answer at `share` (0 worst, 1 best) of a question's range."""
    share = min(max(share, 0.0), 1.0)
    if question.good == "low":
        share = 1 - share
    if question.kind == "buttons":
        return float(
            question.values[min(int(share * len(question.values)), len(question.values) - 1)]
        )
    steps = round(share * (question.maximum - question.minimum) / question.step)
    return float(min(question.minimum + steps * question.step, question.maximum))


class SimulatedDisplay:
    """A `Display` without a window whose clock advances by what it is asked to show."""

    def __init__(self, responder: SimulatedResponder) -> None:
        self.responder = responder
        self.on_moment: Callable[[Moment, float], None] | None = None
        self._clock_ms = 0.0
        self._looked: tuple[tuple[Stimulus, int], ...] = ()
        self._digests: dict[Path, str] = {}

    def now(self) -> float:
        """Return seconds since the display's clock began."""
        return self._clock_ms / 1000

    def text(self, page: Page) -> None:
        """Read a page, which takes a second."""
        self._clock_ms += PAGE_MS

    def fixation(self, ms: float) -> None:
        """Let `ms` milliseconds pass."""
        self._clock_ms += ms

    def blank(self, ms: float) -> None:
        """Let `ms` milliseconds pass; what was seen is gone."""
        self._clock_ms += ms

    def preload(self, frame: Frame) -> None:
        """Read a frame's pixels ahead."""
        for path in frame.images:
            self._digest(path)

    def show(self, frame: Frame, ms: float | None) -> Shown:
        """Look at a frame for `ms` milliseconds, or until the next question."""
        onset_s = self.now()
        if not frame.mask:
            self._looked = self.responder.look(frame)
            self._say("onset")
        self._clock_ms += ms or 0.0
        return Shown(onset_s, ms or 0.0, tuple(self._digest(path) for path in frame.images))

    def rate(self, question: Question) -> Response:
        """Answer a question at once; its reaction time passes on the display's clock."""
        if self.responder.goes_back(question):
            raise SteppedBackError
        value, rt_ms = self.responder.answer(question, self._looked)
        self._clock_ms += rt_ms
        self._say("answer")
        return Response(value, rt_ms, ((rt_ms, value),), "simulated")

    def mark(self, task: MarkTask) -> Marks:
        """Mark an image at once; a mark takes half a second on the display's clock."""
        size = load_pixels(task.frame.images[task.place]).size
        paths = self.responder.marks(task, size)
        strokes = tuple(
            Stroke(
                points=tuple((x, y, MARK_MS * number + k) for k, (x, y) in enumerate(path)),
                radius=float(task.radius),
            )
            for number, path in enumerate(paths, start=1)
        )
        rt_ms = task.not_before_ms + MARK_MS * (len(paths) + 1)
        self._clock_ms += rt_ms
        self._say("answer")
        return Marks(size=size, rt_ms=rt_ms, device="simulated", strokes=strokes)

    def write(self, task: WritingTask) -> WrittenText:
        """Write what every simulated participant writes, which takes a second."""
        rt_ms = task.not_before_ms + PAGE_MS
        self._clock_ms += rt_ms
        return WrittenText(COMMENT, rt_ms, "simulated")

    def _say(self, moment: Moment) -> None:
        if self.on_moment is not None:
            self.on_moment(moment, self.now())

    def close(self) -> None:
        """Do nothing: there is no screen to give back."""

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = digest_of_pixels(load_pixels(path))
        return self._digests[path]
