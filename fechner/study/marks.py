"""The step ``marks``: what participants marked, their maps, and the study's own maps beside them.

Who the claim leaves out is left out here too: the rule was declared before the data and sees no
marks. Importance maps are held against the marks on the degraded images of their scenes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.provenance import provenance, sha256_file, write_bytes
from fechner.records.human_marks.compared import MarksCompared, SceneMarks
from fechner.records.maps import SET_RECORD, read_maps, write_maps
from fechner.records.stimuli import INTACT, StimulusSet, read_stimulus_set
from fechner.study.opening import OpenStudy

if TYPE_CHECKING:
    from fechner.analysis.ratings.marks.people_maps import PeopleMap
    from fechner.analysis.ratings.marks.smoothing import Smoothing
    from fechner.records.human_marks.table import MarkedShowing
    from fechner.records.maps import ImportanceMap


def collect_marks(place: OpenStudy) -> None:
    """Write the study's marks, the maps of its participants, and how its own maps compare."""
    from fechner.analysis.ratings.marks.people_maps import by_scene, people_maps
    from fechner.experiment.exports.marks import mark_table, marks_files, smoothing_of
    from fechner.records.claims.claim import read_claim
    from fechner.records.journal import read_journal_files

    left_out = tuple(sorted(read_claim(place.claim).excluded))
    journals = [
        journal
        for journal in read_journal_files(place.journals).intact()
        if journal.participant not in left_out
    ]
    # Maps of an earlier run may be of other images.
    for folder in (place.people_maps, place.scene_maps):
        shutil.rmtree(folder, ignore_errors=True)
    for name, content in marks_files(journals).items():
        write_bytes(place.marks / name, content)
    marks, width = mark_table(journals), smoothing_of(journals)
    stimuli, maps = read_stimulus_set(place.stimuli), read_maps(place.maps)
    degraded = [one for one in marks.answers if one.region != INTACT and one.scene in maps]
    people = people_maps(degraded, width.sd_px, group=by_scene)
    simulated = marks.simulated or stimuli.simulated
    about = provenance(
        parameters={"smoothing": str(width), "left out": list(left_out)},
        inputs={
            "marks": marks.sha256,
            "stimuli": stimuli.sha256,
            "maps": sha256_file(place.maps / SET_RECORD),
        },
        seed=place.study.seed,
        simulated=simulated,
    )
    if any(one.marks for one in degraded):
        _write_scene_maps(place, people, width, about)
    scenes = _scenes(stimuli, maps, degraded, people, width, place.study.seed)
    _compared(scenes, place.study.claim.level, left_out, width, about).write(place.marks_compared)


def _write_scene_maps(
    place: OpenStudy, people: Mapping[str, PeopleMap], width: Smoothing, about: dict[str, Any]
) -> None:
    write_maps(
        place.scene_maps,
        {scene: found.share for scene, found in people.items()},
        about={
            scene: {"image": scene, "method": "people's marks", "people": len(found.people)}
            for scene, found in people.items()
        },
        set_record={
            "method": "people's marks on all degraded images of a scene",
            "unit": "share of the participants who marked a place, smoothed",
            "smoothing": str(width),
            "provenance": about,
        },
    )


def _compared(
    scenes: Sequence[SceneMarks],
    level: float,
    left_out: tuple[str, ...],
    width: Smoothing,
    about: dict[str, Any],
) -> MarksCompared:
    from fechner.analysis.judging.study_marks import over_scenes

    agreement, differences, ceiling = over_scenes(scenes, level=level)
    return MarksCompared(
        smoothing=str(width),
        level=level,
        left_out=left_out,
        scenes=tuple(scenes),
        agreement=tuple(agreement),
        differences=tuple(differences),
        ceiling=ceiling,
        simulated=about["simulated"],
        provenance=about,
    )


def _scenes(
    stimuli: StimulusSet,
    maps: Mapping[str, ImportanceMap],
    degraded: Sequence[MarkedShowing],
    people: Mapping[str, PeopleMap],
    width: Smoothing,
    seed: int,
) -> list[SceneMarks]:
    """Return each scene's agreement; scenes without an intact picture have none."""
    from fechner.analysis.judging.study_marks import mean_error, painted_scenes, scene_marks
    from fechner.analysis.ratings.marks.agreement import map_agreement
    from fechner.records.images.files import read_image
    from fechner.rival_maps import local_contrast, luma_of

    rng, found = np.random.default_rng(seed), []
    painted = painted_scenes(degraded)
    for scene in (name for name in stimuli.scenes if name in people):
        own = people[scene]
        marked = {one.image for one in degraded if one.scene == scene}
        files = {one.region: one for one in stimuli.stimuli if one.scene == scene}
        if INTACT not in files:
            continue
        picture = read_image(stimuli.unchanged_path(files[INTACT]))
        shown = [read_image(stimuli.unchanged_path(name)) for name in sorted(marked)]
        found.append(
            scene_marks(
                scene,
                own,
                map_agreement(own, rng=rng),
                importance=maps[scene].values,
                contrast=local_contrast(luma_of(picture)),
                error=mean_error(picture, shown),
                sd_px=width.sd_px,
                painted=painted,
            )
        )
    return found
