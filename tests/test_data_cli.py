import json
import subprocess
import sys

import numpy as np
import published_layouts as layouts
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from fechner.cli import data
from fechner.cli.main import OneLineErrors
from fechner.errors import nearest
from fechner.records.images.files import image_files

app = typer.Typer(cls=OneLineErrors)
app.add_typer(data.app, name="data")


@app.command()
def nothing() -> None:
    """Stand beside the group, so that the group keeps its name."""


def fechner(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words):
    """Run a command that must end in one line on the error stream and exit code 2."""
    result = fechner(*words)
    assert result.exit_code == 2, result.output
    line = result.stderr.strip()
    assert line.startswith("error: ")
    assert "\n" not in line
    return line


@pytest.fixture
def table(tmp_path):
    """Twelve images of four scenes, their table and their scale."""
    rng = np.random.default_rng(1)
    lines = ["image,scene,quality,family"]
    for k in range(12):
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(
            tmp_path / f"{k}.png"
        )
        lines.append(f"{k}.png,scene{k % 4},{1 + 4 * k / 11:.3f},{'blur' if k % 2 else 'noise'}")
    (tmp_path / "rated.csv").write_text("\n".join(lines) + "\n")
    scale = {"dimensions": {"quality": {"minimum": 1, "maximum": 5, "good": "high"}}}
    (tmp_path / "rated.json").write_text(json.dumps(scale))
    return tmp_path / "rated.csv"


def edit(table, old, new):
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))


def test_a_good_table_is_in_order(table):
    result = fechner("data", "check", table)
    assert result.exit_code == 0, result.output
    assert "12 images of 4 scenes, with ratings of quality (1 to 5)" in result.stdout
    assert "all in order" in result.stdout


def test_a_missing_table_ends_in_one_line(tmp_path):
    assert "none.csv is missing" in refused("data", "check", tmp_path / "none.csv")


def test_a_missing_image_ends_in_one_line(table):
    (table.parent / "3.png").unlink()
    assert "row 5: image" in refused("data", "check", table)


def test_a_misspelt_column_ends_in_one_line(table):
    edit(table, "quality", "qualty")
    assert "did you mean 'qualty'?" in refused("data", "check", table)


def test_a_rating_outside_the_scale_ends_in_one_line(table):
    edit(table, "5.000", "50")
    assert "row 13: 'quality' is 50, expected 1 to 5" in refused("data", "check", table)


def test_a_rating_that_is_no_number_ends_in_one_line(table):
    edit(table, "5.000", "fine")
    assert "expects a number, got 'fine'" in refused("data", "check", table)


def test_fewer_than_four_scenes_end_in_one_line(table):
    table.write_text(table.read_text().replace("scene3", "scene2"))
    assert "at least 4 scenes" in refused("data", "check", table)


def test_two_images_with_the_same_name_end_in_one_line(table):
    edit(table, "4.png", "3.png")
    assert "rows 5 and 6 both rate" in refused("data", "check", table)


def spoil_corrupt(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def spoil_transparent(path):
    Image.new("RGBA", (20, 20), (9, 9, 9, 100)).save(path)


def spoil_cmyk(path):
    Image.new("CMYK", (20, 20), (9, 9, 9, 0)).save(path, format="JPEG")


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (spoil_corrupt, "corrupt"),
        (spoil_transparent, "transparent pixels"),
        (spoil_cmyk, "CMYK without a colour profile"),
    ],
)
def test_an_image_that_cannot_be_shown_right_is_listed_and_refused(table, spoil, part):
    spoil(table.parent / "7.png")
    result = fechner("data", "check", table)
    assert result.exit_code == 2
    assert part in result.stdout
    assert "1 of 12 images cannot be used" in result.stderr


def test_grey_sixteen_bit_and_turned_images_are_in_order(table):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (20, 20), 90).save(table.parent / "1.png")
    Image.fromarray(np.full((20, 20), 40000, np.uint16)).save(table.parent / "2.png")
    Image.new("RGB", (20, 30), (9, 90, 9)).save(table.parent / "3.png", exif=exif)
    assert fechner("data", "check", table).exit_code == 0


def test_a_scale_on_the_command_line_stands_in_for_the_json(table):
    table.with_suffix(".json").unlink()
    assert "not declared" in refused("data", "check", table)
    assert fechner("data", "check", table, "--scale", "quality=1:5").exit_code == 0
    assert "--scale expects" in refused("data", "check", table, "--scale", "quality=5")


