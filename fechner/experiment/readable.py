"""Whether every screen of a protocol can be read in a window: nothing cut off, nothing overlapping.

Every screen is composed as it is for a participant, and every text that is drawn is measured
against what it is drawn on, its neighbours, and the buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, cast

from fechner.errors import RefusedError
from fechner.experiment.display import Frame, Question, WritingTask
from fechner.experiment.plan.plan import Trial
from fechner.experiment.screens import layout, mark_pages, pages, sliders
from fechner.experiment.screens.look import Screen, Written, writing_noted
from fechner.experiment.screens.typed_number import LONGEST
from fechner.experiment.screens.writing import Writing, typed_field, writing_screen
from fechner.experiment.session import presentation
from fechner.experiment.session.before_trials import questions_before
from fechner.experiment.session.commenting import writing_tasks
from fechner.experiment.session.session_pages import pages_of, quit_question
from fechner.experiment.session.trial_frames import TrialFrames
from fechner.experiment.session.vision_tests import vision_questions
from fechner.experiment.starting.open_window import look_of

if TYPE_CHECKING:
    from fechner.experiment.screens.look import Look
    from fechner.protocols.methods import AuthenticityProtocol
    from fechner.protocols.schema import Protocol

SLACK_PX = 1.0
"""Antialiased ink reaches so far beyond where its letter ends."""

SIZES = (
    (800, 600),
    (1024, 768),
    (768, 1024),
    (1280, 1024),
    (1366, 768),
    (1920, 1080),
    (3840, 2160),
)
"""Windows, width and height in pixels, that every shipped protocol is read in."""

PICTURE = (256, 256)
"""Size of the two pictures whose captions are measured."""


def unreadable(
    protocol: Protocol, size: tuple[int, int], *, pixels_per_degree: float | None = None
) -> list[str]:
    """Return what cannot be read of a protocol's screens in a window of `size` px, in words."""
    look = look_of(protocol, size, pixels_per_degree=pixels_per_degree)
    found = []
    for name, compose in _screens(look, protocol, pixels_per_degree):
        try:
            with writing_noted() as written:
                screen = compose()
        except RefusedError as error:
            found.append(f"{name}: {error}")
            continue
        found += [f"{name}: {fault}" for fault in faults(look, screen, written)]
    return found


def faults(look: Look, screen: Screen, written: list[Written]) -> list[str]:
    """Return which texts, buttons and pictures of one screen are cut off or overlap."""
    found = [f"{one.text!r} is cut off" for one in written if not _inside(one.box, one.image.size)]
    for one, other in combinations(written, 2):
        if one.image is other.image and _overlap(one.box, other.box):
            found.append(f"{one.text!r} overlaps {other.text!r}")
    zones = {name: box for name, box in screen.zones.items() if name != "track"}
    for name, box in zones.items():
        if not _inside(box, look.size):
            found.append(f"the button {name!r} is cut off")
        on_screen = [one for one in written if one.image is screen.image]
        found += [f"{o.text!r} lies under {name!r}" for o in on_screen if _overlap(o.box, box)]
    found += _picture_faults(look, screen, written)
    for (name, box), (other_name, other_box) in combinations(zones.items(), 2):
        if _overlap(box, other_box):
            found.append(f"the buttons {name!r} and {other_name!r} overlap")
    return found


def _picture_faults(look: Look, screen: Screen, written: list[Written]) -> list[str]:
    """Return what lies over the picture of a question, and whether it is cut off."""
    if screen.picture is None:
        return []
    texts = ((one.text, one.box) for one in written if one.image is screen.image)
    over = [n for n, box in (*texts, *screen.zones.items()) if _overlap(box, screen.picture)]
    cut = [] if _inside(screen.picture, look.size) else ["the picture is cut off"]
    return [*(f"{name!r} overlaps the picture" for name in over), *cut]


def _inside(box: tuple[float, ...], size: tuple[int, int]) -> bool:
    left, top, right, bottom = box
    return (
        left >= -SLACK_PX
        and top >= -SLACK_PX
        and right <= size[0] + SLACK_PX
        and bottom <= size[1] + SLACK_PX
    )


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > SLACK_PX and down > SLACK_PX


def _screens(
    look: Look, protocol: Protocol, pixels_per_degree: float | None
) -> Iterator[tuple[str, Callable[[], Screen]]]:
    """Yield the name of every screen, and what composes it."""
    for page in pages_of(protocol):
        for back in ("", protocol.texts.back):
            shown = replace(page, back=back)
            yield f"page {page.name}", partial(pages.page, look, shown)
    for question in _questions(protocol, pixels_per_degree):
        below = protocol.timing.until_response and question.name == protocol.dimension
        yield f"question {question.name}", partial(_question, look, question, below=below)
    for task in writing_tasks(protocol):
        yield f"writing {task.name}", partial(_writing, look, task)
    if protocol.marks is not None:
        yield "marks", partial(_marks, look, protocol)
    yield "captions", partial(_captions, look, protocol)


def _questions(protocol: Protocol, pixels_per_degree: float | None) -> Iterator[Question]:
    for question in questions_before(protocol):
        yield replace(question, back=protocol.texts.back)
    yield from vision_questions(protocol, pixels_per_degree)
    trial = Trial(1, 1, "main", "x", "", "", protocol.dimension)
    if protocol.method != "marks":
        asked = presentation.rating_question(protocol, trial)
        yield asked
        yield replace(asked, back=protocol.texts.back)
    for value in (protocol.scale.labels_at[0], protocol.scale.labels_at[-1]):
        yield presentation.rating_question(protocol, replace(trial, stimulus="", target=value))
    if protocol.method == "authenticity":
        yield presentation.confidence_question(cast("AuthenticityProtocol", protocol))
    yield quit_question(protocol)


def _question(look: Look, question: Question, *, below: bool) -> Screen:
    screen = pages.question(look, question, below=below)
    if question.kind == "slider":
        longest = "8" * LONGEST
        box = sliders.typed_number(look, screen, question, longest, counts=False)[1]
        screen.zones["typed number"] = box
    return screen


def _marks(look: Look, protocol: Protocol) -> Screen:
    task = presentation.mark_task(protocol, TrialFrames(None, marked=Frame(())))
    return mark_pages.mark_screen(look, task, protocol.keys)


def _writing(look: Look, task: WritingTask) -> Screen:
    smaller, screen = writing_screen(look, task)
    writing = Writing(task, screen)
    writing.text = "long words " * 40
    field = typed_field(smaller, writing)[1]
    return replace(screen, picture=field)


def _captions(look: Look, protocol: Protocol) -> Screen:
    texts = (protocol.texts.reference_caption, protocol.texts.test_caption)
    frame, screen = Frame((), texts), pages.blank(look)
    boxes = layout.place_frame(look, frame, [PICTURE, PICTURE], layout.stage(look, 0))
    for text, box in zip(texts, boxes, strict=True):
        screen.zones[text] = layout.caption(look, text, box)[1]
    return screen
