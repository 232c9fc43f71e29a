"""Maps against their own model: losses of tiles, sanity of maps, deletion and insertion."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pair_worlds import picture, tiny_network
from scipy import stats
from skimage import data
from torch import nn
from typer.testing import CliRunner

from fechner.analysis.judging.deletion import deletion_and_insertion
from fechner.analysis.judging.likeness import likeness
from fechner.analysis.network.layers.networks import Network, load_network
from fechner.analysis.network.maps.damage import LocalDistance
from fechner.analysis.network.maps.removal import blurred, removal_map
from fechner.analysis.network.sanity.cascading import cascaded, modules_with_weights
from fechner.analysis.network.sanity.rival_selections import all_channels_selection
from fechner.analysis.network.sanity.tile_losses import TileLosses, faithfulness, tile_losses
from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.images.files import write_png
from fechner.records.map_worth.agreement import read_map_comparison
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale
from fechner.records.selection import ChannelSelection, Gain, ReadoutEvidence, SelectionStudy
from fechner.study.map_worth.check import DELETION, LOSS, check_maps
from fechner.study.map_worth.made import MapsToJudge
from fechner.study.map_worth.maps import maps_of_images
from fechner.study.map_worth.sanity import (
    OTHER_SCENES,
    SHUFFLED_RATINGS,
    Reselection,
    reselected,
)
from fechner.study.maps import MapsAsked

RNG = np.random.default_rng(0)


def selection_of(
    network: Network, weights, *, layer: str, size: int = 64, method: str = "readout"
) -> ChannelSelection:
    return ChannelSelection(
        network=network.name,
        layer=layer,
        widths=[len(weights)],
        size=size,
        weights_sha256=network.weights_sha256,
        preprocessing="",
        pool="mean",
        dimension="quality",
        method=method,
        n_channels=len(weights),
        kept=[bool(w) for w in weights],
        weights=[float(w) for w in weights],
        impact=[0.0] * len(weights),
        alignment_selection=Gain(before=None, after=None),
        alignment_held_out=Gain(before=None, after=None),
        readout=ReadoutEvidence(held_out_spearman=0.5),
        scenes_selection=["a"],
        scenes_held_out=["b"],
        provenance={},
    )


def linear_network() -> Network:
    """Channels are the colour channels: the prediction is a sum over pixels, exactly."""
    layer = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(3)[:, :, None, None])
    return Network(
        name="colours",
        module=nn.Sequential(layer).eval().requires_grad_(False),
        layers=("0",),
        default_layer="0",
        mean=(0.0, 0.0, 0.0),
        sd=(1 / 255, 1 / 255, 1 / 255),
        weights_sha256="0" * 64,
        weights_source="none",
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    return np.ascontiguousarray(data.chelsea()[50:178, 60:252])


@pytest.fixture(scope="module")
def tiny() -> Network:
    return tiny_network()


@pytest.fixture
def asked(tiny) -> MapsToJudge:
    weights = np.random.default_rng(1).normal(size=12)
    return MapsToJudge(selection=selection_of(tiny, weights, layer="act2"), network=tiny)


@pytest.fixture
def photos(tmp_path) -> dict[str, Path]:
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(4)
    for k in range(3):
        write_png(tmp_path / "photos" / f"p{k}.png", picture(rng, 72, 96))
    return {f"p{k}": tmp_path / "photos" / f"p{k}.png" for k in range(3)}


# Maps and their rivals


def test_images_dealt_to_others_have_the_maps_that_one_process_makes(asked, tiny, photos):
    """In a pool networks travel as files; threads are others enough to have them sent."""
    together = replace(asked, distance=MapsAsked(tiny, None, "distance", LocalDistance(("act2",))))
    alone, rivals = maps_of_images(list(photos.values()), together)
    with ThreadPoolExecutor(2) as pool:
        dealt, same = maps_of_images(list(photos.values()), together, pool=pool)
    assert rivals == same and list(dealt) == list(alone)
    for method, of_images in alone.items():
        for path, values in of_images.items():
            np.testing.assert_array_equal(dealt[method][path], values)


# Losses of tiles


def test_the_exact_map_of_a_linear_model_is_wholly_faithful_and_its_reverse_not(cat):
    network = linear_network()
    selection = selection_of(network, [1.0, 1.0, 1.0], layer="0", size=224)

    def darker(image: np.ndarray) -> np.ndarray:
        return image // 2

    raw = removal_map(network, cat, selection, degraded=darker)
    tiles = tile_losses(network, cat, selection, degraded=darker)
    assert faithfulness(raw, tiles).loss > 0.97
    assert faithfulness(-raw, tiles).loss < -0.97


@pytest.mark.proof
def test_removal_maps_foretell_what_the_trained_network_loses():
    """Over three photographs the mean Spearman with the losses of 16 tiles exceeds 0.3."""
    lite0 = load_network(device="cpu")
    selection = selection_of(
        lite0, np.random.default_rng(0).normal(size=1280), layer="bn2", size=224
    )
    agreed = []
    for image in (data.chelsea(), data.coffee(), data.astronaut()):
        raw = removal_map(lite0, image, selection)
        agreed.append(faithfulness(raw, tile_losses(lite0, image, selection)).loss)
    assert np.mean(agreed) > 0.3


def test_a_tile_that_does_not_change_costs_nothing_and_not_a_grain_of_rounding():
    """In a batch of another size the same picture differs in its last bits."""
    network = load_network(device="cpu")
    selection = selection_of(network, RNG.normal(size=1280), layer="bn2", size=64)
    tiles = tile_losses(network, np.full((48, 64, 3), 90, np.uint8), selection)
    assert not tiles.error.any() and not tiles.loss.any()


def made_tiles(loss, error=None, side: int = 4) -> TileLosses:
    """Return hard tiles of 4 x 4 pixels with losses of one's own."""
    n = side * side
    masks = np.kron(np.eye(n).reshape(n, side, side), np.ones((1, 4, 4))).astype(np.float32)
    return TileLosses(masks, np.asarray(loss, float), np.ones(n) if error is None else error)


