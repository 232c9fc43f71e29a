"""The demonstration of a codec study: photographs at hand, SIMULATED participants.

They judge by metrics that no encoder of the set knows (`codecs.simulated_opinions`), so that no
verdict is made by the encoder's own: the whole picture (``judge``), only the quarter that its map
marks (``map``, where our arm is better by construction), or no arm at all (``null``).

The study is one that people could take part in: a scene has 36 pairs, of which each participant
compares a third, every pair equally often over 36 participants (a Latin square), and attention
checks show the intact picture beside a ruined one.
"""

from __future__ import annotations

from pathlib import Path

from fechner.data.photographs import photographs
from fechner.errors import InputError
from fechner.protocols.files import copy_protocol
from fechner.provenance import write_text
from fechner.records.images.files import read_image, write_png
from fechner.records.study import STUDY_FILE, read_study
from fechner.study.demo_images import CROPS, square
from fechner.study.opening import OpenStudy
from fechner.study.steps import run_whole

TITLE = "Demonstration of a codec study (SIMULATED participants)"
SCENES = 12
PARTICIPANTS = 72
"""Twice as many as a scene has pairs: nine pictures of it, two and two."""

SERIAL_S, SHARED_S = 70.0, 40.0
"""CPU seconds of it, as those of `demonstration`: sessions and claim, maps and coded files."""

PROTOCOL = "third_of_the_pairs"
CHANGES = (
    ('design = "complete"', 'design = "latin square"\nconditions_per_scene = 12'),
    ('count = 2\nkind = "instructed"', 'count = 4\nkind = "reference and severe"'),
    ("pass_share = 0.5", "pass_share = 0.75"),
)
"""What its protocol has otherwise than the shipped ``pair``."""

FILE = """\
# The demonstration of a codec study: photographs from installed packages, SIMULATED participants.
title = "{title}"
seed = {seed}

[images]
photographs = "photographs"

[stimuli]
scenes = {scenes}
kind = "codecs"
catch = ["reference", "severe"]   # the protocol's attention checks show a ruined picture

[stimuli.codecs]
arms = ["plain", "jpegli", "map", "donor"]
match = "bytes"           # every arm takes the bytes of Pillow's JPEG ...
rates = [50, 80]          # ... at these qualities

[session]
protocol = "{protocol}.toml"   # each participant compares a third of the pairs of each scene
participants = {participants}

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
    folder: Path, *, world: str = "judge", seed: int = 1, participants: int = PARTICIPANTS
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
        How many are SIMULATED; every pair is compared equally often by multiples of 36.

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
    _write_protocol(folder)
    text = FILE.format(
        title=TITLE,
        seed=seed,
        scenes=SCENES,
        world=world,
        participants=participants,
        protocol=PROTOCOL,
    )
    write_text(file, text)
    return file


def _write_protocol(folder: Path) -> None:
    """Write the shipped protocol for pairs with its `CHANGES`, and its texts."""
    for earlier in folder.glob(f"{PROTOCOL}.*"):
        earlier.unlink()
    copy_protocol("pair", folder, name=PROTOCOL)
    path = folder / f"{PROTOCOL}.toml"
    text = path.read_text("utf-8")
    for shipped, ours in CHANGES:
        text = text.replace(shipped, ours)
    write_text(path, text)


def run_codec_demonstration(place: OpenStudy) -> Path:
    """Run the whole study and return the report's path."""
    run_whole(place)
    return place.report
