"""The page and the charts of a layer study, on a table that is SIMULATED."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from report_pages import (
    BROWSER,
    charts_of,
    check_charts,
    check_contents,
    check_in_browser,
    decoded,
    taken,
)
from scipy import stats

from fechner.analysis.network.distances.contrasts import choice_contrasts
from fechner.analysis.network.layers.factors import ACCURACIES, block_of, factors_of
from fechner.errors import InputError
from fechner.records.layers import results as records
from fechner.records.layers.crossed import read_crossed
from fechner.report.layers import layer_figures, layer_gain_figures, line_labels
from fechner.report.layers.layer_page import chosen_readout, compared_counts, write_layer_page
from fechner.report.style import NARROW, WIDTH, drawing

LAYERS = {
    "alexnet": {"input": 0.0, "features.2": 25.0, "features.5": 50.0, "features.12": 100.0},
    "alexnet_jigsaw": {"input": 0.0, "conv1": 20.0, "pool5": 100.0},
    "alexnet_places365": {"input": 0.0, "features.2": 25.0, "features.12": 100.0},
    "vgg16": {"input": 0.0, "features.9": 40.0, "features.30": 100.0},
}
READOUTS = ("euclid", "cosine")
SCENES = np.repeat(["a", "b", "c", "d"], 6)
FAMILIES = np.tile(["blur", "blur", "blur", "noise", "noise", "noise"], 4)


def simulated_results(*, networks=tuple(LAYERS), readouts=READOUTS, simulated=True):
    """Return the tables of a small study whose scores are random numbers."""
    rng = np.random.default_rng(5)
    dmos = rng.uniform(0, 80, len(SCENES))
    rows = [
        (network, layer, depth, readout, "none")
        for network in networks
        for layer, depth in LAYERS[network].items()
        for readout in readouts
    ]
    rows += [("yardstick", name, np.nan, name, "none") for name in ("psnr", "ssim", "fsim")]
    values = {
        records.distance_name((network, layer, readout, weights)): dmos
        + rng.normal(0, 25, len(dmos))
        for network, layer, _, readout, weights in rows
    }
    layers, intervals, distortions = [], [], []
    for network, layer, depth, readout, weights in rows:
        distance = values[records.distance_name((network, layer, readout, weights))]
        rho = stats.spearmanr(distance, dmos)[0]
        key = (network, layer, readout, weights, "SIMULATED_set")
        layers.append(
            (network, layer, depth, readout, weights, "SIMULATED_set", 24, 4, rho, rho - 0.1,
             min(rho + 0.1, 1), 0.5, 0.8, 9.5, rho, rho)
        )  # fmt: skip
        intervals.append((*key, rho, rho - 0.1, rho + 0.1, rho - 0.2, rho + 0.2, 0.87))
        distortions += [
            (network, layer, depth, readout, weights, "SIMULATED_set", family, 12, rho)
            for family in ("blur", "noise")
        ]
    names = list(values)
    differences = [
        ("SIMULATED_set", name, names[-1], 0.02, -0.03, 0.07, -0.1, 0.14, 3, 8)
        for name in names[:3]
    ]
    told = pd.DataFrame(
        {
            "set": "SIMULATED_set", "image": [f"{k}.png" for k in range(len(dmos))],
            "reference": SCENES, "scene": SCENES, "family": FAMILIES, "level": np.nan,
            "dmos": dmos,
        }
    )  # fmt: skip
    notes = [("yardstick", "dists", "dists", "none", "SIMULATED_set", "its weights are not here")]
    return records.LayerResults(
        layers=pd.DataFrame(layers, columns=list(records.LAYERS_COLUMNS)),
        intervals=pd.DataFrame(intervals, columns=list(records.INTERVALS_COLUMNS)),
        distances=pd.concat([told, pd.DataFrame(values)], axis=1),
        distortions=pd.DataFrame(distortions, columns=list(records.DISTORTIONS_COLUMNS)),
        differences=pd.DataFrame(differences, columns=list(records.DIFFERENCES_COLUMNS)),
        notes=pd.DataFrame(notes, columns=list(records.NOTES_COLUMNS)),
        provenance={"simulated": simulated},
    )


def simulated_crossed():
    rows = [
        ("one", "one", "reference", 0.7, 0.8, 0.02, 0.2),
        ("one", "two", "", 0.7, 0.69, -0.1, 0.1),
    ]
    columns = ["fitted_on", "judged_on", "part", "before", "after", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("SIMULATED_study")
    simulated_results().write(folder)
    simulated_crossed().to_csv(folder / "SIMULATED_crossed.csv", index=False)
    path = write_layer_page(folder)
    return path, path.read_text("utf-8")


def test_the_page_of_simulated_ratings_says_so_in_its_name_its_text_and_every_chart(page):
    path, text = page
    assert path.name == "SIMULATED_layers.html"
    assert len(charts_of(text)) == 9
    assert text.count(">SIMULATED</text>") == 2 * 9


def test_the_page_has_contents_and_charts_to_take_along_with_the_numbers_of_its_tables(page):
    path, text = page
    check_contents(text)
    check_charts(text)
    csv = {name: uri for name, uri in taken(text).items() if name.endswith(".csv")}
    beside = {file.name for file in path.parent.glob("*.csv")}
    assert set(csv) == beside | {"SIMULATED_choices.csv"}
    for name in beside:
        carried = pd.read_csv(io.BytesIO(decoded(csv[name])))
        pd.testing.assert_frame_equal(carried, pd.read_csv(path.parent / name), check_dtype=False)


def test_two_sets_have_a_part_each_and_no_two_charts_share_a_name(tmp_path):
    one = simulated_results(networks=("alexnet",), readouts=("rms",))
    tables = {
        name: pd.concat([table, table.replace("SIMULATED_set", "other & set")])
        for name in records.FILES
        if (table := getattr(one, name)) is not None
    }
    records.LayerResults(**tables, provenance=one.provenance).write(tmp_path)
    text = write_layer_page(tmp_path).read_text("utf-8")
    check_contents(text)
    check_charts(text)
    assert 'id="set-2">other &amp; set</h2>' in text
    assert {"SIMULATED_1_architecture.svg", "SIMULATED_2_architecture.svg"} <= set(taken(text))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, Chrome or Edge")
def test_in_chromium_the_page_fits_every_screen_and_its_charts_can_be_read(page, tmp_path):
    check_in_browser(page[0], tmp_path)


def test_the_page_holds_the_six_figures_of_the_paper_in_their_order(page):
    headings = re.findall(r"<h3 [^>]*>Figure (\d)", page[1])
    assert headings == list("123456")
    assert "Not drawn" not in page[1]


def test_the_page_asks_the_network_for_nothing(page):
    # Names of XML vocabularies are no requests.
    requests = re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", page[1])
    assert not requests
    assert "<script" not in page[1] and "<link" not in page[1] and "@import" not in page[1]


def test_the_page_lists_every_distance_and_what_could_not_be_measured(page):
    rows = re.search(r'<div class="scroll rows">.*?</table>', page[1], re.S)[0]
    assert rows.count("<tr") - 1 == len(simulated_results().layers)
    assert "its weights are not here" in page[1]


def test_a_factor_in_which_no_networks_differ_is_said_not_drawn(tmp_path):
    simulated_results(networks=("alexnet", "vgg16"), readouts=("rms",)).write(tmp_path)
    text = write_layer_page(tmp_path).read_text("utf-8")
    assert text.count("Not drawn") == 4  # goal, data, read-out, crossed weights
    assert "do not differ in training goal" in text and "do not differ in training data" in text


def test_a_yardstick_alone_gives_a_page(tmp_path):
    results = simulated_results(networks=())
    results.write(tmp_path)
    text = write_layer_page(tmp_path).read_text("utf-8")
    assert "Of 3 known metrics" in text


def drawn(name, width):
    results = simulated_results()
    rows = results.layers
    known = rows[rows["network"] == "yardstick"]
    networks = list(LAYERS)
    gains = layer_gain_figures
    return {
        "depth": lambda: layer_figures.by_depth(rows, networks, known, "euclid", width),
        "readout": lambda: layer_figures.by_readout(rows[rows["depth"].notna()], known, width),
        "crossed": lambda: gains.crossed_weights(simulated_crossed(), width),
        "accuracy": lambda: gains.against_accuracy(gains.rows_with_accuracy(rows), width),
        "distortion": lambda: layer_figures.by_distortion(
            results.distortions, networks, "euclid", width
        ),
        "differences": lambda: gains.difference_forest(results.differences, width),
    }[name]()


CHARTS = ("depth", "readout", "crossed", "accuracy", "distortion", "differences")


def texts_of(figure):
    """Return every text that a figure shows; ticks outside an axis' limits are not drawn."""
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axis in (axis for axis in figure.axes if axis.get_visible()):
        found += [*axis.texts, axis.title, axis.xaxis.label, axis.yaxis.label]
        for side, ends in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            # Inner panels that share an axis have ticks without labels.
            ticks = zip(side.get_majorticklocs(), side.get_ticklabels(), strict=False)
            found += [label for at, label in ticks if min(ends) <= at <= max(ends)]
    return [text for text in found if text.get_visible() and text.get_text()]


