"""A study at work: its folder, how it shows its progress, and where its loops run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.records.layout import StudyFolder, read_study_folder
from fechner.records.study import STUDY_FILE

Bars = Callable[[str], AbstractContextManager[Progress]]


def no_bars(title: str) -> AbstractContextManager[Progress]:
    """Draw nothing (tests, programs)."""
    return nullcontext(silent)


def say_nothing(line: str) -> None:
    """Print nothing (tests, programs)."""


@dataclass(frozen=True)
class OpenStudy(StudyFolder):
    """A study's folder with everything that its steps need to run.

    Attributes
    ----------
    bars
        Gives a progress bar of some title, as a context manager.
    say
        Called with each line that tells what is being done.
    pool
        Where loops over images run; this process where it is None.
    """

    bars: Bars = no_bars
    say: Callable[[str], None] = say_nothing
    pool: Executor | None = None


def open_study(
    path: Path | str,
    *,
    bars: Bars = no_bars,
    say: Callable[[str], None] = say_nothing,
    pool: Executor | None = None,
) -> OpenStudy:
    """Open a study, so that its steps can be run.

    Parameters
    ----------
    path
        The study file, or the folder that holds it.
    bars, say, pool
        How it shows its progress and where its loops run, see `OpenStudy`.

    Returns
    -------
    OpenStudy
        Its folder, its file, and the place of every artefact.

    Raises
    ------
    InputError
        If there is no study file, it is wrong, or it is not called ``study.toml``: a folder
        holds one study, so that two never write over each other's results.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "study.toml").write_text('title = "Blur on boats"')
    >>> study = open_study(folder)
    >>> study.study.title, study.report.name
    ('Blur on boats', 'report.html')
    """
    found = read_study_folder(Path(path))
    if Path(path).suffix == ".toml" and Path(path).name != STUDY_FILE:
        raise InputError(
            f"a study's file is called {STUDY_FILE}, one a folder; got {Path(path).name}: "
            "rename it, or give it a folder of its own"
        )
    return OpenStudy(found.folder, found.study, bars=bars, say=say, pool=pool)
