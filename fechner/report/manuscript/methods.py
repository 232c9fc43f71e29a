"""The methods of a study in words: every number from its records, ready to paste into a paper.

What the records do not know (recruitment, age, vision, consent) is named at the end and left to
the author. A part of the study that was not done leaves its paragraph out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from fechner import __version__
from fechner.records.claims.claim import Claim
from fechner.records.journal import JournalRecord
from fechner.records.prediction import Prediction
from fechner.records.stimuli import INTACT, SEVERE
from fechner.report.artefacts import Artefacts
from fechner.report.manuscript.apa import counted, decimals, listed, share
from fechner.report.manuscript.results import of_choices

UNKNOWN = (
    "Not in the records, to be added by hand: how participants were recruited and paid, their age "
    "and gender, tests of vision, consent and ethics approval, the room and its light."
)

MODELS = {
    "closed form": "on the matrix of paired differences, participants by images, with both as "
    "random factors (Judd et al., 2012): a quasi-*F* from the mean squares, degrees of freedom by "
    "Satterthwaite's approximation (Satterthwaite, 1946)",
    "REML": "by a linear mixed model of the paired differences with crossed random effects of "
    "participants and images (Judd et al., 2012), fitted by restricted maximum likelihood, degrees "
    "of freedom by Satterthwaite's approximation (Satterthwaite, 1946)",
    "REML slopes": "by a linear mixed model of the ratings with random intercepts and slopes of "
    "participants and of images (Judd et al., 2012), fitted by restricted maximum likelihood, "
    "degrees of freedom by Satterthwaite's approximation (Satterthwaite, 1946)",
    "clustered": "by least squares with errors clustered by participants and by images (Cameron "
    "et al., 2011)",
}
"""How each model that may decide tests a contrast, to be read after "was tested"."""


def methods(study: Artefacts) -> list[tuple[str, str]]:
    """Return heading and text of each paragraph that the study has records for."""
    parts: list[tuple[str, Callable[[Artefacts], str]]] = [
        ("Participants", participants),
        ("Stimuli", stimuli),
        ("Importance maps", importance),
        ("Procedure", procedure),
        ("Analysis of the claim", analysis),
        ("Analysis of the prediction", prediction_analysis),
        ("Software", software),
    ]
    found = [(heading, text) for heading, write in parts if (text := write(study))]
    return [*found, ("Still to say", UNKNOWN)] if study.claim is not None else found


def participants(study: Artefacts) -> str:
    """Return who rated, and who was left out by which rule."""
    claim, simulated = study.claim, study.simulated_participants
    kind = "SIMULATED participant" if simulated else "participant"
    if claim is None:
        people = {session.header.participant for session in study.sessions}
        return f"{counted(len(people), kind)} took part so far." if people else ""
    n = len(claim.participants)
    return (
        f"{counted(n, kind)} took part. {_left_out(claim)} The analysis rests on "
        f"{counted(claim.n_ratings, 'rating')} of {counted(claim.n_participants, 'participant')} "
        f"on {counted(claim.n_images, 'photograph')}."
    )


def _left_out(claim: Claim) -> str:
    if claim.screening.rule == "everybody":
        return "By the rule declared in the study file everybody was kept."
    rule = f"The rule of exclusion, declared in the study file, was {claim.screening}."
    if not claim.excluded:
        return f"{rule} It left out nobody."
    why = [f"{p.participant}: {p.reason}" for p in claim.participants if not p.kept]
    return f"{rule} It left out {len(claim.excluded)} ({'; '.join(why)})."


def stimuli(study: Artefacts) -> str:
    """Return what was shown: photographs, arms, degradation, and what was matched."""
    found = study.stimuli
    if found is None:
        return ""
    degraded = [one for one in found.stimuli if one.region != INTACT]
    arms = list(dict.fromkeys(one.region for one in degraded))
    families = sorted({one.family for one in degraded})
    levels = len({(one.family, one.level) for one in degraded})
    errors, areas = [one.mse for one in degraded], [one.mask_area for one in degraded]
    return " ".join([
        f"{counted(len(found.stimuli), 'stimulus', 'stimuli')} were made from "
        f"{counted(len(found.scenes), 'photograph')}. Each was shown intact and degraded in one "
        f"of {counted(len(arms), 'region')} ({listed(arms)}) by {listed(families)}"
        + (f" at {counted(levels, 'level')}" if levels > 1 else "") + ".",
        f"The regions covered {decimals(100 * min(areas), 1)} to {decimals(100 * max(areas), 1)} "
        f"% of the picture; each degradation removed as much from every arm (mean squared error of "
        f"the whole picture {decimals(min(errors), 1)} to {decimals(max(errors), 1)} squared 8-bit "
        "grey levels).",
        *_matching(found.record.get("provenance", {}).get("parameters", {})),
        *_refused(found.record.get("refused", {})),
    ])  # fmt: skip


def _matching(parameters: dict[str, Any]) -> list[str]:
    regions = parameters.get("regions", {})
    names, tolerance = regions.get("match"), regions.get("tolerance")
    if not names or tolerance is None:
        return []
    words = listed([name.replace("_", " ") for name in names])
    return [f"Regions of high and low importance were matched within {100 * tolerance:g} % in "
            f"{words}."]  # fmt: skip


def _refused(refused: dict[str, str]) -> list[str]:
    if not refused:
        return []
    return [f"{counted(len(refused), 'further photograph')} could not be matched and "
            "left out before anybody rated."]  # fmt: skip


def importance(study: Artefacts) -> str:
    """Return the network, the channels that were kept, and what they predict held-out."""
    made = study.maps_record.get("provenance", {}).get("parameters", {})
    if str(made.get("map_method")).startswith("distance"):
        return _distance(made)
    if study.selection is None:
        return ""
    choice = study.selection.choice
    cite = _cited(choice.network)
    said = [
        f"Importance was read from {choice.network}{cite}, {choice.channels}, of whose "
        f"{counted(choice.n_channels, 'channel')} the method {choice.method} kept "
        f"{choice.n_kept:,}. They were chosen on the ratings of "
        f"{counted(len(choice.scenes_selection), 'photograph')} and judged on "
        f"{len(choice.scenes_held_out)} others"
    ]
    readout = choice.readout
    if readout is not None:
        said[0] += (
            f", whose ratings they predicted with Spearman's ρ = {share(readout.held_out_spearman)}"
        )
    elif choice.evidence is not None:
        said[0] += f", where their alignment was {share(choice.evidence)}"
    shuffled = choice.shuffled_evidence
    if shuffled:
        said[0] += (
            f" ({counted(len(shuffled), 'repetition')} of the whole selection under shuffled "
            f"ratings: median {share(median(shuffled))}, largest {share(max(shuffled))})"
        )
    how = {
        "removal": "what the predicted rating loses, place by place, when detail is removed "
        "(integrated gradients)",
        "contribution": "the magnitude of what the kept channels contribute at each place",
    }
    if made.get("map_method") in how:
        said.append(f"A map shows {how[made['map_method']]}.")
    return said[0] + "." + "".join(f" {sentence}" for sentence in said[1:])


def _cited(network: str) -> str:
    return " (Tan & Le, 2019)" if network.startswith("efficientnet") else ""


def _distance(made: Mapping[str, Any]) -> str:
    """Return how maps by layer distance were made; no ratings have a part in them."""
    what = "damage: at each place, the distance"
    if made["map_method"] == "distance_per_error":
        what = "damage per error: at each place, for each unit of squared error, the distance"
    return (
        f"Importance was read from {made['network']}{_cited(made['network'])}, {made['layer']}, "
        f"without ratings. A map shows {what} between a photograph and its degraded version in "
        f"that layer ({made['readout']}, all channels alike). Photographs were degraded by: "
        f"{made['degradation']}."
    )


def procedure(study: Artefacts) -> str:
    """Return protocol, scale, trials and response times, as the journals have them."""
    sessions = study.sessions
    if not sessions:
        return ""
    header = sessions[0].header
    scale, trials = header.scale, [t for s in sessions for t in s.trials]
    main = [t for t in trials if t.kind == "main"]
    each = sorted({sum(t.kind == "main" for t in s.trials) for s in sessions})
    count = f"{each[0]}" if len(each) == 1 else f"{each[0]} to {each[-1]}"
    question = f"\N{LEFT DOUBLE QUOTATION MARK}{header.question}\N{RIGHT DOUBLE QUOTATION MARK}"
    step = "" if scale.step is None else f" in steps of {scale.step:g}"
    how = (
        f"by choosing between two pictures ({', '.join(header.labels)})"
        if header.method == "pair"
        else f"on a scale from {scale.minimum:g} to {scale.maximum:g}{step} "
        f"({', '.join(header.labels)}; {scale.good} is good)"
    )
    said = [
        f"Participants followed the protocol {header.protocol} and answered {question} {how}. A "
        f"session had {count} trials that count"
    ]
    if main:
        said[0] += f" (median response time {decimals(median(t.rt_ms for t in main) / 1000)} s)"
    said[0] += "."
    return " ".join([*said, *_checks(trials), *_window(sessions)])


def _checks(trials: list[Any]) -> list[str]:
    catch = [t for t in trials if t.kind == "catch"]
    repeats = [t for t in trials if t.repeat_of is not None]
    said = []
    if catch:
        passed = sum(bool(t.passed) for t in catch)
        severe = sum(t.region == SEVERE for t in catch)
        which = f" ({severe} of them a picture ruined beyond all others)" if severe else ""
        said.append(f"Of {counted(len(catch), 'attention check')}{which}, {passed} were passed.")
    if repeats:
        said.append(f"{counted(len(repeats), 'trial')} showed a stimulus a second time.")
    return said


def _window(sessions: tuple[JournalRecord, ...]) -> list[str]:
    """Return how pictures were shown, where a window was opened for anybody."""
    shown = [s.header for s in sessions if s.header.screen.window == "psychopy"]
    if not shown:
        return []
    sizes = sorted({h.screen.size for h in shown if h.screen.size})
    said = f"Pictures were shown with PsychoPy {_versions(shown, 'psychopy')} (Peirce et al., 2019)"
    if len(shown) < len(sessions):
        said += f" in {len(shown)} of {len(sessions)} sessions"
    if sizes:
        said += f" in a window of {listed([f'{w} × {h}' for w, h in sizes])} pixels"
    degrees = [h.screen.pixels_per_degree for h in shown if h.screen.pixels_per_degree]
    if degrees:
        said += f", {decimals(median(degrees), 1)} pixels a degree of visual angle"
    return [said + "."]


def _versions(headers: list[Any], name: str) -> str:
    return listed(sorted({h.software.get(name, "of unknown version") for h in headers}))


def analysis(study: Artefacts) -> str:
    """Return how each contrast was tested, at which level, and what was frozen beforehand."""
    claim = study.claim
    if claim is None:
        return ""
    deciding = [row for row in claim.contrasts if row.decides]
    names = [row.name.replace(" - ", " \N{MINUS SIGN} ") for row in deciding]
    model = deciding[0].model
    measure = (
        "A contrast is the share of comparisons of two versions of a photograph in which the first "
        "was chosen minus that in which the second was, from −1 to 1."
        if of_choices(claim)
        else "Higher ratings are better."
    )
    said = [
        f"{measure} {'The contrasts' if len(names) > 1 else 'The contrast'} "
        f"{listed(names)} {'were' if len(names) > 1 else 'was'} tested "
        f"{MODELS.get(model, 'by the model ' + model)}, two-sided, with "
        f"{100 * claim.level:g} % intervals.",
        "The claim is supported where every interval lies above 0.",
    ]
    if claim.controls:
        said[1] = (
            "The claim is supported where the interval of the first and that of every control "
            f"({listed(list(claim.controls))}) lie above 0."
        )
    if claim.effects:
        said.append("Effect sizes are differences over the standard deviation of a single rating "
                    "within a condition (Westfall et al., 2014).")  # fmt: skip
    if claim.rule.margin is not None:
        unit = "" if of_choices(claim) else " points"
        said.append(f"Differences smaller than {claim.rule.margin:g}{unit} were declared not to "
                    "matter, and tested by two one-sided tests (Schuirmann, 1987).")  # fmt: skip
    if claim.ordinal:
        said.append("An ordered probit, which does not treat categories as numbers (Liddell & "
                    "Kruschke, 2018), stood beside it.")  # fmt: skip
    if claim.others:
        said.append("Arms that were rated beside were corrected by Holm's method (Holm, 1979).")
    return " ".join([*said, plan_in_words(study)])


def plan_in_words(study: Artefacts) -> str:
    """Return what was frozen beforehand, and what the analysis departs from."""
    check = study.plan_check
    if check is None:
        return "The analysis was not frozen before the first participant."
    frozen = (
        f"Contrasts, exclusions, models and predictions were frozen on {check.frozen} "
        f"(sha256 {check.sha256[:12]})"
    )
    if not check.changed:
        return f"{frozen} and kept in every line."
    lines = listed([line.name for line in check.changed])
    return f"{frozen}; the analysis departs from it in {lines} ({check.deviation})."


def prediction_analysis(study: Artefacts) -> str:
    """Return how predicted and observed harm were compared."""
    found = study.prediction
    if found is None:
        return ""
    said = [
        f"Predicted harm is the squared error of a stimulus weighted by its importance map, "
        f"{found.high} minus {found.low}; observed harm is the mean rating of {found.low} minus "
        f"that of {found.high}. They were correlated over {counted(found.n_images, 'photograph')}, "
        "with *t*(*n* − 2). Intervals of correlations leave out one photograph at a time on "
        "Fisher's scale (Miller, 1974).",
        *_noise(found),
        *_rivals(found),
    ]
    if found.calibration:
        said.append(
            "The drop below the intact picture was regressed on the predicted impact, with errors "
            "from leaving out participants and leaving out photographs (after Cameron et al., "
            "2011); saturation was tested by the slopes below and above the median impact."
        )
    seed = found.provenance.get("seed")
    draws = found.provenance.get("parameters", {}).get("resamples")
    said.append(f"Bootstraps drew {draws:,} samples of photographs (seed {seed}).")
    return " ".join(said)


def _noise(found: Prediction) -> list[str]:
    said = []
    if found.disattenuated is not None:
        said.append("The correlation was corrected for the reliability of the observed means "
                    "(Spearman, 1904), with a bootstrap over photographs.")  # fmt: skip
    if found.shuffled:
        said.append(f"As a control, whole maps changed places between photographs "
                    f"{len(found.shuffled):,} times and the prediction was repeated.")  # fmt: skip
    return said


CITED = {
    "centre": "Clarke & Tatler, 2014",
    "saliency": "Hou & Zhang, 2007",
    "local contrast": "Frazor & Geisler, 2006",
    "structural similarity": "Wang et al., 2004",
}
"""What a rival rests on."""


def _rivals(found: Prediction) -> list[str]:
    if not found.rivals:
        return []
    named = [
        f"{rival.name} ({rival.about}{'; ' + CITED[rival.name] if rival.name in CITED else ''})"
        for rival in found.rivals
    ]
    said = (
        f"The same was done for {counted(len(named), 'rival prediction')}: {', '.join(named)}. "
        "Differences between the map's correlation and each rival's have Zou's interval for "
        "correlations that share a variable (Zou, 2007)"
    )
    matched = [rival.name for rival in found.rivals if rival.matched]
    if matched:
        said += f"; the arms had been matched in {listed(matched)}"
    return [said + "."]


def software(study: Artefacts) -> str:
    """Return the versions of what made the stimuli, ran the sessions, and analysed."""
    blocks = {
        "stimuli": study.stimuli and study.stimuli.record.get("provenance"),
        "statistics": study.claim and study.claim.provenance,
    }
    made = [
        f"{what} by fechner {block['fechner']}" for what, block in blocks.items()
        if block and block.get("fechner")
    ]  # fmt: skip
    if not made:
        return ""
    said = [f"{listed(made)[0].upper()}{listed(made)[1:]}."]
    if study.prediction is not None:
        versions = study.prediction.software
        said.append(f"{listed([f'{name} {v}' for name, v in versions.items()])} computed.")
    seed = study.study.seed
    return " ".join([*said, f"The study's seed was {seed}. This text was written by fechner "
                            f"{__version__} from the study's records."])  # fmt: skip
