"""What pages about studies take for granted: stimuli, sessions, ratings; and all such names.

Sessions are simulated and then rewritten as those of people, as a page's reader has them, in
temporary folders of tests only: no command of fechner writes such journals.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from documentation_files import (
    compressed,
    from_elsewhere,
    images_of_my_study,
    many_scenes,
    maps,
    maps_to_compare,
    one_map,
    one_photograph,
    pairs,
    photographs_and_maps,
    rated_images,
    rated_twice,
    ratings_and_scale,
    some_photographs,
    study_file_of_codecs,
    survey,
    table_of_ratings,
)
from journals import events_of, write_events
from report_study import write_study
from small_sets import write_small_set
from small_stimuli import picture, simulated_session, small_set

from fechner.experiment.exports.forms import export
from fechner.experiment.simulated.observers import SimulatedObserver
from fechner.protocols.schema import load_protocol
from fechner.records.journal import journal_name, read_journals
from fechner.records.stimuli import Stimulus, read_stimulus_set

ROOT = Path(__file__).resolve().parent.parent
IMPACT = {"intact": 0.0, "low": 30.0, "donor": 80.0, "high": 260.0}
Given = Callable[[Path], None]


def small_study(folder: Path) -> None:
    """`study/stimuli`."""
    write_small_set(folder / "study" / "stimuli", scenes=3)


def small_study_and_maps(folder: Path) -> None:
    """`study/stimuli`, and `maps/` of its pictures."""
    small_study(folder)
    maps(folder, pictures="study/stimuli")


def sessions(study: Path, *, protocol: str = "slider", participants: int = 12) -> None:
    """Journals of made-up participants for a study's stimuli, as if people had answered."""
    asked, stimuli = load_protocol(protocol), read_stimulus_set(study / "stimuli")
    for number in range(1, participants + 1):
        observer = SimulatedObserver(f"P{number:02d}", world="map", seed=1)
        with tempfile.TemporaryDirectory() as place:
            simulated_session(Path(place), asked, stimuli, observer)
            events = events_of(next(Path(place).iterdir()))
        events = [_of_a_person(event) for event in events]
        (study / "sessions").mkdir(exist_ok=True)
        name = journal_name(observer.participant, 1, simulated=False)
        write_events(study / "sessions" / name, events)


def _of_a_person(event: Any) -> Any:
    """Return an event of a simulated session, or a part of it, as that of a person's."""
    if isinstance(event, list):
        return [_of_a_person(part) for part in event]
    if not isinstance(event, dict):
        return event
    said = {"simulated": False, "model": None, "device": "mouse"}
    return {key: said[key] if key in said else _of_a_person(part) for key, part in event.items()}


def arms(scenes: int = 8, *, truth: bool = False) -> list[Stimulus]:
    """Return four arms of every scene; with `truth` every second scene is generated."""
    return [
        replace(
            picture(f"s{k:02d}_{region}", f"s{k:02d}", region, impact, 60.0 * (region != "intact")),
            family="none" if region == "intact" else "blur",
            level=int(region != "intact"),
            truth=("real", "generated")[k % 2] if truth else "",
        )
        for k in range(scenes)
        for region, impact in IMPACT.items()
    ]


def strengths(scenes: int = 4, levels: int = 10) -> list[Stimulus]:
    """Return two regions of every scene at many strengths, as thresholds need them."""
    intact = [one for one in arms(scenes) if one.region == "intact"]
    return intact + [
        replace(
            picture(f"s{k:02d}_{region}_{level}", f"s{k:02d}", region, weight * 2 ** (0.8 * level)),
            mse=2 ** (0.8 * level),
            level=level,
            strength=2 ** (0.4 * level),
        )
        for k in range(scenes)
        for region, weight in {"low": 0.5, "high": 2.0}.items()
        for level in range(1, levels + 1)
    ]


def of_a_design(protocol: str, made: Callable[[], list[Stimulus]]) -> Given:
    """Return what puts stimuli, sessions and exported ratings of a protocol into a folder."""

    def given(folder: Path) -> None:
        small_set(folder / "stimuli", made())
        sessions(folder, protocol=protocol)
        journals = read_journals(folder / "sessions").intact()
        (folder / "ratings").mkdir()
        export(journals, "ratings", folder / "ratings" / "ratings.csv")

    return given


