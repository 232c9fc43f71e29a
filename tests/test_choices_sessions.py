"""SIMULATED sessions of the choice protocols, exported and analysed: the truth comes back."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_study import write_study
from scipy import stats
from small_stimuli import picture, simulated_session, small_set
from typer.testing import CliRunner

from fechner.analysis.ratings.choices.authenticity import authenticity_answers
from fechner.analysis.ratings.choices.comparisons import comparisons
from fechner.analysis.ratings.choices.detections import detections
from fechner.analysis.ratings.choices.group_sensitivity import group_sensitivity
from fechner.analysis.ratings.choices.scale_values import condition_scale
from fechner.analysis.ratings.choices.thresholds import group_thresholds
from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.prediction.tracking import predicted_against_observed
from fechner.cli.main import app
from fechner.compression.regions.options import RegionOptions
from fechner.errors import InputError
from fechner.experiment.exports.ratings import ratings_table, write_ratings_table
from fechner.experiment.simulated.observers import (
    GENERATED_LOSS,
    SD_IMAGE,
    SD_IMAGE_BY_CONDITION,
    SD_PARTICIPANT_BY_CONDITION,
    SD_RESIDUAL,
    harm_of,
    simulated_panel,
)
from fechner.protocols.schema import load_protocol
from fechner.records.images.files import write_map_png, write_png
from fechner.records.journal import read_journals
from fechner.records.rated_images import read_rated_images
from fechner.records.ratings import read_ratings
from fechner.records.scales import Scale
from fechner.records.stimuli import read_stimulus_set, verify
from fechner.report.page import write_report
from fechner.stimuli.build import build_stimuli

IMPACT = {"intact": 0.0, "low": 30.0, "donor": 80.0, "high": 260.0}


def arms(scenes, *, truth=False):
    """Intact, low, donor and high of every scene; every second scene is generated."""
    made = []
    for i in range(scenes):
        for region, impact in IMPACT.items():
            plain = region == "intact"
            one = picture(f"s{i:02d}_{region}", f"s{i:02d}", region, impact,
                          0.0 if plain else 60.0, family="none" if plain else "blur",
                          level=0 if plain else 1)  # fmt: skip
            word = ("real", "generated")[i % 2] if truth else ""
            made.append(replace(one, truth=word))
    return made


def ran(folder, protocol, stimuli, participants, seed=3):
    """Run SIMULATED sessions of a panel; return their journals."""
    for observer in simulated_panel(participants, seed=seed).values():
        simulated_session(folder, protocol, stimuli, observer)
    return read_journals(folder)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    stimuli = small_set(folder / "stimuli", arms(16))
    journals = ran(folder / "sessions", load_protocol("pair"), stimuli, 15)
    return folder, ratings_table(journals), stimuli, journals


def test_the_scale_of_pairs_is_that_of_the_harm_in_the_world(compared):
    _, ratings, stimuli, _ = compared
    found = condition_scale(comparisons(ratings), stimuli).table.set_index("item")
    variance = SD_RESIDUAL**2 + SD_IMAGE_BY_CONDITION**2 + SD_PARTICIPANT_BY_CONDITION**2
    one_jnd = stats.norm.ppf(0.75) * np.sqrt(2 * variance)
    for region, impact in IMPACT.items():
        truth = -harm_of(impact) / one_jnd
        row = found.loc[region]
        assert row["low"] - 0.05 <= truth <= row["high"] + 0.05, region
        assert row["jnd"] == pytest.approx(truth, abs=0.55)


def test_the_claim_on_pairs_is_supported_where_the_map_is_right(compared):
    _, ratings, stimuli, _ = compared
    found = claim(ratings, stimuli)
    assert found.verdict == "supported" and found.simulated
    variance = SD_RESIDUAL**2 + SD_IMAGE_BY_CONDITION**2 + SD_PARTICIPANT_BY_CONDITION**2
    harm = harm_of(IMPACT["high"]) - harm_of(IMPACT["low"])
    truth = 2 * stats.norm.cdf(harm / np.sqrt(2 * variance)) - 1
    effect = found.contrast("low - high")
    assert effect.low < truth < effect.high


def test_exported_pairs_are_scaled_at_the_command_line(compared, tmp_path):
    folder, _, _, journals = compared
    written = write_ratings_table(journals, tmp_path / "ratings.csv")
    words = ["stats", "pairs", written, folder / "stimuli", "-o", tmp_path / "scale.csv"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "SIMULATED" in done.output
    record = json.loads((tmp_path / "scale.json").read_text("utf-8"))
    assert record["provenance"]["simulated"] is True
    assert set(pd.read_csv(tmp_path / "scale.csv")["item"]) == set(IMPACT)


@pytest.mark.slow
def test_thresholds_of_staircases_are_where_the_world_makes_harm_seen(tmp_path):
    pytest.importorskip("questplus")
    weights = {"low": 0.5, "high": 2.0}
    made = [one for one in arms(6) if one.region == "intact"]
    for i in range(6):
        for region, weight in weights.items():
            for k in range(14):
                strength = 2.0 ** (0.4 * k)
                made.append(
                    picture(f"s{i:02d}_{region}_{k}", f"s{i:02d}", region, weight * strength**2,
                            strength**2, level=k + 1, strength=strength)
                )  # fmt: skip
    stimuli = small_set(tmp_path / "stimuli", made)
    protocol = load_protocol("jnd")
    ratings = ratings_table(ran(tmp_path / "sessions", protocol, stimuli, 14))
    found = group_thresholds(detections(ratings), protocol.quest)
    # Right in 75 %: harm of .6745 times the SD of a difference of two qualities. What differs
    # from level to level of an image is noise, too.
    noise = np.sqrt(2 * SD_RESIDUAL**2 + SD_IMAGE_BY_CONDITION**2 + SD_PARTICIPANT_BY_CONDITION**2)
    harm = stats.norm.ppf(0.75) * noise
    error = 200 * harm / (70 - harm)
    for row in found.table.itertuples():
        truth = np.sqrt(error / weights[row.region])
        assert row.low < truth < row.high, (row, truth)
        assert abs(np.log10(row.threshold / truth)) < 0.12
    ratio = found.ratios.iloc[0]
    assert ratio["low"] < 2.0 < ratio["high"] and ratio["p"] < 0.01


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authenticity")
    made = [one for one in arms(40, truth=True) if one.region in ("intact", "high")]
    stimuli = small_set(folder / "stimuli", made)
    return folder, stimuli, ran(folder / "sessions", load_protocol("authenticity"), stimuli, 12)


def test_the_truth_of_a_stimulus_reaches_journal_and_ratings(judged, tmp_path):
    folder, stimuli, journals = judged
    assert verify(folder / "stimuli").stimuli == stimuli.stimuli
    shown = [t for journal in journals.journals for t in journal.trials if t.stimulus]
    assert all(t.truth == stimuli.named(t.stimulus).truth for t in shown)
    written = write_ratings_table(journals, tmp_path / "ratings.csv")
    table = read_ratings(written).table
    assert set(table["truth"]) == {"real", "generated"}
    assert (table["truth"] == [stimuli.named(name).truth for name in table["image"]]).all()


def test_d_prime_and_criterion_are_those_of_the_world(judged):
    _, _, journals = judged
    found = group_sensitivity(authenticity_answers(ratings_table(journals))).table
    noise = np.sqrt(SD_RESIDUAL**2 + SD_IMAGE**2 + SD_IMAGE_BY_CONDITION**2)
    for row in found.itertuples():
        harm = harm_of(IMPACT[row.condition])
        assert row.d_prime_low < GENERATED_LOSS / noise < row.d_prime_high
        # Quality 80 less harm, half the loss of generated ones, above the threshold of 60.
        criterion = (80 - harm - GENERATED_LOSS / 2 - 60) / noise
        assert row.criterion_low < criterion < row.criterion_high


def test_a_set_that_does_not_know_the_truth_is_written_as_it_always_was(tmp_path):
    stimuli = small_set(tmp_path / "stimuli", arms(3))
    header = (tmp_path / "stimuli" / "stimuli.csv").read_text("utf-8").splitlines()[0]
    assert "truth" not in header and "truth" not in stimuli.table
    journals = ran(tmp_path / "sessions", load_protocol("authenticity"), stimuli, 1)
    assert "truth" not in ratings_table(journals).table
    with pytest.raises(InputError, match="add a column 'truth'"):
        authenticity_answers(ratings_table(journals), stimuli)


def test_a_truth_that_is_neither_real_nor_generated_is_refused(tmp_path):
    small_set(tmp_path, arms(2, truth=True))
    path = tmp_path / "stimuli.csv"
    path.write_text(path.read_text("utf-8").replace(",generated", ",genreated"), "utf-8")
    with pytest.raises(InputError, match="truth is real or generated, or empty, got 'genreated'"):
        read_stimulus_set(tmp_path)


def test_a_study_of_pairs_is_claimed_predicted_and_reported(tmp_path):
    folder = write_study(tmp_path / "study", people=False)
    stimuli = read_stimulus_set(folder / "stimuli")
    journals = ran(folder / "sessions", load_protocol("pair"), stimuli, 12, seed=1)
    ratings = read_ratings(write_ratings_table(journals, folder / "ratings" / "ratings.csv"))
    found = claim(ratings, stimuli)
    found.write(folder / "statistics" / "claim.json")
    predicted_against_observed(ratings, stimuli).write(folder / "statistics" / "prediction.json")
    page = write_report(folder).read_text("utf-8")
    assert "crossed logistic" in page and "of comparisons" in page


def test_sets_are_built_with_the_truth_of_their_scenes_and_refuse_unknown_ones(tmp_path):
    rng, scenes = np.random.default_rng(0), {}
    for name in ("boat", "0801"):
        scenes[name] = (tmp_path / f"{name}.png", tmp_path / f"map_of_{name}.png")
        write_png(scenes[name][0], rng.integers(60, 200, (96, 128, 3)).astype(np.uint8))
        write_map_png(scenes[name][1], np.tile(np.linspace(0.1, 1, 128), (96, 1)))
    loose = RegionOptions(block=8, patch=2, match=("luminance",))

    def build(truths):
        return build_stimuli(scenes, tmp_path / "stimuli", family="noise", target_mse=20,
                             regions=loose, truths=truths)  # fmt: skip

    made = build({"boat": "real", "0801": "generated"})
    assert {(s.scene, s.truth) for s in made.stimuli} == {("boat", "real"), ("0801", "generated")}
    assert verify(tmp_path / "stimuli").stimuli == made.stimuli
    assert not any(s.truth for s in build({}).stimuli)
    with pytest.raises(InputError, match="truth of 'boot': no such scene"):
        build({"boot": "real"})
    with pytest.raises(InputError, match="truth of 'boat' is real or generated, got 'fake'"):
        build({"boat": "fake"})


def test_rated_images_say_what_is_real(tmp_path):
    table = tmp_path / "rated.csv"
    table.write_text("image,scene,quality,truth\na.png,a,3,real\nb.png,b,2,\n", "utf-8")
    rated = read_rated_images(table, scales={"quality": Scale(1, 5)}, check_images=False)
    images = {"a": tmp_path / "a.png", "b": tmp_path / "b.png"}
    assert rated.truths(images) == {"a": "real"}
