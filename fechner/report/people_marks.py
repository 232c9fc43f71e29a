"""Where participants marked, beside the study's own maps: pictures, a table, and what it says."""

from __future__ import annotations

from typing import Any

from fechner.analysis.judging.study_marks import difference_name
from fechner.records.human_marks.compared import (
    ABOUT,
    CONTRAST,
    ERROR,
    ERROR_BY_CONTRAST,
    ERROR_BY_MAP,
    MAP,
    MEASURES,
    PEOPLE,
    MarksCompared,
    OverScenes,
    SceneMarks,
)
from fechner.records.images.files import read_image
from fechner.records.stimuli import INTACT
from fechner.report.artefacts import Artefacts
from fechner.report.pictures import (
    MOST_SCENES,
    SceneRow,
    map_picture,
    overview_side,
    picture,
    stimulus_files,
)
from fechner.report.tables import Table, number, signed

COLUMNS = ("intact", "importance map", "where people marked")

WORDS = {
    "pearson": "Pearson's r",
    "nss": "NSS",
    "auc": "AUC",
    "auc_shuffled": "shuffled AUC",
}
"""What the measures are called in a table."""

TIMES = "\N{MULTIPLICATION SIGN}"


def marks_parts(study: Artefacts) -> dict[str, Any]:
    """Return what the page says of marks; ``marks`` is None where none were asked for."""
    found = study.marks
    if found is None:
        return {"marks": None}
    return {
        "marks": found,
        "marks_sentences": sentences(found),
        "marks_rows": rows(study, found),
        "marks_columns": COLUMNS,
        "marks_table": table(found),
        "marks_measures": measures_table(found),
        "marks_scale": f"{100 * study.people_maps_scale:.0f} %",
    }


def sentences(found: MarksCompared) -> list[str]:
    """Return whether the map tells where people mark, beyond the error and beyond contrast."""
    if all(one.nowhere == one.people for one in found.scenes):
        return ["Every participant answered that the images suffer nowhere."]
    said = ["The marks or the maps are SIMULATED."] if found.simulated else []
    said += [
        f"Over places, the error that the map weights correlates {_mean(found, ERROR_BY_MAP)} with "
        f"where people marked, the unweighted error {_mean(found, ERROR)}: a difference of "
        f"{_difference(found, ERROR_BY_MAP, ERROR)}. With local contrast in the map's place the "
        f"difference is {_difference(found, ERROR_BY_MAP, ERROR_BY_CONTRAST)}.",
        f"The map alone, which does not know what was degraded, correlates {_mean(found, MAP)}; "
        f"local contrast alone {_mean(found, CONTRAST)} "
        f"(difference {_difference(found, MAP, CONTRAST)}).",
    ]
    if found.ceiling.mean is not None:
        said.append(
            f"People agree with each other so far that a map can expect at most "
            f"{_r(found.ceiling.mean)}, on average over {found.ceiling.scenes} scenes "
            f"(root of the split-half reliability of their map; {found.smoothing})."
        )
    undefined = found.ceiling.undefined
    if undefined:
        said.append(
            f"In {undefined} {'scene' if undefined == 1 else 'scenes'} too few people marked "
            "anything for their agreement to be told."
        )
    if found.left_out:
        said.append(f"Left out, as in the claim: {', '.join(found.left_out)}.")
    return said


def _mean(found: MarksCompared, name: str) -> str:
    return _with_interval(found.named(name))


def _difference(found: MarksCompared, one: str, other: str) -> str:
    return _with_interval(found.named(difference_name(one, other)))


def _with_interval(one: OverScenes) -> str:
    if one.low is None:
        return _r(one.mean)
    return f"{_r(one.mean)} ({_r(one.low)} to {_r(one.high)})"


def _r(value: float | None) -> str:
    """Return a correlation for reading, a dash where it is undefined."""
    return number(None) if value is None else signed(value)


def rows(study: Artefacts, found: MarksCompared) -> list[SceneRow]:
    """Return, for each scene, the intact image, the study's map, and the map of people."""
    if study.stimuli is None:
        return []
    made = []
    side = overview_side(2 * 5 * min(len(found.scenes), MOST_SCENES))
    for one in found.scenes[:MOST_SCENES]:
        intact = stimulus_files(study.stimuli, one.scene).get(INTACT)
        if intact is None or one.scene not in study.maps:
            continue
        image, importance = read_image(intact), study.maps[one.scene].values
        pictures = [
            picture(image, COLUMNS[0], side=side),
            map_picture(image, importance, COLUMNS[1], side=side, stamped=study.simulated_images),
        ]
        if one.scene in study.people_maps:
            shown = study.people_maps[one.scene].values
            pictures.append(
                map_picture(image, shown, COLUMNS[2], side=side, stamped=found.simulated)
            )
        made.append(SceneRow(f"{one.scene}: {_in_words(one)}", pictures))
    return made


def _in_words(one: SceneMarks) -> str:
    r, weighted = (one.agreement["pearson"][name] for name in (MAP, ERROR_BY_MAP))
    return f"map r = {_r(r)}, error {TIMES} map r = {_r(weighted)}, at most {_r(one.ceiling)}"


def table(found: MarksCompared) -> Table:
    """Return every scene's correlations, and their means over scenes, which stand out."""
    header = ["scene", "people", "nowhere", "area", "at most", "map", "contrast", *list(ABOUT)[2:]]
    body = [
        [
            one.scene,
            str(one.people),
            str(one.nowhere),
            f"{100 * one.marked_share:.1f} %",
            _r(one.ceiling),
            *(_r(one.agreement["pearson"][name]) for name in ABOUT),
        ]
        for one in found.scenes
    ]
    means = [_r(one.mean) for one in (found.ceiling, *(found.named(name) for name in ABOUT))]
    body.append(["mean", "", "", "", *means])
    named = [name.replace(" x ", f" {TIMES} ") for name in header]
    return Table(named, body, frozenset([len(body) - 1]))


def measures_table(found: MarksCompared) -> Table:
    """Return the means over scenes by each measure, with people against people as the last row."""
    body = [
        [name, *(_with_interval(found.named(name, measure)) for measure in MEASURES)]
        for name in (*ABOUT, PEOPLE)
    ]
    named = [[name.replace(" x ", f" {TIMES} "), *numbers] for name, *numbers in body]
    return Table(["", *WORDS.values()], named, frozenset([len(body) - 1]))