def spread(values) -> np.ndarray:
    """Return a map (16, 16) with one value a tile."""
    return np.kron(np.asarray(values, float).reshape(4, 4), np.ones((4, 4)))


def test_correlations_over_tiles_are_scipys():
    shown, loss, contrast = RNG.normal(size=(3, 16)) + RNG.normal(size=16)
    error = RNG.uniform(1, 9, 16)
    told = faithfulness(spread(shown), made_tiles(loss, error), contrast=spread(contrast))
    assert told.loss == pytest.approx(stats.spearmanr(shown, loss).statistic)
    assert told.loss_at_equal_mse == pytest.approx(stats.spearmanr(shown, loss / error).statistic)
    ranks = [stats.rankdata(one) for one in (shown, loss, contrast)]
    design = np.column_stack([np.ones(16), ranks[2]])
    rest = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranks[:2]]
    assert told.loss_given_contrast == pytest.approx(np.corrcoef(*rest)[0, 1])


def test_a_map_that_is_only_contrast_has_nothing_left_given_contrast():
    loss, contrast = RNG.normal(size=(2, 16))
    told = faithfulness(spread(contrast), made_tiles(loss), contrast=spread(contrast))
    assert np.isnan(told.loss_given_contrast)


def test_constant_maps_and_losses_are_not_defined_and_not_zero():
    loss = RNG.normal(size=16)
    for told in (
        faithfulness(np.full((16, 16), 0.3), made_tiles(loss)),
        faithfulness(spread(loss), made_tiles(np.zeros(16))),
    ):
        assert np.isnan(told.loss) and np.isnan(told.loss_at_equal_mse)