@pytest.mark.parametrize("width", [WIDTH, NARROW])
@pytest.mark.parametrize("name", CHARTS)
def test_every_text_of_a_chart_lies_inside_its_picture(name, width):
    import matplotlib.pyplot as plt

    with drawing():
        figure = drawn(name, width)
        figure.canvas.draw()
        width, height = figure.canvas.get_width_height()
        texts = texts_of(figure)
        boxes = {text.get_text(): text.get_window_extent() for text in texts}
        plt.close(figure)
    assert len(boxes) >= 6
    outside = [
        text for text, box in boxes.items()
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]  # fmt: skip
    assert not outside


@pytest.mark.parametrize(
    ("name", "width"),
    [("depth", WIDTH), ("depth", NARROW), ("accuracy", WIDTH), ("differences", NARROW)],
)
def test_names_of_lines_and_dots_do_not_cover_each_other(name, width):
    import matplotlib.pyplot as plt

    with drawing():
        figure = drawn(name, width)
        figure.canvas.draw()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        plt.close(figure)
    assert len(boxes) >= 2
    for k, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[k + 1 :])


def test_labels_keep_their_order_and_distance_and_stay_where_there_is_room():
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = np.sort(rng.uniform(0, 1, 8))
        places = line_labels.kept_apart(wanted, 0.1, 0.0, 1.0)
        assert (np.diff(places) >= 0.1 - 1e-12).all()
        assert places[0] >= 0 and places[-1] <= 1
    apart = np.array([0.1, 0.4, 0.9])
    np.testing.assert_allclose(line_labels.kept_apart(apart, 0.1, 0.0, 1.0), apart)


