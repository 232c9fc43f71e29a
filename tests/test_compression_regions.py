"""Regions of high and low importance that are alike in everything else."""

import os
import subprocess
import sys
from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from fechner.compression.degrading.families import gaussian
from fechner.compression.regions import choice
from fechner.compression.regions.blocks import BlockGrid
from fechner.compression.regions.choice import Choice, NoChoice, choose_patches
from fechner.compression.regions.controls import (
    centre_region,
    donor_region,
    middle_map,
    mirrored,
    random_region,
)
from fechner.compression.regions.covariates import COVARIATES, covariate_planes, eccentricity
from fechner.compression.regions.exchanges import exchanged, relax
from fechner.compression.regions.matched import RegionOptions, feather, matched_regions
from fechner.compression.regions.program import program_of
from fechner.errors import InputError, RefusedError

CAT = np.ascontiguousarray(cv2.resize(data.chelsea(), (288, 192), interpolation=cv2.INTER_AREA))


def blob_map(height: int, width: int) -> np.ndarray:
    """A smooth map: one bright place above and left of the centre, one faint below."""
    y, x = np.mgrid[0:height, 0:width]
    near = np.exp(-((y - 0.4 * height) ** 2 + (x - 0.35 * width) ** 2) / (0.25 * height) ** 2)
    far = np.exp(-((y - 0.8 * height) ** 2 + (x - 0.8 * width) ** 2) / (0.3 * height) ** 2)
    return (0.05 + near + 0.4 * far).astype(np.float32) / 1.5


MAP = blob_map(192, 288)


@pytest.fixture(scope="module")
def cat():
    return matched_regions(CAT, MAP)


def test_the_regions_have_equal_area_and_share_no_pixel(cat):
    assert cat.high.sum() == cat.low.sum()
    assert not (cat.high & cat.low).any()
    assert cat.area == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("name", COVARIATES)
def test_every_covariate_is_equal_within_two_percent_under_the_soft_masks(cat, name):
    high, low = (cat.covariates[arm][name] for arm in ("high", "low"))
    assert abs(high - low) <= 0.0201 * (high + low) / 2


def test_the_high_region_is_more_important_by_area_and_at_edges(cat):
    assert cat.gap > 0.3 * MAP.mean()
    assert cat.edge_gap > 0.3 * MAP.mean()
    assert cat.gap == pytest.approx(cat.importance["high"] - cat.importance["low"])


def test_neither_region_is_more_scattered_than_its_patches(cat):
    options = RegionOptions()
    bound = 4 * options.patches(cat.grid) * options.patch * cat.grid.block
    assert max(cat.perimeter.values()) <= bound


def test_the_solver_gap_is_recorded_and_keeps_its_limit(cat):
    assert 0 <= cat.solver_gap <= RegionOptions().solver_gap + 1e-9


def test_the_soft_masks_have_the_area_of_the_regions_and_end(cat):
    for arm, region in (("high", cat.high), ("low", cat.low)):
        soft = cat.soft[arm]
        assert soft.sum() == pytest.approx(region.sum(), rel=1e-4)
        assert soft.min() == 0 and 0.9 < soft.max() <= 1
        assert (soft[cv2.dilate(region.astype(np.uint8), np.ones((41, 41))) == 0] == 0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), sigma=st.floats(0.5, 9.0))
def test_the_mean_under_a_soft_mask_is_the_mean_of_the_filtered_plane(seed, sigma):
    rng = np.random.default_rng(seed)
    plane = rng.random((60, 90), np.float32)
    mask = rng.random((60, 90)) < 0.2
    assert (plane * feather(mask, sigma)).sum() == pytest.approx(
        gaussian(plane, sigma)[mask].sum(), rel=1e-4
    )


def test_leaving_a_covariate_unmatched_frees_the_choice_and_still_reports_it():
    loose = RegionOptions().without("eccentricity")
    assert "eccentricity" not in loose.match
    towards_the_centre = 1.05 - eccentricity(*CAT.shape[:2])
    found = matched_regions(CAT, towards_the_centre, options=loose)
    assert set(found.covariates["high"]) == set(COVARIATES)
    high, low = (found.covariates[arm]["eccentricity"] for arm in ("high", "low"))
    assert high < 0.9 * low


