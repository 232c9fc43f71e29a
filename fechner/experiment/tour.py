"""A picture of every screen of a protocol, from a short simulated session in the window.

For documentation, ethics applications, and a look before the first participant.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fechner.experiment.display import Question
from fechner.experiment.screens.fonts import find_font
from fechner.experiment.screens.look import Screen
from fechner.experiment.screens.marking import Marking
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.experiment.simulated.window_user import KeyboardAndMouse, SimulatedUser
from fechner.experiment.starting.run_participant import run_participant
from fechner.protocols.schema import Protocol, load_protocol
from fechner.provenance import atomic_path

TOUR_TRIALS = {
    "practice": 1,
    "stabilising": 0,
    "anchors": (),
    "repeats": 0,
    "break_every": 2,
    "design": "latin square",
}
"""What is left of a protocol's trials on a tour: enough to see each screen once."""


NOT_ON_SHEET = ("test-pattern",)
"""Screens that nobody looks at."""


class TouringUser(SimulatedUser):
    """WindowUser that press Escape once, to show what it asks, and go on."""

    _escaped = False

    def at_question(
        self, board: KeyboardAndMouse, question: Question, screen: Screen, value: float | None
    ) -> None:
        """Press Escape at the first rating, then answer as usual.

        Parameters
        ----------
        board, question, screen, value
            As in `WindowUser.at_question`.
        """
        before = ("consent", "screening", "vision", "checks", "calibration")
        rating = not question.name.startswith(before)
        if rating and not self._escaped:
            self._escaped = True
            board.press_key("escape")
            return
        super().at_question(board, question, screen, value)

    def at_marking(self, board: KeyboardAndMouse, marking: Marking) -> None:
        """Press Escape where no rating came before, then mark as usual."""
        if self._escaped:
            super().at_marking(board, marking)
        else:
            self._escaped = True
            board.press_key("escape")


def shortened(protocol: Protocol) -> Protocol:
    """Return the protocol with a few trials only; its digest is another one."""
    trials = protocol.trials.model_copy(update=TOUR_TRIALS)
    count = min(1, protocol.catch.count)
    catch = protocol.catch.model_copy(update={"count": count})
    changed = {"trials": trials, "catch": catch}
    quest = getattr(protocol, "quest", None)
    if quest is not None:
        changed["quest"] = quest.model_copy(update={"trials_per_region": 10})
    return protocol.model_copy(update=changed)


def tour(
    stimuli_folder: Path,
    protocol: str,
    out: Path,
    *,
    language: str = "en",
    size: tuple[int, int] = (1280, 1024),
    width: int = 480,
) -> list[Path]:
    """Save each screen, `width` pixels wide, to ``out/PROTOCOL``, and all on ``out/PROTOCOL.png``.

    Parameters
    ----------
    stimuli_folder
        A stimulus set.
    protocol
        A shipped protocol's name or the path of a TOML file.
    out
        The folder for the pictures.
    language
        Of the participant's texts.
    size
        Width and height of the window in pixels.
    width
        Of the pictures in pixels.

    Returns
    -------
    list of Path
        The files of the single screens.

    Raises
    ------
    MissingPartError
        If no window can be opened.
    """
    loaded = shortened(load_protocol(protocol, language=language))
    out = Path(out)
    with tempfile.TemporaryDirectory(prefix="fechner-tour-") as temporary:
        shots = Path(temporary) / "screens"
        run_participant(
            stimuli_folder,
            loaded,
            "S1",
            sessions_folder=Path(temporary),
            observer=SimulatedObserver("S1"),
            user_type=TouringUser,
            size=size,
            screenshots=shots,
            show_checks=True,
        )
        in_order = sorted(shots.glob("*.png"), key=lambda path: path.stat().st_mtime_ns)
        pictures = {path.stem: _smaller(path, width) for path in in_order}
    written = [out / loaded.name / f"{name}.png" for name in pictures]
    for target, picture in zip(written, pictures.values(), strict=True):
        _save(picture, target)
    shown = {name: picture for name, picture in pictures.items() if name not in NOT_ON_SHEET}
    _save(overview(shown), out / f"{loaded.name}.png")
    return written


def _smaller(path: Path, width: int) -> Image.Image:
    with Image.open(path) as picture:
        height = round(width * picture.height / picture.width)
        whole: Image.Image = picture.convert("RGB")
        return whole.resize((width, height), Image.Resampling.LANCZOS)


def _save(picture: Image.Image, target: Path) -> None:
    with atomic_path(target) as path:
        picture.quantize(128).save(path, optimize=True)


def overview(pictures: dict[str, Image.Image], *, columns: int = 4) -> Image.Image:
    """Return all pictures on one sheet, in order, each with its name above it."""
    font = ImageFont.truetype(str(find_font("DejaVu Sans")), 13)
    width = max(picture.width for picture in pictures.values()) + 8
    height = max(picture.height for picture in pictures.values()) + 26
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (name, picture) in enumerate(pictures.items()):
        left, top = place % columns * width + 4, place // columns * height
        draw.text((left, top + 3), name, font=font, fill="black")
        sheet.paste(picture, (left, top + 22))
    return sheet
