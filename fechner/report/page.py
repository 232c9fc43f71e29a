"""The report: one HTML page that holds everything and asks the network for nothing.

Last step of a study. `write_report` reads the artefacts, draws, and fills one template; a
study that is not finished gets a page of what there is, with the command that comes next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fechner.provenance import write_text
from fechner.records.maps import SET_RECORD as MAPS_RECORD
from fechner.records.prediction import Prediction
from fechner.records.stimuli import INTACT
from fechner.records.stimuli import RECORD as STIMULI_RECORD
from fechner.report import channel_figures, pictures, story, tables
from fechner.report.artefacts import Artefacts, read_artefacts
from fechner.report.charts.study_charts import rated_dimension, study_charts
from fechner.report.codecs.codec_page import write_codec_report
from fechner.report.frame.frame import rendered
from fechner.report.frame.records_named import RecordNamed, records_named
from fechner.report.manuscript.exact_tables import exact_tables, write_tables
from fechner.report.manuscript.written import manuscript, write_manuscript
from fechner.report.opening.headline_numbers import headline_numbers
from fechner.report.opening.rated_pictures import rated_row
from fechner.report.people_marks import marks_parts
from fechner.report.style import drawing, svg

TEMPLATE = "page.html.j2"


def write_report(study_folder: Path) -> Path:
    """Write the report of a study from its artefacts and return its path.

    Beside ``report.html`` lie ``manuscript.md``, methods and results in words, and ``tables/``,
    every table with all its digits.

    Raises
    ------
    InputError
        If there is no study file, or an artefact is damaged.
    """
    study = read_artefacts(Path(study_folder))
    if study.study.compares_codecs:
        return write_codec_report(study)
    page = render(study)
    write_tables(study)
    write_manuscript(study, story.page_title(study), manuscript(study))
    write_text(study.layout.report, page)
    return study.layout.report


def render(study: Artefacts) -> str:
    """Return the page's HTML."""
    with drawing():
        charts = study_charts(study)
        parts = {
            **_headline(study),
            **_opening(study),
            **_channels(study),
            **_images(study),
            **_ratings(study),
            **marks_parts(study),
        }
    return rendered(
        TEMPLATE, charts=charts, exact=exact_tables(study), tables_folder="tables/", **parts
    )


def _headline(study: Artefacts) -> dict[str, Any]:
    claim = study.claim
    return {
        "kind": "report",
        "title": story.page_title(study),
        "simulated_note": story.simulated_note(study),
        "claim": claim,
        "verdict_colour": story.VERDICT_COLOURS[claim.verdict] if claim else "soft",
        "prediction": study.prediction,
        "facts": story.facts(study),
        "to_do": study.to_do(),
        "limits": story.limits(study),
        "provenance": _provenance(study),
        "manuscript": manuscript(study),
    }


def _channels(study: Artefacts) -> dict[str, Any]:
    chosen = study.selection
    if chosen is None:
        return {"selection": None}
    return {
        "selection": chosen,
        "channel_sentences": story.channel_sentences(study),
        "column_table": tables.column_table(chosen),
    }


def _opening(study: Artefacts) -> dict[str, Any]:
    dimension = rated_dimension(study)
    row = (
        rated_row(study.rated, dimension, stamped=study.simulated_images)
        if study.rated is not None and dimension is not None
        else []
    )
    return {
        "headline_numbers": headline_numbers(study.claim, study.prediction, study.selection),
        "rated_row": row,
        "rated_dimension": dimension,
        "rated_scale": dimension and study.rated and study.rated.scales[dimension],
    }


def _images(study: Artefacts) -> dict[str, Any]:
    stamped, stimuli = study.simulated_images, study.stimuli
    parts: dict[str, Any] = {
        "map_sentence": story.map_sentence(study),
        "scene_rows": [], "crops": [], "map_rows": [], "arm_tables": [], "scene_table": None,
        "refused_table": None, "scenes_hidden": 0, "map_scale": None,
    }  # fmt: skip
    if study.maps:
        parts["map_scale"] = svg(
            channel_figures.colour_bar(study.maps_record), label="Scale of the importance maps"
        )
    if stimuli is None:
        rows = pictures.map_rows(study.maps, study.originals, stamped=stamped)
        return {**parts, "map_rows": rows}
    arms = tuple(dict.fromkeys(s.region for s in stimuli.stimuli if s.region != INTACT))
    first = [arm for arm in ("low", "high", "donor") if arm in arms]
    ordered = tuple(dict.fromkeys([*first, *arms]))
    rows = pictures.scene_rows(stimuli, study.maps, arms=ordered, stamped=stamped)
    return {
        **parts,
        "scene_rows": rows,
        "scenes_hidden": len(stimuli.scenes) - len(rows),
        "crops": pictures.native_crops(stimuli, stamped=stamped),
        "arm_tables": tables.arm_tables(stimuli.table),
        "scene_table": tables.scene_table(stimuli.table),
        "refused_table": tables.refused_table(stimuli.record.get("refused", {})),
    }


def _ratings(study: Artefacts) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "session_facts": tables.session_facts(study.sessions),
        "screens": pictures.session_screens(
            study.layout.sessions / "screens", stamped=study.simulated_participants
        ),
        "participant_table": None,
        "contrast_table": None,
        "other_table": None,
        "screening_table": None,
        "plan_table": None,
        "plan_sentence": None,
        "component_table": None,
        "effect_table": None,
        "ordinal_table": None,
        **_prediction(study.prediction),
    }
    claim, ratings, stimuli = study.claim, study.ratings, study.stimuli
    if claim is None or ratings is None or stimuli is None:
        return parts
    return {
        **parts,
        "participant_table": tables.participant_table(claim),
        "contrast_table": tables.contrast_table(claim.contrasts, claim.level, claim.unfitted),
        "other_table": tables.other_table(claim),
        "screening_table": claim.otherwise
        and tables.contrast_table(claim.otherwise.contrasts, claim.level),
        "plan_table": study.plan_check and tables.plan_table(study.plan_check),
        "plan_sentence": study.plan_check and story.plan_sentence(study.plan_check),
        "component_table": tables.component_table(claim),
        "effect_table": tables.effect_table(claim),
        "ordinal_table": tables.ordinal_table(claim),
    }


def _prediction(found: Prediction | None) -> dict[str, Any]:
    return {
        "prediction_facts": found and story.prediction_facts(found),
        "tested_table": found and tables.tested_table(found),
        "rival_table": found and tables.rival_table(found),
        "rivals_in_words": found and [(one.name, one.about) for one in found.rivals],
        "calibration_table": found and tables.calibration_table(found),
        "bend_sentence": found and story.bend_sentence(found),
    }


def _provenance(study: Artefacts) -> list[RecordNamed]:
    layout = study.layout
    return records_named(
        [
            (layout.selection, study.selection and study.selection.choice.provenance),
            (layout.maps / MAPS_RECORD, study.maps_record.get("provenance")),
            (
                layout.stimuli / STIMULI_RECORD,
                study.stimuli and study.stimuli.record.get("provenance"),
            ),
            (layout.claim, study.claim and study.claim.provenance),
            (layout.prediction, study.prediction and study.prediction.provenance),
            (layout.marks_compared, study.marks and study.marks.provenance),
        ]
    )
