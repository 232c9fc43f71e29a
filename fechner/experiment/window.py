"""The window that participants see: the one module that speaks to PsychoPy.

Pictures, text and buttons are Pillow images shown at native size on whole pixels by
reused textures, which PsychoPy shows bit-exactly; they are decoded in a thread and
uploaded during the interval before they are shown. Keys come from `event.getKeys`
and the mouse from pushed handlers, because both keep what falls between two polls.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageChops

from fechner.errors import MissingPartError, RefusedError
from fechner.experiment import screens
from fechner.experiment.calibration import CARD_ASPECT
from fechner.experiment.display import (
    Frame,
    Page,
    Question,
    Response,
    SessionQuitError,
    Shown,
    TrialInterruptedError,
    load_pixels,
    pixels_sha256,
)
from fechner.experiment.screens import Box, Look, Screen

if TYPE_CHECKING:
    from fechner.experiment.hands import Hands
    from fechner.protocols.parts import Keys

NO_SYNC_MS = 4.0
"""Flips faster than this are not tied to a screen's refresh (a virtual screen)."""

NOMINAL_FRAME_MS = 1000 / 60
"""The frame by which lateness is judged where flips are not tied to a refresh."""

PRESS_MS = 120.0
"""How long a pressed button is shown as pressed."""

PAGE_STEPS = {"pageup": 10, "pagedown": -10}
"""Steps of a slider that these keys move; the arrow keys move one."""

TYPING_S = 1.5
"""Digits typed within so many seconds of each other make one number."""

Verify = Literal["first", "all", "none"]


class Input(NamedTuple):
    """A key press or mouse event: `kind` in key, press, drag, release; time in seconds."""

    kind: str
    time: float
    key: str = ""
    x: float = 0.0
    y: float = 0.0


class Texture:
    """One reused PsychoPy picture stimulus that shows Pillow images pixel by pixel."""

    def __init__(self, window: Any) -> None:
        from psychopy import visual

        self._window = window
        self._stimulus = visual.ImageStim(
            window, units="pix", interpolate=False, autoLog=False, size=(1, 1)
        )
        self.image: Image.Image | None = None
        self.box: Box = (0, 0, 0, 0)

    def put(self, image: Image.Image, box: Box) -> None:
        """Upload `image` and place it at `box`, which has its size."""
        if image is not self.image:
            self._stimulus.setImage(image)
            self._stimulus.size = image.size
            self.image = image
        width, height = self._window.size
        self.box = box
        # Integer edges: with odd sizes the centre falls on half a pixel, as it must.
        self._stimulus.pos = (
            (box[0] + box[2] - width) / 2,
            (height - box[1] - box[3]) / 2,
        )

    def draw(self) -> None:
        """Draw into the back buffer."""
        self._stimulus.draw()


@dataclass
class _Loaded:
    """The images of a frame, decoded, with their places and digests."""

    images: list[Image.Image]
    boxes: list[Box]
    sha256: tuple[str, ...]
    captions: list[tuple[Image.Image, Box]]


