"""How many trials, minutes and participants a study needs, before anybody takes part.

Counted on the real trial plans (`experiment.plan`) of every planned participant: of the built
stimuli where they are there, else of the stimuli that the study's design will give.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fechner.errors import InputError
from fechner.experiment.plan.audit import Audit, audit
from fechner.experiment.plan.rows import Rows, conditions_of, rows_filled
from fechner.protocols.schema import Protocol
from fechner.records.journal import read_journal_files
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.stimuli import INTACT, SEVERE, TABLE, Stimulus, StimulusSet, read_stimulus_set
from fechner.stimuli.coded.scene import FAMILY, coded_name
from fechner.stimuli.design import Design
from fechner.study import work
from fechner.study.design import design_of
from fechner.study.opening import OpenStudy


def rows_of_participants(place: OpenStudy) -> Rows | None:
    """Return how those who took part fill the Latin square.

    None where every participant rates every stimulus, where the stimuli are not built, and before
    the first participant.

    Raises
    ------
    InputError
        If the protocol or the stimuli cannot be read.
    """
    followed = work.protocol(place)
    if followed.trials.design != "latin square" or not (place.stimuli / TABLE).is_file():
        return None
    journals = read_journal_files(place.journals).intact()
    codes = dict.fromkeys(one.participant for one in journals if not one.turned_away)
    conditions = conditions_of(followed, read_stimulus_set(place.stimuli))
    return rows_filled(followed, conditions, codes) if codes else None


def unbalanced(followed: Protocol, conditions: int, people: int) -> str:
    """Return why a number of participants does not balance; nothing where it does."""
    if followed.trials.design != "latin square" or people % conditions == 0:
        return ""
    fewer = people // conditions * conditions
    near = f"{fewer} or {fewer + conditions}" if fewer else f"{conditions}"
    return (
        f"{people} participants do not see every stimulus equally often: a scene has "
        f"{conditions} conditions, which balance over multiples of {conditions}; set "
        f"[session] participants to {near}"
    )


@dataclass(frozen=True)
class StudyPlan:
    """What a study asks of its participants.

    Attributes
    ----------
    built
        Whether the stimuli are there; else they are those of the design.
    scenes, stimuli, conditions
        Scenes, stimuli, and conditions in which a scene can be rated.
    design
        The protocol's: ``complete`` or ``latin square``.
    audit
        The balance of the plans of all planned participants.
    """

    built: bool
    scenes: int
    stimuli: int
    conditions: int
    design: str
    audit: Audit


def study_plan(place: OpenStudy) -> StudyPlan:
    """Return what the study asks of its participants.

    Raises
    ------
    InputError
        If the stimuli cannot serve the protocol, the planned participants do not rate every
        stimulus equally often, or a session is longer than its protocol allows.
    """
    built = (place.stimuli / TABLE).is_file()
    if built:
        stimuli = read_stimulus_set(place.stimuli)
    else:
        work.check_stimuli(place)
        names = list(work.images_of_scenes(place))[: place.study.stimuli.scenes]
        severe = names if place.study.stimuli.severe_rule else []
        ruined = tuple(_planned(f"{name}_{SEVERE}", name, SEVERE, "none", 1) for name in severe)
        stimuli = StimulusSet(place.stimuli, _designed(place, names), {}, ruined)
    followed, people = work.protocol(place), place.study.session.participants
    conditions = conditions_of(followed, stimuli)
    refused = unbalanced(followed, conditions, people)
    if refused:
        raise InputError(refused)
    counted = audit(followed, stimuli, [f"P{number:03d}" for number in range(1, people + 1)])
    if counted.minutes > counted.limit_minutes:
        raise InputError(
            f"a session takes about {counted.minutes:.0f} minutes ({counted.trials} trials), the "
            f"protocol allows {counted.limit_minutes:g}; ask for fewer {_what(place)}, "
            "or copy the protocol and give it trials.design = 'latin square'"
        )
    return StudyPlan(
        built=built,
        scenes=len(stimuli.scenes),
        stimuli=len(stimuli.stimuli),
        conditions=conditions,
        design=followed.trials.design,
        audit=counted,
    )


def _what(place: OpenStudy) -> str:
    return "scenes, arms or rates" if place.study.compares_codecs else "scenes, levels or regions"


def _designed(place: OpenStudy, scenes: list[str]) -> tuple[Stimulus, ...]:
    if place.study.compares_codecs:
        return designed_coded_stimuli(place.study.stimuli.codecs, scenes)
    return designed_stimuli(design_of(place.study), scenes)


def designed_coded_stimuli(design: CodecDesign, scenes: list[str]) -> tuple[Stimulus, ...]:
    """Return the coded pictures that a design gives of some scenes, without pictures.

    Examples
    --------
    >>> design = CodecDesign(arms=("plain", "map"), rates=(30,))
    >>> [one.stimulus for one in designed_coded_stimuli(design, ["boat"])]
    ['boat_intact', 'boat_codec1_plain', 'boat_codec1_map']
    """
    return tuple(
        stimulus
        for scene in scenes
        for stimulus in (
            _planned(f"{scene}_{INTACT}", scene, INTACT, "none", 0),
            *(
                _planned(coded_name(scene, level, arm), scene, arm, FAMILY, level)
                for level in range(1, len(design.rates) + 1)
                for arm in design.arms
            ),
        )
    )


def designed_stimuli(design: Design, scenes: list[str]) -> tuple[Stimulus, ...]:
    """Return the stimuli that a design gives of some scenes, without pictures.

    Examples
    --------
    >>> [one.stimulus for one in designed_stimuli(Design(), ["boat"])]
    ['boat_intact', 'boat_blur_low', 'boat_blur_high', 'boat_blur_donor']
    """
    return tuple(
        stimulus
        for scene in scenes
        for stimulus in (
            _planned(f"{scene}_{INTACT}", scene, INTACT, "none", 0),
            *(
                _planned(design.stimulus(scene, *condition), scene, condition[2], *condition[:2])
                for condition in design.conditions()
            ),
        )
    )


def _planned(name: str, scene: str, region: str, family: str, level: int) -> Stimulus:
    """Return a stimulus whose loss is its level: enough to tell the best from the worst."""
    return Stimulus(
        stimulus=name,
        file=Path(f"{name}.png").name,
        scene=scene,
        region=region,
        family=family,
        level=level,
        strength=float(level),
        strength_unit="",
        mask_area=0.0,
        bytes=0,
        mse=float(level),
        ssim=1.0,
        predicted_impact=0.0,
        centre_error=0.0,
        sha256="",
    )
