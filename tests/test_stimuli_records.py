"""The records of a stimulus set: read back as written, and checked to the byte."""

import subprocess
import sys
from dataclasses import replace

import pytest

from fechner.errors import InputError, RefusedError
from fechner.provenance import sha256_bytes
from fechner.records.file_names import check_file_names
from fechner.records.stimuli import (
    Stimulus,
    StimulusSet,
    as_row,
    read_stimulus_set,
    verify,
    write_stimulus_set,
)
from fechner.stimuli.balance import balance_summary, balance_table

ODD_NAMES = ["0801", "null", "NA", "1e5", "True", "2024-01-02", "-1", "a,b"]
"""Names that readers of tables take for numbers, dates, booleans or missing values, or split."""


def stimulus(folder, name, region, impact=0.1 + 0.2, scene="cat"):
    content = f"not really a picture: {name}".encode()
    (folder / f"{name}.png").write_bytes(content)
    return Stimulus(
        stimulus=name,
        file=f"{name}.png",
        scene=scene,
        region=region,
        family="blur",
        level=1,
        strength=2.5,
        strength_unit="px",
        mask_area=0.2,
        bytes=len(content),
        mse=60.0,
        ssim=0.97,
        predicted_impact=impact,
        centre_error=1e-17,
        sha256=sha256_bytes(content),
        covariates={"luminance": 1 / 3},
    )


@pytest.fixture
def made(tmp_path):
    rows = [stimulus(tmp_path, f"cat_{region}", region) for region in ("intact", "low", "high")]
    return write_stimulus_set(tmp_path, rows, {"provenance": {"simulated": True}})


def test_a_set_is_read_back_as_it_was_written_to_the_last_digit(made):
    found = read_stimulus_set(made.folder)
    assert found.stimuli == made.stimuli
    assert found.sha256 == made.sha256
    assert found.scenes == ["cat"]
    assert found.simulated
    assert found.image_path("cat_low") == made.folder / "cat_low.png"


def test_a_layer_distance_is_read_back_and_a_set_without_one_keeps_the_rows_that_it_had(tmp_path):
    one = stimulus(tmp_path, "cat_low", "low")
    assert "layer_distance" not in as_row(one)
    assert not StimulusSet(tmp_path, (one,), {}).has_layer_distances
    made = write_stimulus_set(tmp_path, [replace(one, layer_distance=0.1 + 0.2)], {})
    found = read_stimulus_set(made.folder)
    assert found.stimuli == made.stimuli and found.has_layer_distances
    assert found.table["layer_distance"].tolist() == [0.1 + 0.2]


def test_a_layer_distance_that_is_no_number_names_line_and_column(tmp_path):
    one = replace(stimulus(tmp_path, "cat_low", "low"), layer_distance=0.25)
    made = write_stimulus_set(tmp_path, [one], {})
    table = made.folder / "stimuli.csv"
    table.write_text(table.read_text("utf-8").replace("0.25", "near"), "utf-8")
    with pytest.raises(InputError, match="line 2: layer_distance expects a finite float"):
        read_stimulus_set(made.folder)


def test_an_untouched_set_verifies(made):
    assert verify(made.folder).sha256 == made.sha256


def test_one_changed_byte_is_found_and_its_file_named(made):
    path = made.folder / "cat_low.png"
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(RefusedError, match=r"cat_low\.png \(other bytes\)") as refused:
        verify(made.folder)
    assert "cat_high" not in str(refused.value)


def test_a_missing_picture_is_named(made):
    (made.folder / "cat_high.png").unlink()
    with pytest.raises(RefusedError, match=r"cat_high\.png \(missing\)"):
        verify(made.folder)


def test_a_changed_table_is_found(made):
    table = made.folder / "stimuli.csv"
    table.write_text(table.read_text().replace("60.0", "61.0", 1))
    with pytest.raises(RefusedError, match=r"stimuli\.csv"):
        verify(made.folder)


def test_the_digest_of_a_set_depends_on_every_row(made):
    other = (replace(made.stimuli[0], mse=60.5), *made.stimuli[1:])
    assert replace(made, stimuli=other).sha256 != made.sha256


def test_a_folder_without_a_set_says_how_to_build_one(tmp_path):
    with pytest.raises(InputError, match="fechner stimuli build"):
        read_stimulus_set(tmp_path)


def test_a_missing_column_suggests_the_nearest(made):
    table = made.folder / "stimuli.csv"
    table.write_text(table.read_text().replace("predicted_impact", "predicted_impct", 1))
    with pytest.raises(InputError, match="did you mean 'predicted_impct'"):
        read_stimulus_set(made.folder)


