"""Stimulus sets: what is built, that it is matched, and that it is built once."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import stimuli_pictures
from hypothesis import given, settings
from hypothesis import strategies as st

from fechner.analysis.network.layers.networks import load_network
from fechner.analysis.network.maps.damage import damage, local_distance
from fechner.compression.degrading.families import gaussian
from fechner.compression.metrics.local_errors import squared_error
from fechner.compression.metrics.quality import mse
from fechner.errors import InputError, RefusedError
from fechner.executors import executor
from fechner.provenance import write_json
from fechner.records.done import VERSIONS
from fechner.records.images.files import read_image, read_map_png, read_mask_png, write_map_png
from fechner.records.stimuli import verify
from fechner.stimuli.build import build_stimuli
from fechner.stimuli.design import Design
from fechner.stimuli.donors import assign_donors, mismatch
from fechner.stimuli.impact import importance_weights, weighted_error
from fechner.stimuli.kept import mask_path

QUICK = stimuli_pictures.QUICK


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return stimuli_pictures.written(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def built(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    return build_stimuli(scenes, folder, target_mse=30.0, regions=QUICK, max_strength_ratio=2.5)


def arm(built, scene, region):
    return next(s for s in built.stimuli if s.scene == scene and s.region == region)


def pixels(built, scene, region):
    return read_image(built.image_path(arm(built, scene, region)))


def region_mask(built, scene, region):
    return read_mask_png(mask_path(built.folder, scene, region))


def test_every_scene_has_intact_low_high_and_donor(built):
    assert len(built.scenes) >= 3
    for scene in built.scenes:
        regions = [s.region for s in built.stimuli if s.scene == scene]
        assert sorted(regions) == ["donor", "high", "intact", "low"]


def test_the_intact_picture_is_the_photograph_bit_for_bit(built, scenes):
    for scene in built.scenes:
        assert (pixels(built, scene, "intact") == read_image(scenes[scene][0])).all()


def test_the_removed_information_is_equal_between_arms_within_two_percent(built):
    for scene in built.scenes:
        intact = pixels(built, scene, "intact")
        errors = [mse(intact, pixels(built, scene, r)) for r in ("low", "high", "donor")]
        assert max(errors) / min(errors) <= 1.02
        assert errors[0] == pytest.approx(30.0, rel=0.006)


def test_the_arms_have_equal_area_and_change_nothing_outside_their_soft_mask(built):
    for scene in built.scenes:
        areas = {arm(built, scene, r).mask_area for r in ("low", "high", "donor")}
        assert len(areas) == 1
        block = built.record["scenes"][scene]["block"]
        for region in ("low", "high", "donor"):
            soft = gaussian(region_mask(built, scene, region).astype(np.float32), block / 2)
            outside = soft == 0
            assert outside.mean() > 0.05
            changed = pixels(built, scene, region) != pixels(built, scene, "intact")
            assert not changed[outside].any()


def test_the_predicted_impact_is_the_map_weighted_error_and_high_beats_low(built, scenes):
    for scene in built.scenes:
        importance = read_map_png(scenes[scene][1]).astype(float)
        impacts = {}
        for region in ("low", "high"):
            difference = pixels(built, scene, region) - pixels(built, scene, "intact").astype(float)
            error = np.square(difference).mean(axis=2)
            impacts[region] = (importance * error).sum() / importance.sum()
            assert arm(built, scene, region).predicted_impact == pytest.approx(impacts[region])
        assert impacts["high"] > impacts["low"]
        assert arm(built, scene, "intact").predicted_impact == 0


def test_the_layer_distance_is_what_impact_says_of_the_pair_and_needs_no_map(built):
    network = load_network(device="cpu")
    for scene in built.scenes:
        intact = pixels(built, scene, "intact")
        for region in ("low", "high", "donor"):
            seen = damage(network, intact, pixels(built, scene, region), local_distance(network))
            assert arm(built, scene, region).layer_distance == pytest.approx(seen.distance)
        assert arm(built, scene, "intact").layer_distance == 0.0
    assert built.record["layer_distance"]["network"] == "efficientnet_lite0"
    assert "layer_distance" in built.table


def test_every_scene_takes_one_region_and_gives_one_and_never_its_own(built):
    donors = [built.record["scenes"][scene]["donor"] for scene in built.scenes]
    assert all(donor != scene for donor, scene in zip(donors, built.scenes, strict=True))
    assert len(set(donors)) == len(donors)


def test_the_record_says_what_it_rests_on(built, scenes):
    block = built.record["provenance"]
    assert block["parameters"]["families"] == ["blur"]
    assert set(block["inputs"]) == {f"{s} {part}" for s in scenes for part in ("image", "map")}
    about = built.record["scenes"][built.scenes[0]]
    assert about["importance_gap_of_mean"] > 0 and about["solver_gap"] >= 0
    assert set(about["covariates"]["high"]) >= set(QUICK.match)
    strengths = about["strengths"]["blur mse=30"]
    assert set(strengths) == {"low", "high", "donor"}
    ratio = max(strengths.values()) / min(strengths.values())
    assert about["strength_ratio"]["blur mse=30"] == pytest.approx(ratio)


def test_the_same_inputs_build_the_same_bytes(built, scenes, tmp_path):
    again = build_stimuli(
        {name: scenes[name] for name in scenes},
        tmp_path,
        target_mse=30.0,
        regions=QUICK,
        max_strength_ratio=2.5,
    )
    assert again.sha256 == built.sha256


def test_what_is_built_is_not_built_again_and_what_is_damaged_is(built, scenes):
    def build():
        return build_stimuli(
            scenes, built.folder, target_mse=30.0, regions=QUICK, max_strength_ratio=2.5
        )

    def times():
        return {p.name: p.stat().st_mtime_ns for p in built.folder.glob("*.png")}

    before = times()
    assert build().sha256 == built.sha256
    assert times() == before
    damaged = built.image_path(arm(built, built.scenes[0], "donor"))
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert build().sha256 == built.sha256
    assert {name for name, t in times().items() if t != before[name]} == {damaged.name}
    verify(built.folder)


def test_a_new_version_of_the_algorithm_builds_every_scene_again(scenes, tmp_path, monkeypatch):
    few = {name: scenes[name] for name in ("cat", "cup")}
    options = {"regions": QUICK, "arms": ("low", "high"), "family": "noise", "target_mse": 10.0}
    build_stimuli(few, tmp_path, **options)
    made = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.png")}
    monkeypatch.setitem(VERSIONS, "scene", VERSIONS["scene"] + 1)
    build_stimuli(few, tmp_path, **options)
    again = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.png")}
    assert again.keys() == made.keys()
    assert all(again[name] != made[name] for name in made)


def test_families_levels_and_regions_are_crossed(scenes, tmp_path):
    made = build_stimuli(
        {name: scenes[name] for name in ("cat", "cup")},
        tmp_path,
        family=("noise", "contrast"),
        target_mse=(8.0, 24.0),
        arms=("low", "high", "random", "mirrored", "centre", "middle"),
        regions=QUICK,
        max_strength_ratio=4.0,
    )
    cat = [s for s in made.stimuli if s.scene == "cat"]
    assert len(cat) == 1 + 2 * 2 * 6
    assert {(s.family, s.level) for s in cat if s.region == "mirrored"} == {
        (family, level) for family in ("noise", "contrast") for level in (1, 2)
    }
    for stimulus in cat[1:]:
        assert stimulus.mse == pytest.approx({1: 8.0, 2: 24.0}[stimulus.level], rel=0.006)
    assert len({stimulus.mask_area for stimulus in cat[1:]}) == 1
    high, turned = (region_mask(made, "cat", r) for r in ("high", "mirrored"))
    assert (turned == high[:, ::-1]).all()


def test_a_set_says_simulated_where_its_maps_do(scenes, tmp_path):
    few = {}
    for name in ("cat", "cup"):
        importance = tmp_path / f"{name}.png"
        importance.write_bytes(scenes[name][1].read_bytes())
        few[name] = (scenes[name][0], importance)
    options = {"regions": QUICK, "family": "noise", "target_mse": 10.0, "arms": ("low", "high")}
    assert not build_stimuli(few, tmp_path / "set", **options).simulated
    assert build_stimuli(few, tmp_path / "set", simulated=True, **options).simulated
    write_json(tmp_path / "cat.json", {"provenance": {"simulated": True}})
    assert build_stimuli(few, tmp_path / "set", **options).simulated


def test_pictures_of_a_former_set_and_of_scenes_left_out_do_not_stay(scenes, tmp_path):
    few = {name: scenes[name] for name in ("cat", "cup")}
    options = {"regions": QUICK, "arms": ("low", "high"), "max_strength_ratio": 4.0}
    build_stimuli(few, tmp_path, family="noise", target_mse=10.0, **options)
    twice = few | {"copy": few["cat"]}
    made = build_stimuli(twice, tmp_path, family="contrast", target_mse=10.0, again=True, **options)
    assert set(made.record["refused"]) == {"copy"}
    assert {p.name for p in tmp_path.glob("*.png")} == {s.file for s in made.stimuli}
    assert not list((tmp_path / "masks").glob("copy_*"))


def files(folder):
    """Every file of a folder and its bytes."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@contextmanager
