"""Which charts a study's page has: each where the artefacts hold what it draws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from fechner.analysis.ratings.matrices import differences, rated_arms
from fechner.records.claims.claim import Claim
from fechner.records.prediction import Prediction
from fechner.records.ratings import Ratings
from fechner.records.selection import SelectionStudy
from fechner.records.stimuli import StimulusSet
from fechner.report import (
    channel_figures,
    prediction_figures,
    rating_figures,
    selection_figures,
)
from fechner.report.artefacts import Artefacts
from fechner.report.charts.chart import Chart, Draw, chart
from fechner.report.opening.rating_distributions import arm_distribution, image_distribution

Told = tuple[str, Draw, str, tuple[str, ...]]
"""Name, what draws it, what it shows, and the tables that hold its data."""


def study_charts(study: Artefacts) -> dict[str, Chart]:
    """Return the charts that a study's artefacts allow, by name; call it inside `drawing`."""
    images, people = study.simulated_images, study.simulated_participants
    groups: list[tuple[Iterator[Told], bool]] = [(_of_rated(study), images)]
    if study.selection is not None:
        groups.append((_of_selection(study.selection), images))
    claim, ratings, stimuli = study.claim, study.ratings, study.stimuli
    if claim is not None and ratings is not None and stimuli is not None:
        groups.append((_of_claim(claim, ratings, stimuli), images or people))
        if study.prediction is not None:
            groups.append((_of_prediction(study.prediction), images or people))
    return {
        name: chart(draw, name=name, label=label, simulated=simulated, tables=tables)
        for group, simulated in groups
        for name, draw, label, tables in group
    }


def rated_dimension(study: Artefacts) -> str | None:
    """Return the dimension of the rated images that the study follows first; None without any."""
    if study.rated is None:
        return None
    wanted = study.study.images.dimension.split("+")
    return next((name for name in wanted if name in study.rated.scales), None)


def _of_rated(study: Artefacts) -> Iterator[Told]:
    dimension = rated_dimension(study)
    if study.rated is None or dimension is None:
        return
    scores = study.rated.table[dimension].to_numpy(float)
    scale = study.rated.scales[dimension]
    draw = partial(image_distribution, scores[np.isfinite(scores)], scale, dimension=dimension)
    about = f"Distribution of the mean {dimension} of the rated images"
    yield "rated_images", lambda width: draw(width=width), about, ("rated_images",)


def _of_selection(study: SelectionStudy) -> Iterator[Told]:
    yield (
        "alignment", partial(channel_figures.alignment, study),
        "Alignment with ratings before and after each selection", ("alignment",),
    )  # fmt: skip
    if any(one.readout is not None for one in study.candidates):
        yield (
            "readouts", partial(channel_figures.readouts, study),
            "Held-out read-out against shuffled ratings", ("readouts",),
        )  # fmt: skip
    yield (
        "channel_impacts", partial(selection_figures.ranked_impacts, study.choice),
        "Channel impacts", ("channel_impacts",),
    )  # fmt: skip


def _of_claim(claim: Claim, ratings: Ratings, stimuli: StimulusSet) -> Iterator[Told]:
    figures = rating_figures
    yield (
        "contrasts", partial(figures.contrast_forest, claim), "Contrasts by model", ("contrasts",),
    )  # fmt: skip
    if claim.drops:
        about = "Drop of each arm from intact"
        yield "arm_drops", partial(figures.arm_drops, claim), about, ("drops",)
    if not any(row.name == f"{claim.low} - {claim.high}" for row in claim.images):
        return
    about = "Effect by image"
    yield "image_effects", partial(figures.image_effects, claim), about, ("contrasts_by_image",)
    arms = rated_arms(ratings, stimuli, dimension=claim.dimension, excluded=claim.excluded)
    every = differences(arms, claim.low, claim.high)
    about = "Differences by person"
    yield "differences", partial(figures.difference_heatmap, every), about, ("differences",)
    yield _arms(claim, ratings, stimuli)


def _arms(claim: Claim, ratings: Ratings, stimuli: StimulusSet) -> Told:
    """Return the chart of single ratings as they were given, arm by arm."""
    table = ratings.table[ratings.table["dimension"] == claim.dimension]
    table = table[~table["participant"].isin(claim.excluded)]
    region = dict(zip(stimuli.table["stimulus"], stimuli.table["region"], strict=True))
    arm = table["image"].map(region)
    known = [name for name in ("intact", "low", "high", "donor") if (arm == name).any()]
    names = list(dict.fromkeys([*known, *arm.dropna()]))
    values = {name: table.loc[arm == name, "rating"].to_numpy(float) for name in names}
    draw = partial(
        arm_distribution, values, ratings.scale(claim.dimension), dimension=claim.dimension
    )
    about = "Distribution of the single ratings of each arm"
    return "rating_counts", lambda width: draw(width=width), about, ("rating_counts",)


def _of_prediction(found: Prediction) -> Iterator[Told]:
    figures = prediction_figures
    yield (
        "prediction", partial(figures.predicted_observed, found),
        "Predicted against observed harm", ("prediction_by_image", "shuffled_maps"),
    )  # fmt: skip
    if found.rivals:
        about = "The map's prediction beside its rivals"
        yield "rivals", partial(figures.rivals, found), about, ("rivals",)
    if found.arms:
        about = "Drop of every arm against its predicted impact"
        tables = ("prediction_by_arm", "calibration")
        yield "calibration", partial(figures.calibration, found), about, tables