class PsychoPyDisplay:
    """A `Display` on a PsychoPy window.

    Parameters
    ----------
    look
        Size, background and text of the window; with `fullscreen` the size that the
        screen is expected to have.
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
    hands
        A simulated participant's hands; None for a person.
    virtual
        Whether the screen is a virtual one, as the journal keeps it.
    """

    def __init__(
        self,
        look: Look,
        *,
        keys: Keys,
        quit_question: Question,
        strip: int = 0,
        fullscreen: bool = False,
        monitor: int = 0,
        verify: Verify = "first",
        screenshots: Path | None = None,
        hands: Hands | None = None,
        virtual: bool = False,
    ) -> None:
        self._core, self._event, self._pyglet, self.window = _open(look, fullscreen, monitor)
        self._t0 = self._core.getTime()
        self.look = look
        self._keys = keys
        self._quit_question = quit_question
        self.area = screens.stage(look, strip)
        self.fullscreen, self.virtual, self.monitor = fullscreen, virtual, monitor
        self._facts: dict[str, Any] | None = None
        self._texts: dict[str, list[str]] = {}
        self._verify = verify
        self._verified = 0
        self._screenshots = screenshots
        self._hands = hands
        self._pressed: list[Input] = []
        self._due: float | None = None
        self._draw_s = 0.0
        self._standing: tuple[list[Texture], float] | None = None
        self._decoding: dict[Frame, Future[_Loaded]] = {}
        self._ready: dict[Frame, tuple[_Loaded, list[Texture]]] = {}
        self._seen: set[Frame] = set()
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._base = Texture(self.window)
        self._overlay = Texture(self.window)
        self._mark = Texture(self.window)
        self._spare: list[Texture] = []
        self._paper = screens.blank(look).image
        left, top, right, bottom = self.area
        cross = screens.fixation(look, ((left + right) // 2, (top + bottom) // 2)).image
        self._cross = Texture(self.window)
        self._cross.put(*self._drawn(cross))
        self._questions: dict[tuple[Question, bool], tuple[Screen, Texture]] = {}
        self._closed = False
        self._full: Box = (0, 0, *look.size)
        self._watch_mouse()
        self.frame_ms, self.jitter_ms = self._measure_frames()

    # -- the clock and the frame

    def now(self) -> float:
        """Return monotonic seconds since the window opened."""
        return self._core.getTime() - self._t0

    @property
    def synchronised(self) -> bool:
        """Whether flips wait for the screen's refresh."""
        return not self.virtual and self.frame_ms >= NO_SYNC_MS

    @property
    def lateness_frame_ms(self) -> float:
        """The frame by which lateness is judged: the measured one, or the nominal 60 Hz."""
        return self.frame_ms if self.synchronised else NOMINAL_FRAME_MS

    def _drawn(self, image: Image.Image) -> tuple[Image.Image, Box]:
        """Return the part of a whole screen that differs from the background, and its place.

        The window clears itself to the background, so nothing else needs to be drawn.
        """
        box = ImageChops.difference(image, self._paper).getbbox() or (0, 0, 1, 1)
        return image.crop(box), box

    def _measure_frames(self) -> tuple[float, float]:
        """Return the median interval between flips and its scatter (MAD * 1.4826), in ms."""
        times = []
        count = 15 if self.virtual else 65
        for _ in range(count):
            self.window.flip()
            times.append(self._core.getTime())
        intervals = np.diff(times)[5:] * 1000
        middle = float(np.median(intervals))
        return middle, float(np.median(np.abs(intervals - middle)) * 1.4826)

    def _flip(self, name: str = "") -> float:
        """Flip, after a screenshot where one is wanted and missing; return the time."""
        if self._screenshots and name:
            path = self._screenshots / f"{name}.png"
            if not path.exists():
                self._screenshots.mkdir(parents=True, exist_ok=True)
                self._read_back().save(path, optimize=True)
        self.window.flip()
        return self.now()

    def _read_back(self) -> Image.Image:
        """Return the back buffer as an RGB image."""
        image = self.window.getMovieFrame(buffer="back").convert("RGB")
        self.window.movieFrames = []
        return image

    # -- input

    def _watch_mouse(self) -> None:
        handle = self.window.winHandle
        scale = self.window.size[0] / max(1, handle.width)
        height = self.window.size[1]

        def note(kind: str, x: float, y: float) -> None:
            # pyglet counts rows from the bottom; screens count from the top.
            place = (x * scale, height - 1 - y * scale)
            self._pressed.append(Input(kind, self.now(), "", *place))

        handle.push_handlers(
            on_mouse_press=lambda x, y, button, modifiers: note("press", x, y),
            on_mouse_drag=lambda x, y, dx, dy, buttons, modifiers: note("drag", x, y),
            on_mouse_release=lambda x, y, button, modifiers: note("release", x, y),
        )

    def _inputs(self) -> list[Input]:
        """Return what happened since the last call, in order; Escape comes first."""
        keys = self._event.getKeys(timeStamped=True) or []
        happened = [Input("key", t - self._t0, name) for name, t in keys]
        happened += self._pressed
        self._pressed.clear()
        return sorted(happened, key=lambda one: (one.key not in self._keys.quit, one.time))

    def _forget_inputs(self) -> None:
        self._inputs()

    def press_key(self, name: str) -> None:
        """Press a key as a keyboard would, by PsychoPy's name of it."""
        key = self._pyglet.window.key
        symbol = getattr(key, f"_{name}" if name.isdigit() else name.upper())
        self.window.winHandle.dispatch_event("on_key_press", symbol, 0)

    def click(self, x: float, y: float) -> None:
        """Press and release the left button at (x, y) pixels from the top left corner."""
        handle = self.window.winHandle
        handle._mouse_x, handle._mouse_y = x, self.window.size[1] - 1 - y
        place = (handle._mouse_x, handle._mouse_y)
        left = self._pyglet.window.mouse.LEFT
        handle.dispatch_event("on_mouse_press", *place, left, 0)
        handle.dispatch_event("on_mouse_release", *place, left, 0)

    def _cursor(self, visible: bool) -> None:
        with suppress(Exception):
            self.window.mouseVisible = visible

    def _pause(self) -> None:
        """Leave the processor alone for a moment where flips do not wait."""
        if not self.synchronised:
            time.sleep(0.004)

    def _ask_to_quit(self) -> None:
        """Ask whether the session ends.

        Raises
        ------
        SessionQuitError
            If it does.
        """
        self._standing, standing = None, self._standing
        answer = self._answer(self._quit_question, below=False)
        self._standing = standing
        if answer is not None and answer.value == 1:
            raise SessionQuitError("the session was ended with Escape; run it again to go on")
        self._forget_inputs()

    # -- pages

    def text(self, page: Page) -> None:
        """Show a page until the participant goes on."""
        screen = screens.page(self.look, page)
        self._base.put(*self._drawn(screen.image))
        self._cursor(True)
        self._forget_inputs()
        began = self.now()
        while True:
            waited = self.now() - began
            ready = bool(page.proceed) and waited >= page.minimum_s
            self._draw_page(screen, ready)
            self._flip(f"page-{page.name}" if ready or not page.proceed else "")
            if page.maximum_s is not None and waited >= page.maximum_s:
                return
            if self._hands and ready:
                self._hands.at_page(self, page, screen)
            for one in self._inputs():
                if one.key in self._keys.quit:
                    self._ask_to_quit()
                    break
                if ready and self._proceeds(one, screen):
                    return
            self._pause()

    def _draw_page(self, screen: Screen, ready: bool) -> None:
        self._base.draw()
        if ready:
            self._overlay.put(*screen.overlays["proceed"])
            self._overlay.draw()

    def _proceeds(self, one: Input, screen: Screen) -> bool:
        if one.kind == "key":
            return one.key in self._keys.confirm
        return one.kind == "release" and screen.hit(one.x, one.y) == "proceed"

    # -- pictures

    def preload(self, frame: Frame) -> None:
        """Decode a frame in a thread; the next interval uploads it."""
        if frame not in self._decoding and frame not in self._ready:
            self._decoding[frame] = self._decoder.submit(self._load, frame)

    def _load(self, frame: Frame) -> _Loaded:
        images = [load_pixels(path) for path in frame.images]
        if frame.mask:
            images = [screens.noise_mask(image.size, seed=0) for image in images]
        boxes = screens.place_frame(self.look, frame, [i.size for i in images], self.area)
        captions = [
            screens.caption(self.look, text, box)
            for text, box in zip(frame.captions, boxes, strict=False)
            if text
        ]
        return _Loaded(images, boxes, tuple(pixels_sha256(i) for i in images), captions)

    def _upload(self, frame: Frame) -> tuple[_Loaded, list[Texture]]:
        if frame in self._ready:
            return self._ready[frame]
        waiting = self._decoding.pop(frame, None)
        loaded = waiting.result() if waiting else self._load(frame)
        pieces = [*zip(loaded.images, loaded.boxes, strict=True), *loaded.captions]
        textures = [self._spare.pop() if self._spare else Texture(self.window) for _ in pieces]
        for texture, (image, box) in zip(textures, pieces, strict=True):
            texture.put(image, box)
        self._ready[frame] = (loaded, textures)
        return self._ready[frame]

    def _recycle(self) -> None:
        """Give the textures of frames that were shown back for the next ones."""
        for frame in self._seen & self._ready.keys():
            self._spare.extend(self._ready.pop(frame)[1])
        self._seen.clear()

    def fixation(self, ms: float) -> None:
        """Show the fixation cross for `ms` milliseconds, uploading what was preloaded."""
        self._interval(self._cross.draw, ms, "fixation")

    def blank(self, ms: float) -> None:
        """Show the empty background for `ms` milliseconds, uploading what was preloaded."""
        self._interval(_nothing, ms, "")

    def _interval(self, draw: Callable[[], None], ms: float, name: str) -> None:
        self._cursor(False)
        self._standing = None
        draw()
        began = self._flip(name)
        self._due = began + ms / 1000
        self._recycle()
        for frame, decoding in list(self._decoding.items()):
            if decoding.done() or name == "fixation":
                self._upload(frame)
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
        # The flip after the next refresh is one frame away: half a frame more is the last chance.
        margin = 1.5 * self.frame_ms / 1000 if self.synchronised else early + 0.0005
        flips: list[float] = []
        while (left := end - self.now()) > margin:
            if any(one.key in self._keys.quit for one in self._inputs()):
                self._ask_to_quit()
                raise TrialInterruptedError
            if self.synchronised:
                draw()
                flips.append(self._flip())
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
        loaded, textures = self._upload(frame)
        self._seen.add(frame)
        self._cursor(False)
        if self._hands and not frame.mask:
            self._hands.see(frame)

        def draw() -> None:
            for texture in textures:
                texture.draw()

        asked = self.now()
        draw()
        onset = self._flip("" if frame.mask else f"picture-{len(frame.images)}")
        self._draw_s = min(0.5 * self._draw_s + 0.5 * (onset - asked), 0.1)
        late_ms = 0.0 if self._due is None else (onset - self._due) * 1000
        self._due = None if ms is None else onset + ms / 1000
        difference = self._check(loaded, draw, frame)
        flips = [] if ms is None else self._wait_until(onset + ms / 1000, draw)
        self._standing = (textures, onset) if ms is None else None
        return Shown(
            onset_s=onset,
            duration_ms=0.0 if ms is None else self._lasted(onset),
            sha256=loaded.sha256,
            dropped_frames=self._dropped([onset, *flips]) if difference is None else 0,
            late_ms=late_ms,
            difference=difference,
        )

    def _lasted(self, onset: float) -> float:
        """Return the ms from `onset` to the flip that comes next."""
        coming = self.frame_ms if self.synchronised else 0.0
        return (self.now() - onset) * 1000 + coming

    def _dropped(self, flips: list[float]) -> int:
        frame = self.lateness_frame_ms / 1000
        return sum(max(0, round(gap / frame) - 1) for gap in np.diff(flips))

    def _check(self, loaded: _Loaded, draw: Callable[[], None], frame: Frame) -> int | None:
        """Read the frame back while it stands and compare it with its images."""
        wanted = self._verify == "all" or (self._verify == "first" and not self._verified)
        if not wanted or frame.mask:
            return None
        draw()
        back = np.asarray(self._read_back(), np.int16)
        difference = 0
        for image, (left, top, right, bottom) in zip(loaded.images, loaded.boxes, strict=True):
            seen = back[top:bottom, left:right]
            difference = max(difference, int(np.abs(seen - np.asarray(image)).max()))
        self._verified += 1
        if difference:
            raise RefusedError(
                f"the window shows {', '.join(p.name for p in frame.images)} changed by up to "
                f"{difference} levels of 255; switch off colour management, scaling and night "
                "light for this screen, and run the checks again"
            )
        return difference

    def facts(self) -> dict[str, Any]:
        """Return what the journal keeps of the window; the test pattern is read back once."""
        if self._facts is None:
            handle = self.window.winHandle
            screen = handle.screen
            self._facts = {
                "size": list(self.look.size),
                "screen": [screen.width, screen.height],
                "monitor": self.monitor,
                "fullscreen": self.fullscreen,
                "virtual": self.virtual,
                "scaling": round(float(self.window.size[0]) / max(1, handle.width), 3),
                "bits": self._colour_bits(),
                "frame_ms": round(self.frame_ms, 3),
                "jitter_ms": round(self.jitter_ms, 3),
                "synchronised": self.synchronised,
                "test_pattern_difference": self.read_back_difference(),
            }
        return dict(self._facts)

    def _colour_bits(self) -> int:
        """Return the fewest bits that the window's red, green and blue have."""
        config = self.window.winHandle.context.config
        return min(config.red_size or 8, config.green_size or 8, config.blue_size or 8)

    def read_back_difference(self) -> int:
        """Show the test pattern over the whole window; return its largest read-back difference."""
        pattern = screens.read_back_pattern(self.look.size)
        self._base.put(pattern, self._full)
        self._base.draw()
        back = np.asarray(self._read_back(), np.int16)
        self._base.draw()
        self._flip("test-pattern")
        if back.shape != (self.look.size[1], self.look.size[0], 3):
            return 255
        return int(np.abs(back - np.asarray(pattern)).max())

    # -- questions

    def rate(self, question: Question) -> Response:
        """Ask a question, under the standing frame if there is one, until it is answered.

        Raises
        ------
        TrialInterruptedError
            If Escape was pressed and the session goes on.
        """
        response = self._answer(question, below=self._standing is not None)
        self._standing = None
        if response is None:
            self._ask_to_quit()
            raise TrialInterruptedError
        return response

    def _screen(self, question: Question, below: bool) -> tuple[Screen, Texture]:
        kept = replace(question, not_before_ms=0.0, answer=None)
        if (kept, below) not in self._questions:
            if len(self._questions) >= 4:
                self._spare.append(self._questions.pop(next(iter(self._questions)))[1])
            screen = screens.question(self.look, question, below=below)
            texture = self._spare.pop() if self._spare else Texture(self.window)
            texture.put(*self._drawn(screen.image))
            self._questions[kept, below] = (screen, texture)
        return self._questions[kept, below]

    def _answer(self, question: Question, *, below: bool) -> Response | None:
        """Run one question; None when Escape was pressed."""
        card = question.name == "calibration-card"
        screen, texture = self._screen(question, below or card)
        standing, onset = self._standing or ([], self.now())
        answering = Answering(question, screen, self.look, self._keys)
        open_at = onset + question.not_before_ms / 1000
        self._cursor(True)
        self._forget_inputs()
        began: float | None = None
        while True:
            texture.draw()
            for picture in standing:
                picture.draw()
            self._draw_answer(answering)
            flipped = self._flip(self._screen_name(answering))
            began = flipped if began is None else began
            if answering.done is not None:
                self._hold(PRESS_MS if question.kind == "buttons" and not self._hands else 0.0)
                return answering.response(began)
            if self._hands and flipped >= open_at:
                self._hands.at_question(self, question, screen, answering.value)
            for one in self._inputs():
                if one.key in self._keys.quit:
                    return None
                if one.time >= open_at:
                    answering.take(one)
            self._pause()

    def _screen_name(self, answering: Answering) -> str:
        """Return the screenshot's name: the question's, numbered where its text differs."""
        question = answering.question
        texts = self._texts.setdefault(question.name, [])
        if question.text not in texts:
            texts.append(question.text)
        place = texts.index(question.text)
        number = f"-{place + 1}" if place else ""
        state = "-answered" if answering.value is not None else ""
        return f"question-{question.name}{number}{state}" if answering.done is None else ""

    def _hold(self, ms: float) -> None:
        end = self.now() + ms / 1000
        while self.now() < end:
            time.sleep(0.002)

    def _draw_answer(self, answering: Answering) -> None:
        for name in answering.overlays():
            self._overlay.put(*answering.screen.overlays[name])
            self._overlay.draw()
        if answering.question.name == "calibration-card":
            self._draw_card(answering)
        if answering.question.kind == "slider" and answering.value is not None:
            mark = self._mark.image or screens.marker(self.look)
            value = answering.value
            self._mark.put(
                mark, screens.marker_box(self.look, answering.screen, answering.question, value)
            )
            self._mark.draw()

    def _draw_card(self, answering: Answering) -> None:
        low, high = answering.question.minimum, answering.question.maximum
        width = (low + high) / 2 if answering.value is None else answering.value
        picture = screens.card(self.look, width, CARD_ASPECT)
        self._overlay.put(picture, screens.card_box(self.look, picture, answering.screen))
        self._overlay.draw()

    def close(self) -> None:
        """Close the window; calling it twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._decoder.shutdown(wait=True, cancel_futures=True)
        self._cursor(True)
        with suppress(Exception):
            self.window.close()


def monitor_size(monitor: int) -> tuple[int, int]:
    """Return the width and height of a monitor in pixels.

    Raises
    ------
    MissingPartError
        If PsychoPy is not installed.
    RefusedError
        If there is no such monitor.
    """
    _, _, pyglet, _ = _psychopy()
    return _screen_size(pyglet, monitor)


def _screen_size(pyglet: Any, monitor: int) -> tuple[int, int]:
    found = pyglet.canvas.get_display().get_screens()
    if not 0 <= monitor < len(found):
        raise RefusedError(
            f"monitor {monitor} was asked for and this machine has {len(found)} "
            "(numbered from 0); choose another --monitor"
        )
    return found[monitor].width, found[monitor].height


def _nothing() -> None:
    """Draw nothing: the window is cleared to the background."""


class Answering:
    """The state of one question while it is answered: moves in, a response out."""

    def __init__(self, question: Question, screen: Screen, look: Look, keys: Keys) -> None:
        self.question = question
        self.screen = screen
        self._look = look
        self._keys = keys
        self.value: float | None = None
        self.done: Input | None = None
        self._moves: list[tuple[float, float]] = []
        self._typed = ""
        self._typed_at = 0.0
        self._dragging = False

    def overlays(self) -> list[str]:
        """Return the overlays to draw now."""
        if self.question.kind == "buttons":
            place = [i for i, v in enumerate(self.question.values) if v == self.value]
            return [f"pressed-{place[0]}"] if place and self.done else []
        return ["confirm"] if self.value is not None else []

    def take(self, one: Input) -> None:
        """Take one key press or mouse event into account."""
        if self.done is not None:
            return
        if self.question.kind == "buttons":
            self._take_button(one)
        elif one.kind == "key":
            self._take_slider_key(one)
        else:
            self._take_slider_mouse(one)

    def _take_button(self, one: Input) -> None:
        place: int | None = None
        if one.kind == "key":
            place = next((i for i, keys in enumerate(self.question.keys) if one.key in keys), None)
        elif one.kind == "release":
            zone = self.screen.hit(one.x, one.y)
            place = int(zone) if zone is not None else None
        if place is not None:
            self._move(one, self.question.values[place])
            self.done = one

    def _take_slider_mouse(self, one: Input) -> None:
        zone = self.screen.hit(one.x, one.y)
        if one.kind == "press":
            self._dragging = zone == "track"
        if self._dragging and one.kind in ("press", "drag"):
            self._move(one, screens.track_value(self._look, self.question, one.x))
            self._typed = ""
        elif one.kind == "release":
            if not self._dragging and zone == "confirm" and self.value is not None:
                self.done = one
            self._dragging = False

    def _take_slider_key(self, one: Input) -> None:
        question = self.question
        if one.key in self._keys.confirm:
            self.done = one if self.value is not None else None
            return
        if one.key.isdigit():
            self._type(one, one.key)
            return
        steps = PAGE_STEPS.get(one.key, 0)
        steps += (one.key in self._keys.increase) - (one.key in self._keys.decrease)
        if steps:
            middle = (question.minimum + question.maximum) / 2
            value = middle if self.value is None else self.value
            self._move(one, value + steps * question.step)
            self._typed = ""

    def _type(self, one: Input, digit: str) -> None:
        """Take typed digits as the value itself; a number off the scale begins anew."""
        typed = self._typed + digit
        late = one.time - self._typed_at > TYPING_S
        if late or float(typed) > self.question.maximum:
            typed = digit
        self._typed, self._typed_at = typed, one.time
        if float(typed) >= self.question.minimum:
            self._move(one, float(typed))

    def _move(self, one: Input, value: float) -> None:
        question = self.question
        steps = round((value - question.minimum) / question.step)
        value = question.minimum + steps * question.step
        self.value = min(max(value, question.minimum), question.maximum)
        self._moves.append((one.time, self.value))

    def response(self, began: float) -> Response:
        """Return the answer, with times in milliseconds since `began`."""
        if self.done is None or self.value is None:
            raise ValueError("the question has no answer yet")
        path = tuple((round((t - began) * 1000, 1), value) for t, value in self._moves)
        rt_ms = (self.done.time - began) * 1000
        device = "keyboard" if self.done.kind == "key" else "mouse"
        return Response(self.value, rt_ms, path, device)  # type: ignore[arg-type]


def _open(look: Look, fullscreen: bool, monitor: int) -> tuple[Any, Any, Any, Any]:
    """Import PsychoPy, open the window, and return (core, event, pyglet, window).

    Raises
    ------
    MissingPartError
        If PsychoPy is not installed or no window can be opened.
    RefusedError
        If the monitor does not exist or the window did not get its size.
    """
    core, event, pyglet, visual = _psychopy()
    width, height = _screen_size(pyglet, monitor)
    if look.size[0] > width or look.size[1] > height:
        raise RefusedError(
            f"a window of {look.size[0]}x{look.size[1]} px does not fit on monitor {monitor} of "
            f"{width}x{height} px; give a smaller --size"
        )
    window = visual.Window(
        look.size,
        units="pix",
        color=look.paper,
        colorSpace="rgb255",
        fullscr=fullscreen,
        screen=monitor,
        allowGUI=not fullscreen,
        checkTiming=False,
        autoLog=False,
        title="fechner",
    )
    if tuple(int(v) for v in window.size) != look.size:
        got = "x".join(str(int(v)) for v in window.size)
        window.close()
        raise RefusedError(
            f"the window should be {look.size[0]}x{look.size[1]} px and became {got}; "
            "set --size to the screen's own size, and its scaling to 100 %"
        )
    event.clearEvents()
    return core, event, pyglet, window


def _psychopy() -> tuple[Any, Any, Any, Any]:
    """Import what the window needs of PsychoPy, without its messages on the terminal."""
    try:
        from psychopy import logging

        logging.console.setLevel(logging.CRITICAL)
        import pyglet
        from psychopy import core, event, visual
    except ImportError as error:
        raise MissingPartError(
            f"rating sessions need PsychoPy ({error}); "
            "install it with: pip install 'fechner[experiment]'"
        ) from error
    return core, event, pyglet, visual