def test_accuracies_are_those_that_torchvision_documents():
    models = pytest.importorskip("torchvision").models
    for accuracy in ACCURACIES.values():
        if "torchvision" not in accuracy.source:
            continue
        weights = models.get_weight(accuracy.source.rsplit(" ", 1)[1])
        published = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert accuracy.percent == pytest.approx(published, abs=0.005)


@pytest.mark.parametrize(
    ("network", "layer", "block"),
    [
        ("alexnet", "features.2", 1), ("alexnet", "features.3", 2), ("vgg16", "features.30", 5),
        ("resnet50", "layer3.1.conv2", 3), ("densenet121", "features.denseblock2", 2),
        ("efficientnet_lite0", "blocks.6", 7), ("alexnet_jigsaw", "pool5", 5),
        ("efficientnet_lite0", "input", 0), ("efficientnet_lite0", "bn2", None),
    ],
)  # fmt: skip
def test_a_layer_belongs_to_the_block_that_its_pooling_or_its_name_says(network, layer, block):
    assert block_of(network, layer) == block


def test_a_network_that_is_not_known_has_no_known_goal_or_data():
    assert factors_of("alexnet_jigsaw").goal == "jigsaw"
    assert factors_of("alexnet_places365").data == "Places365"
    assert factors_of("alexnet=random").goal == factors_of("alexnet=random").data == "none"
    assert block_of("alexnet=random", "features.3") == 2
    assert factors_of("timm:resnet18").goal == factors_of("timm:resnet18").data == "not known"


