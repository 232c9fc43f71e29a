"""A study at work: its folder, what its file says, and where each artefact lies."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from fechner.progress import Progress, silent
from fechner.records.done import State
from fechner.records.study import STUDY_FILE, Study, read_study

Bars = Callable[[str], AbstractContextManager[Progress]]


def no_bars(title: str) -> AbstractContextManager[Progress]:
    """Draw nothing (tests, programs)."""
    return nullcontext(silent)


def say_nothing(line: str) -> None:
    """Tell nobody (tests, programs)."""


@dataclass(frozen=True)
class Place:
    """A study's folder and file, how it shows its progress, and where its loops run."""

    folder: Path
    study: Study
    bars: Bars = no_bars
    say: Callable[[str], None] = say_nothing
    pool: Executor | None = None

    @property
    def table(self) -> Path:
        """The table of rated images."""
        return self.folder / self.study.images.table

    @property
    def selection(self) -> Path:
        """The channels that were chosen (SelectionStudy, JSON)."""
        return self.folder / "channels" / "selection.json"

    @property
    def maps(self) -> Path:
        """The folder of importance maps."""
        return self.folder / "maps"

    @property
    def stimuli(self) -> Path:
        """The folder of the StimulusSet."""
        return self.folder / "stimuli"

    @property
    def stimulus_table(self) -> Path:
        """The table of stimuli."""
        return self.stimuli / "stimuli.csv"

    @property
    def protocol(self) -> str:
        """The name of a shipped protocol, or the path of one beside the study file."""
        name = self.study.session.protocol
        return str(self.folder / name) if name.endswith(".toml") else name

    @property
    def sessions(self) -> Path:
        """The folder of the journals."""
        return self.folder / "sessions"

    @property
    def journals(self) -> list[Path]:
        """The journals that count: SIMULATED ones only where the study declares them."""
        pattern = "SIMULATED_sub-*.jsonl" if self.study.simulate else "sub-*.jsonl"
        return sorted(self.sessions.glob(pattern))

    @property
    def ratings(self) -> Path:
        """The long table of collected ratings; SIMULATED stands in its name where they are."""
        name = "SIMULATED_ratings.csv" if self.study.simulate else "ratings.csv"
        return self.folder / "ratings" / name

    @property
    def statistics(self) -> Path:
        """The folder of the tested claim and the prediction."""
        return self.folder / "statistics"

    @property
    def report(self) -> Path:
        """The report."""
        return self.folder / "report.html"


def open_study(
    path: Path,
    *,
    bars: Bars = no_bars,
    say: Callable[[str], None] = say_nothing,
    pool: Executor | None = None,
) -> Place:
    """Read a study file (or the folder that holds one) and claim its folder.

    Raises
    ------
    InputError
        If the file is wrong, or the folder belongs to another study.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    study = read_study(folder / STUDY_FILE if path.is_dir() else path)
    State(folder).claim_folder(study.title)
    return Place(folder, study, bars=bars, say=say, pool=pool)