def codecs_and_levels(folder: Path) -> None:
    """`ratings.csv` with a column `codec`, and `stimuli.csv` with regions at two levels."""
    of_a_design("slider", lambda: strengths(levels=2))(folder)
    table = pd.read_csv(folder / "ratings" / "ratings.csv")
    names = sorted(set(table["image"]))
    codec = {name: ("jpeg", "webp", "avif")[k % 3] for k, name in enumerate(names)}
    table.assign(codec=table["image"].map(codec)).to_csv(folder / "ratings.csv", index=False)
    shutil.copy(folder / "ratings" / "ratings.json", folder / "ratings.json")
    for name in ("stimuli.csv", "stimuli.json"):
        shutil.copy(folder / "stimuli" / name, folder / name)


def study_before_people(folder: Path) -> None:
    """`my-study` with its stimuli, before the first participant."""
    write_study(folder / "my-study", simulated=False, people=False)


def study_after_people(folder: Path) -> None:
    """`my-study` with its ratings."""
    write_study(folder / "my-study", simulated=False)


def study_file(folder: Path) -> None:
    """`my-study/study.toml`."""
    (folder / "my-study" / "study.toml").write_text(
        'title = "Mine"\n[images]\ntable = "images/rated.csv"\n'
        "[images.scales.quality]\nminimum = 1\nmaximum = 5\n"
    )


def selection(folder: Path) -> None:
    """`channels/selection.json`, chosen on rated images."""
    import subprocess

    rated_images(folder / "rated")
    command = [Path(sys.executable).parent / "fechner", "channels", "select", "rated/rated.csv"]
    words = "-d quality -l bn2 -p mean -s readout --select readout --shuffles 1 --out channels"
    subprocess.run([*command, *words.split()], cwd=folder, check=True, capture_output=True)


def clone(folder: Path) -> None:
    """The files that `make demo` reads, in an environment that is set up: this one."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/setup.sh"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / "installed").touch()
    after = (folder / "pyproject.toml").stat().st_mtime + 60
    os.utime(folder / ".venv" / "installed", (after, after))


GIVEN: dict[str, Given] = {
    "a photograph": one_photograph,
    "photographs": some_photographs,
    "photographs/": lambda folder: some_photographs(folder, into="photographs"),
    "photographs and maps": photographs_and_maps,
    "photographs, and those compressed": compressed,
    "a photograph and its map": one_map,
    "maps to compare": maps_to_compare,
    "pictures from elsewhere": from_elsewhere,
    "pairs": pairs,
    "rated images": rated_images,
    "rated images of many scenes": many_scenes,
    "rated images in images/": lambda folder: rated_images(folder / "images"),
    "rated images in tables/": lambda folder: rated_images(folder / "tables", name="avt"),
    "two tables of rated images": rated_twice,
    "a selection": selection,
    "a table of ratings": table_of_ratings,
    "ratings and their scale": ratings_and_scale,
    "a survey": survey,
    "sessions and ratings": of_a_design("slider", arms),
    "ratings with hidden references": of_a_design("acr_hr", arms),
    "ratings of pairs": of_a_design("pair", lambda: arms(3)),
    "answers about thresholds": of_a_design("jnd", strengths),
    "answers about what is real": of_a_design("authenticity", lambda: arms(truth=True)),
    "ratings of codecs and levels": codecs_and_levels,
    "a small study": small_study,
    "a small study and its maps": small_study_and_maps,
    "sessions of the study": lambda folder: sessions(folder / "study"),
    "sessions of marks": lambda folder: sessions(
        folder / "study", protocol="slider_marks", participants=5
    ),
    "the images of my-study": images_of_my_study,
    "the study file of my-study": study_file,
    "a study file of codecs": study_file_of_codecs,
    "sessions of my-study": lambda folder: sessions(folder / "my-study"),
    "my-study before its participants": study_before_people,
    "my-study after its participants": study_after_people,
    "a clone that is set up": clone,
}
"""What pages name above their blocks."""
