"""Maps judged by people: errors under maps, rivals, undefined cases, and what is refused."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judged_pairs import left_half, photograph, write_left_maps, write_pairs
from pair_worlds import tiny_network
from PIL import Image
from scipy import stats
from typer.testing import CliRunner

from fechner.analysis.judging.judged import judged_maps
from fechner.analysis.judging.patch_shares import patch_shares
from fechner.analysis.judging.rivals import IMAGE_RIVALS, image_rivals, own_rivals
from fechner.analysis.judging.weighing import weighted_mean
from fechner.analysis.judging.weighted_errors import WeightedErrors, weighted_errors
from fechner.analysis.network.maps.damage import LocalDistance, damage
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.images.files import read_image
from fechner.records.layers.study import PairsTable
from fechner.records.map_worth.given import given_map, given_maps
from fechner.records.map_worth.judged import read_judged_maps
from fechner.records.map_worth.patches import holds_patches, read_patch_ratings
from fechner.records.selection import ChannelSelection, Gain
from fechner.study.map_worth.judge import judge_pairs, judge_patches
from fechner.study.map_worth.made import MapsToJudge
from fechner.study.map_worth.maps import LayerDistance
from fechner.study.maps import MapsAsked
from fechner.study.pair_sets import open_pair_set

RNG = np.random.default_rng(0)


def found_errors(rows: dict[str, np.ndarray], rivals=IMAGE_RIVALS) -> WeightedErrors:
    values = np.stack(list(rows.values()))[:, None]
    return WeightedErrors(tuple(rows), ("mse",), frozenset(rivals), values)


def world(n_references=5, each=8):
    """Return DMOS, references, and rows that follow it more and less."""
    dmos = RNG.normal(size=n_references * each)
    units = np.repeat([f"r{k}" for k in range(n_references)], each)
    rows = {
        "good": dmos + 0.3 * RNG.normal(size=len(dmos)),
        "uniform": dmos + 1.5 * RNG.normal(size=len(dmos)),
        "contrast energy": dmos + RNG.normal(size=len(dmos)),
    }
    return dmos, units, rows


def row_of(table: pd.DataFrame, **keys) -> pd.Series:
    mine = np.logical_and.reduce([table[name] == value for name, value in keys.items()])
    (found,) = [row for _, row in table[mine].iterrows()]
    return found


# Weights


def test_a_uniform_map_gives_the_plain_mean_and_its_scale_does_not_matter():
    plane = RNG.random((7, 9))
    assert weighted_mean(plane, np.full((7, 9), 3.0)) == pytest.approx(plane.mean())
    weights = RNG.random((7, 9))
    assert weighted_mean(plane, weights) == pytest.approx(weighted_mean(plane, 1e-6 * weights))


def test_a_map_of_another_size_weighs_the_same_places():
    plane = np.zeros((40, 60))
    plane[:, :30] = 2.0
    small = np.zeros((4, 6))
    small[:, :2] = 1.0
    assert weighted_mean(plane, small) == pytest.approx(2.0)


def test_an_empty_map_weighs_nothing_and_is_not_taken_for_zero():
    assert np.isnan(weighted_mean(np.ones((4, 4)), np.zeros((4, 4))))
    assert np.isnan(weighted_mean(np.ones((4, 4)), None))


# Rivals


def test_a_flat_picture_has_neither_contrast_nor_saliency():
    rivals = image_rivals(np.full((40, 60, 3), 77, np.uint8))
    assert [name for name, plane in rivals.items() if plane is None] == [
        "contrast energy",
        "spectral residual",
    ]


def test_mirrored_and_exchanged_maps_keep_their_values_and_lose_their_places():
    maps = {"a": RNG.random((4, 6)), "b": RNG.random((4, 6)), "c": None}
    rivals = own_rivals("removal", maps)
    np.testing.assert_array_equal(rivals["removal, mirrored"]["a"], maps["a"][:, ::-1])
    exchanged = rivals["removal, another image's"]
    assert exchanged["a"] is maps["b"] and exchanged["b"] is None and exchanged["c"] is maps["a"]


def test_one_image_alone_has_no_other_image():
    assert list(own_rivals("removal", {"a": np.ones((2, 2))})) == ["removal, mirrored"]


# The verdict


def test_correlations_and_differences_are_scipys():
    dmos, units, rows = world()
    judge, differences = judged_maps(found_errors(rows), dmos, units, resamples=50)
    expected = {name: stats.spearmanr(row, dmos).statistic for name, row in rows.items()}
    for name, value in expected.items():
        assert row_of(judge, map=name)["spearman"] == pytest.approx(value)
    good = row_of(judge, map="good")
    assert good["minus_uniform"] == pytest.approx(expected["good"] - expected["uniform"])
    against = row_of(differences, map="good", rival="contrast energy")
    assert against["difference"] == pytest.approx(expected["good"] - expected["contrast energy"])
    assert good["minus_contrast"] == pytest.approx(against["difference"])


def test_intervals_are_those_of_references_drawn_anew():
    """Recomputed by repeating rows and ranking them anew, with scipy."""
    dmos, units, rows = world(n_references=4)
    judge, _ = judged_maps(found_errors(rows), dmos, units, resamples=2000, seed=1)
    rng, names = np.random.default_rng(2), np.unique(units)
    drawn = []
    for _ in range(2000):
        picked = np.concatenate([np.flatnonzero(units == u) for u in rng.choice(names, 4)])
        drawn.append(
            stats.spearmanr(rows["good"][picked], dmos[picked]).statistic
            - stats.spearmanr(rows["uniform"][picked], dmos[picked]).statistic
        )
    row = row_of(judge, map="good")
    ends = row[["minus_uniform_low", "minus_uniform_high"]].to_numpy(float)
    np.testing.assert_allclose(ends, np.quantile(drawn, [0.025, 0.975]), atol=0.03)


def test_a_map_that_turns_the_order_round_gets_no_credit():
    dmos, units, rows = world()
    judge, _ = judged_maps(found_errors({**rows, "good": -rows["good"]}), dmos, units)
    assert row_of(judge, map="good")["spearman_high"] < 0


def test_undefined_pairs_are_counted_and_left_out_on_both_sides():
    dmos, units, rows = world()
    holed = rows["good"].copy()
    holed[units == "r0"] = np.nan
    judge, differences = judged_maps(found_errors({**rows, "good": holed}), dmos, units)
    row, kept = row_of(judge, map="good"), units != "r0"
    assert (row["n_pairs"], row["n_undefined"], row["n_references"]) == (32, 8, 4)
    both = [stats.spearmanr(rows[n][kept], dmos[kept]).statistic for n in ("good", "uniform")]
    assert row["minus_uniform"] == pytest.approx(both[0] - both[1])
    assert set(differences["n_pairs"]) == {32}


def test_a_map_that_is_nowhere_defined_has_blanks():
    dmos, units, rows = world()
    nothing = np.full(len(dmos), np.nan)
    judge, _ = judged_maps(found_errors({**rows, "good": nothing}), dmos, units)
    row = row_of(judge, map="good")
    assert row["n_undefined"] == len(dmos) and np.isnan(row["spearman"])


def test_constant_scores_and_one_reference_are_refused():
    dmos, units, rows = world()
    with pytest.raises(InputError, match="same score"):
        judged_maps(found_errors(rows), np.ones(len(dmos)), units)
    with pytest.raises(InputError, match="two or more"):
        judged_maps(found_errors(rows), dmos, ["one"] * len(dmos))


# Whole tables


def test_in_a_world_where_only_the_left_counts_the_left_map_wins(tmp_path):
    table = write_pairs(tmp_path)
    maps = write_left_maps(tmp_path / "left", [f"ref{k}" for k in range(4)])
    found = judge_pairs(
        PairsTable(table=table), MapsToJudge(folders={"left": maps}), errors=["mse"], resamples=200
    )
    row = row_of(found.judge, map="left")
    assert row["kind"] == "map" and row["spearman"] == pytest.approx(1.0)
    assert row["minus_uniform_low"] > 0 and row["minus_contrast_low"] > 0
    mirrored = row_of(found.judge, map="left, mirrored")
    assert mirrored["kind"] == "rival" and abs(mirrored["spearman"]) < 0.6
    # All maps are the same here, so another image's map does as well, and the table shows it.
    other = row_of(found.differences, map="left", rival="left, another image's")
    assert other["difference"] == 0


def test_a_picture_of_the_users_is_one_more_rival(tmp_path):
    table = write_pairs(tmp_path)
    maps = write_left_maps(tmp_path / "left", [f"ref{k}" for k in range(4)])
    segments = tmp_path / "segments"
    segments.mkdir()
    for k in range(4):
        np.save(segments / f"ref{k}.npy", 1 - left_half())
    asked = MapsToJudge(folders={"left": maps}, rivals={"segments": segments})
    found = judge_pairs(PairsTable(table=table), asked, errors=["mse"], resamples=100)
    assert row_of(found.judge, map="segments")["kind"] == "rival"
    assert row_of(found.differences, map="left", rival="segments")["low"] > 0
    assert "segments, mirrored" not in set(found.judge["map"])


@pytest.mark.parametrize("name", ["centre", "distance", "left"])
def test_a_folder_called_as_something_else_is_refused(tmp_path, name):
    maps = write_left_maps(tmp_path / "left", [f"ref{k}" for k in range(4)])
    asked = MapsToJudge(folders={"left": maps}, rivals={name: maps}, distance=tiny_distance())
    with pytest.raises(InputError, match=f"may not be called '{name}'"):
        judge_pairs(PairsTable(table=write_pairs(tmp_path)), asked)


def test_only_the_asked_distortions_count(tmp_path):
    table = write_pairs(tmp_path)
    few = judge_pairs(PairsTable(table=table), MapsToJudge(), families=["noise"], errors=["mse"])
    assert set(few.judge["n_pairs"]) == {12}
    with pytest.raises(InputError, match="did you mean 'noise'"):
        judge_pairs(PairsTable(table=table), MapsToJudge(), families=["nois"])
    with pytest.raises(InputError, match="no local error 'sim'"):
        judge_pairs(PairsTable(table=table), MapsToJudge(), errors=["sim"])


def test_a_pair_without_difference_is_named_and_the_others_go_on(tmp_path):
    table = write_pairs(tmp_path)
    (tmp_path / "ref0_0.png").write_bytes((tmp_path / "ref0.png").read_bytes())
    found = judge_pairs(PairsTable(table=table), MapsToJudge(), errors=["mse"], resamples=0)
    assert set(found.judge["n_pairs"]) == {23}
    assert "ref0_0.png is a copy of its reference" in found.notes["note"][0]


def test_a_map_that_is_zero_on_one_reference_is_noted(tmp_path):
    table = write_pairs(tmp_path)
    maps = write_left_maps(tmp_path / "left", [f"ref{k}" for k in range(4)])
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(maps / "ref2.png")
    found = judge_pairs(
        PairsTable(table=table), MapsToJudge(folders={"left": maps}), errors=["mse"], resamples=0
    )
    assert row_of(found.judge, map="left")["n_undefined"] == 6
    assert "left is 0 everywhere on ref2.png" in " ".join(found.notes["note"])


def test_no_intervals_without_resamples(tmp_path):
    found = judge_pairs(
        PairsTable(table=write_pairs(tmp_path)), MapsToJudge(), errors=["mse"], resamples=0
    )
    assert found.judge["spearman"].notna().all() and found.judge["spearman_low"].isna().all()


def test_errors_of_pairs_do_not_depend_on_how_references_are_dealt(tmp_path):
    pairs = open_pair_set(PairsTable(table=write_pairs(tmp_path))).pairs
    found = weighted_errors(pairs, {}, errors={"mse": lambda a, b: np.square(a * 1.0 - b).mean(2)})
    plain = [
        np.square(np.asarray(Image.open(a), float) - np.asarray(Image.open(b), float)).mean()
        for a, b in zip(pairs.images, pairs.references, strict=True)
    ]
    np.testing.assert_allclose(found.values[found.maps.index("uniform"), 0], plain)


def test_the_command_writes_what_the_record_reads(tmp_path):
    table = write_pairs(tmp_path)
    maps = write_left_maps(tmp_path / "left", [f"ref{k}" for k in range(4)])
    words = ["maps", "judge", str(table), "--maps", str(maps), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--resamples", "100"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "left (mse): better than" in done.output.replace("\n", " ")
    assert (tmp_path / "out" / "judge.png").is_file()
    read = read_judged_maps(tmp_path / "out")
    methods = ["left", "distance", "distance per error"]
    rivals = [f"{one}, {how}" for one in methods for how in ("mirrored", "another image's")]
    assert set(read.judge["map"]) == {*methods, *rivals, *IMAGE_RIVALS}
    assert "layer distance" in set(read.judge["error"])
    assert row_of(read.judge, map="left", error="mse")["spearman"] == pytest.approx(1.0)
    assert read.provenance["parameters"]["n_references"] == 4


def test_simulated_ratings_mark_the_tables(tmp_path):
    table = write_pairs(tmp_path, name="SIMULATED_pairs.csv")
    found = judge_pairs(PairsTable(table=table), MapsToJudge(), errors=["mse"], resamples=0)
    names = [path.name for path in found.write(tmp_path / "out")]
    assert names == ["SIMULATED_judge.csv", "SIMULATED_differences.csv", "SIMULATED_notes.csv"]
    assert read_judged_maps(tmp_path / "out").simulated


def tiny_distance(layer: str = "act2") -> MapsAsked:
    return MapsAsked(tiny_network(), None, "distance", LocalDistance((layer,)))


def test_a_layer_distance_without_map_is_the_distance_of_the_whole_pair(tmp_path):
    table, asked = write_pairs(tmp_path), MapsToJudge(distance=tiny_distance())
    pairs = open_pair_set(PairsTable(table=table)).pairs
    distance = LayerDistance(asked.distance)
    found = weighted_errors(pairs, {}, errors={"layer distance": distance})
    rows = [k for k, path in enumerate(pairs.images) if path.name.startswith("ref1_")]
    expected = [
        damage(
            asked.distance.network, read_image(pairs.references[k]), read_image(pairs.images[k]),
            asked.distance.distance,
        ).distance
        for k in rows
    ]  # fmt: skip
    uniform = found.values[found.maps.index("uniform"), 0, rows]
    np.testing.assert_allclose(uniform, expected, rtol=0.15)  # Smoothing moves a little outside.


def test_a_selection_on_pairs_is_judged_by_its_own_distance(tmp_path):
    network = tiny_network()
    on_pairs = ChannelSelection(
        network=network.name, layer="act2", widths=[12], size=None, pool=None, preprocessing="",
        weights_sha256=network.weights_sha256, dimension="dmos", method="negative", n_channels=12,
        kept=[True] * 6 + [False] * 6, weights=[1.0] * 12, impact=[0.0] * 12, distance="rms",
        alignment_selection=Gain(before=None, after=None),
        alignment_held_out=Gain(before=None, after=None),
        scenes_selection=["a"], scenes_held_out=["b"], provenance={},
    )  # fmt: skip
    asked = MapsToJudge(selection=on_pairs, network=network, distance=tiny_distance())
    found = judge_pairs(PairsTable(table=write_pairs(tmp_path)), asked, errors=["mse"], resamples=0)
    own = set(found.judge.loc[found.judge["kind"] == "map", "map"])
    assert own == {"distance, selected channels", "distance", "distance per error"}
    assert "distance, selected channels, weights permuted" in set(found.judge["map"])


def test_a_layer_that_the_network_lacks_is_refused(tmp_path):
    with pytest.raises(InputError, match="no layer"):
        judge_pairs(
            PairsTable(table=write_pairs(tmp_path)), MapsToJudge(distance=tiny_distance("conv9"))
        )


# Maps of the user's


def test_maps_are_read_from_png_and_npy(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12.0).reshape(3, 4))
    Image.fromarray(np.full((3, 4), 51, np.uint8)).save(tmp_path / "b.png")
    maps = given_maps(tmp_path, {"a": (3, 4), "b": (3, 4)})
    assert maps["a"].max() == 11 and maps["b"][0, 0] == pytest.approx(0.2)


def test_a_map_with_nan_negative_values_or_another_size_is_refused_in_one_line(tmp_path):
    holed = np.ones((3, 4))
    holed[1, 2] = np.nan
    for values, said in (
        (holed, "holds nan at x 2, y 1"),
        (-np.ones((3, 4)), "importance is 0 or more"),
        (np.ones((4, 4)), "is 4 x 4 px, its image 4 x 3 px"),
        (np.ones((3, 4, 3)), "one plane"),
        (np.array([["a"] * 4] * 3), "expected numbers"),
    ):
        np.save(tmp_path / "map.npy", values)
        with pytest.raises(InputError, match=said):
            given_map(tmp_path / "map.npy", (3, 4))


def test_a_missing_map_is_named_with_the_nearest(tmp_path):
    np.save(tmp_path / "ref1.npy", np.ones((3, 4)))
    with pytest.raises(InputError, match=r"no map of 'ref2'.*did you mean 'ref1'"):
        given_maps(tmp_path, {"ref2": (3, 4)})


# Patches


def write_patches(folder: Path, *, layout: str) -> Path:
    """Write three images whose left is worse than their right, three patches each."""
    boxes = [(0, 0, 20, 40), (22, 5, 42, 45), (40, 0, 64, 48)]
    rows = []
    for k in range(3):
        Image.fromarray(photograph(k)).save(folder / f"p{k}.png")
        rows.append((f"p{k}.png", 60 + k, [40 + k, 58 + k, 70 + k]))
    if layout == "flive":
        header = ["name_image", "mos_image"]
        for k in (1, 2, 3):
            header += [f"{e}_patch_{k}" for e in ("left", "top", "right", "bottom")]
            header.append(f"mos_patch_{k}")
        cells = [
            [name, whole, *(v for b, r in zip(boxes, ratings, strict=True) for v in (*b, r))]
            for name, whole, ratings in rows
        ]
    else:
        header = ["image", "left", "top", "right", "bottom", "rating", "image_rating"]
        cells = [
            [name, *box, rating, whole]
            for name, whole, ratings in rows
            for box, rating in zip(boxes, ratings, strict=True)
        ]
    lines = [",".join(map(str, row)) for row in [header, *cells]]
    path = folder / f"{layout}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_both_layouts_of_patches_say_the_same(tmp_path):
    flive, long = (read_patch_ratings(write_patches(tmp_path, layout=x)) for x in ("flive", "long"))

    def told(patches):
        return sorted(
            (path.name, *map(int, box), float(worse))
            for path, box, worse in zip(patches.images, patches.boxes, patches.worse, strict=True)
        )

    assert told(flive) == told(long)
    assert told(long)[0] == ("p0.png", 0, 0, 20, 40, 20.0)
    assert holds_patches(tmp_path / "flive.csv") and holds_patches(tmp_path / "long.csv")


def test_the_share_of_a_uniform_map_is_one_and_says_nothing(tmp_path):
    patches = read_patch_ratings(write_patches(tmp_path, layout="long"))
    maps = {"left": {path: left_half() for path in patches.images}}
    found = patch_shares(patches, maps)
    shares = dict(zip(found.maps, found.values[:, 0], strict=True))
    np.testing.assert_allclose(shares["uniform"], 1)
    np.testing.assert_allclose(shares["left"][:3], [2, 1, 0])
    judge, _ = judged_maps(found, patches.worse, [str(p) for p in patches.images], resamples=50)
    assert row_of(judge, map="left")["spearman"] > 0.9
    assert np.isnan(row_of(judge, map="uniform")["spearman"])


def test_the_command_judges_patches(tmp_path):
    table = write_patches(tmp_path, layout="flive")
    maps = write_left_maps(tmp_path / "left", ["p0", "p1", "p2"])
    words = ["maps", "judge", str(table), "--maps", f"left={maps}", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    judge = read_judged_maps(tmp_path / "out").judge
    assert row_of(judge, map="left")["n_pairs"] == 9


def test_a_patch_outside_its_image_is_refused_with_its_row(tmp_path):
    path = write_patches(tmp_path, layout="long")
    path.write_text(path.read_text().replace("40,0,64,48", "40,0,65,48"))
    with pytest.raises(InputError, match=r"row 4: the patch from \(40, 0\) to \(65, 48\)"):
        judge_patches(path, MapsToJudge(), resamples=0)


def test_a_damaged_image_of_patches_is_named_and_the_others_go_on(tmp_path):
    path = write_patches(tmp_path, layout="long")
    whole = judge_patches(path, MapsToJudge(), resamples=0)
    damaged = read_patch_ratings(path).images[0]
    damaged.write_bytes(damaged.read_bytes()[:300])
    found = judge_patches(path, MapsToJudge(), resamples=0)
    assert set(whole.judge["n_pairs"]) == {9} and set(found.judge["n_pairs"]) == {6}
    assert damaged.name in found.notes["note"].iloc[0]


# The published layouts, from their folders to the verdict


def test_tid2013s_local_damage_is_imported_and_judged_at_the_command_line(tmp_path):
    """Folders, names and table of the published set, cut down to three references."""
    for name in ("reference_images", "distorted_images"):
        (tmp_path / "tid" / name).mkdir(parents=True)
    rated = []
    for k in (1, 2, 3):
        original = photograph(k)
        Image.fromarray(original).save(tmp_path / "tid" / "reference_images" / f"I{k:02d}.BMP")
        rng = np.random.default_rng(k)
        for kind, level in itertools.product((1, 15), (1, 2, 3, 4, 5)):
            worse = original.copy()
            if kind == 1:
                noise = rng.normal(size=worse.shape) * 5 * level
                worse = np.clip(worse + noise, 0, 255).astype(np.uint8)
            else:
                for row in range(level):
                    worse[8 * row : 8 * row + 8, 4:20] = worse[0, 0]
            name = f"i{k:02d}_{kind:02d}_{level}.bmp"
            Image.fromarray(worse).save(tmp_path / "tid" / "distorted_images" / name)
            rated.append(f"{7 - level - k / 10:.5f} {name}")
    (tmp_path / "tid" / "mos_with_names.txt").write_text("\n".join(rated) + "\n")
    words = ["data", "import", "tid2013", str(tmp_path / "tid"), "--partial", "--out"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "tid.csv")])
    assert done.exit_code == 0, done.output
    words = ["maps", "judge", str(tmp_path / "tid.csv"), "--family", "local block distortions"]
    words += ["--no-distance", "--error", "mse", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    judge = read_judged_maps(tmp_path / "out").judge
    assert set(judge["n_pairs"]) == {15} and set(judge["n_references"]) == {3}
    assert row_of(judge, map="uniform")["spearman"] > 0.8


def test_the_table_of_flive_is_judged_with_its_folders_and_further_columns(tmp_path):
    path = write_patches(tmp_path, layout="flive")
    (tmp_path / "voc_emotic_ava").mkdir()
    for k in range(3):
        named = f"JPEGImages__2008_{k:06d}.png"
        (tmp_path / f"p{k}.png").rename(tmp_path / "voc_emotic_ava" / named)
        path.write_text(path.read_text().replace(f"p{k}.png", f"voc_emotic_ava/{named}"))
    header, *rows = path.read_text().splitlines()
    more = [f"{header},height_image,width_image,is_valid", *(f"{row},48,64,True" for row in rows)]
    path.write_text("\n".join(more) + "\n")
    words = ["maps", "judge", str(path), "--no-distance", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert set(read_judged_maps(tmp_path / "out").judge["n_pairs"]) == {9}
