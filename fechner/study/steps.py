"""The order of the steps of a study, and nothing else.

rated images -> channels -> maps -> stimuli -> [people] -> statistics -> report.
Each step reads the artefacts of the steps before it from the study's folder, calls
one function of the room that does the work, and writes its own artefacts. A step
that was done with the same inputs and parameters is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, StoppedError
from fechner.progress import Progress, silent
from fechner.study.file import STUDY_FILE, Study, read_study
from fechner.study.state import State, step_key

if TYPE_CHECKING:
    from fechner.analysis.network.networks import Network
    from fechner.data.tables import RatedImages

Bars = Callable[[str], AbstractContextManager[Progress]]


def no_bars(title: str) -> AbstractContextManager[Progress]:
    """Draw nothing (tests, programs)."""
    return nullcontext(silent)


@dataclass(frozen=True)
class Place:
    """A study at work: its folder, what its file says, and where its loops run."""

    folder: Path
    study: Study
    bars: Bars = no_bars
    pool: Executor | None = None
    say: Callable[[str], None] = lambda line: None

    @property
    def selection(self) -> Path:
        """The channels that were chosen (SelectionStudy)."""
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
    def sessions(self) -> Path:
        """The folder of the journals."""
        return self.folder / "sessions"

    @property
    def ratings(self) -> Path:
        """The long table of collected ratings; SIMULATED stands in its name where they are."""
        name = "SIMULATED_ratings.csv" if self.study.simulate else "ratings.csv"
        return self.folder / "ratings" / name

    @property
    def statistics(self) -> Path:
        """The folder of the tested claim and the prediction."""
        return self.folder / "statistics"


def open_study(
    path: Path,
    *,
    bars: Bars = no_bars,
    pool: Executor | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Place:
    """Read a study file (or a folder that holds one) and claim its folder.

    Raises
    ------
    InputError
        If the file is wrong, or the folder belongs to another study.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    study = read_study(path if path.is_file() else folder / STUDY_FILE)
    State(folder).claim_folder(study.title)
    return Place(folder, study, bars=bars, pool=pool, say=say)
