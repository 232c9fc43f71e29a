"""What the study of a table of ratings declares: who is left out, what is claimed, and where.

``fechner study finish`` and the commands of ``fechner stats`` then give one verdict for one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.study.opening import OpenStudy


@dataclass(frozen=True)
class Given:
    """What to read, and the study that declares it; None where it is known to nobody."""

    ratings: Path
    stimuli: Path | None
    attention: Path | None
    study: OpenStudy | None
    dimension: str | None


def given_files(
    ratings: Path,
    *,
    stimuli: Path | None = None,
    attention: Path | None = None,
    dimension: str | None = None,
) -> Given:
    """Return what a command was pointed at, completed by the study that it belongs to.

    Parameters
    ----------
    ratings
        A table, a study's folder, or its study file.
    stimuli, attention, dimension
        As given; where left out they are the study's.

    Raises
    ------
    InputError
        If the study file is wrong.
    """
    from fechner.records.study import STUDY_FILE
    from fechner.study.opening import open_study
    from fechner.study.work import protocol

    named = (ratings / STUDY_FILE).is_file() or ratings.name == STUDY_FILE
    study = open_study(ratings) if named else _study_of(ratings)
    if study is not None:
        ratings = study.ratings
        stimuli = stimuli or study.stimuli
        attention = attention or (study.attention if study.attention.is_file() else None)
        dimension = dimension or protocol(study).dimension
    return Given(ratings, stimuli, attention, study, dimension)


def _study_of(ratings: Path) -> OpenStudy | None:
    """Return the study in whose folder these ratings were collected; None for other tables."""
    from fechner.records.study import STUDY_FILE
    from fechner.study.opening import open_study

    ratings = ratings.resolve()
    if ratings.parent.name != "ratings" or not (ratings.parents[1] / STUDY_FILE).is_file():
        return None
    study = open_study(ratings.parents[1])
    return study if study.ratings == ratings else None


def needed_stimuli(given: Given) -> Path:
    """Return where the stimuli are.

    Raises
    ------
    InputError
        If they were not given and no study says so.
    """
    if given.stimuli is None:
        raise InputError(
            "name the stimuli too (stimuli.csv, or the folder that holds it); they are known only "
            "where the ratings are those of a study, in its folder"
        )
    return given.stimuli


def said_of(study: OpenStudy) -> list[str]:
    """Return what a reader is told of the study that decides, and of a plan that says otherwise."""
    from fechner.study.freezing import rules_changed

    said = [f"who is left out and what is claimed as {study.folder / 'study.toml'} declares"]
    changed = rules_changed(study)
    if changed:
        said.append(
            f"{study.frozen_plan} was frozen with other {', '.join(changed)}; fechner study finish "
            "asks for the reason"
        )
    return said