def busy_machine():
    """An endless loop for every core."""
    loop = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(loop) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in loops:
            process.kill()
            process.wait()


def test_one_process_or_two_idle_or_busy_the_same_bytes_are_built(scenes, tmp_path):
    # A search that its nodes end, not its gap: where a clock would end it under load.
    unended = replace(QUICK, solver_gap=0.0, node_limit=5)
    options = {"regions": unended, "max_strength_ratio": 4.0, "family": "noise", "target_mse": 10.0}
    few = {name: scenes[name] for name in ("cat", "cup")}
    made = build_stimuli(few, tmp_path / "alone", **options)
    assert min(about["solver_gap"] for about in made.record["scenes"].values()) > 0
    done = []
    with busy_machine(), executor(2) as pool:
        build_stimuli(
            few, tmp_path / "busy", pool=pool, progress=lambda d, n: done.append((d, n)), **options
        )
    assert done[-1] == (6, 6)
    assert files(tmp_path / "busy") == files(tmp_path / "alone")


def test_scenes_that_cannot_be_matched_are_left_out_with_the_reason(scenes, tmp_path):
    flat = tmp_path / "flat.png"
    write_map_png(flat, np.full((144, 216), 0.5))
    three = {n: scenes[n] for n in ("cat", "cup")} | {"flat": (scenes["crew"][0], flat)}
    options = {"regions": QUICK, "family": "noise", "target_mse": 10.0, "arms": ("low", "high")}
    made = build_stimuli(three, tmp_path / "set", **options)
    assert made.scenes == ["cat", "cup"]
    assert "constant" in made.record["refused"]["flat"]
    with pytest.raises(RefusedError, match=r"only 1 of 2 .* flat: .*constant"):
        build_stimuli({n: three[n] for n in ("cat", "flat")}, tmp_path / "two", **options)