def test_a_cell_that_is_no_number_names_line_and_column(made):
    table = made.folder / "stimuli.csv"
    table.write_text(table.read_text().replace("2.5", "strong", 1))
    with pytest.raises(InputError, match="line 2: strength expects a finite float, got 'strong'"):
        read_stimulus_set(made.folder)


@pytest.mark.parametrize("cell", ["nan", "inf", ""])
def test_a_number_that_is_not_finite_names_line_and_column(made, cell):
    table = made.folder / "stimuli.csv"
    table.write_text(table.read_text().replace("2.5", cell, 1))
    with pytest.raises(InputError, match=f"line 2: strength expects a finite float, got '{cell}'"):
        read_stimulus_set(made.folder)


def test_a_row_that_ends_early_is_refused(made):
    table = made.folder / "stimuli.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:2], lines[2].rsplit(",", 3)[0], *lines[3:]]))
    with pytest.raises(InputError, match="row 3 has"):
        read_stimulus_set(made.folder)


@pytest.mark.parametrize("file", ["../cat_low.png", "/cat_low.png", "deep/cat_low.png", ""])
def test_a_picture_outside_the_folder_is_refused(made, file):
    table = made.folder / "stimuli.csv"
    table.write_text(table.read_text().replace("cat_low.png", file, 1))
    with pytest.raises(InputError, match="file expects"):
        read_stimulus_set(made.folder)


def test_a_picture_that_is_shown_or_handed_on_is_the_one_that_was_built(made):
    assert made.unchanged_path("cat_low") == made.image_path("cat_low")
    path = made.image_path("cat_low")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RefusedError, match=r"cat_low\.png \(other bytes\)"):
        made.unchanged_path("cat_low")
    path.unlink()
    with pytest.raises(RefusedError, match=r"cat_low\.png \(missing\)"):
        made.unchanged_path(made.named("cat_low"))


def test_names_that_look_like_numbers_dates_or_nothing_are_read_as_they_were_written(tmp_path):
    rows = [stimulus(tmp_path, f"{name}_low", "low", scene=name) for name in ODD_NAMES]
    write_stimulus_set(tmp_path, rows, {})
    found = read_stimulus_set(tmp_path)
    assert found.stimuli == tuple(rows)
    assert found.table["scene"].tolist() == ODD_NAMES
    assert found.table["stimulus"].tolist() == [f"{name}_low" for name in ODD_NAMES]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_scene_may_be_called_whatever_a_file_may_be_called(name):
    check_file_names([name, "cat"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([""], "is empty"),
        ([" cat"], "a space"),
        ([".cat"], "begins with a dot"),
        (["a/b"], "holds one of"),
        (["a\nb"], "control character"),
        (["CON"], "device on Windows"),
        (["com1.old"], "device on Windows"),
        (["Maps"], "fechner's own"),
        (["x" * 151], "longer than 150 bytes"),
        (["cat", "cat"], "two scenes are called 'cat'"),
        (["Cat", "cat"], "'Cat' and 'cat' would share their files"),
        (["caf\u00e9", "cafe\u0301"], "would share their files"),
    ],
)
def test_a_scene_that_could_not_have_files_of_its_own_is_refused(names, message):
    with pytest.raises(InputError, match=message):
        check_file_names(names)


def test_two_stimuli_of_one_name_are_refused(tmp_path):
    rows = [stimulus(tmp_path, "cat_low", "low")] * 2
    write_stimulus_set(tmp_path, rows, {})
    with pytest.raises(InputError, match="'cat_low' is there twice"):
        read_stimulus_set(tmp_path)


def test_an_unknown_stimulus_suggests_the_nearest(made):
    with pytest.raises(InputError, match="did you mean 'cat_low'"):
        made.image_path("cat_lo")


def test_the_balance_is_the_difference_relative_to_the_mean(made):
    covariates = ({"luminance": 0.2}, {"luminance": 0.3})
    low = replace(made.stimuli[1], strength=2.0, layer_distance=0.1, covariates=covariates[0])
    high = replace(made.stimuli[2], strength=3.0, layer_distance=0.3, covariates=covariates[1])
    table = balance_table(replace(made, stimuli=(made.stimuli[0], low, high)))
    assert list(table["first"]) == ["high"] and list(table["second"]) == ["low"]
    assert table["strength"][0] == pytest.approx(0.4)
    assert table["cov_luminance"][0] == pytest.approx(0.4)
    assert table["layer_distance"][0] == pytest.approx(1.0)
    assert table["mse"][0] == 0
    assert balance_summary(table)["high - low", "largest"]["strength"] == pytest.approx(0.4)


def test_reading_a_set_imports_the_standard_library_only():
    code = "import sys, fechner.records.stimuli; print({'numpy', 'cv2', 'PIL'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
