"""An open window with its clock, keys, mouse and textures: the one module with PsychoPy.

Pillow images are shown at native size on whole pixels by reused textures, which
PsychoPy does bit-exactly. Keys come from `event.getKeys` and the mouse from pushed
handlers, because both keep what falls between two polls. What is shown when, and what
an answer is, belongs to `participant_display`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from fechner.errors import MissingPartError, RefusedError
from fechner.experiment.display import SessionQuitError
from fechner.experiment.screens import patterns
from fechner.experiment.screens.answering import Input, asks_to_quit
from fechner.experiment.screens.look import Box, Look
from fechner.experiment.screens.opening import TYPING_S
from fechner.experiment.screens.writing import ERASE
from fechner.protocols.parts import Keys, with_num_lock

NO_SYNC_MS = 4.0
"""Flips faster than this are not tied to a screen's refresh (a virtual screen)."""

SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "software", "gdi generic")
"""What OpenGL calls itself where it draws without a graphics card (Mesa, Apple, Microsoft)."""

NOMINAL_FRAME_MS = 1000 / 60
"""The frame by which lateness is judged where flips are not tied to a refresh."""


class Texture:
    """One reused PsychoPy picture stimulus that shows Pillow images pixel by pixel."""

    def __init__(self, window: Any) -> None:
        from psychopy import visual

        self._window = window
        self._stimulus = visual.ImageStim(
            window, units="pix", interpolate=False, autoLog=False, size=(1, 1)
        )
        self.image: Image.Image | None = None

    def put(self, image: Image.Image, box: Box) -> None:
        """Upload `image` and place it at `box`, which has its size."""
        if image is not self.image:
            self._stimulus.setImage(image)
            self._stimulus.size = image.size
            self.image = image
        width, height = self._window.size
        # Integer edges: with odd sizes the centre falls on half a pixel, as it must.
        self._stimulus.pos = (
            (box[0] + box[2] - width) / 2,
            (height - box[1] - box[3]) / 2,
        )

    def draw(self) -> None:
        """Draw into the back buffer."""
        self._stimulus.draw()