def test_a_flat_image_loses_nothing_and_nothing_is_defined(tiny, asked):
    flat = np.full((64, 64, 3), 90, np.uint8)
    tiles = tile_losses(tiny, flat, asked.selection)
    assert tiles.error.max() == 0
    told = faithfulness(RNG.random((64, 64)), tiles)
    assert np.isnan(told.loss_at_equal_mse) and np.isnan(told.loss_given_contrast)


# Networks and selections that should give other maps


def test_shuffling_goes_from_the_last_layer_and_leaves_the_network_as_it_was(tiny):
    before = {name: tensor.clone() for name, tensor in tiny.module.state_dict().items()}
    (half, last), (whole, both) = cascaded(tiny, ["act2"], shares=(0.5, 1.0))
    assert (half, whole) == (0.5, 1.0)
    for name, tensor in tiny.module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert torch.equal(last.module.first.weight, before["first.weight"])
    for shuffled, name in ((last, "second"), (both, "second"), (both, "first")):
        weight = shuffled.module.get_submodule(name).weight
        assert not torch.equal(weight, before[f"{name}.weight"])
        kept = torch.sort(weight.flatten()).values
        assert torch.equal(kept, torch.sort(before[f"{name}.weight"].flatten()).values)
    assert both.weights_sha256 == tiny.weights_sha256


def test_modules_behind_the_layer_are_left_out(tiny):
    assert modules_with_weights(tiny, ["pool"]) == ["first"]
    assert modules_with_weights(tiny, ["act2"]) == ["first", "second"]


def test_a_network_without_weights_cannot_be_shuffled():
    bare = replace(linear_network(), module=nn.Sequential(nn.ReLU()))
    with pytest.raises(InputError, match="no module of colours before 0 has weights"):
        modules_with_weights(bare, ["0"])


def test_all_channels_weigh_alike_and_sds_not_at_all(tiny):
    selection = selection_of(tiny, [1.0, -2.0, 0.0, 3.0], layer="act2")
    assert all_channels_selection(selection).weights == [1.0] * 4
    pooled = selection.model_copy(update={"pool": "mean_sd"})
    assert all_channels_selection(pooled).weights == [1.0, 1.0, 0.0, 0.0]


def rated_pictures(folder: Path) -> RatedImages:
    folder.mkdir()
    rng, rows = np.random.default_rng(5), []
    for k in range(16):
        original = picture(rng, 48, 48).astype(float)
        noisy = original + rng.normal(size=original.shape) * 6 * (k % 4)
        write_png(folder / f"r{k}.png", np.clip(noisy, 0, 255).astype(np.uint8))
        rows.append((f"r{k}.png", f"s{k // 4}", 5.0 - k % 4 + 0.01 * k))
    table = pd.DataFrame(rows, columns=["image", "scene", "quality"])
    return RatedImages(table, folder, {"quality": Scale(1, 6)})


def test_a_selection_made_anew_differs_with_shuffled_ratings_and_other_scenes(
    asked, tmp_path, tiny
):
    again = Reselection(rated_pictures(tmp_path / "rated"))
    first, same = (reselected(asked, again, seed=3) for _ in range(2))
    assert first.weights == same.weights and first.method == "readout"
    assert reselected(asked, again, seed=4).scenes_held_out != first.scenes_held_out
    shuffled = reselected(asked, again, seed=3, shuffle=1)
    assert shuffled.scenes_held_out == first.scenes_held_out
    assert np.corrcoef(shuffled.weights, first.weights)[0, 1] < 0.9


def test_a_selection_on_pairs_cannot_be_made_anew_on_rated_images(asked, tmp_path):
    on_pairs = asked.selection.model_copy(update={"distance": "rms"})
    with pytest.raises(InputError, match="made on reference pairs"):
        reselected(
            replace(asked, selection=on_pairs),
            Reselection(rated_pictures(tmp_path / "rated")),
            seed=0,
        )


# Deletion and insertion


