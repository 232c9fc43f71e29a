"""A picture of every screen of a protocol, from a short simulated session in the window.

For documentation, ethics applications, and a look before the first participant.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.experiment.hands import Board, SimulatedHands
from fechner.experiment.observers import SimulatedObserver
from fechner.protocols.schema import Protocol, load_protocol

if TYPE_CHECKING:
    from fechner.experiment.display import Question
    from fechner.experiment.screens import Screen

TOUR_TRIALS = {
    "practice": 1,
    "stabilising": 0,
    "anchors": (),
    "repeats": 0,
    "break_every": 2,
    "design": "latin square",
}
"""What is left of a protocol's trials on a tour: enough to see each screen once."""


class TouringHands(SimulatedHands):
    """Hands that press Escape once, to show what it asks, and go on."""

    _escaped = False

    def at_question(
        self, board: Board, question: Question, screen: Screen, value: float | None
    ) -> None:
        """Press Escape at the first rating, then answer as usual."""
        rating = not question.name.startswith(("consent", "screening", "checks", "calibration"))
        if rating and not self._escaped:
            self._escaped = True
            board.press_key("escape")
            return
        super().at_question(board, question, screen, value)


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
    """Save a picture `width` pixels wide of each screen to ``out/PROTOCOL``; return the files.

    Raises
    ------
    MissingPartError
        If no window can be opened.
    """
    from PIL import Image

    from fechner.experiment.run import run_participant
    from fechner.provenance import atomic_path

    loaded = shortened(load_protocol(protocol, language=language))
    folder = Path(out) / loaded.name
    written = []
    with tempfile.TemporaryDirectory(prefix="fechner-tour-") as temporary:
        shots = Path(temporary) / "screens"
        run_participant(
            stimuli_folder,
            loaded,
            "S1",
            sessions_folder=Path(temporary),
            observer=SimulatedObserver("S1"),
            hands_type=TouringHands,
            size=size,
            screenshots=shots,
            show_checks=True,
        )
        for shot in sorted(shots.glob("*.png")):
            with Image.open(shot) as picture:
                small = picture.resize((width, round(width * picture.height / picture.width)))
            target = folder / shot.name
            with atomic_path(target) as path:
                small.quantize(128).save(path, optimize=True)
            written.append(target)
    return written
