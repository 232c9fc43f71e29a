"""What `fechner stimuli verify` finds: each fault is made by hand, and named with its file."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_stimuli import picture
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.provenance import sha256_file
from fechner.records.images.files import read_image, write_mask_png, write_png
from fechner.records.stimuli import StimulusSet, read_stimulus_set, write_stimulus_set
from fechner.stimuli.balance import standardised_differences
from fechner.stimuli.checks import problems_of

COVARIATES = {"low": {"chroma": 1.00}, "high": {"chroma": 1.01}}
DESIGN = {
    "measure": "mse",
    "targets": [25.0],
    "regions": {"feather": 0.5, "match": ["chroma"], "tolerance": 0.02},
}


@pytest.fixture
def folder(tmp_path):
    """A set of one scene: two squares of 16 pixels, each so much darker that the MSE is 25."""
    intact = np.full((48, 64, 3), 120, np.uint8)
    write_png(tmp_path / "cat_intact.png", intact)
    stimuli = [picture("cat_intact", "cat", "intact", 0.0, 0.0, 0.0, "none", 0, 0.0)]
    for arm, left in (("low", 4), ("high", 40)):
        mask = np.zeros((48, 64), bool)
        mask[16:32, left : left + 16] = True
        write_mask_png(tmp_path / "masks" / f"cat_{arm}.png", mask)
        # 256 of 3072 pixels, each 17.3 darker on average: MSE 25.
        darker = intact.copy()
        darker[mask] -= np.where(np.arange(256) % 10 < 7, 17, 18).astype(np.uint8)[:, None]
        write_png(tmp_path / f"cat_blur_{arm}.png", darker)
        one = picture(f"cat_blur_{arm}", "cat", arm, 1.0)
        stimuli.append(replace(one, covariates=COVARIATES[arm]))
    made = [replace(one, sha256=sha256_file(tmp_path / one.file)) for one in stimuli]
    record = {"provenance": {"parameters": DESIGN}, "scenes": {"cat": {"block": 8}}}
    write_stimulus_set(tmp_path, made, record)
    return tmp_path


def rewritten(folder, **changes):
    """Write the set's record and digests anew, as somebody would who hides a change."""
    found = read_stimulus_set(folder)
    made = [replace(one, sha256=sha256_file(folder / one.file)) for one in found.stimuli]
    parameters = {**found.record["provenance"]["parameters"], **changes}
    write_stimulus_set(folder, made, {**found.record, "provenance": {"parameters": parameters}})


def problems(folder):
    return problems_of(read_stimulus_set(folder))


def test_a_set_that_is_what_it_says_has_no_problem(folder):
    assert problems(folder) == []


def test_every_altered_file_is_named(folder):
    for name in ("cat_intact.png", "cat_blur_low.png"):
        write_png(folder / name, np.zeros((48, 64, 3), np.uint8))
    (folder / "cat_blur_high.png").unlink()
    assert problems(folder) == [
        "cat_intact.png (other bytes)",
        "cat_blur_low.png (other bytes)",
        "cat_blur_high.png (missing)",
    ]


def test_a_row_that_changed_is_found(folder):
    table = folder / "stimuli.csv"
    table.write_text(table.read_text("utf-8").replace("1.01", "1.015"), "utf-8")
    assert problems(folder) == ["stimuli.csv (its rows are not those that were written)"]


def test_regions_of_unequal_area_are_named_with_their_pixels(folder):
    mask = np.zeros((48, 64), bool)
    mask[16:40, 40:56] = True
    write_mask_png(folder / "masks" / "cat_high.png", mask)
    assert problems(folder) == ["cat: regions of unequal area (low 256, high 384 pixels)"]


def test_one_pixel_outside_the_mask_is_enough(folder):
    changed = read_image(folder / "cat_blur_high.png").copy()
    changed[0, 0] += 1
    write_png(folder / "cat_blur_high.png", changed)
    rewritten(folder)
    assert problems(folder) == ["cat_blur_high.png: 1 pixels changed outside its mask"]


def test_a_loss_off_its_target_is_measured_on_the_picture(folder):
    changed = read_image(folder / "cat_blur_low.png").copy()
    changed[16:32, 4:20] -= 1
    write_png(folder / "cat_blur_low.png", changed)
    rewritten(folder)
    [line] = problems(folder)
    # 18.3 squared times a twelfth of the area.
    assert line.startswith("cat_blur_low.png: loses 27.9") and "not 25 within 0.5 %" in line


def test_a_covariate_that_was_to_be_matched_and_is_not_is_named(folder):
    rewritten(folder, regions={**DESIGN["regions"], "tolerance": 0.005})
    assert problems(folder) == [
        "cat: chroma of high and low differs by 1.0 %, at most 0.5 % was to be"
    ]


def test_a_damaged_mask_is_one_line(folder):
    (folder / "masks" / "cat_low.png").write_bytes(b"no picture")
    [line] = problems(folder)
    assert "cat_low.png" in line and "\n" not in line


def test_the_command_names_every_problem_and_ends_with_code_2(folder):
    for name in ("cat_intact.png", "cat_blur_low.png"):
        write_png(folder / name, np.zeros((48, 64, 3), np.uint8))
    result = CliRunner().invoke(app, ["stimuli", "verify", str(folder)])
    assert result.exit_code == 2
    assert "cat_intact.png (other bytes)" in result.output
    assert "cat_blur_low.png (other bytes) (and 1 above)" in " ".join(result.output.split())


def with_chroma(values):
    """A set whose scenes have these (high, low) means of chroma."""
    stimuli = [
        replace(picture(f"s{i}_{arm}", f"s{i}", arm, 1.0), covariates={"chroma": value})
        for i, pair in enumerate(values)
        for arm, value in zip(("high", "low"), pair, strict=True)
    ]
    return StimulusSet(None, tuple(stimuli), {"provenance": {"parameters": DESIGN}})


def test_standardised_differences_are_those_of_the_formula():
    # high 2, 4, 6, 9, low 1, 4, 5, 6: mean difference 1.25, variances 26.75 / 3 and 14 / 3.
    table = standardised_differences(with_chroma([(2, 1), (4, 4), (6, 5), (9, 6)]))
    [row] = table.to_dict("records")
    spread = ((26.75 / 3 + 14 / 3) / 2) ** 0.5
    assert row["d"] == pytest.approx(1.25 / spread)
    # Differences 1, 0, 1, 3: SD sqrt(4.75 / 3); t with 3 degrees of freedom 3.182446.
    half = 3.182446 * (4.75 / 3) ** 0.5 / 2 / spread
    assert (row["low"], row["high"]) == pytest.approx((row["d"] - half, row["d"] + half), rel=1e-6)
    assert row["matched"] and row["scenes"] == 4


def test_two_scenes_have_no_standardised_difference():
    assert isinstance(standardised_differences(with_chroma([(2, 1), (3, 2)])), pd.DataFrame)
    assert standardised_differences(with_chroma([(2, 1), (3, 2)])).empty