def test_a_map_that_does_not_fit_names_both_files(scenes, tmp_path):
    small = tmp_path / "small.png"
    write_map_png(small, np.eye(20))
    with pytest.raises(InputError, match=r"20 x 20 pixels.*216 x 144"):
        build_stimuli({"cat": (scenes["cat"][0], small)}, tmp_path / "set")


def test_a_missing_map_is_named(scenes, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.png"):
        build_stimuli({"cat": (scenes["cat"][0], tmp_path / "nowhere.png")}, tmp_path / "set")


def test_scenes_whose_names_look_like_numbers_or_nothing_are_built_under_these_names(
    scenes, tmp_path
):
    names = ["0801", "null", "-1", "a,b"]
    odd = dict(zip(names, scenes.values(), strict=True))
    options = {"regions": QUICK, "family": "noise", "target_mse": 10.0, "max_strength_ratio": 4.0}
    build_stimuli(odd, tmp_path, **options)
    found = verify(tmp_path)
    assert found.scenes == list(found.record["scenes"]) == names
    assert set(found.table["scene"]) == set(names)
    donors = {found.record["scenes"][name]["donor"] for name in names}
    assert donors == set(names)
    assert [s.file for s in found.stimuli if s.scene == "-1" and s.region == "low"] == [
        "-1_noise_low.png"
    ]


@pytest.mark.parametrize("name", ["a/b", "", ".hidden", "c:d", "aux"])
def test_a_scene_whose_name_is_no_file_name_is_refused(scenes, tmp_path, name):
    with pytest.raises(InputError, match="file name"):
        build_stimuli({name: scenes["cat"]}, tmp_path)


def test_scenes_that_would_share_files_are_refused(scenes, tmp_path):
    with pytest.raises(InputError, match="'Cat' and 'cat' would share their files"):
        build_stimuli({"Cat": scenes["cat"], "cat": scenes["cup"]}, tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(scenes, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(InputError, match="cannot write"):
        build_stimuli({"cat": scenes["cat"]}, blocked, regions=QUICK, target_mse=10.0)


def test_a_full_disk_leaves_nothing_half_written(scenes, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        build_stimuli({"cat": scenes["cat"]}, tmp_path, regions=QUICK, target_mse=10.0)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"families": ("blurr",)}, "did you mean 'blur'"),
        ({"arms": ("low", "high", "doner")}, "did you mean 'donor'"),
        ({"arms": ("low",)}, "needs the region 'high'"),
        ({"targets": (20.0, 10.0)}, "growing"),
        ({"targets": ()}, "needs a family and a target"),
        ({"measure": "ssims"}, "did you mean 'ssim'"),
    ],
)
def test_a_design_that_cannot_be_built_says_why(options, message):
    with pytest.raises(InputError, match=message):
        Design(**options)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 5))