def test_a_choice_changes_the_mean_correlation_by_what_plain_scipy_says():
    results = simulated_results()
    rows = results.layers[results.layers["network"] != "yardstick"].reset_index(drop=True)
    columns = [records.distance_name(row) for row in rows[
        ["network", "layer", "readout", "weights"]].itertuples(index=False)]  # fmt: skip
    values = results.distances[columns].to_numpy().T
    dmos = results.distances["dmos"]
    found = choice_contrasts(
        rows, values, dmos, SCENES, readout="euclid", families=FAMILIES, resamples=50
    )
    rho = np.array([stats.spearmanr(row, dmos)[0] for row in values])
    inner, cosine = rows["depth"] > 0, rows["readout"] == "cosine"
    expected = rho[inner & cosine].mean() - rho[inner & ~cosine].mean()
    of_cosine = found[found["first"] == "cosine"].iloc[0]
    assert of_cosine["difference"] == pytest.approx(expected)
    assert of_cosine["rows_first"] == of_cosine["rows_second"] == (inner & cosine).sum()
    deep = (rows["network"] == "vgg16") & ~cosine & (rows["depth"] > 50)
    early = (rows["network"] == "vgg16") & ~cosine & inner & (rows["depth"] <= 50)
    of_vgg = found[found["first"] == "vgg16: second half"].iloc[0]
    assert of_vgg["difference"] == pytest.approx(rho[deep].mean() - rho[early].mean())
    assert (found["compared"] == len(found)).all()


def test_a_read_out_under_two_names_changes_nothing_in_any_resample():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(
        [("net", "one", 40.0, name) for name in ("euclid", "same")],
        columns=["network", "layer", "depth", "readout"],
    )
    values = np.tile(rng.normal(size=24), (2, 1))
    found = choice_contrasts(rows, values, rng.normal(size=24), SCENES, readout="euclid")
    assert found[["difference", "low", "high"]].to_numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_a_metric_that_was_given_the_wrong_way_round_is_named_and_not_drawn(tmp_path):
    results = simulated_results(networks=("alexnet",))
    turned = results.layers["layer"] == "psnr"
    results.layers.loc[turned, ["spearman", "low", "high"]] = [-0.8, -0.9, -0.7]
    results.write(tmp_path)
    known = results.layers[results.layers["network"] == "yardstick"]
    assert list(layer_figures.drawn_yardsticks(known)["layer"]) == ["ssim", "fsim"]
    assert "not drawn (which end is good?): psnr" in write_layer_page(tmp_path).read_text("utf-8")


def test_the_command_says_where_the_page_is_and_refuses_a_folder_without_a_study(tmp_path):
    from typer.testing import CliRunner

    from fechner.cli.main import app

    simulated_results(networks=("alexnet",)).write(tmp_path)
    told = CliRunner().invoke(app, ["layers", "plot", str(tmp_path), "-r", "cosine"])
    assert told.exit_code == 0 and "SIMULATED_layers.html" in told.output.replace("\n", "")
    assert "Read-out cosine" in (tmp_path / "SIMULATED_layers.html").read_text("utf-8")
    assert CliRunner().invoke(app, ["layers", "plot", str(tmp_path / "none")]).exit_code != 0


def test_a_folder_that_no_study_wrote_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"layers\.csv"):
        write_layer_page(tmp_path)


def test_a_read_out_that_is_not_in_the_table_is_refused_with_those_that_are():
    with pytest.raises(InputError, match=r"cosin.*cosine"):
        chosen_readout(simulated_results(), "cosin")


def test_a_crossed_table_without_its_gain_is_refused(tmp_path):
    simulated_crossed().drop(columns="after").to_csv(tmp_path / "crossed.csv", index=False)
    with pytest.raises(InputError, match="after"):
        read_crossed(tmp_path)


def test_one_of_a_kind_is_told_in_the_singular():
    rows = pd.DataFrame({"network": ["alexnet"] * 2, "n_pairs": 43, "n_references": 1})
    told = [" ".join(pair) for pair in compared_counts(rows)]
    assert told == ["43 pairs", "1 reference", "1 network", "2 distances", "0 known metrics"]
