"""Which selection drives the maps, on evidence made for each case."""

import pytest

from fechner.analysis.network.evidence.choice import choose
from fechner.records.selection import ChannelSelection, Gain, ReadoutEvidence, ShuffledControl

FLAT = [-0.02, -0.01, 0.0, 0.01, 0.02] * 4
"""Twenty shuffled repeats of a tight control: SD .015."""
WIDE = [-0.3, -0.15, 0.0, 0.15, 0.3] * 4
"""Twenty of a wide one: SD .22, at most .3."""


def candidate(method, *, after, before=0.03, noise=(), predicts=None, predicted_noise=()):
    """A selection of two channels with the held-out evidence that is asked for."""
    readout = None
    if predicts is not None:
        readout = ReadoutEvidence(held_out_spearman=predicts, shuffled=list(predicted_noise))
    return ChannelSelection(
        network="small",
        layer="last",
        widths=[2],
        size=64,
        weights_sha256="0" * 64,
        preprocessing="none",
        pool="mean",
        dimension="quality",
        method=method,
        n_channels=2,
        kept=[True, True],
        weights=[1.0, 1.0],
        impact=[0.0, 0.0],
        alignment_selection=Gain(before=before, after=after),
        alignment_held_out=Gain(before=before, after=after),
        alignment_shuffled=ShuffledControl(held_out=list(noise)),
        readout=readout,
        scenes_selection=["a", "b"],
        scenes_held_out=["c", "d"],
        provenance={},
    )


def driven_by(*candidates):
    everything = candidate("all", after=0.03)
    return choose({one.method: one for one in (everything, *candidates)})


def test_a_readout_that_predicts_unseen_scenes_comes_before_pruning_that_only_aligns():
    # By SDs of its control pruning is further out: (.050 - 0) / .015 against (.38 - 0) / .22.
    name, reason = driven_by(
        candidate("greedy", after=0.05, noise=FLAT),
        candidate("readout", after=0.03, predicts=0.38, predicted_noise=WIDE),
    )
    assert name == "readout"
    assert reason.endswith("only this one predicts ratings, the others align matrices.")


def test_pruning_that_aligns_drives_the_maps_where_no_prediction_survives_its_control():
    name, reason = driven_by(
        candidate("greedy", after=0.05, noise=FLAT),
        candidate("readout", after=0.03, predicts=0.25, predicted_noise=WIDE),
    )
    assert name == "greedy"
    assert reason.endswith("1 of 2 selections did better than their shuffled control: this one.")


def test_of_two_that_only_align_the_one_furthest_above_its_control_drives_the_maps():
    name, reason = driven_by(
        candidate("greedy", after=0.32, noise=WIDE), candidate("negative", after=0.05, noise=FLAT)
    )
    assert name == "negative"
    assert "none of them by predicting ratings; this one did so by most." in reason


def test_of_two_that_predict_the_better_prediction_drives_the_maps():
    better = candidate("readout", after=0.03, predicts=0.6, predicted_noise=WIDE)
    surer = candidate("negative+readout", after=0.05, predicts=0.4, predicted_noise=FLAT)
    name, reason = driven_by(better, surer)
    assert name == "readout"
    assert reason.endswith("this one predicts best.")


@pytest.mark.parametrize("predicts", [-0.1, 0.3])
def test_nothing_drives_the_maps_that_does_no_better_than_its_control(predicts):
    name, reason = driven_by(
        candidate("readout", after=0.03, predicts=predicts, predicted_noise=WIDE)
    )
    assert name == "all"
    assert "fall back" in reason