def test_donors_are_the_best_derangement(seed, n):
    costs = np.random.default_rng(seed).random((n, 2 * n))
    chosen = assign_donors(costs)
    assert all(j % n != i for i, j in enumerate(chosen))
    assert len({j % n for j in chosen}) == n
    best = np.minimum(costs[:, :n], costs[:, n:]) ** 4
    orders = [p for p in permutations(range(n)) if all(i != j for i, j in enumerate(p))]
    least = min(sum(best[i, j] for i, j in enumerate(p)) for p in orders)
    assert sum(costs[i, j] ** 4 for i, j in enumerate(chosen)) == pytest.approx(least)


def test_the_mismatch_of_a_donor_is_the_log_ratio_of_errors():
    error = np.ones((4, 4))
    error[:, 2:] = 4.0
    left, right = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    left[:, :2], right[:, 2:] = True, True
    assert mismatch(error, left, [left, right]) == pytest.approx([0, np.log(4)])
    finer = np.kron(right, np.ones((2, 2), bool))
    assert mismatch(error, left, [finer]) == pytest.approx([np.log(4)])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_equal_importance_everywhere_predicts_the_plain_error(seed):
    rng = np.random.default_rng(seed)
    one, other = (rng.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(2))
    error = squared_error(one, other)
    assert weighted_error(error, importance_weights(np.full((20, 30), 0.3))) == pytest.approx(
        mse(one, other)
    )


def test_an_empty_map_predicts_nothing_and_is_refused():
    with pytest.raises(RefusedError, match="0 everywhere"):
        importance_weights(np.zeros((4, 4)))


@pytest.mark.proof
def test_a_cluster_that_loses_one_of_two_workers_builds_the_same_bytes(scenes, tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"regions": QUICK, "family": "noise", "target_mse": 10.0, "max_strength_ratio": 4.0}
    build_stimuli(scenes, tmp_path / "alone", **options)
    killed = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:

        def kill(done, steps):
            if done == 1 and not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        with executor(cluster=cluster.scheduler_address) as pool:
            build_stimuli(scenes, tmp_path / "cluster", pool=pool, progress=kill, **options)
    assert killed
    assert files(tmp_path / "cluster") == files(tmp_path / "alone")
