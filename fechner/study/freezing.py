"""Freezing a study's plan before the first participant, and holding the analysis to it.

What decides is written down with a digest: contrasts, who is left out, models, margins, the
stimuli with their predictions, the protocol and the seed. `check_plan` compares it, line by line,
with what is run after the participants; where they differ the analysis goes on only with a stated
reason, which the report shows.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from fechner import __version__
from fechner.errors import InputError
from fechner.provenance import digest
from fechner.records.journal.record import read_header
from fechner.records.rules.frozen_plan import (
    FrozenPlan,
    PlanCheck,
    compared,
    read_frozen_plan,
)
from fechner.records.stimuli import LAYER_DISTANCE, read_stimulus_set
from fechner.records.study import Study
from fechner.study import work
from fechner.study.map_rivals.given import rivals_digest, rivals_of
from fechner.study.opening import OpenStudy

MODELS = {
    "complete": "closed form (quasi-F, Satterthwaite df); REML, participants and images random, "
    "where ratings are missing",
    "latin square": "REML on the ratings, intercepts and slopes of participants and images random",
}
"""The model that decides, by the protocol's design."""

PREDICTION = "Pearson r over images of predicted and observed high - low, t(images - 2), two-sided"


def plan_lines(place: OpenStudy) -> dict[str, Any]:
    """Return everything that decides, as it stands now, by name.

    Raises
    ------
    InputError
        If the stimuli are not built yet.
    """
    # Here, and not above: it brings pandas and OpenCV, which `fechner status` can do without.
    from fechner.analysis.ratings.prediction.rivals import COLUMNS, DISTANCE, WEIGHTS

    study, followed = place.study, work.protocol(place)
    stimuli = read_stimulus_set(place.stimuli)
    predicted = {one.stimulus: one.predicted_impact for one in stimuli.stimuli}
    rivals = rivals_of(place)
    lines = {
        **_rules(study),
        "dimension and good end": f"{followed.dimension}, {followed.scale.good} is good",
        "model that decides": MODELS[followed.trials.design],
        **(
            {}
            if study.compares_codecs
            else {
                "test of the prediction": PREDICTION,
                "rivals of the prediction": [
                    *(n for n in COLUMNS if n != DISTANCE or stimuli.has_layer_distances),
                    *WEIGHTS,
                    *(one.name for one in rivals),
                ],
            }
        ),
        "predictions": digest(predicted),
        "stimuli": stimuli.sha256,
        "protocol": f"{followed.name} {followed.sha256}",
        "participants planned": study.session.participants,
        "seed": study.seed,
    }
    if rivals:
        lines["maps of the rivals"] = rivals_digest(rivals, stimuli.scenes)
    if stimuli.has_layer_distances:
        distances = {one.stimulus: one.layer_distance for one in stimuli.stimuli}
        about = stimuli.record.get(LAYER_DISTANCE, {}).get("about", "")
        lines["predictions without a map"] = f"{about}: {digest(distances)}"
    return lines


def _rules(study: Study) -> dict[str, Any]:
    """Return the lines that the study file alone decides."""
    rule = study.claim
    if study.compares_codecs:
        arms: dict[str, Any] = {
            "contrasts": [f"{rule.codec.better} - {name}" for name in rule.codec.than],
            "what decides": rule.codec.by,
        }
    else:
        arms = {"contrasts": [f"{name} - {rule.high}" for name in (rule.low, *rule.controls)]}
    return {
        **arms,
        "level of the intervals": rule.level,
        "smallest difference that matters": rule.margin,
        "who is left out": study.screening.model_dump(mode="json"),
    }


def rules_changed(place: OpenStudy) -> list[str]:
    """Return the rules that the study file states otherwise than the frozen plan, by name."""
    if not place.frozen_plan.exists():
        return []
    now = _rules(place.study)
    lines = compared(read_frozen_plan(place.frozen_plan), now)
    return [line.name for line in lines if line.name in now and not line.kept]


def freeze(place: OpenStudy) -> FrozenPlan:
    """Write the plan before the first participant, and return it.

    Freezing what is frozen already changes nothing. With SIMULATED participants, who can begin
    anew, a changed plan is frozen anew.

    Raises
    ------
    InputError
        If the stimuli are not built, somebody has taken part already, another plan is frozen, or
        the planned participants would not see every stimulus equally often.
    """
    if not (place.stimuli / "stimuli.csv").exists():
        raise InputError(
            f"{place.stimuli} holds no stimuli yet; first: fechner study run {place.folder}"
        )
    lines = plan_lines(place)
    if place.frozen_plan.exists():
        plan = read_frozen_plan(place.frozen_plan)
        changed = [line.name for line in compared(plan, lines) if not line.kept]
        if not changed:
            return plan
        if not place.simulated:
            raise InputError(
                f"{place.frozen_plan} was frozen at {plan.frozen} with other {', '.join(changed)}; "
                "restore these, or, if nobody has taken part, delete it and freeze again"
            )
    if place.journals and not place.simulated:
        raise InputError(
            f"{len(place.journals)} sessions have begun: a plan is frozen before the first "
            "participant; say in the paper that it was not"
        )
    if not place.simulated:
        _require_balance(place)
    plan = FrozenPlan(
        title=place.study.title,
        frozen=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        fechner=__version__,
        lines=lines,
        sha256=digest(lines),
    )
    plan.write(place.frozen_plan)
    return plan


def _require_balance(place: OpenStudy) -> None:
    """Refuse a planned number of participants that does not fill the rows of a Latin square."""
    from fechner.experiment.plan.rows import conditions_of
    from fechner.study.planning import unbalanced

    followed = work.protocol(place)
    conditions = conditions_of(followed, read_stimulus_set(place.stimuli))
    refused = unbalanced(followed, conditions, place.study.session.participants)
    if refused:
        raise InputError(refused)


def check_plan(place: OpenStudy, *, deviation: str = "") -> PlanCheck | None:
    """Compare what is run with what was frozen, and write the check; None without a plan.

    Parameters
    ----------
    place
        The study.
    deviation
        Why something differs, in the experimenter's words.

    Raises
    ------
    InputError
        If a line differs and no reason was given.
    """
    if not place.frozen_plan.exists():
        return None
    plan = read_frozen_plan(place.frozen_plan)
    begun = [read_header(path).written for path in place.journals]
    check = PlanCheck(
        frozen=plan.frozen,
        sha256=plan.sha256,
        first_session=min(begun, default=None),
        lines=compared(plan, plan_lines(place)),
    )
    if check.changed and not deviation.strip():
        names = ", ".join(line.name for line in check.changed)
        raise InputError(
            f"what is run differs from {place.frozen_plan} in: {names}; restore these, or give "
            'the reason, which the report will show: --deviation "..."'
        )
    check = check.model_copy(update={"deviation": deviation.strip() if check.changed else ""})
    check.write(place.plan_check)
    return check