def exhaustive(value: np.ndarray, covariate: np.ndarray, tolerance: float) -> float:
    """The best gap over all pairs of two blocks each, found by trying all."""
    best = -np.inf
    pairs = list(combinations(range(len(value)), 2))
    for high in pairs:
        for low in pairs:
            ours, theirs = covariate[list(high)].sum(), covariate[list(low)].sum()
            apart = abs(ours - theirs) > tolerance * (ours + theirs) / 2
            if not set(high) & set(low) and not apart:
                best = max(best, value[list(high)].mean() - value[list(low)].mean())
    return best


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), tolerance=st.floats(0.05, 0.5))
def test_the_choice_is_the_best_of_all_that_are_matched(seed, tolerance):
    rng = np.random.default_rng(seed)
    grid = BlockGrid(12, 16, 4)
    value, covariate = rng.random(grid.count), rng.random(grid.count)
    found = choose_patches(
        grid,
        value,
        {"c": covariate},
        patches=2,
        side=1,
        tolerance=tolerance,
        node_limit=500,
        solver_gap=0.0,
    )
    best = exhaustive(value, covariate, tolerance)
    if isinstance(found, NoChoice):
        assert found.impossible and best == -np.inf
    else:
        assert isinstance(found, Choice)
        assert found.gap == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_exchanges_end_matched_disjoint_and_between_the_best_of_few_and_the_bound(seed):
    rng = np.random.default_rng(seed)
    grid = BlockGrid(80, 120, 4)
    covariates = {name: rng.random(grid.count) for name in "abc"}
    program = program_of(
        grid, rng.random(grid.count), covariates, patches=8, side=2, tolerance=0.05
    )
    relaxed = relax(program)
    places = exchanged(program, relaxed, near=0.0)
    taken = np.concatenate([program.cover[:, one].toarray().sum(axis=1) for one in places])
    assert taken.sum() == 2 * 8 * 2**2 and (taken.reshape(2, -1).sum(axis=0) <= 1).all()
    for values in program.covariates:
        high, low = (values[one].sum() for one in places)
        assert abs(high - low) <= 0.05 * (high + low) / 2
    value = program.value[places].mean(axis=1)
    assert program.gap(places) == pytest.approx(value[0] - value[1])
    # Of 20 000 sets drawn at random the best matched one is worse.
    drawn = rng.integers(0, len(program.value), (20_000, 2, 8))
    matched = [one for one in drawn if program.matches(one)]
    assert max(program.gap(one) for one in matched) < program.gap(places) <= relaxed.bound


def test_one_picture_has_one_choice_by_exchanges():
    first, again = (matched_regions(CAT, MAP) for _ in range(2))
    assert (first.high == again.high).all() and (first.low == again.low).all()
    assert first.solver_gap < RegionOptions().solver_gap


def test_the_search_stops_by_its_nodes_and_never_by_the_clock(monkeypatch):
    given = []
    real = choice.milp

    def watched(*args, options, **kwargs):
        given.append(dict(options))
        return real(*args, options=options, **kwargs)

    monkeypatch.setattr(choice, "milp", watched)
    options = RegionOptions(block=12, patch=2, tolerance=0.05, node_limit=3, solver_gap=0.0)
    first = matched_regions(CAT, MAP, options=options)
    assert given == [{"node_limit": 3, "mip_rel_gap": 0.0}]
    assert first.solver_gap > 0
    again = matched_regions(CAT, MAP, options=options)
    assert (again.high == first.high).all() and (again.low == first.low).all()


DIGESTS = """
import hashlib, os, cv2, numpy as np
cv2.setNumThreads(int(os.environ["OMP_NUM_THREADS"]))
from fechner.compression.degrading.degrade import FAMILIES, degrade
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.compression.regions.covariates import covariate_planes
picture = np.random.default_rng(0).integers(0, 256, (64, 3203, 3), np.uint8)
found = list(covariate_planes(picture).values())
for family in FAMILIES.values():
    strength = family.neutral + (family.strongest - family.neutral) / 5
    found.append(degrade(picture, family.name, strength))
found.append(np.array(Ss2Reference(picture).score(found[-1])))
print(hashlib.sha256(b"".join(one.tobytes() for one in found)).hexdigest())
"""


def test_how_many_threads_compute_changes_no_digit():
    answers = set()
    for threads in ("1", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        env = os.environ | dict.fromkeys(names, threads)
        done = subprocess.run(
            [sys.executable, "-c", DIGESTS], env=env, capture_output=True, text=True, check=True
        )
        answers.add(done.stdout)
    assert len(answers) == 1


def test_a_picture_without_a_choice_says_after_how_many_nodes():
    edges = ("edge_fine", "edge_middle")
    options = RegionOptions(block=24, patch=2, match=edges, tolerance=1e-5, node_limit=1)
    with pytest.raises(RefusedError, match=r"found in 5 nodes of the search within 0\.001 %"):
        matched_regions(CAT, MAP, options=options)


def test_the_constraint_that_binds_is_named():
    rng = np.random.default_rng(0)
    texture = rng.normal(0, 12, (192, 192))
    texture = texture + texture[:, ::-1]
    grey = np.clip(texture + np.where(np.arange(192) < 96, 190, 60), 0, 255).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=2)
    importance = np.tile(np.where(np.arange(192) < 96, 1.0, 0.1), (192, 1))
    options = RegionOptions(
        match=("eccentricity", "luminance"), edge_weight=0.0, minimum_gap=0.6, tolerance=0.05
    )
    with pytest.raises(RefusedError, match="binds is 'luminance'"):
        matched_regions(image, importance, options=options)