def test_ratings_of_other_images_end_in_one_line(table):
    ratings = table.parent / "long.csv"
    ratings.write_text("participant,image,dimension,rating\n1,99.png,quality,3\n")
    assert "rates 1 images that" in refused("data", "check", table, "--ratings", ratings)


def test_describe_writes_tables_and_figures_and_warns(table, tmp_path):
    out = tmp_path / "labels"
    result = fechner("data", "describe", table, "--by", "family", "--out", out)
    assert result.exit_code == 0, result.output
    assert "note: quality: no spread of opinion" in result.stdout
    assert {path.suffix for path in out.iterdir()} == {".csv", ".json", ".png"}
    size = Image.open(out / "distribution_quality.png").size
    assert min(size) > 300
    record = json.loads((out / "labels.json").read_text())
    assert len(record["provenance"]["inputs"]["rated_images"]) == 64


def test_describe_suggests_a_near_column_and_dimension(table, tmp_path):
    out = tmp_path / "labels"
    assert "did you mean 'family'" in refused(
        "data", "describe", table, "--by", "famly", "--out", out
    )
    assert "did you mean 'quality'" in refused(
        "data", "describe", table, "-d", "qualiti", "--out", out
    )


def test_import_turns_a_published_folder_into_a_table(tmp_path):
    source = tmp_path / "AGIQA-3K"
    (source / "images").mkdir(parents=True)
    lines = ["name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align"]
    for k in range(4):
        Image.new("RGB", (16, 16), (k, 9, 9)).save(source / "images" / f"glide_normal_{k:03d}.jpg")
        lines.append(f"glide_normal_{k:03d}.jpg,prompt {k},,,,{k + 1},0.5,{4 - k},0.5")
    (source / "data.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "tables" / "agiqa.csv"
    assert "4 rated images, expected 2982" in refused(
        "data", "import", "agiqa3k", source, "--out", out
    )
    result = fechner("data", "import", "agiqa3k", source, "--out", out, "--partial")
    assert result.exit_code == 0, result.output
    assert "note: a part of AGIQA-3K: 4 of its 2982 images" in result.stdout
    assert "4 images of 4 scenes, with ratings of quality (0 to 5), alignment (0 to 5)" in (
        result.stdout
    )
    assert fechner("data", "check", out).exit_code == 0


def test_import_of_an_unknown_set_ends_in_one_line(tmp_path):
    assert "did you mean 'kadid10k'" in refused(
        "data", "import", "kadid", tmp_path, "--out", tmp_path / "a.csv"
    )
    assert "--out expects a .csv" in refused(
        "data", "import", "avt", tmp_path, "--out", tmp_path / "a"
    )


def test_import_says_which_end_is_good_and_whether_psnr_agrees(tmp_path):
    folder = layouts.write_kadid(tmp_path / "kadid", pictures=(1, 2, 3, 4))
    out = tmp_path / "tables" / "kadid.csv"
    result = fechner("data", "import", "kadid10k", folder, "--out", out, "--partial")
    assert result.exit_code == 0, result.output
    assert "quality: higher is better: agrees with PSNR, Spearman ." in result.stdout
    assert "on 60 pairs" in result.stdout
    assert "cite Lin, Hosu and Saupe 2019, QoMEX; terms: see" in result.stdout
    checked = fechner("data", "check", out)
    assert checked.exit_code == 0, checked.output
    assert "500 pairs with 4 references" in checked.stdout
    names_only = fechner("data", "import", "kadid10k", folder, "--out", out, "--scores-only")
    assert "not checked, because images were not looked for" in names_only.stdout


def test_import_of_scores_that_are_turned_round_writes_nothing(tmp_path):
    folder = layouts.write_kadid(tmp_path / "kadid", pictures=(1, 2, 3, 4), turned=True)
    out = tmp_path / "kadid.csv"
    line = refused("data", "import", "kadid10k", folder, "--out", out, "--partial")
    assert "contradicts PSNR, Spearman -." in line
    assert not out.exists()


@pytest.fixture
def pairs(tmp_path):
    """Twenty pairs of four references, their table and a scale on which low is good."""
    lines = ["image,reference,score,family,level"]
    for number in range(4):
        layouts.save(layouts.photograph(number), tmp_path / f"ref{number}.png")
        for level in range(1, 6):
            name = f"{number}_{level}.png"
            layouts.save(layouts.distorted(number, level), tmp_path / name)
            lines.append(f"{name},ref{number}.png,{15 * level},noise,{level}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    scale = {"dimensions": {"score": {"minimum": 0, "maximum": 100, "good": "low"}}}
    (tmp_path / "pairs.json").write_text(json.dumps(scale))
    return tmp_path / "pairs.csv"


def test_a_good_table_of_pairs_is_in_order(pairs):
    result = fechner("data", "check", pairs)
    assert result.exit_code == 0, result.output
    assert "20 pairs with 4 references" in result.stdout
    assert "score: lower is better: agrees with PSNR" in result.stdout


def test_a_table_of_pairs_that_are_none_ends_in_one_line(pairs):
    pairs.with_suffix(".json").unlink()
    assert "contradicts PSNR" in refused("data", "check", pairs, "--scale", "score=0:100")
    low = ("--scale", "score=0:100:low")
    Image.new("RGB", (9, 9)).save(pairs.parent / "2_2.png")
    assert "nothing is resized" in refused("data", "check", pairs, *low)
    (pairs.parent / "2_2.png").write_bytes((pairs.parent / "ref2.png").read_bytes())
    assert "is a copy of its reference" in refused("data", "check", pairs, *low)
    edit(pairs, "2_2.png,ref2.png", "2_2.png,2_2.png")
    assert "is its own reference" in refused("data", "check", pairs, *low)
    (pairs.parent / "ref3.png").unlink()
    assert "row 17: reference" in refused("data", "check", pairs, *low)


def test_images_without_a_reference_beside_pairs_are_said(pairs):
    edit(pairs, "2_2.png,ref2.png", "2_2.png,")
    result = fechner("data", "check", pairs)
    assert result.exit_code == 0, result.output
    assert "1 of 20 images have no reference: pairs not checked" in result.stdout


def test_describe_shows_pairs_by_distortion_and_level(pairs, tmp_path):
    out = tmp_path / "labels"
    result = fechner("data", "describe", pairs, "--out", out)
    assert result.exit_code == 0, result.output
    lines = (out / "distortions_score.csv").read_text().splitlines()
    assert lines[1].startswith("noise,,1.0,5.0,20,4,45.0,")
    assert lines[5].startswith("noise,4.0,4.0,4.0,4,4,60.0,0.0,")
    assert min(Image.open(out / "distortions_score.png").size) > 200
    assert "did you mean 'level'" in refused(
        "data", "describe", pairs, "--level", "levl", "--out", out
    )


def test_photographs_are_listed_with_licence():
    result = fechner("data", "photographs")
    assert "astronaut.png" in result.stdout
    assert "public domain" in result.stdout


def test_the_command_group_loads_no_heavy_module():
    code = (
        "import sys, fechner.cli.data;"
        "print([m for m in ('numpy', 'pandas', 'scipy', 'torch', 'matplotlib', 'psychopy', 'PIL')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_reading_tables_and_images_loads_neither_torch_nor_psychopy():
    code = (
        "import sys, fechner.records.rated_images, fechner.data.catalog, fechner.data.photographs;"
        "print([m for m in ('torch', 'matplotlib', 'psychopy', 'sklearn', 'skimage')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_ratings_that_are_all_the_same_are_not_in_order(table):
    lines = table.read_text().splitlines()
    same = [",".join([*line.split(",")[:2], "3", "blur"]) for line in lines[1:]]
    table.write_text("\n".join([lines[0], *same]))
    assert "every image has the same rating 3 in 'quality'" in refused("data", "check", table)


def test_a_spreadsheet_is_called_one(table):
    table.write_bytes(b"PK\x03\x04\xff\xfe")
    assert "is a spreadsheet; save the sheet" in refused("data", "check", table)


def test_hidden_files_and_folders_called_like_images_are_no_images(tmp_path):
    for name in ("b.PNG", "a.avif", "._a.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in image_files(tmp_path)] == ["a.avif", "b.PNG"]


def test_capitals_are_no_other_name():
    assert nearest("AVT", ["avt", "avt_compressed"]) == "did you mean 'avt'?"