class Window:
    """A PsychoPy window of `look.size` pixels that clears itself to the background.

    Parameters
    ----------
    look
        Size and background; with `fullscreen` the size that the screen is expected to have.
    fullscreen, monitor
        Whether and where to fill a screen.
    virtual
        Whether the screen is a virtual one, whose flips wait for nothing.

    Attributes
    ----------
    pause_ms
        No screen takes an answer so soon after the one before was answered.
    pause_ends
        When that time is over, on the window's clock.
    lately
        Keys and presses of the last moments, whoever they were meant for.
    sees_at_once
        Whether nothing happens unseen: true of simulated participants, who act within the loop.
    takes_text
        Whether letters come as inputs of their own, as the keyboard's layout makes them.

    Raises
    ------
    MissingPartError
        If PsychoPy is not installed.
    RefusedError
        If the monitor does not exist or the window did not get its size.
    """

    def __init__(self, look: Look, *, fullscreen: bool, monitor: int, virtual: bool) -> None:
        self._core, self._event, self._pyglet, visual = _psychopy()
        self.look = look
        self.fullscreen, self.monitor, self.virtual = fullscreen, monitor, virtual
        _check_room(look, _screen_size(self._pyglet, monitor), monitor)
        self._window = visual.Window(
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
        self._check_size()
        self._event.clearEvents()
        self._t0 = self._core.getTime()
        self._mouse: list[Input] = []
        self.lately: list[Input] = []
        self.pause_ms, self.pause_ends = 0.0, 0.0
        self.takes_text = False
        self.sees_at_once, self._looked = False, -math.inf
        self._facts: dict[str, Any] | None = None
        self._watch_mouse()
        self.frame_ms, self.jitter_ms = self._measure_frames()

    def _check_size(self) -> None:
        size = tuple(int(v) for v in self._window.size)
        if size == self.look.size:
            return
        self._window.close()
        raise RefusedError(
            f"the window should be {self.look.size[0]}x{self.look.size[1]} px and became "
            f"{size[0]}x{size[1]}; set --size to the screen's own size, and its scaling to 100 %"
        )

    # -- time and flips

    def now(self) -> float:
        """Return monotonic seconds since the window opened."""
        return float(self._core.getTime() - self._t0)

    @property
    def synchronised(self) -> bool:
        """Whether flips wait for the screen's refresh."""
        return not (self.virtual or self.software) and self.frame_ms >= NO_SYNC_MS

    @property
    def software(self) -> bool:
        """Whether a program draws, no graphics card: such flips wait for no screen."""
        renderer = self._pyglet.gl.gl_info.get_renderer().lower()
        return any(name in renderer for name in SOFTWARE_RENDERERS)

    @property
    def judged_frame_ms(self) -> float:
        """The frame by which lateness is judged: the measured one, or the nominal 60 Hz."""
        return self.frame_ms if self.synchronised else NOMINAL_FRAME_MS

    def _measure_frames(self) -> tuple[float, float]:
        """Return the median interval between flips and its scatter (MAD * 1.4826), in ms."""
        times = [self.flip() for _ in range(15 if self.virtual else 65)]
        intervals = np.diff(times)[5:] * 1000
        middle = float(np.median(intervals))
        return middle, float(np.median(np.abs(intervals - middle)) * 1.4826)

    def flip(self) -> float:
        """Show what was drawn, clear the back buffer to the background; return the time."""
        try:
            self._window.flip()
        except self._pyglet.gl.lib.GLException as error:
            found = f"the window is gone ({error}): another program closed it, or graphics failed"
            raise SessionQuitError(f"{found}; all ratings are kept: run it again") from error
        return self.now()

    def pause(self) -> None:
        """Leave the processor alone for a moment where flips do not wait."""
        if not self.synchronised:
            time.sleep(0.004)

    def texture(self) -> Texture:
        """Return a new texture."""
        return Texture(self._window)

    def read_back(self) -> Image.Image:
        """Return the back buffer, not flipped yet, as an RGB image."""
        image: Image.Image = self._window.getMovieFrame(buffer="back").convert("RGB")
        self._window.movieFrames = []
        return image

    def clear(self) -> None:
        """Clear the back buffer of what was drawn to be read back only."""
        self._window.clearBuffer()

    # -- keys and mouse

    def _watch_mouse(self) -> None:
        handle = self._window.winHandle
        scale = self._window.size[0] / max(1, handle.width)
        height = self._window.size[1]
        # The other buttons do nothing: they are pressed by accident.
        left = self._pyglet.window.mouse.LEFT

        def note(kind: str, x: float, y: float, *, counts: bool = True) -> None:
            if not counts:
                return
            # pyglet counts rows from the bottom; screens count from the top.
            place = (x * scale, height - 1 - y * scale)
            self._mouse.append(Input(kind, self.now(), "", *place))

        def close() -> bool:
            # The button of the window asks like Escape; pyglet would close it there and then.
            self._mouse.append(Input("close", self.now()))
            return True

        def typed(letters: str) -> None:
            if self.takes_text:
                self._mouse.append(Input("text", self.now(), letters))

        erase = self._pyglet.window.key.MOTION_BACKSPACE
        handle.push_handlers(
            on_text=typed,
            on_text_motion=lambda motion: typed(ERASE) if motion == erase else None,
            on_mouse_motion=lambda x, y, dx, dy: note("move", x, y),
            on_mouse_press=lambda x, y, button, _: note("press", x, y, counts=button == left),
            on_mouse_drag=lambda x, y, dx, dy, buttons, _: note(
                "drag" if buttons & left else "move", x, y
            ),
            on_mouse_release=lambda x, y, button, _: note("release", x, y, counts=button == left),
            on_close=close,
        )

    def inputs(self) -> list[Input]:
        """Return what happened since the last call, in order."""
        keys = self._event.getKeys(timeStamped=True) or []
        happened = [Input("key", t - self._t0, with_num_lock(name)) for name, t in keys]
        happened += self._mouse
        self._mouse.clear()
        pressed = [one for one in happened if one.kind in ("key", "press")]
        looked, self._looked = self._looked, self.now()
        recent = self._looked - TYPING_S
        self.lately = [one for one in (*self.lately, *pressed) if one.time >= recent]
        since = math.inf if self.sees_at_once else looked
        return [one._replace(since=since) for one in sorted(happened, key=lambda one: one.time)]

    def forget(self, keys: Keys) -> None:
        """Forget what was pressed for another screen, but not that somebody wants to end."""
        self._mouse = [one for one in self.inputs() if asks_to_quit([one], keys)]

    def answered(self) -> None:
        """Note that a screen was answered: the next takes nothing that was meant for this one."""
        self.lately.clear()
        self.pause_ends = self.now() + self.pause_ms / 1000

    def press_key(self, name: str) -> None:
        """Press a key as a keyboard would, by PsychoPy's name of it."""
        key = self._pyglet.window.key
        symbol = getattr(key, f"_{name}" if name.isdigit() else name.upper())
        self._window.winHandle.dispatch_event("on_key_press", symbol, 0)

    def type_text(self, text: str) -> None:
        """Type letters as a keyboard would."""
        for letter in text:
            if letter == ERASE:
                motion = self._pyglet.window.key.MOTION_BACKSPACE
                self._window.winHandle.dispatch_event("on_text_motion", motion)
            else:
                self._window.winHandle.dispatch_event("on_text", letter)

    def click(self, x: float, y: float, *, button: str = "LEFT") -> None:
        """Press and release a button at (x, y) pixels from the top left corner."""
        self.drag([(x, y)], button=button)

    def drag(self, path: Sequence[tuple[float, float]], *, button: str = "LEFT") -> None:
        """Press a button at the first place of a path, and release it at the last."""
        handle, pressed = self._window.winHandle, getattr(self._pyglet.window.mouse, button)
        for number, (x, y) in enumerate(path):
            handle._mouse_x, handle._mouse_y = x, self._window.size[1] - 1 - y
            place = (handle._mouse_x, handle._mouse_y)
            if number == 0:
                handle.dispatch_event("on_mouse_press", *place, pressed, 0)
            else:
                handle.dispatch_event("on_mouse_drag", *place, 0, 0, pressed, 0)
        handle.dispatch_event("on_mouse_release", handle._mouse_x, handle._mouse_y, pressed, 0)

    def press_close(self) -> None:
        """Press the button of the window that closes it."""
        self._window.winHandle.dispatch_event("on_close")

    def cursor(self, visible: bool) -> None:
        """Show or hide the mouse pointer."""
        with suppress(Exception):
            self._window.mouseVisible = visible

    # -- facts and end

    def facts(self) -> dict[str, Any]:
        """Return what the journal keeps of the window; the test pattern is read back once."""
        if self._facts is None:
            handle = self._window.winHandle
            config = handle.context.config
            bits = (config.red_size or 8, config.green_size or 8, config.blue_size or 8)
            self._facts = {
                "size": list(self.look.size),
                "screen": [handle.screen.width, handle.screen.height],
                "monitor": self.monitor,
                "fullscreen": self.fullscreen,
                "virtual": self.virtual,
                "scaling": round(float(self._window.size[0]) / max(1, handle.width), 3),
                "bits": min(bits),
                "frame_ms": round(self.frame_ms, 3),
                "jitter_ms": round(self.jitter_ms, 3),
                "synchronised": self.synchronised,
                "test_pattern_difference": self._pattern_difference(),
            }
        return dict(self._facts)

    def _pattern_difference(self) -> int:
        """Show the test pattern over the whole window; return its largest read-back difference."""
        pattern = patterns.read_back_pattern(self.look.size)
        texture = self.texture()
        texture.put(pattern, (0, 0, *self.look.size))
        texture.draw()
        back = np.asarray(self.read_back(), np.int16)
        texture.draw()
        self.flip()
        if back.shape != (self.look.size[1], self.look.size[0], 3):
            return 255
        return int(np.abs(back - np.asarray(pattern)).max())

    def close(self) -> None:
        """Close the window; calling it twice does no harm."""
        with suppress(Exception):
            self.cursor(True)
            self._window.close()


def monitor_size(monitor: int) -> tuple[int, int]:
    """Return the width and height of a monitor in pixels.

    Raises
    ------
    MissingPartError
        If PsychoPy is not installed.
    RefusedError
        If there is no such monitor.
    """
    return _screen_size(_psychopy()[2], monitor)


def _screen_size(pyglet: Any, monitor: int) -> tuple[int, int]:
    found = pyglet.canvas.get_display().get_screens()
    if not 0 <= monitor < len(found):
        raise RefusedError(
            f"monitor {monitor} was asked for and this machine has {len(found)} "
            "(numbered from 0); choose another --monitor"
        )
    return found[monitor].width, found[monitor].height


def _check_room(look: Look, room: tuple[int, int], monitor: int) -> None:
    if look.size[0] > room[0] or look.size[1] > room[1]:
        raise RefusedError(
            f"a window of {look.size[0]}x{look.size[1]} px does not fit on monitor {monitor} of "
            f"{room[0]}x{room[1]} px; give a smaller --size"
        )


def _psychopy() -> tuple[Any, Any, Any, Any]:
    """Import (core, event, pyglet, visual), without PsychoPy's messages on the terminal."""
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
