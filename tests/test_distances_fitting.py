"""Weights fitted on some references raise agreement on others, and say how they were judged."""

import numpy as np
import pytest
from pair_worlds import Pairs
from scipy.optimize import check_grad

from fechner.analysis.network.choosing.distance_weights import _Fit, fit_weights
from fechner.analysis.network.choosing.reference_pairs import ChannelDistances
from fechner.analysis.network.distances.fitting import (
    COLUMNS,
    PairSet,
    cross_sets,
    fine_tuned,
    training_part,
)
from fechner.analysis.network.distances.readouts import READOUTS
from fechner.errors import InputError


def one_set(*, seed, references=6, each=10, channels=12, loads=None, sha="0" * 64):
    """Return pairs whose DMOS is a weighted root of squared differences, with noise."""
    rng = np.random.default_rng(seed)
    n = references * each
    terms = rng.gamma(1, 1, (1, n, channels)) * rng.uniform(0.2, 3, (1, n, 1))
    loads = np.r_[np.full(4, 3.0), np.zeros(channels - 4)] if loads is None else loads
    dmos = 20 * np.sqrt(terms[0] @ loads) + rng.normal(0, 2, n)
    scenes = np.repeat([f"s{seed}r{k}" for k in range(references)], each)
    pairs = Pairs([f"{k}.png" for k in range(n)], [f"{s}.png" for s in scenes], dmos, scenes)
    distances = ChannelDistances(
        network="net", layers=("layer",), weights_sha256=sha, preprocessing="native",
        widths=(channels,), readout="euclid", terms=terms,
        combine=READOUTS["euclid"].combine, seen=np.zeros(n, bool),
    )  # fmt: skip
    return PairSet(pairs, distances)


@pytest.fixture(scope="module")
def made():
    return one_set(seed=0)


def test_the_weights_find_the_channels_that_made_the_scores(made):
    weights = fine_tuned(made)
    assert weights.mean() == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights[:4].min() > 5 * weights[4:].max()


def test_under_a_strong_penalty_weights_stay_at_one(made):
    weights = fit_weights(
        made.distances.terms, made.distances.combine, made.pairs.dmos, made.pairs.scenes,
        penalties=(1e6,),
    )  # fmt: skip
    np.testing.assert_allclose(weights, 1, atol=1e-3)


@pytest.mark.parametrize("readout", ["euclid", "rms", "unit", "cosine"])
def test_the_slope_of_the_loss_is_its_derivative(readout):
    rng = np.random.default_rng(0)
    count = {"euclid": 1, "unit": 1, "rms": 2, "cosine": 3}[readout]
    fit = _Fit(rng.gamma(2, 1, (count, 30, 6)), READOUTS[readout].combine, rng.normal(size=30))
    start = rng.uniform(0.5, 2, 6) * fit.scale
    loss = lambda v: fit._loss(v / fit.scale, 0.1)[0]  # noqa: E731
    slope = lambda v: fit._loss(v / fit.scale, 0.1)[1]  # noqa: E731
    assert check_grad(loss, slope, start) < 1e-5


def test_channels_that_never_differ_weigh_as_they_did(made):
    terms = made.distances.terms.copy()
    terms[:, :, 5] = 0
    weights = fit_weights(terms, made.distances.combine, made.pairs.dmos, made.pairs.scenes)
    assert np.isfinite(weights).all()


def test_a_part_by_reference_keeps_the_pairs_of_a_reference_together(made):
    fits = training_part(made.pairs, share=0.5, seed=3)
    scenes = made.pairs.scenes
    assert not set(scenes[fits]) & set(scenes[~fits])
    assert len(set(scenes[fits])) == 3


def test_a_part_by_image_does_not(made):
    fits = training_part(made.pairs, share=0.5, by="image", seed=3)
    assert fits.sum() == 30
    assert set(made.pairs.scenes[fits]) & set(made.pairs.scenes[~fits])


def test_sets_are_crossed_and_every_row_says_how_it_was_judged(made):
    sets = {"one": made, "two": one_set(seed=1), "other": one_set(seed=2, loads=np.ones(12))}
    table = cross_sets(sets, resamples=100)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 9
    by = table.set_index(["fitted_on", "judged_on"])
    assert by.loc[("one", "one"), "part"] == "reference"
    assert by.loc[("one", "two"), "part"] == "another set"
    assert by.loc[("one", "two"), "n_pairs"] == 60
    assert by.loc[("one", "one"), "n_pairs"] == 20
    assert by.loc[("one", "two"), "low"] > 0
    # Weights that hold for one kind of people do not hold for another.
    assert by.loc[("one", "other"), "gain"] < 0
    assert set(cross_sets(sets, by="image", resamples=0)["part"]) == {"image", "another set"}


def test_weights_judge_only_pairs_that_did_not_fit_them(made):
    fits = training_part(made.pairs, seed=0)
    spoilt = PairSet(made.pairs, made.distances)
    weights = fine_tuned(spoilt, fits)
    changed = made.pairs.dmos.copy()
    changed[~fits] = np.random.default_rng(0).permutation(changed[~fits])
    other = Pairs(made.pairs.images, made.pairs.references, changed, made.pairs.scenes)
    np.testing.assert_array_equal(fine_tuned(PairSet(other, made.distances), fits), weights)


def test_sets_of_different_channels_cannot_be_crossed(made):
    with pytest.raises(InputError, match="got 2 kinds"):
        cross_sets({"one": made, "two": one_set(seed=1, sha="1" * 64)})


def test_one_reference_is_one_line():
    alone = one_set(seed=0, references=1)
    with pytest.raises(InputError, match="all pairs share one"):
        fine_tuned(alone)
    with pytest.raises(InputError, match="needs three, got 1"):
        training_part(alone.pairs)


def test_constant_scores_are_one_line(made):
    with pytest.raises(InputError, match="all pairs have the same score"):
        fit_weights(made.distances.terms, made.distances.combine, np.ones(60), made.pairs.scenes)
