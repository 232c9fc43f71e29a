"""The display that people sit before: pages, frames and questions in a real window.

Implements `display.Display` on a `Window`. The same loop serves people and simulated
participants, for whom a `WindowUser` presses keys and clicks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.experiment.display import (
    PAUSE_BETWEEN_ANSWERS_MS,
    Frame,
    MarkTask,
    Moment,
    Page,
    Question,
    Response,
    SessionQuitError,
    Shown,
    SteppedBackError,
    TrialInterruptedError,
    WritingTask,
    WrittenText,
)
from fechner.experiment.screens import layout, pages
from fechner.experiment.screens.answering import Click, Input, asks_to_quit
from fechner.experiment.screens.opening import Opening
from fechner.experiment.window.asking import Asking, StandingFrame
from fechner.experiment.window.frames import FrameLoader
from fechner.experiment.window.marking import MarkingScreen
from fechner.experiment.window.read_back import ReadBack, Verify
from fechner.experiment.window.screenshots import Screenshots, picture_name
from fechner.experiment.window.writing import WritingScreen

if TYPE_CHECKING:
    from fechner.experiment.screens.look import Box, Look
    from fechner.experiment.simulated.window_user import WindowUser
    from fechner.experiment.window.window import Window
    from fechner.protocols.parts import Keys
    from fechner.records.journal.marks import Marks


class ParticipantDisplay:
    """A `Display` in a window.

    Parameters
    ----------
    window
        The open window.
    keys
        The protocol's keys.
    quit_question
        What Escape asks: two buttons, 0 to go on and 1 to end.
    strip
        Pixels at the foot of the window kept free for questions under standing pictures.
    verify
        Which shown frames are read back and compared with their files.
    screenshots
        A folder for one picture of every screen; None for none.
    user
        Who acts in the window for a simulated participant; None for a person.
    """

    def __init__(
        self,
        window: Window,
        *,
        keys: Keys,
        quit_question: Question,
        strip: int = 0,
        verify: Verify = "first",
        screenshots: Path | None = None,
        user: WindowUser | None = None,
    ) -> None:
        self.window = window
        # Simulated participants press nothing twice, and need not wait.
        window.pause_ms = 0.0 if user else PAUSE_BETWEEN_ANSWERS_MS
        window.sees_at_once = user is not None
        self._keys, self._quit_question = keys, quit_question
        self._read_back = ReadBack(window, verify)
        self._screenshots = Screenshots(window, screenshots)
        self._user = user
        self._standing: StandingFrame | None = None
        self.on_moment: Callable[[Moment, float], None] | None = None
        self._base, self._cross = window.texture(), window.texture()
        self._arrange(window.look, layout.stage(window.look, strip))
        self._due: float | None = None
        self._draw_s = 0.0

    def arrange(self, look: Look, area: Box) -> None:
        """Give every screen its look from now on, and pictures a part of the window.

        Parameters
        ----------
        look
            Of the same size and background as the window.
        area
            The part of the window that pictures stand in.
        """
        self._frames.close()
        self._arrange(look, area)

    def _arrange(self, look: Look, area: Box) -> None:
        window, self.look, self.area = self.window, look, area
        window.look = look
        screenshots, user = self._screenshots, self._user
        self._frames = FrameLoader(window, look, area)
        self._asking = Asking(
            window, self._frames, keys=self._keys, screenshots=screenshots, user=user
        )
        self._marking = MarkingScreen(window, keys=self._keys, screenshots=screenshots, user=user)
        left, top, right, bottom = area
        cross = pages.fixation(look, ((left + right) // 2, (top + bottom) // 2)).image
        self._cross.put(*pages.drawn_part(look, cross))

    def now(self) -> float:
        """Return monotonic seconds since the window opened."""
        return self.window.now()

    def facts(self) -> dict[str, Any]:
        """Return what the journal keeps of the window."""
        return self.window.facts()

    def close(self) -> None:
        """Close the window; calling it twice does no harm."""
        self._frames.close()
        self.window.close()

    def _flip(self, name: str = "") -> float:
        """Flip, after a screenshot where one is wanted and missing; return the time."""
        self._screenshots.keep(name)
        return self.window.flip()

    def _ask_to_quit(self) -> None:
        """Ask whether the session ends.

        Raises
        ------
        SessionQuitError
            If it does.
        """
        answer = self._asking.answer(self._quit_question)
        if answer is not None and answer.value == 1:
            raise SessionQuitError("the session was ended at the window; run it again to go on")
        self.window.inputs()

    # -- pages

    def text(self, page: Page) -> None:
        """Show a page until the participant goes on.

        Raises
        ------
        SteppedBackError
            If the participant goes back to the screen before.
        """
        screen = pages.page(self.look, page)
        self._base.put(*pages.drawn_part(self.look, screen.image))
        self.window.cursor(True)
        self.window.forget(self._keys)
        click, opening = Click(screen), Opening(self.window.pause_ends, numbers=False)
        began: float | None = None
        while True:
            self._base.draw()
            flipped = self._flip(f"page-{page.name}")
            if began is None:
                began = flipped
                opening.at = max(opening.at, began + page.not_before_ms / 1000)
            if self._user and flipped >= opening.at:
                self._user.at_page(self.window, page, screen)
            happened = self.window.inputs()
            if asks_to_quit(happened, self._keys):
                self._ask_to_quit()
                self._base.put(*pages.drawn_part(self.look, screen.image))
            else:
                way = self._way(page, click, [one for one in happened if opening.admits(one)])
                if way:
                    self.window.answered()
                if way == "back":
                    raise SteppedBackError
                if way == "proceed":
                    return
            self.window.pause()

    def _way(self, page: Page, click: Click, happened: list[Input]) -> str | None:
        """Return where the first of several inputs leads that leads anywhere."""
        for one in happened:
            if one.kind != "key":
                way = click.on(one)
            elif page.back and one.key in self._keys.back:
                way = "back"
            else:
                way = "proceed" if one.key in self._keys.confirm else None
            if way:
                return way
        return None

    # -- frames

    def preload(self, frame: Frame) -> None:
        """Decode a frame in a thread; the next interval uploads it."""
        self._frames.preload(frame)

    def fixation(self, ms: float) -> None:
        """Show the fixation cross for `ms` milliseconds, uploading what was preloaded."""
        self._interval(self._cross.draw, ms, "fixation")

    def blank(self, ms: float) -> None:
        """Show the empty background for `ms` milliseconds, uploading what is decoded."""
        self._interval(_nothing, ms, "")

    def _interval(self, draw: Callable[[], None], ms: float, name: str) -> None:
        self.window.cursor(False)
        self._standing = None
        draw()
        self._due = self._flip(name) + ms / 1000
        self._frames.upload_waiting(all_of_them=name == "fixation")
        self._wait_until(self._due, draw, early=self._draw_s)

    def _wait_until(
        self, end: float, draw: Callable[[], None], *, early: float = 0.0
    ) -> list[float]:
        """Redraw and flip until the next flip falls on `end`; return the times of the flips.

        Where flips do not wait for a refresh they happen as soon as all is drawn, which
        takes about `early` seconds.

        Raises
        ------
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        window, flips = self.window, []
        # The flip after the next refresh is one frame away: half a frame more is the last chance.
        margin = 1.5 * window.frame_ms / 1000 if window.synchronised else early + 0.0005
        while (left := end - self.now()) > margin:
            if asks_to_quit(window.inputs(), self._keys):
                self._ask_to_quit()
                raise TrialInterruptedError
            if window.synchronised:
                draw()
                flips.append(window.flip())
            else:
                time.sleep(min(max(left - margin, 0.0), 0.004))
        return flips

    def show(self, frame: Frame, ms: float | None) -> Shown:
        """Show a frame for `ms` milliseconds; None leaves it for the next question.

        Raises
        ------
        RefusedError
            If a read-back differs from the file by a single level.
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        ready = self._frames.take(frame)
        self.window.cursor(False)
        if self._user and not frame.mask:
            self._user.see(frame)
        asked = self.now()
        ready.draw()
        onset = self._flip("" if frame.mask else picture_name(frame))
        if self.on_moment is not None and not frame.mask:
            self.on_moment("onset", onset)
        self._draw_s = min(0.5 * self._draw_s + 0.5 * (onset - asked), 0.1)
        late_ms = 0.0 if self._due is None else (onset - self._due) * 1000
        difference = self._read_back.difference(ready, frame)
        flips: list[float] = []
        if ms is not None:
            flips = self._wait_until(onset + ms / 1000, ready.draw)
        self._due = None if ms is None else onset + ms / 1000
        self._standing = StandingFrame(ready, onset) if ms is None else None
        return Shown(
            onset_s=onset,
            duration_ms=0.0 if ms is None else self._lasted(onset),
            sha256=ready.loaded.sha256,
            dropped_frames=self._dropped([onset, *flips]) if difference is None else 0,
            late_ms=late_ms,
            difference=difference,
        )

    def _lasted(self, onset: float) -> float:
        """Return the ms from `onset` to the flip that comes next."""
        coming = self.window.frame_ms if self.window.synchronised else 0.0
        return (self.now() - onset) * 1000 + coming

    def _dropped(self, flips: list[float]) -> int:
        frame = self.window.judged_frame_ms / 1000
        gaps = [later - earlier for earlier, later in pairwise(flips)]
        return sum(max(0, round(gap / frame) - 1) for gap in gaps)

    # -- questions

    def rate(self, question: Question) -> Response:
        """Ask a question, under the standing frame if there is one, until it is answered.

        Raises
        ------
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        response = self._asking.answer(question, standing=self._standing, on_moment=self.on_moment)
        self._standing = None
        if response is None:
            self._ask_to_quit()
            raise TrialInterruptedError
        return response

    def mark(self, task: MarkTask) -> Marks:
        """Let an image be marked: that of the frame that stands, or of a new one in its place.

        Raises
        ------
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        standing = self._standing or StandingFrame(self._frames.take(task.frame), self.now())
        marks = self._marking.marks(task, standing)
        if marks is not None and self.on_moment is not None:
            self.on_moment("answer", self.now())
        self._standing = None
        if marks is None:
            self._ask_to_quit()
            raise TrialInterruptedError
        return marks

    def write(self, task: WritingTask) -> WrittenText:
        """Let a text be typed until it is done; ending the session there keeps what was typed."""
        screen = WritingScreen(
            self.window, task, keys=self._keys, screenshots=self._screenshots, user=self._user
        )
        while (text := screen.written()) is None:
            try:
                self._ask_to_quit()
            except SessionQuitError:
                return screen.writing.result()
        return text


def _nothing() -> None:
    """Draw nothing: the window is cleared to the background."""
