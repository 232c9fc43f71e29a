"""The report: one HTML page that holds everything and asks the network for nothing.

Last step of a study. `write_report` reads the artefacts, draws, and fills one template; a
study that is not finished gets a page of what there is, with the command that comes next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fechner import __version__
from fechner.analysis.ratings.crossed import Contrast, closed_form, reml_crossed
from fechner.analysis.ratings.matrices import Differences, differences, rated_arms
from fechner.provenance import write_text
from fechner.records.claim import Claim
from fechner.report import (
    channel_figures,
    pictures,
    rating_figures,
    selection_figures,
    story,
    tables,
)
from fechner.report.artefacts import Artefacts, read_artefacts
from fechner.report.style import ARM_NAMES, drawing, svg

REPORT = "report.html"
TEMPLATE = "page.html.j2"
RATING_CHARTS = ("arms", "contrasts", "images", "heatmap", "prediction", "arm_prediction")


def write_report(study_folder: Path) -> Path:
    """Write ``report.html`` into a study's folder from its artefacts and return its path.

    Raises
    ------
    InputError
        If the folder holds nothing of a study, or an artefact is damaged.
    """
    study = read_artefacts(Path(study_folder))
    path = study.folder / REPORT
    write_text(path, render(study))
    return path


def render(study: Artefacts) -> str:
    """Return the page's HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fechner.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    with drawing():
        parts = {**_headline(study), **_channels(study), **_images(study), **_ratings(study)}
    return environment.get_template(TEMPLATE).render(**parts)


def _headline(study: Artefacts) -> dict[str, Any]:
    claim = study.claim
    return {
        "title": story.title(study),
        "simulated_note": story.simulated_note(study),
        "claim": claim,
        "verdict_colour": story.VERDICT_COLOURS[claim.verdict] if claim else "soft",
        "prediction": study.prediction,
        "facts": story.facts(study),
        "to_do": study.to_do(),
        "limits": story.limits(study),
        "provenance": _provenance(study),
        "version": __version__,
    }


def _channels(study: Artefacts) -> dict[str, Any]:
    chosen, stamped = study.selection, study.simulated_images
    if chosen is None:
        return {"selection": None}
    readouts = channel_figures.readouts(chosen)
    return {
        "selection": chosen,
        "channel_sentences": story.channel_sentences(study),
        "method_name": channel_figures.method_name,
        "alignment_chart": svg(
            channel_figures.alignment(chosen),
            label="Alignment with ratings before and after each selection",
            simulated=stamped,
        ),
        "readout_chart": readouts
        and svg(readouts, label="Held-out read-out against shuffled ratings", simulated=stamped),
        "impact_chart": svg(
            selection_figures.ranked_impacts(chosen.choice),
            label="Channel impacts",
            simulated=stamped,
        ),
    }


def _images(study: Artefacts) -> dict[str, Any]:
    stamped, stimuli = study.simulated_images, study.stimuli
    folder = study.folder / "stimuli"
    parts: dict[str, Any] = {
        "scene_rows": [], "crops": [], "map_rows": [], "arm_tables": [], "scene_table": None,
        "refused_table": tables.refused_table(study.stimuli_record), "scenes_hidden": 0,
        "map_scale": None, "arm_names": ARM_NAMES,
    }  # fmt: skip
    if study.maps:
        parts["map_scale"] = svg(
            channel_figures.colour_bar(study.maps_record), label="Scale of the importance maps"
        )
    if stimuli is None:
        rows = pictures.map_rows(study.maps, study.originals, stamped=stamped)
        return {**parts, "map_rows": rows}
    arms = tuple(arm for arm in dict.fromkeys(stimuli["region"]) if arm != "intact")
    ordered = tuple(arm for arm in ("low", "high", "donor") if arm in arms)
    ordered += tuple(arm for arm in arms if arm not in ordered)
    rows = pictures.scene_rows(stimuli, folder, study.maps, arms=ordered, stamped=stamped)
    return {
        **parts,
        "scene_rows": rows,
        "scenes_hidden": stimuli["scene"].nunique() - len(rows),
        "crops": pictures.native_crops(stimuli, folder, stamped=stamped),
        "arm_tables": tables.arm_tables(stimuli),
        "scene_table": tables.scene_table(stimuli),
    }