def test_a_map_of_what_the_blur_takes_deletes_and_inserts_before_its_reverse():
    image = np.ascontiguousarray(data.astronaut()[:192, 100:356])
    worse = blurred(image)
    taken = np.square(image.astype(float) - worse).mean(axis=2)
    random = RNG.random(taken.shape)
    found = deletion_and_insertion(image, worse, [taken, -taken, random])
    assert (found[0] > found[2]).all() and (found[2] > found[1]).all()
    assert found[0].min() > 0.5 > found[1].max()


def test_deletion_is_not_defined_for_constant_maps_and_where_nothing_is_lost():
    image = np.ascontiguousarray(data.astronaut()[:96, 100:228])
    constant = np.ones(image.shape[:2])
    assert np.isnan(deletion_and_insertion(image, blurred(image), [constant, None])).all()
    flat = np.full_like(image, 80)
    assert np.isnan(deletion_and_insertion(flat, flat, [RNG.random(constant.shape)])).all()


def test_likeness_does_not_depend_on_the_size_of_the_maps():
    coarse = RNG.random((6, 8))
    fine = np.kron(coarse, np.ones((20, 20)))
    assert likeness(fine, coarse) > 0.97
    assert np.isnan(likeness(fine, None))


# The whole check


def test_every_rival_stands_beside_every_map(asked, photos):
    found = check_maps(photos, asked)
    rows = found.agreement[found.agreement["measure"] == LOSS].set_index("map")["kind"]
    assert rows.to_dict() == {
        "removal": "map",
        "contribution": "map",
        "removal, weights permuted": "rival",
        "contribution, weights permuted": "rival",
        "all channels": "rival",
        "removal, mirrored": "rival",
        "removal, another image's": "rival",
        "contribution, mirrored": "rival",
        "contribution, another image's": "rival",
        "centre": "rival",
        "contrast energy": "rival",
        "spectral residual": "rival",
    }
    assert len(found.differences) == 2 * 10 * 3 and DELETION not in set(found.images["measure"])


def test_the_full_check_adds_sanity_and_says_what_was_not_tried(asked, photos, tmp_path):
    other = replace(asked, selection=selection_of(asked.network, np.ones(12), layer="act2"))
    found = check_maps(
        photos,
        asked,
        full=True,
        others={"plain": other},
        reselection=Reselection(rated_pictures(tmp_path / "rated"), repeats=1),
    )
    likes = found.agreement[found.agreement["map"] == "removal"].set_index("measure")["value"]
    assert {
        "like contribution",
        "like plain",
        SHUFFLED_RATINGS,
        OTHER_SCENES,
        "like itself, 100% of the layers shuffled",
    } <= set(likes.index)
    assert likes["like itself, 100% of the layers shuffled"] < 0.9
    assert not len(found.notes)
    bare = check_maps(dict(list(photos.items())[:2]), asked, full=True)
    assert [note.split(":")[0] for note in bare.notes["note"]] == [
        "shuffled ratings and other scenes were not tried",
        "no other selection to be like",
    ]


def test_maps_by_distance_are_checked_beside_those_of_the_selection(asked, photos, tiny):
    distance = MapsAsked(tiny, None, "distance", LocalDistance(("act2",)))
    found = check_maps(photos, replace(asked, distance=distance), full=True)
    rows = found.agreement.set_index(["map", "measure"])
    assert ("removal", "like distance") in rows.index
    whole = "like itself, 100% of the layers shuffled"
    assert rows.loc[("distance", whole), "value"] < 1
    assert ("distance", SHUFFLED_RATINGS) not in rows.index


def test_a_flat_image_is_counted_as_undefined_and_not_averaged_in(asked, photos, tmp_path):
    write_png(tmp_path / "photos" / "flat.png", np.full((72, 96, 3), 90, np.uint8))
    with_flat = check_maps({**photos, "flat": tmp_path / "photos" / "flat.png"}, asked)
    without = check_maps(photos, asked)
    one, other = (
        found.agreement.set_index(["map", "measure"]).loc[("removal", LOSS)]
        for found in (with_flat, without)
    )
    assert (one["n_images"], one["n_undefined"]) == (3, 1)
    assert one["value"] == pytest.approx(other["value"])
    assert "removal is 0 everywhere on flat.png" in " ".join(with_flat.notes["note"])


