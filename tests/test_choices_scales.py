"""Scale values of paired comparisons: equal to R's, honest about what they do not know."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.analysis.ratings.choices.comparisons import comparisons
from fechner.analysis.ratings.choices.scale_fit import JND, PRIOR_JND, fit_scale
from fechner.analysis.ratings.choices.scale_values import condition_scale, image_scales
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.ratings import ratings_from_table
from fechner.records.scales import Scale
from fechner.records.stimuli import StimulusTable

DATA = Path(__file__).parent / "data"
R = json.loads((DATA / "choices_reference.json").read_text("utf-8"))
LINKS = {"bradley-terry": "logit", "thurstone": "probit"}


def choices():
    """The SIMULATED comparisons of the reference, and the items that were compared."""
    table = pd.read_csv(DATA / "SIMULATED_comparisons.csv")
    items = sorted(set(table["first"]) | set(table["second"]))
    return table, items


def coded(table, items):
    place = {item: k for k, item in enumerate(items)}
    return (
        table["first"].map(place).to_numpy(),
        table["second"].map(place).to_numpy(),
        table["share"].to_numpy(float),
    )


def above(fit, items, anchor="intact"):
    """Values and standard errors above the anchor, by item."""
    across = np.column_stack([np.eye(len(items)) - np.eye(len(items))[items.index(anchor)],
                              np.zeros(len(items))])  # fmt: skip
    error = np.sqrt(np.diag(across @ np.linalg.inv(fit.information) @ across.T))
    return dict(zip(items, zip(across[:, :-1] @ fit.values, error, strict=True), strict=True))


def ratings_of(table, **more):
    """Comparisons as the ratings that the statistics read."""
    rows = table.rename(columns={"first": "image", "share": "rating"})
    rows = rows.assign(dimension="preference", trial=range(len(rows)), **more)
    return ratings_from_table(rows, scales={"preference": Scale(0, 1)}, simulated=True)


def named(table):
    """Comparisons of conditions turned into comparisons of images, with their stimuli."""
    images = table.assign(
        first=table["scene"] + "_" + table["first"], second=table["scene"] + "_" + table["second"]
    )
    names = sorted(set(images["first"]) | set(images["second"]))
    scene, region = zip(*(name.split("_") for name in names), strict=True)
    stimuli = pd.DataFrame({"stimulus": names, "scene": scene, "region": region})
    return images, StimulusTable(stimuli, simulated=True)


@pytest.mark.parametrize("model", LINKS)
def test_values_and_errors_without_ties_are_those_of_glm_in_r(model):
    table, items = choices()
    fit = fit_scale(*coded(table[table["share"] != 0.5], items), len(items), model=model)
    theirs = R["scale"][LINKS[model]]
    ours = above(fit, items)
    for item, estimate in theirs["estimate"].items():
        assert ours[item][0] == pytest.approx(estimate, abs=1e-4)
        assert ours[item][1] == pytest.approx(theirs["error"][item], abs=1e-4)


@pytest.mark.parametrize("model", LINKS)
def test_values_with_ties_are_those_of_the_ordinal_model_in_r(model):
    table, items = choices()
    fit = fit_scale(*coded(table, items), len(items), model=model)
    theirs = R["tied"][LINKS[model]]
    ours = above(fit, items)
    assert fit.indifference == pytest.approx(theirs["estimate"]["spacing.1"], abs=1e-4)
    for item in set(items) - {"intact"}:
        assert ours[item][0] == pytest.approx(theirs["estimate"][item], abs=1e-4)
        # R inverts the observed information, we the expected one.
        assert ours[item][1] == pytest.approx(theirs["error"][item], rel=0.03)


def test_bradley_terry_agrees_with_choix():
    choix = pytest.importorskip("choix")
    table, items = choices()
    first, second, share = coded(table[table["share"] != 0.5], items)
    won = [(a, b) if s else (b, a) for a, b, s in zip(first, second, share, strict=True)]
    theirs = choix.opt_pairwise(len(items), won, method="Newton-CG", tol=1e-12)
    ours = fit_scale(first, second, share, len(items), model="bradley-terry").values
    np.testing.assert_allclose(ours, theirs - theirs.mean(), atol=1e-4)


@pytest.mark.parametrize("model", LINKS)
def test_one_jnd_is_chosen_in_three_of_four_comparisons(model):
    first, second = np.zeros(400, int), np.ones(400, int)
    fit = fit_scale(first, second, (np.arange(400) < 300).astype(float), 2, model=model)
    assert (fit.values[0] - fit.values[1]) / JND[model] == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("model", LINKS)
def test_which_image_stands_first_in_a_row_changes_nothing(model):
    table, items = choices()
    first, second, share = coded(table, items)
    turned = np.arange(len(share)) % 2 == 0
    swapped = (np.where(turned, second, first), np.where(turned, first, second),
               np.where(turned, 1 - share, share))  # fmt: skip
    one = fit_scale(first, second, share, len(items), model=model)
    other = fit_scale(*swapped, len(items), model=model)
    np.testing.assert_allclose(one.values, other.values, atol=1e-9)
    np.testing.assert_allclose(one.information, other.information, atol=1e-6)


def test_an_item_that_won_everything_is_named_and_kept_finite_by_the_prior():
    table, _ = choices()
    table["share"] = np.where(table["first"] == "intact", 1.0, table["share"])
    table["share"] = np.where(table["second"] == "intact", 0.0, table["share"])
    images, stimuli = named(table)
    found = condition_scale(comparisons(ratings_of(images)), stimuli, anchor="low")
    note = next(line for line in found.notes if "won every comparison" in line)
    assert note.startswith("intact won") and f"SD {PRIOR_JND:g} JND" in note
    best = found.table.set_index("item").loc["intact"]
    assert 2 < best["jnd"] < 6 * PRIOR_JND and best["won"] == 1.0
    assert best["standard_error"] > found.table.set_index("item").loc["donor", "standard_error"]


def test_without_such_an_item_no_prior_is_used():
    images, stimuli = named(choices()[0])
    found = condition_scale(comparisons(ratings_of(images)), stimuli)
    assert not any("prior" in line for line in found.notes)
    assert found.anchor == "intact"


def test_groups_that_were_never_compared_are_named_in_one_line():
    table, _ = choices()
    apart = table[(table["first"].isin(["low", "high"]) == table["second"].isin(["low", "high"]))]
    images, stimuli = named(apart)
    with pytest.raises(InputError, match=r"2 groups .*\(donor, intact, middle; high, low\)"):
        condition_scale(comparisons(ratings_of(images)), stimuli)


def test_a_scene_that_cannot_be_scaled_is_left_out_and_named():
    images, _ = named(choices()[0])
    broken = images[(images["scene"] != "s0") | images["first"].isin(["s0_low", "s0_high"])]
    broken = broken[(broken["scene"] != "s0") | broken["second"].isin(["s0_low", "s0_high"])]
    more = pd.DataFrame(
        {"participant": ["P00"], "scene": "s0", "first": "s0_donor", "second": "s0_intact",
         "share": 1.0}
    )  # fmt: skip
    found = image_scales(comparisons(ratings_of(pd.concat([broken, more]))))
    assert "s0" not in set(found.table["scene"]) and found.table["scene"].nunique() == 8
    assert any(line.startswith("scene s0: 2 groups") for line in found.notes)


def world(rng, *, participants=16, scenes=12, person=0.4, scene=0.4):
    """Comparisons whose items differ from scene to scene and person to person, and their truth.

    The marginal choice between two items is normal with the summed variance, so that the
    true distance in JND is known.
    """
    quality = {"intact": 1.0, "low": 0.6, "donor": 0.2, "high": -0.4}
    names = list(quality)
    of_person = rng.normal(0, person, (participants, 4))
    of_scene = rng.normal(0, scene, (scenes, 4))
    rows = [
        (f"P{p}", f"s{s}", names[a], names[b],
         float(quality[names[a]] - quality[names[b]] + of_person[p, a] - of_person[p, b]
               + of_scene[s, a] - of_scene[s, b] + rng.normal() > 0))
        for p in range(participants) for s in range(scenes)
        for a in range(4) for b in range(a + 1, 4)
    ]  # fmt: skip
    spread = np.sqrt(1 + 2 * person**2 + 2 * scene**2)
    truth = {n: (quality[n] - 1.0) / spread / JND["thurstone"] for n in names}
    return pd.DataFrame(rows, columns=["participant", "scene", "first", "second", "share"]), truth


@pytest.mark.proof
def test_intervals_cover_the_truth_when_participants_and_scenes_differ():
    rng = np.random.default_rng(4)
    inside, runs = 0, 200
    for _ in range(runs):
        table, truth = world(rng)
        images, stimuli = named(table)
        found = condition_scale(comparisons(ratings_of(images)), stimuli).table
        row = found.set_index("item").loc["high"]
        inside += row["low"] <= truth["high"] <= row["high"]
    assert 0.92 <= inside / runs <= 0.985


@pytest.fixture
def files(tmp_path):
    images, stimuli = named(choices()[0])
    rows = images.rename(columns={"first": "image", "share": "rating"})
    rows = rows.assign(dimension="preference", trial=range(len(rows)))
    rows.to_csv(tmp_path / "ratings.csv", index=False)
    (tmp_path / "ratings.json").write_text(
        '{"dimensions": {"preference": {"minimum": 0, "maximum": 1}}}'
    )
    stimuli.table.to_csv(tmp_path / "stimuli.csv", index=False)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_the_table_its_record_and_the_figure(files):
    done = run("stats", "pairs", files / "ratings.csv", files / "stimuli.csv", "--scale", "0:1",
               "-o", files / "scale.csv", "--figure", files / "scale.png")  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(files / "scale.csv")
    assert table["item"].tolist() == ["donor", "high", "intact", "low", "middle"]
    record = json.loads((files / "scale.json").read_text("utf-8"))
    assert record["provenance"]["parameters"]["anchor"] == "intact"
    assert set(record["provenance"]["inputs"]) == {"ratings", "stimuli"}
    assert (files / "scale.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("-o", "x.json"), "-o expects the name of a table"),
        (("--figure", "x.xyz"), "ending in .png"),
    ],
)
def test_names_under_which_nothing_can_be_written_are_refused_first(files, more, complaint):
    words = ["stats", "pairs", files / "ratings.csv", files / "stimuli.csv", "--scale", "0:1"]
    done = run(*words, more[0], files / more[1])
    assert done.exit_code == 2 and complaint in done.output
    assert not (files / more[1]).exists()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--by", "condition"], "a scale of conditions needs the stimuli"),
        (["--anchor", "low"], "--anchor names a condition"),
    ],
)
def test_the_command_says_what_it_lacks(files, more, complaint):
    done = run("stats", "pairs", files / "ratings.csv", "--scale", "0:1", *more)
    assert done.exit_code == 2
    assert complaint in done.output


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rating": 0.7}, "a comparison is 1 (image chosen), 0 (second chosen) or the middle"),
        ({"second": ""}, "names no second image"),
        ({"second": "s0_low", "image": "s0_low"}, "compares an image with itself"),
    ],
)
def test_rows_that_are_no_comparison_are_named(change, complaint):
    images, _ = named(choices()[0])
    table = images.head(3).rename(columns={"first": "image", "share": "rating"})
    table = table.assign(dimension="preference", trial=range(3))
    for column, value in change.items():
        table.loc[table.index[1], column] = value
    ratings = ratings_from_table(table, scales={"preference": Scale(0, 1)})
    with pytest.raises(InputError) as error:
        comparisons(ratings)
    assert "row 3" in str(error.value) and complaint in str(error.value)
