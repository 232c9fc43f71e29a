"""Maps against marks of people: measures by hand, ceilings, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judged_pairs import photograph, write_left_maps
from PIL import Image, ImageDraw
from scipy import stats
from typer.testing import CliRunner

from fechner.analysis.judging.against_people import (
    ALL_MEASURES,
    PARTIAL,
    half_against_half,
    measured,
)
from fechner.analysis.judging.human_density import HumanPlane, human_plane
from fechner.analysis.judging.intervals import mean_interval
from fechner.analysis.judging.marks_elsewhere import marks_of_all
from fechner.analysis.judging.over_images import PEOPLE, agreement_table
from fechner.analysis.judging.people_measures import (
    CHANCE,
    MEASURES,
    auc,
    auc_judd,
    nss,
    partial_of_maps,
    pearson_of_maps,
)
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.map_worth.agreement import read_map_comparison
from fechner.records.map_worth.marks import MarkedImage, read_marks

RNG = np.random.default_rng(0)
FOUR = np.array([[4.0, 3.0], [2.0, 1.0]])


def at(*places: tuple[int, int], shape=(2, 2)) -> np.ndarray:
    plane = np.zeros(shape)
    for place in places:
        plane[place] = 1
    return plane


# Definitions, by hand on four pixels


def test_nss_by_hand():
    # Mean 2.5, SD sqrt(1.25): the mark on 4 lies 1.5 above, the one on 1 as far below.
    assert nss(FOUR, at((0, 0))) == pytest.approx(1.5 / np.sqrt(1.25))
    assert nss(FOUR, at((0, 0), (1, 1))) == pytest.approx(0)
    assert nss(FOUR, at((0, 0)) * 3 + at((1, 1))) == pytest.approx(0.75 / np.sqrt(1.25))


def test_auc_by_hand():
    # The mark on 3 is above 2 and 1 and below 4: two of three.
    assert auc(FOUR, at((0, 1)), 1 - at((0, 1))) == pytest.approx(2 / 3)
    # Ties count half: 3 against (3, 2, 1).
    tied = np.array([[3.0, 3.0], [2.0, 1.0]])
    assert auc(tied, at((0, 0)), 1 - at((0, 0))) == pytest.approx(2.5 / 3)


def test_judds_auc_by_hand():
    # Marks on 4 and 2; unmarked 3 and 1. Curve (0,0) (0,1/2) (1/2,1) (1,1): area 1/2*3/4 + 1/2.
    assert auc_judd(FOUR, at((0, 0), (1, 0)) > 0) == pytest.approx(0.875)
    # All marks on one level: one threshold. (0,0) (0,1) (1,1).
    assert auc_judd(np.array([[2, 2], [1, 1]]), at((0, 0), (0, 1)) > 0) == pytest.approx(1.0)


def test_shuffled_auc_by_hand():
    human = HumanPlane(at((0, 1)), at((0, 1)), points=True)
    elsewhere = at((0, 0)) + 3 * at((1, 1))
    # The mark on 3 is below 4 (weight 1) and above 1 (weight 3).
    assert measured(FOUR, human, elsewhere)["auc_shuffled"] == pytest.approx(0.75)


def test_pearson_is_numpys_and_its_partial_is_that_of_residuals():
    x, y, z = RNG.normal(size=(3, 12, 15)) + RNG.normal(size=(12, 15))
    assert pearson_of_maps(x, y) == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    rest = [
        stats.linregress(z.ravel(), one.ravel()).slope * -z.ravel() + one.ravel() for one in (x, y)
    ]
    assert partial_of_maps(x, y, z) == pytest.approx(np.corrcoef(*rest)[0, 1])


def test_auc_is_mann_whitneys():
    values, marked = RNG.integers(0, 9, (20, 20)), RNG.random((20, 20)) < 0.1
    u = stats.mannwhitneyu(values[marked], values[~marked]).statistic
    expected = u / (marked.sum() * (~marked).sum())
    assert auc(values, marked, ~marked) == pytest.approx(expected)


def test_judds_area_is_too_high_by_at_most_half_a_step():
    """A map without relation to the marks: chance for one, above it for the other."""
    plain, judd = [], []
    for _ in range(400):
        values, marked = RNG.random((30, 30)), np.zeros((30, 30), bool)
        marked.ravel()[RNG.choice(900, 5, replace=False)] = True
        plain.append(auc(values, marked, ~marked))
        judd.append(auc_judd(values, marked))
    excess = np.subtract(judd, plain)
    assert np.mean(plain) == pytest.approx(0.5, abs=0.02)
    assert excess.min() >= 0 and excess.max() <= 1 / (2 * 5) and excess.mean() > 0.05


# Invariants


@pytest.mark.parametrize("measure", MEASURES)
def test_no_measure_depends_on_the_unit_of_the_map(measure):
    values, human = RNG.random((16, 20)), HumanPlane(RNG.random((16, 20)) > 0.9, None, True)
    human = HumanPlane(human.weights.astype(float), RNG.random((16, 20)), True)
    elsewhere = RNG.random((16, 20))
    one, other = (measured(v, human, elsewhere)[measure] for v in (values, 5 * values + 2))
    assert one == pytest.approx(other)


@pytest.mark.parametrize("measure", ALL_MEASURES)
def test_a_constant_map_and_no_map_are_not_defined_and_not_zero(measure):
    human = HumanPlane(at((0, 1)), at((0, 1)), points=True)
    for values in (np.ones((2, 2)), None):
        assert np.isnan(measured(values, human, np.ones((2, 2)), contrast=FOUR)[measure])


def test_a_map_without_relation_reaches_chance():
    shape, found = (40, 40), []
    for _ in range(150):
        weights = (RNG.random(shape) < 0.02).astype(float)
        human = HumanPlane(weights, weights, points=True)
        found.append(measured(RNG.random(shape), human, RNG.random(shape)))
    for name in ("pearson", "nss", "auc", "auc_shuffled"):
        assert np.mean([row[name] for row in found]) == pytest.approx(CHANCE[name], abs=0.03)


def test_a_centre_bias_that_all_images_share_earns_no_shuffled_auc():
    centre = np.exp(-((np.mgrid[-1:1:48j, -1:1:64j]) ** 2).sum(axis=0) * 4)
    planes = []
    for _ in range(30):
        weights = np.zeros(centre.size)
        weights[RNG.choice(centre.size, 20, replace=False, p=(centre / centre.sum()).ravel())] = 1
        planes.append(HumanPlane(weights.reshape(centre.shape), None, points=True))
    plain, shuffled = [], []
    together = marks_of_all([human.weights for human in planes], {centre.shape})
    for human in planes:
        elsewhere = together.elsewhere(human.weights)
        plain.append(auc(centre, human.weights, human.weights == 0))
        shuffled.append(auc(centre, human.weights, elsewhere))
    assert np.mean(plain) > 0.65
    assert np.mean(shuffled) == pytest.approx(0.5, abs=0.03)


def test_marks_lie_where_they_were_made_and_keep_their_place_when_shrunk():
    marked = MarkedImage(np.array([1000.5, 30.0]), np.array([10.0, 590.0]))
    plane = human_plane(marked, (600, 1200))
    assert plane.weights.shape == (256, 512)
    rows, columns = np.nonzero(plane.weights)
    np.testing.assert_allclose((columns + 0.5) * 1200 / 512, [1000.5, 30.0], atol=1.3)
    np.testing.assert_allclose((rows + 0.5) * 600 / 256, [10.0, 590.0], atol=1.3)


def test_the_density_of_one_mark_is_a_gaussian_of_the_stated_width():
    plane = human_plane(MarkedImage(np.array([100.0]), np.array([80.0])), (160, 200), spread=0.05)
    along = plane.density[80] / plane.density[80].max()
    assert along[110] == pytest.approx(np.exp(-0.5), abs=0.01)  # SD .05 * 200 = 10 pixels


def test_a_brush_marks_what_it_covered_and_weighs_by_the_share_of_people(tmp_path):
    """Drawn by Pillow: a stroke of `width` 2 r + 1 with round ends, up to the pixels of its rim."""
    path = table(
        tmp_path,
        "a,p1,10,20,6,1,1", "a,p1,40,20,6,1,2", "a,p2,40,20,6,1,1", "a,p2,,,,,",
        header="image,participant,x,y,radius,mark,point",
    )  # fmt: skip
    marked = read_marks(path, SIZES).images["a"]
    assert [(one.participant, len(one.points), one.radius) for one in marked.paths] == [
        ("p1", 2, 6.0),
        ("p2", 1, 6.0),
    ]
    drawn = []
    for line in ([(10, 20), (40, 20)], [(40, 20), (40, 20)]):
        canvas = Image.new("1", (60, 40))
        pen = ImageDraw.Draw(canvas)
        pen.line(line, fill=1, width=13)
        for x, y in line:
            pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=1)
        drawn.append(np.asarray(canvas, float))
    weights = human_plane(marked, (40, 60)).weights
    assert set(np.unique(weights)) == {0.0, 0.5, 1.0}
    assert np.abs(weights - np.mean(drawn, axis=0)).mean() < 0.01
    alone = human_plane(marked, (40, 60), only=["p2"]).weights
    assert alone.sum() == pytest.approx(np.pi * 6**2, rel=0.05)


def test_a_brush_smaller_than_a_pixel_of_the_working_size_still_marks_one(tmp_path):
    path = table(tmp_path, "big,900,7,1", header="image,x,y,radius")
    marked = read_marks(path, {"big": (800, 1600)}).images["big"]
    rows, columns = np.nonzero(human_plane(marked, (800, 1600)).weights)
    assert 1 <= len(rows) <= 4
    assert abs((columns.mean() + 0.5) * 1600 / 512 - 900.5) < 3.2
    assert abs((rows.mean() + 0.5) * 800 / 256 - 7.5) < 3.2


def test_people_who_paint_one_place_agree(tmp_path):
    rng = np.random.default_rng(2)
    rows = [
        f"a,p{k},{x:.0f},{y:.0f},6"
        for k, (x, y) in enumerate(np.clip(rng.normal((30, 14), 4, (8, 2)), 0, 39))
    ]
    sizes = {"a": (40, 60)}
    painted = read_marks(table(tmp_path, *rows, header="image,participant,x,y,radius"), sizes)
    found = half_against_half(painted.images["a"], (40, 60), np.ones((40, 60)))
    assert found["auc"] > 0.95 and found["pearson"] > 0.7


def test_marks_carried_to_another_size_keep_their_share_of_the_picture():
    small, large = at((0, 3), shape=(2, 4)), at((2, 2), shape=(20, 20))
    carried = marks_of_all([small, large], {(2, 4), (20, 20)}).elsewhere(large)
    assert np.argwhere(carried).tolist() == [[5, 17]] and carried.sum() == 1


def test_marks_elsewhere_are_those_of_all_others_added_up():
    """Held against the sum over the others, drawn one by one, for points, areas and maps."""
    rng, shapes = np.random.default_rng(5), [(9, 12), (12, 9), (5, 5)]
    planes = [rng.random(shapes[k % 3]) * (rng.random(shapes[k % 3]) < 0.3) for k in range(9)]
    planes[4] = (planes[4] > 0) * 1.0
    together = marks_of_all(planes, set(shapes))
    for own in planes:
        expected = np.zeros(own.shape)
        for other in (one for one in planes if one is not own):
            for (y, x), weight in np.ndenumerate(other):
                row = (2 * y + 1) * own.shape[0] // (2 * other.shape[0])
                column = (2 * x + 1) * own.shape[1] // (2 * other.shape[1])
                expected[row, column] += weight / other.sum()
        found = together.elsewhere(own)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        np.testing.assert_array_equal(found == 0, expected == 0)


def test_one_picture_alone_has_no_marks_elsewhere():
    only = np.array([[0.1, 0.2, 0.7]])
    assert not marks_of_all([only], {only.shape}).elsewhere(only).any()


# People against people


def crowd(n=12, spread=3.0, seed=0) -> MarkedImage:
    rng = np.random.default_rng(seed)
    x, y = (np.clip(rng.normal(at, spread, n), 0, 39) for at in (30, 12))
    return MarkedImage(x, y, np.array([f"p{k}" for k in range(n)]))


def test_people_who_agree_are_a_high_ceiling_and_people_who_do_not_a_low_one():
    elsewhere = np.ones((40, 40))
    rng = np.random.default_rng(1)
    scattered = MarkedImage(*rng.uniform(0, 39, (2, 12)), np.array([f"p{k}" for k in range(12)]))
    agreeing = half_against_half(crowd(), (40, 40), elsewhere)
    random = half_against_half(scattered, (40, 40), elsewhere)
    assert agreeing["auc"] > 0.95 and agreeing["nss"] > 2
    assert random["auc"] == pytest.approx(0.5, abs=0.15)


def test_without_single_participants_there_is_no_ceiling():
    alone = MarkedImage(np.array([1.0]), np.array([1.0]), np.array(["p0"]))
    unknown = MarkedImage(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    for marked in (alone, unknown):
        found = half_against_half(marked, (40, 40), np.ones((40, 40)))
        assert all(np.isnan(value) for value in found.values())


# Over images


def test_means_and_differences_leave_out_what_is_not_defined_and_count_it():
    rows = []
    for k, (own, rival) in enumerate([(0.5, 0.1), (0.7, 0.4), (np.nan, 0.3), (0.2, 0.4)]):
        rows += [
            {"image": f"i{k}", "map": "own", "measure": "nss", "value": own},
            {"image": f"i{k}", "map": "contrast energy", "measure": "nss", "value": rival},
        ]
    agreement, differences = agreement_table(pd.DataFrame(rows), ["contrast energy"])
    own = agreement.set_index("map").loc["own"]
    assert (own["n_images"], own["n_undefined"]) == (3, 1)
    assert own["value"] == pytest.approx(np.mean([0.5, 0.7, 0.2]))
    apart = stats.ttest_1samp([0.4, 0.3, -0.2], 0)
    expected = apart.confidence_interval()
    assert own["minus_contrast"] == pytest.approx(0.5 / 3)
    assert own["minus_contrast_low"] == pytest.approx(expected.low)
    assert differences.loc[0, "high"] == pytest.approx(expected.high)
    assert differences.loc[0, "n_images"] == 3


def test_one_image_has_a_mean_without_interval():
    mean, low, high, n = mean_interval(np.array([0.4, np.nan]))
    assert (mean, n) == (0.4, 1) and np.isnan(low) and np.isnan(high)
    assert mean_interval(np.full(3, np.nan))[3] == 0


@pytest.mark.parametrize("limits", [(-1.0, 1.0), (0.0, 1.0), (-2.0, 2.0)])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_interval_of_a_mean_keeps_the_limits_of_its_measure(limits, n):
    rng = np.random.default_rng(n)
    for spread in (0.01, 0.5, 4.0):
        values = np.clip(rng.normal(limits[1] - 0.1, spread, n), *limits)
        mean, low, high, _ = mean_interval(values, limits=limits)
        assert mean == pytest.approx(values.mean())
        assert limits[0] <= low <= mean <= high <= limits[1]
    assert mean_interval(np.full(n, limits[1]), limits=limits)[:3] == (limits[1],) * 3


def test_far_from_its_limits_the_interval_of_a_mean_is_that_of_student():
    values = np.random.default_rng(0).normal(0.1, 0.05, 60)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    found = mean_interval(values, limits=(-1.0, 1.0))[1:3]
    assert found == pytest.approx((expected.low, expected.high), abs=2e-4)


def test_means_of_correlations_over_two_images_stay_correlations():
    rows = [
        {"image": f"i{k}", "map": name, "measure": measure, "value": value}
        for measure in ("pearson", "auc", "loss")
        for k, (own, rival) in enumerate([(0.9, 0.1), (0.5, 0.3)])
        for name, value in (("own", own), ("contrast energy", rival))
    ]
    agreement, differences = agreement_table(pd.DataFrame(rows), ["contrast energy"])
    least = np.where(agreement["measure"] == "auc", 0, -1)
    assert (agreement["low"] >= least).all() and (agreement["high"] <= 1).all()
    assert (differences["low"] >= np.where(differences["measure"] == "auc", -1, -2)).all()
    assert (differences["high"] <= np.where(differences["measure"] == "auc", 1, 2)).all()


# Tables of marks

SIZES = {"a": (40, 60), "0801": (40, 60)}


def table(folder: Path, *rows: str, header="image,x,y,participant", name="marks.csv") -> Path:
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return folder / name


def test_marks_are_read_by_name_or_file_and_nowhere_is_no_point(tmp_path):
    path = table(tmp_path, "a,3,4,p1", "photos/0801.png,59.5,0,p1", "a,,,p2")
    marks = read_marks(path, {**SIZES, "b": (9, 9)})
    assert marks.images["a"].x.tolist() == [3.0] and marks.images["0801"].x.tolist() == [59.5]
    assert marks.unmarked == ["b"] and not marks.simulated


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,60,4,p1", r"row 2: the mark \(60, 4\) lies outside a, 60 x 40 px"),
        ("a,-0.1,4,p1", "lies outside a"),
        ("a,5,,p1", "give both, or neither"),
        ("801,5,5,p1", "no image '801'.*did you mean '0801'"),
        ("a,5,five,p1", "'y' expects a number, got 'five'"),
    ],
)
def test_bad_marks_are_refused_with_their_row(tmp_path, row, said):
    with pytest.raises(InputError, match=said):
        read_marks(table(tmp_path, row), SIZES)


def test_a_radius_that_is_none_is_refused(tmp_path):
    path = table(tmp_path, "a,5,5,-3", header="image,x,y,radius")
    with pytest.raises(InputError, match="radius"):
        read_marks(path, SIZES)


def test_marks_of_nothing_are_refused(tmp_path):
    with pytest.raises(InputError, match="marks nothing in any of the 2 images"):
        read_marks(table(tmp_path, "a,,,p1"), SIZES)


def test_maps_of_people_are_read_from_a_folder_and_empty_ones_left_out(tmp_path):
    for name, value in (("a", 255), ("0801", 0)):
        Image.fromarray(np.full((40, 60), value, np.uint8)).save(tmp_path / f"{name}.png")
    marks = read_marks(tmp_path, {**SIZES, "absent": (9, 9)})
    assert list(marks.images) == ["a"] and marks.unmarked == ["0801", "absent"]


# The command


def write_marked_photographs(folder: Path, *, simulated: bool = False) -> tuple[Path, Path]:
    """Write four photographs, and marks of six people who all mark the left."""
    (folder / "photos").mkdir()
    rows, rng = [], np.random.default_rng(3)
    for k in range(4):
        Image.fromarray(photograph(k)).save(folder / "photos" / f"i{k}.png")
        centre = rng.uniform(4, 28)
        for person in range(6):
            x, y = np.clip(rng.normal(centre, 3), 0, 31), rng.uniform(4, 44)
            rows.append(f"i{k},{x:.1f},{y:.1f},p{person}")
    name = "SIMULATED_marks.csv" if simulated else "marks.csv"
    return folder / "photos", table(folder, *rows, name=name)


def test_the_command_finds_that_people_mark_the_left(tmp_path):
    photos, marks = write_marked_photographs(tmp_path)
    maps = write_left_maps(tmp_path / "left", [f"i{k}" for k in range(4)])
    words = ["maps", "against-people", str(photos), "--marks", str(marks), "--maps", str(maps)]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "left: beyond its interval better than" in said and "not only edges" in said
    found = read_map_comparison(tmp_path / "out", "people")
    rows = found.agreement.set_index(["map", "measure"])
    assert rows.loc[("left", "auc"), "value"] > 0.7 > rows.loc[("left, mirrored", "auc"), "value"]
    assert rows.loc[("left", PARTIAL), "low"] > 0
    assert rows.loc[(PEOPLE, "auc"), "kind"] == "people"
    assert rows.loc[(PEOPLE, "auc"), "value"] > 0.7
    # Everybody marks the left everywhere, so that the left of other images is as well marked.
    assert rows.loc[("left", "auc_shuffled"), "value"] == pytest.approx(0.5)
    assert (tmp_path / "out" / "people.png").is_file()


def test_simulated_marks_mark_tables_and_figure(tmp_path):
    photos, marks = write_marked_photographs(tmp_path, simulated=True)
    words = ["maps", "against-people", str(photos), "--marks", str(marks)]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "SIMULATED_people.png").is_file()
    assert read_map_comparison(tmp_path / "out", "people").simulated


@pytest.mark.parametrize("spread", ["0", "-1", "nan", "inf", "1e9"])
def test_a_spread_that_is_no_share_is_refused(tmp_path, spread):
    photos, marks = write_marked_photographs(tmp_path)
    words = ["maps", "against-people", str(photos), "--marks", str(marks), "--spread", spread]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and not (tmp_path / "out").exists()


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_any_number_of_processes_writes_the_same_bytes(tmp_path):
    photos, marks = write_marked_photographs(tmp_path)
    maps = write_left_maps(tmp_path / "left", [f"i{k}" for k in range(4)])
    words = ["maps", "against-people", photos, "--marks", marks, "--maps", maps, "--no-distance"]
    for jobs in (1, 2):
        more = ["--jobs", jobs, "--out", tmp_path / str(jobs)]
        done = CliRunner().invoke(app, [str(word) for word in (*words, *more)])
        assert done.exit_code == 0, done.output
    assert files_in(tmp_path / "1") == files_in(tmp_path / "2")


def test_a_damaged_image_is_named_and_the_others_go_on(tmp_path):
    photos, marks = write_marked_photographs(tmp_path)
    whole = (photos / "i2.png").read_bytes()
    words = ["maps", "against-people", str(photos), "--marks", str(marks), "--no-distance", "--out"]
    (photos / "i2.png").write_bytes(whole[: len(whole) // 2])
    done = CliRunner().invoke(app, [*words, str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    found = read_map_comparison(tmp_path / "out", "people")
    assert list(dict.fromkeys(found.images["image"])) == ["i0", "i1", "i3"]
    assert [note for note in found.notes["note"] if "i2.png" in note and "left out" in note]
    for name in ("i0", "i1", "i3"):
        (photos / f"{name}.png").write_bytes(b"")
    done = CliRunner().invoke(app, [*words, str(tmp_path / "none")])
    assert done.exit_code == 2 and not (tmp_path / "none").exists()
    assert "none of the 4 images can be read" in " ".join(done.output.split())


def test_a_flat_image_alone_is_refused_although_the_centre_could_be_held_against_it(tmp_path):
    (tmp_path / "photos").mkdir()
    flat = np.full((48, 64, 3), 90, np.uint8)
    Image.fromarray(flat).save(tmp_path / "photos" / "sky.png")
    marks = table(tmp_path, "sky,3,4,p1", "sky,9,9,p2")
    words = ["maps", "against-people", str(tmp_path / "photos"), "--marks", str(marks)]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and not (tmp_path / "out").exists()
    assert "no map can be judged on sky: flat images" in " ".join(done.output.split())