def test_a_check_without_selection_is_refused(photos):
    with pytest.raises(InputError, match="give --selection"):
        check_maps(photos, MapsToJudge())


@pytest.fixture
def at_the_command_line(asked, tiny, tmp_path, monkeypatch):
    """Return a runner of ``fechner maps check`` on a selection of the tiny network."""
    monkeypatch.setattr(
        "fechner.analysis.network.layers.networks.load_network", lambda *a, **k: tiny
    )
    study = SelectionStudy(
        dimension="quality", candidates=[asked.selection], chosen="readout", reason=""
    )
    study.write(tmp_path / "selection.json")
    words = ["maps", "check", str(tmp_path / "photos"), "--selection"]
    words.append(str(tmp_path / "selection.json"))
    return lambda *more: CliRunner().invoke(app, [*words, *map(str, more)])


def test_the_command_writes_one_table_and_one_figure(at_the_command_line, photos, tmp_path):
    done = at_the_command_line("--full", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "removal: beyond the interval better than" in said
    assert "given contrast energy its correlation with the loss is" in said
    assert (tmp_path / "out" / "check.png").is_file()
    read = read_map_comparison(tmp_path / "out", "check")
    assert "like contribution" in set(read.agreement["measure"])


def test_flat_images_alone_are_refused_in_one_line(at_the_command_line, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("sky", "wall"):
        write_png(tmp_path / "photos" / f"{name}.png", np.full((72, 96, 3), 120, np.uint8))
    done = at_the_command_line("--out", tmp_path / "out")
    assert isinstance(done.exception, SystemExit) and done.exit_code == 2
    assert "no map can be judged on sky, wall: flat images" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


def test_options_of_the_full_check_alone_are_refused(at_the_command_line, photos, tmp_path):
    done = at_the_command_line("--beside", tmp_path / "selection.json")
    assert done.exit_code == 2


def test_a_map_of_another_size_is_refused_before_any_work(at_the_command_line, photos, tmp_path):
    (tmp_path / "mine").mkdir()
    for name in photos:
        np.save(tmp_path / "mine" / f"{name}.npy", np.ones((72, 90)))
    done = at_the_command_line("--maps", tmp_path / "mine", "--out", tmp_path / "out")
    assert done.exit_code == 2 and not (tmp_path / "out").exists()


def test_images_dealt_to_others_are_checked_with_the_same_result(asked, photos, tiny, tmp_path):
    """In a pool networks travel as files; threads are others enough to have them sent."""
    together = replace(asked, distance=MapsAsked(tiny, None, "distance", LocalDistance(("act2",))))
    alone = check_maps(photos, together, full=True)
    with ThreadPoolExecutor(2) as pool:
        dealt = check_maps(photos, together, full=True, pool=pool, folder=tmp_path / "through")
    for one, other in ((alone.images, dealt.images), (alone.agreement, dealt.agreement)):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert not (tmp_path / "through").exists()


@pytest.mark.slow
def test_any_number_of_processes_writes_the_same_bytes(at_the_command_line, photos, tmp_path):
    for jobs in (1, 2):
        done = at_the_command_line("--no-distance", "--jobs", jobs, "--out", tmp_path / str(jobs))
        assert done.exit_code == 0, done.output
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / str(jobs)).iterdir()}
        for jobs in (1, 2)
    )
    assert here == there


def test_a_damaged_image_is_named_and_the_others_go_on(at_the_command_line, photos, tmp_path):
    whole = photos["p1"].read_bytes()
    photos["p1"].write_bytes(whole[: len(whole) // 2])
    done = at_the_command_line("--no-distance", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    found = read_map_comparison(tmp_path / "out", "check")
    assert list(dict.fromkeys(found.images["image"])) == ["p0", "p2"]
    assert "p1.png" in found.notes["note"].iloc[0]
    assert found.provenance["parameters"]["n_images"] == 2