def test_a_constant_map_is_refused():
    with pytest.raises(RefusedError, match="constant"):
        matched_regions(CAT, np.full(CAT.shape[:2], 0.5))


def test_a_map_of_another_size_names_both_sizes():
    with pytest.raises(InputError, match=r"\(100, 50\).*\(288, 192\)"):
        matched_regions(CAT, np.zeros((50, 100)))


def test_a_map_with_holes_is_refused():
    holed = MAP.copy()
    holed[3, 3] = np.nan
    with pytest.raises(InputError, match="finite"):
        matched_regions(CAT, holed)


def test_an_unknown_covariate_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'luminance'"):
        RegionOptions(match=("luminence",))


@pytest.mark.parametrize("options", [{"share": 0.6}, {"tolerance": 0.0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(InputError, match="expects"):
        RegionOptions(**options)


def test_a_donor_region_from_a_picture_of_the_same_size_is_unchanged(cat):
    blocks = round(cat.high.sum() / cat.grid.block**2)
    assert (donor_region(cat.grid, cat.high, blocks) == cat.high).all()


@pytest.mark.parametrize("size", [(192, 288), (288, 192), (200, 200), (97, 333)])
def test_a_donor_region_has_the_receiving_scene_s_area_on_a_picture_of_any_size(cat, size):
    grid = BlockGrid.fitting(*size)
    region = donor_region(grid, cat.high, 60)
    assert region.shape == size
    assert region.sum() == 60 * grid.block**2


def test_a_mirrored_region_keeps_area_and_eccentricity(cat):
    turned = mirrored(cat.high)
    distance = eccentricity(*turned.shape)
    assert turned.sum() == cat.high.sum()
    assert distance[turned].mean() == pytest.approx(distance[cat.high].mean(), rel=1e-5)
    assert (mirrored(turned) == cat.high).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_random_regions_have_the_area_asked_for_and_follow_their_seed(seed):
    grid = BlockGrid.fitting(192, 288)
    first, again = (
        random_region(grid, patches=8, side=4, rng=np.random.default_rng(seed)) for _ in range(2)
    )
    assert first.sum() == 8 * 16 * grid.block**2
    assert (first == again).all()


def test_random_patches_that_cannot_fit_are_refused():
    with pytest.raises(RefusedError, match="smaller share"):
        random_region(BlockGrid(64, 64, 8), patches=5, side=4, rng=np.random.default_rng(0))


def test_the_centre_region_holds_the_nearest_blocks():
    grid = BlockGrid.fitting(192, 288)
    region = centre_region(grid, 50)
    assert region.sum() == 50 * grid.block**2
    assert region[96, 144] and not region[0, 0]


def test_the_middle_map_is_highest_at_the_median_and_zero_at_the_extremes():
    middle = middle_map(MAP)
    peak = MAP.ravel()[middle.argmax()]
    assert peak == pytest.approx(np.median(MAP), rel=0.01)
    assert middle.ravel()[MAP.argmax()] == pytest.approx(0, abs=1e-4)
    assert middle.ravel()[MAP.argmin()] == pytest.approx(0, abs=1e-4)


def test_edge_energy_is_in_squared_grey_levels_a_pixel():
    ramp = np.repeat(np.tile(np.arange(0, 250, 2, dtype=np.uint8), (64, 1))[..., None], 3, axis=2)
    planes = covariate_planes(ramp)
    assert planes["edge_fine"][32, 60] == pytest.approx(4.0, rel=0.01)
    assert planes["edge_middle"][32, 60] == pytest.approx(4.0, rel=0.01)
    assert planes["chroma"].max() == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("size", [(192, 288), (101, 77)])
def test_block_masks_and_means_agree(size):
    grid = BlockGrid.fitting(*size)
    plane = np.random.default_rng(1).random(size)
    chosen = np.zeros(grid.count, bool)
    chosen[[0, grid.count // 2, grid.count - 1]] = True
    assert plane[grid.mask(chosen)].mean() == pytest.approx(grid.means(plane)[chosen].mean())
    assert grid.perimeter(chosen) == 12
