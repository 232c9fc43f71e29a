"""Draw docs/img/SIMULATED_marks.jpg: a marking session in the real window, and what is made of it.

Photographs are blurred in one place; the first SIMULATED participant scribbles there in the real
window (PsychoPy, a virtual screen where there is none), eleven others mark without a window. The
marks are exported, read back from the exported table, and laid over the images.

    python tools/marks_picture.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from fechner.data.photographs import photographs
from fechner.experiment.exports.forms import export
from fechner.experiment.screens.marking import Marking
from fechner.experiment.screens.painting import Painting
from fechner.experiment.simulated.observers import simulated_panel
from fechner.experiment.simulated.window_user import KeyboardAndMouse, SimulatedUser
from fechner.experiment.starting.run_participant import run_participant
from fechner.protocols.schema import load_protocol
from fechner.provenance import provenance, sha256_file
from fechner.records.human_marks.table import MarkTable, read_mark_table
from fechner.records.journal import read_journals
from fechner.records.maps import read_maps
from fechner.records.stimuli import Stimulus, StimulusSet, write_stimulus_set
from fechner.report.style import drawing
from fechner.stimuli.overlays import coloured_map

PLACES = {"coffee": (0.62, 0.42), "cat": (0.34, 0.55), "flower": (0.5, 0.55)}
"""Where each photograph is blurred, in shares of its width and height."""

OUT = Path(__file__).parent.parent / "docs" / "img" / "SIMULATED_marks.jpg"


class Scribbler(SimulatedUser):
    """A hand that scribbles over the damage in one long stroke, and goes on."""

    def at_marking(self, board: KeyboardAndMouse, marking: Marking) -> None:
        """Scribble once, then press the button."""
        wanted = self._responder.marks(marking.task, marking.size)
        if not wanted or marking.standing:
            super().at_marking(board, marking)
            self._marks = [] if marking.standing else self._marks
            return
        left, top = marking.box[:2]
        x, y = np.mean([place for path in wanted for place in path], axis=0)
        turns = np.linspace(0, 7 * np.pi, 160)
        reach = min(marking.size) / 12 * turns / turns[-1]
        across, down = left + x + 1.5 * reach * np.cos(turns), top + y + reach * np.sin(turns)
        board.drag(list(zip(across, down, strict=True)))


def stimuli_in(folder: Path) -> StimulusSet:
    """Write every photograph intact and blurred in its place."""
    folder.mkdir()
    made = []
    for scene, (x, y) in PLACES.items():
        intact = Image.open(photographs()[scene]).convert("RGB")
        width, height = intact.size
        rows, columns = np.mgrid[:height, :width]
        away = np.hypot(columns / width - x, (rows / height - y) * height / width)
        mask = Image.fromarray(np.uint8(255 * np.clip(3 - away / 0.05, 0, 1)))
        blurred = Image.composite(intact.filter(ImageFilter.GaussianBlur(4)), intact, mask)
        for region, picture in (("intact", intact), ("high", blurred)):
            made.append(_saved(folder, scene, region, intact, picture))
    return write_stimulus_set(folder, made, {"provenance": provenance(parameters={})})


def _saved(
    folder: Path, scene: str, region: str, intact: Image.Image, picture: Image.Image
) -> Stimulus:
    path = folder / f"{scene}_{region}.png"
    picture.save(path)
    error = float(np.mean((np.asarray(picture, float) - np.asarray(intact, float)) ** 2))
    degraded = region != "intact"
    return Stimulus(
        stimulus=path.stem, file=path.name, scene=scene, region=region,
        family="blur" if degraded else "none", level=int(degraded), strength=4.0 * degraded,
        strength_unit="px", mask_area=0.1, bytes=path.stat().st_size, mse=error, ssim=1.0,
        # More than was lost, so that everybody in this picture notices it.
        predicted_impact=20 * error, centre_error=error, sha256=sha256_file(path),
    )  # fmt: skip


def sessions(stimuli: StimulusSet, folder: Path) -> None:
    """Let twelve SIMULATED participants mark, the first in the real window."""
    protocol = load_protocol("slider_marks")
    short = {"practice": 0, "anchors": (), "stabilising": 0, "repeats": 0, "break_every": 0}
    protocol = protocol.model_copy(update={"trials": protocol.trials.model_copy(update=short)})
    for number, (code, observer) in enumerate(simulated_panel(12, "map", 5).items()):
        run_participant(
            stimuli.folder, protocol, code, sessions_folder=folder, observer=observer,
            window="none" if number else "psychopy", size=(1000, 720), user_type=Scribbler,
            screenshots=None if number else folder / "screens",
        )  # fmt: skip


def with_marks(stimuli: StimulusSet, marks: MarkTable, image: str) -> Image.Image:
    """Return an image with the exported marks of the first participant laid over it."""
    own = next(one for one in marks.answers if one.participant == "S01" and one.image == image)
    painting = Painting(own.size, own.marks[0].radius)
    painting.begin_anew([list(mark.points) for mark in own.marks])
    picture = Image.open(stimuli.image_path(image)).convert("RGBA")
    drawn = painting.picture()
    if drawn is not None:
        picture.alpha_composite(drawn[0], drawn[1][:2])
    return picture.convert("RGB")


def draw(stimuli: StimulusSet, folder: Path, exported: Path) -> None:
    """Draw the window above, and for each image its marks and the map of all participants."""
    import matplotlib.pyplot as plt

    marks = read_mark_table(exported / "SIMULATED_marks.csv")
    maps = read_maps(exported / "SIMULATED_maps")
    most = max(found.record["scale"] for found in maps.values())
    titles = (
        "blurred in one place",
        "exported strokes of one",
        f"map of twelve (yellow: {100 * most:.0f} %)",
    )
    with drawing():
        figure = plt.figure(figsize=(8.4, 11.6), facecolor="white")
        top, below = figure.subfigures(2, 1, height_ratios=(1, 1.02))
        axes = top.subplots(gridspec_kw={"left": 0.02, "right": 0.98, "bottom": 0.01, "top": 0.92})
        axes.imshow(Image.open(folder / "screens" / "marks-placed.png"))
        axes.set_title("The marking screen in the real window (PsychoPy)")
        axes.axis("off")
        edges = {"left": 0.02, "right": 0.98, "bottom": 0.01, "top": 0.94}
        grid = below.subplots(len(PLACES), 3, gridspec_kw={**edges, "wspace": 0.04, "hspace": 0.06})
        for row, scene in zip(grid, PLACES, strict=True):
            name = f"{scene}_high"
            pictures = (
                Image.open(stimuli.image_path(name)),
                with_marks(stimuli, marks, name),
                coloured_map(maps[name].values),
            )
            for axes, picture in zip(row, pictures, strict=True):
                axes.imshow(picture)
                axes.axis("off")
        for axes, title in zip(grid[0], titles, strict=True):
            axes.set_title(title)
        figure.text(0.99, 0.99, "SIMULATED", ha="right", va="top", color="#b3261e", weight="bold")
        figure.savefig(OUT, dpi=110, pil_kwargs={"quality": 85}, facecolor="white")


def main() -> None:
    """Run the sessions in a temporary folder and draw the picture."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        stimuli = stimuli_in(folder / "stimuli")
        sessions(stimuli, folder / "sessions")
        export(read_journals(folder / "sessions"), "marks", folder / "marks")
        draw(stimuli, folder / "sessions", folder / "marks")


if __name__ == "__main__":
    main()