def _ratings(study: Artefacts) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "session_facts": tables.session_facts(study.sessions),
        "screens": pictures.session_screens(
            study.folder / "sessions" / "screens", stamped=study.simulated_participants
        ),
        "participant_table": None,
        "contrast_table": None,
        "component_table": None,
        "ordinal_table": None,
        "rating_charts": dict.fromkeys(RATING_CHARTS, ""),
    }
    claim, ratings, stimuli = study.claim, study.ratings, study.stimuli
    if claim is None or ratings is None or stimuli is None:
        return parts
    return {
        **parts,
        "participant_table": tables.participant_table(ratings, claim.dimension),
        "contrast_table": tables.contrast_table(claim),
        "component_table": tables.component_table(claim),
        "ordinal_table": tables.ordinal_table(claim),
        "rating_charts": _rating_charts(study, claim, ratings, stimuli),
    }


def _rating_charts(
    study: Artefacts, claim: Claim, ratings: pd.DataFrame, stimuli: pd.DataFrame
) -> dict[str, str]:
    """Return the rating charts by name; the ones that a design does not allow are left out."""
    kept = ratings[~ratings["participant"].isin(claim.excluded)]
    good = str(claim.provenance["parameters"].get("good", "high"))
    arms = rated_arms(kept, stimuli, dimension=claim.dimension, good=good)
    stamped = study.simulated_images or study.simulated_participants
    drawn = {"contrasts": (rating_figures.contrast_forest(claim), "Contrasts by model")}
    drops = _drops(arms, claim)
    if drops:
        drawn["arms"] = (rating_figures.arm_drops(drops), "Drop of each arm from intact")
    pairs = [differences(arms, claim.low, claim.high)]
    if claim.control:
        pairs.append(differences(arms, claim.control, claim.high))
    if all(min(table.values.shape) > 1 for table in pairs):
        drawn["heatmap"] = (rating_figures.difference_heatmap(pairs[0]), "Differences by person")
        drawn["images"] = (rating_figures.image_effects(pairs), "Effect by image")
    if study.prediction is not None:
        figure = rating_figures.predicted_observed(study.prediction)
        drawn["prediction"] = (figure, "Predicted against observed harm")
        if study.prediction.arms:
            figure = rating_figures.arms_observed(study.prediction)
            drawn["arm_prediction"] = (figure, "Drop of every arm against its predicted impact")
    return dict.fromkeys(RATING_CHARTS, "") | {
        name: svg(figure, label=label, simulated=stamped) for name, (figure, label) in drawn.items()
    }


def _drops(arms: pd.DataFrame, claim: Claim) -> dict[str, tuple[Differences, Contrast]]:
    present = set(arms["region"])
    if "intact" not in present:
        return {}
    found = {}
    for arm in (claim.low, claim.control, claim.high):
        if arm in present:
            table = differences(arms, "intact", str(arm))
            if min(table.values.shape) > 1:
                test = closed_form if table.complete else reml_crossed
                found[str(arm)] = (table, test(table))
    return found


def _provenance(study: Artefacts) -> list[tuple[str, dict[str, Any]]]:
    blocks: list[tuple[str, Any]] = [
        ("channels/selection.json", study.selection and study.selection.choice.provenance),
        ("maps/maps.json", study.maps_record.get("provenance")),
        ("stimuli/stimuli.json", study.stimuli_record.get("provenance")),
        ("statistics/claim.json", study.claim and study.claim.provenance),
        ("statistics/prediction.json", study.prediction and study.prediction.provenance),
    ]
    return [(name, block) for name, block in blocks if block]
