"""The report's sentences: the headline, why this selection, and the limits, stated plainly."""

from __future__ import annotations

import statistics

from fechner.records.prediction import Correlation, Prediction
from fechner.records.rules.frozen_plan import PlanCheck
from fechner.records.stimuli import INTACT
from fechner.report.artefacts import Artefacts
from fechner.report.tables import interval_name, number, p_value, signed

WORLDS = {
    "map": "local errors weigh by the importance map itself, so the claim is true by "
    "construction: a support of it shows that the pipeline works, and nothing about people",
    "null": "errors weigh the same everywhere, so the claim is false by construction",
    "centre": "errors weigh by their distance from the centre of the image, so that the map "
    "deserves no credit and the control should say so",
}

MAP_WORDS = {
    "distance": "The maps show damage: where the network{where} sees the difference between an "
    "image and its degraded version. They chose the regions, and weigh the errors of the "
    "predicted impact. No ratings have a part in them.",
    "distance_per_error": "The maps show damage per error: how much the network{where} sees of "
    "each unit of squared error between an image and its degraded version. They chose the regions, "
    "and weigh the errors of the predicted impact. No ratings have a part in them.",
    "removal": "The maps show removal: what the rating that the chosen channels{where} predict "
    "would lose, place by place, without detail.",
    "contribution": "The maps show contribution: where the chosen channels{where} respond.",
}
"""What the value of a map is, by the method of the set."""

VERDICT_COLOURS = {
    "supported": "low",
    "not specific to the map": "high",
    "not supported": "soft",
}


def page_title(study: Artefacts) -> str:
    """Return the page's title; SIMULATED stands first where anything is simulated."""
    name = study.study.title
    simulated = study.simulated_images or study.simulated_participants
    if simulated and "SIMULATED" not in name:
        return f"SIMULATED: {name}"
    return name


def simulated_note(study: Artefacts) -> str | None:
    """Return what is simulated, in one or two sentences; None where nothing is."""
    images, people = study.simulated_images, study.simulated_participants
    if not images and not people:
        return None
    what = "The image ratings that chose the channels" if images else ""
    if people:
        what = f"{what} and the participants" if what else "The participants"
    sentence = f"{what} are SIMULATED. "
    world = study.world
    if people and world in WORLDS:
        sentence += f"The participants live in the world \N{LEFT DOUBLE QUOTATION MARK}{world}"
        sentence += f"\N{RIGHT DOUBLE QUOTATION MARK}: {WORLDS[world]}."
    return sentence.strip()


def facts(study: Artefacts) -> list[tuple[str, str]]:
    """Return the study in numbers: what there was at each step."""
    found: list[tuple[str, str]] = []
    if study.rated is not None:
        scenes = len(set(study.rated.scenes))
        found.append((f"{len(study.rated):,}", f"rated images of {scenes} scenes"))
    if study.stimuli is not None:
        shown = study.stimuli.stimuli
        arms, scenes = len({one.region for one in shown}), len(study.stimuli.scenes)
        found.append((f"{len(shown):,}", f"stimuli: {scenes} scenes, {arms} arms"))
    if study.ratings is not None:
        people = len(study.ratings.participants)
        found.append((f"{len(study.ratings):,}", f"ratings by {people} participants"))
    return found


def plan_sentence(check: PlanCheck) -> str:
    """Return when the plan was frozen, and whether it was kept."""
    first = f"; the first session began {check.first_session}" if check.first_session else ""
    frozen = f"Frozen {check.frozen} (sha256 {check.sha256[:12]}\N{HORIZONTAL ELLIPSIS}){first}. "
    if not check.changed:
        return frozen + "Every line was kept."
    count = "One line was" if len(check.changed) == 1 else f"{len(check.changed)} lines were"
    return frozen + f"{count} not kept. The reason given: {check.deviation}"


