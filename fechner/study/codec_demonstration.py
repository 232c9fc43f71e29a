"""The demonstration of a codec study: photographs at hand, SIMULATED participants.

They judge by metrics that no encoder of the set knows (`codecs.simulated_opinions`), so that no
verdict is made by the encoder's own: the whole picture (``judge``), only the quarter that its map
marks (``map``, where our arm is better by construction), or no arm at all (``null``).
"""

from __future__ import annotations

from pathlib import Path

from fechner.data.photographs import photographs
from fechner.errors import InputError
from fechner.provenance import write_text
from fechner.records.images.files import read_image, write_png
from fechner.records.study import STUDY_FILE, read_study
from fechner.study.demo_images import CROPS, square
from fechner.study.opening import OpenStudy
from fechner.study.steps import run_whole

TITLE = "Demonstration of a codec study (SIMULATED participants)"
SCENES = 12

FILE = """\
# The demonstration of a codec study: photographs from installed packages, SIMULATED participants.
title = "{title}"
seed = {seed}

[images]
photographs = "photographs"

[stimuli]
scenes = {scenes}
kind = "codecs"

[stimuli.codecs]
arms = ["plain", "jpegli", "map", "donor"]
match = "bytes"           # every arm takes the bytes of Pillow's JPEG ...
rates = [50, 80]          # ... at these qualities

[session]
protocol = "pair"

[screening]
fastest_ms = 0            # SIMULATED participants answer at once

[claim]
kind = "codec"
margin = 0.2              # shares chosen of 40 to 60 % are called equal

[claim.codec]
better = "map"
than = ["jpegli", "donor"]
by = "opinion"

[simulate]
world = "{world}"  # "judge": MDSI; "map": only where maps mark; "null": no arm is better
participants = {participants}
in_window = 0
"""


def write_codec_demonstration(
    folder: Path, *, world: str = "judge", seed: int = 1, participants: int = 24
) -> Path:
    """Write photographs and study file into `folder` and return the file's path.

    Parameters
    ----------
    folder
        Empty, missing, or with an earlier demonstration of this kind.
    world
        "judge", "map" or "null".
    seed
        Of every draw.
    participants
        How many are SIMULATED.

    Returns
    -------
    Path
        ``study.toml``.

    Raises
    ------
    InputError
        If the folder holds anything else.
    """
    folder, file = Path(folder), Path(folder) / STUDY_FILE
    ours = file.is_file() and read_study(file).title == TITLE
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise InputError(
            f"{folder} is not empty and holds no demonstration of a codec study; choose another "
            "--out folder"
        )
    for name, path in list(photographs().items())[:SCENES]:
        write_png(
            folder / "photographs" / f"{name}.png", square(read_image(path), *CROPS.get(name, ()))
        )
    text = FILE.format(
        title=TITLE, seed=seed, scenes=SCENES, world=world, participants=participants
    )
    write_text(file, text)
    return file


def run_codec_demonstration(place: OpenStudy) -> Path:
    """Run the whole study and return the report's path."""
    run_whole(place)
    return place.report
