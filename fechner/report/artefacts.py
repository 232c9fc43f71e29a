"""Everything a study folder holds, read for the report; what is not there yet stays None.

The report tells only what stands in the artefacts of the steps, and recomputes nothing
that decides anything. A step that was not done is named with the command that does it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from fechner.errors import InputError
from fechner.provenance import read_json
from fechner.records.claim import Claim, read_claim
from fechner.records.maps import ImportanceMap, read_maps
from fechner.records.prediction import Prediction, read_prediction
from fechner.records.selection import SelectionStudy, read_selection

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Record = TypeVar("Record")

SIMULATED = "SIMULATED"


@dataclass(frozen=True)
class Session:
    """One journal: its first line, its trials, and whether the session reached its end."""

    name: str
    header: dict[str, Any]
    trials: list[dict[str, Any]]
    complete: bool


@dataclass(frozen=True)
class Artefacts:
    """A study folder; each property reads one artefact, None where the step is not done."""

    folder: Path

    @cached_property
    def study(self) -> dict[str, Any]:
        """The study file, empty where there is none."""
        path = self.folder / "study.toml"
        if not path.is_file():
            return {}
        try:
            return tomllib.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not TOML: {error}; correct that line") from error

    @cached_property
    def selection(self) -> SelectionStudy | None:
        """The channel selections that were compared."""
        return self._read("channels/selection.json", read_selection)

    @cached_property
    def maps(self) -> dict[str, ImportanceMap]:
        """The importance maps by name, empty where there are none."""
        return self._read("maps/maps.json", lambda path: read_maps(path.parent)) or {}

    @cached_property
    def maps_record(self) -> dict[str, Any]:
        """The record of the map set: its shared scale."""
        return self._read("maps/maps.json", read_json) or {}

    @cached_property
    def stimuli(self) -> pd.DataFrame | None:
        """The table of stimuli."""
        names = {"stimulus": str, "scene": str, "region": str}
        return self._read("stimuli/stimuli.csv", lambda path: pd.read_csv(path, dtype=names))

    @cached_property
    def stimuli_record(self) -> dict[str, Any]:
        """What the stimulus set says of itself, among it the scenes it refused."""
        return self._read("stimuli/stimuli.json", read_json) or {}

    @cached_property
    def ratings(self) -> pd.DataFrame | None:
        """The long table of ratings."""
        path = self.ratings_path
        return None if path is None else pd.read_csv(path, dtype={"participant": str, "image": str})

    @property
    def ratings_path(self) -> Path | None:
        """Where the ratings lie, under either name."""
        for name in ("ratings.csv", f"{SIMULATED}_ratings.csv"):
            if (self.folder / "ratings" / name).is_file():
                return self.folder / "ratings" / name
        return None

    @cached_property
    def claim(self) -> Claim | None:
        """The tested claim."""
        return self._read("statistics/claim.json", read_claim)

    @cached_property
    def prediction(self) -> Prediction | None:
        """Predicted against observed harm."""
        return self._read("statistics/prediction.json", read_prediction)

    @cached_property
    def sessions(self) -> list[Session]:
        """The journals of the study, in order of their names."""
        return [_session(path) for path in sorted((self.folder / "sessions").glob("*.jsonl"))]

    @cached_property
    def rated(self) -> pd.DataFrame | None:
        """The table of rated images."""
        table = self.study.get("images", {}).get("table", "images/rated.csv")
        path = self.folder / table
        return pd.read_csv(path) if path.is_file() else None

    @cached_property
    def originals(self) -> dict[str, Path]:
        """The photograph of each map by the map's name, where the rated images still hold it."""
        if self.rated is None or "image" not in self.rated.columns:
            return {}
        folder = (self.folder / self.study.get("images", {}).get("table", "images/x")).parent
        paths = {Path(name).name: folder / name for name in self.rated["image"].astype(str)}
        wanted = {name: paths.get(str(m.record.get("image"))) for name, m in self.maps.items()}
        return {name: path for name, path in wanted.items() if path is not None and path.is_file()}

    @property
    def simulated_images(self) -> bool:
        """Whether the ratings that chose the channels were simulated; then all rests on them."""
        table = str(self.study.get("images", {}).get("table", ""))
        chosen = self.selection
        return SIMULATED in table or (
            chosen is not None and bool(chosen.choice.provenance.get("simulated"))
        )

    @property
    def simulated_participants(self) -> bool:
        """Whether the participants were simulated."""
        path = self.ratings_path
        return (
            (path is not None and path.name.startswith(SIMULATED))
            or any(session.header.get("simulated") for session in self.sessions)
            or (self.claim is not None and self.claim.simulated)
        )

    @property
    def world(self) -> str | None:
        """The declared world of simulated participants."""
        for session in self.sessions:
            model = session.header.get("model") or {}
            if model.get("world"):
                return str(model["world"])
        return self.study.get("simulate", {}).get("world")

    def to_do(self) -> list[tuple[str, str]]:
        """Return what is not done yet, each with the command to give in the study's folder."""
        session = {"protocol": "slider", "language": "en", **self.study.get("session", {})}
        run, finish = "fechner study run study.toml", "fechner study finish study.toml"
        rate = (
            "fechner session run --stimuli stimuli --sessions sessions "
            f"--protocol {session['protocol']} --language {session['language']} --participant CODE"
        )
        steps: list[tuple[bool, str, str]] = [
            (self.selection is not None, "Channels are not chosen", run),
            (bool(self.maps), "Importance maps are not made", run),
            (self.stimuli is not None, "Stimuli are not built", run),
            (bool(self.sessions), "Nobody has rated", rate),
            (self.ratings is not None, "Ratings are not collected", finish),
            (self.claim is not None, "The claim is not tested", finish),
        ]
        return [(what, command) for done, what, command in steps if not done]

    def _read(self, name: str, reader: Callable[[Path], Record]) -> Record | None:
        path = self.folder / name
        return reader(path) if path.is_file() else None


def read_artefacts(folder: Path) -> Artefacts:
    """Return the artefacts of a study folder.

    Raises
    ------
    InputError
        If the folder is not there, or holds nothing of a study.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; name the folder of a study")
    known = ("study.toml", "channels", "maps", "stimuli", "ratings", "statistics", "sessions")
    if not any((folder / name).exists() for name in known):
        raise InputError(
            f"{folder} holds nothing of a study; make one with: fechner study init {folder}"
        )
    return Artefacts(folder)


def _session(path: Path) -> Session:
    """Read a journal; a torn last line is left out, as the session itself does."""
    events = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    header = events[0] if events else {}
    return Session(
        name=path.stem,
        header=header,
        trials=[event for event in events if event.get("event") == "trial"],
        complete=any(event.get("event") == "end" for event in events),
    )