def channel_sentences(study: Artefacts) -> list[str]:
    """Return why the chosen selection drives the maps, and what the control says of it."""
    if study.selection is None:
        return []
    choice = study.selection.choice
    said = [study.selection.reason]
    evidence, shuffled = choice.evidence, choice.shuffled_evidence
    if evidence is not None and shuffled and "shuffled" not in study.selection.reason:
        above = sum(value >= evidence for value in shuffled)
        said.append(
            f"On held-out scenes it reaches {number(evidence)}; the same selection under shuffled "
            f"ratings has a median of {number(statistics.median(shuffled), 2)}, and {above} of "
            f"{len(shuffled)} shuffles reach as much."
        )
    return said


def map_sentence(study: Artefacts) -> str | None:
    """Return what a value of the study's maps is, and what it is for; None without maps."""
    made = study.maps_record.get("provenance", {}).get("parameters", {})
    says = MAP_WORDS.get(made.get("map_method", ""))
    if says is None:
        return None
    where = f" ({made['network']}, {made['layer']})" if "layer" in made else ""
    how = f" Degraded by: {made['degradation']}." if "degradation" in made else ""
    return f"{says.format(where=where)}{how}"


def prediction_facts(prediction: Prediction) -> list[tuple[str, str]]:
    """Return the correlation with its interval, noise, and the control, as name and value."""
    found = [
        ("Pearson", _tested(prediction.pearson)),
        ("Spearman", _tested(prediction.spearman)),
        ("reliability of the observed differences", f"{prediction.reliability:.2f}"),
    ]
    if prediction.disattenuated is not None and prediction.disattenuated_interval is not None:
        low, high = prediction.disattenuated_interval
        value = f"{signed(prediction.disattenuated)} ({signed(low)} to {signed(high)})"
        found.append(("Pearson corrected for it", value))
    if prediction.shuffled_p is not None:
        found.append(("maps of other images do as well", f"p = {p_value(prediction.shuffled_p)}"))
    return [(name, value.replace("= <", "<")) for name, value in found]


def _tested(found: Correlation) -> str:
    interval = f"({signed(found.low)} to {signed(found.high)})"
    return f"r = {signed(found.r)} {interval}, p = {p_value(found.p)}"


def bend_sentence(prediction: Prediction) -> str | None:
    """Return whether harm saturates, and where; None where that was not tested."""
    bend = prediction.bend
    if bend is None:
        return None
    slopes = (
        f"100 squared grey levels of predicted impact cost {number(100 * bend.below)} points below "
        f"the median impact of {number(bend.median)}, and {number(100 * bend.above)} above it "
        f"(change {number(100 * bend.change)}, {interval_name(prediction.level)} "
        f"{number(100 * bend.change_low)} to {number(100 * bend.change_high)})"
    )
    if bend.place is None:
        return f"Harm is not shown to saturate: {slopes}."
    place = bend.place
    return (
        f"Harm saturates: {slopes}. A line that then stays level fits best with its bend at an "
        f"impact of {number(place.at)} ({number(place.low)} to {number(place.high)}); beyond it, "
        "predicted differences say little about ratings."
    )


def limits(study: Artefacts) -> list[str]:
    """Return what this study cannot show."""
    said = []
    if study.simulated_images or study.simulated_participants:
        said.append("Simulated data show that the steps work together; they are no evidence.")
    if study.selection is not None:
        n = len(study.selection.choice.scenes_selection)
        held = len(study.selection.choice.scenes_held_out)
        said.append(
            f"Channels were chosen on {n} scenes and judged on {held} others; the map is that of "
            f"one network and one set of its channels ({study.selection.choice.channels})."
        )
    if study.stimuli is not None:
        degraded = [one for one in study.stimuli.stimuli if one.region != INTACT]
        families = sorted({one.family for one in degraded})
        said.append(
            f"Degraded by {', '.join(families)} only, at one amount of removed "
            "information (MSE); other degradations may weigh regions differently."
        )
        said.append(
            "The arms are matched in what the table of arms shows as equal; every other covariate "
            "in it is a rival explanation."
        )
        refused = study.stimuli.record.get("refused", {})
        if refused:
            said.append(f"{len(refused)} scenes could not be matched and were left out beforehand.")
    if study.claim is not None:
        said += study.claim.warnings
    if study.prediction is not None:
        said += study.prediction.warnings
    return list(dict.fromkeys(said))
