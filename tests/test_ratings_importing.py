"""Ratings in every layout come in as the same ratings, and what cannot be told is asked for."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.data.importing.answers import read_answers
from fechner.data.importing.reader import Reading, import_ratings, words_told
from fechner.errors import InputError
from fechner.protocols.answer_words import shipped_answer_words
from fechner.records.ratings import read_ratings
from fechner.records.scales import Scale

OURS = Path(__file__).parent / "data"
PEOPLE = ("0801", "null", "P03", "1e5", "NA", "true")
IMAGES = ("a.png", "0002.png", "NaN.png", "d.png", "1.0.png")
FIVE = Scale(1, 5)
runner = CliRunner()


def truth(*, half=False):
    """Six people by five images on 1 to 5; with `half` in steps of one half."""
    rng = np.random.default_rng(7)
    values = rng.integers(2, 11, (len(PEOPLE), len(IMAGES))) / 2
    rows = itertools.product(range(len(PEOPLE)), range(len(IMAGES)))
    return pd.DataFrame(
        [
            (PEOPLE[p], IMAGES[i], values[p, i] if half else float(round(values[p, i])))
            for p, i in rows
        ],
        columns=["participant", "image", "rating"],
    )


def as_set(table):
    return {(row.participant, row.image, row.rating) for row in table.itertuples()}


def number(value):
    return f"{value:g}"


def wide(table, rows="image"):
    columns = "participant" if rows == "image" else "image"
    order = {"image": IMAGES, "participant": PEOPLE}
    found = table.pivot(index=rows, columns=columns, values="rating")
    return found.loc[list(order[rows]), list(order[columns])]


def text(table, *, separator=",", decimal=".", index=False, label=None):
    """Lines of a table as another program would write it."""
    return table.to_csv(
        sep=separator, decimal=decimal, index=index, index_label=label, lineterminator="\r\n"
    )


def save(path, lines, encoding="utf-8"):
    path.write_bytes(lines.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("separator", "decimal"), [",.", ";,", "\t,", "|."])
def test_long_tables_of_any_encoding_and_separator_say_the_same(
    tmp_path, encoding, separator, decimal
):
    table = truth(half=True)
    lines = text(table, separator=separator, decimal=decimal)
    found = import_ratings(save(tmp_path / "study.txt", lines, encoding), scales=FIVE)
    assert as_set(found.ratings.table) == as_set(table)
    assert found.ratings.dimensions == ["quality"]
    assert ("decimal commas" in found.said) == (decimal == ",")
    assert (f"{encoding} text" in found.said) == encoding.startswith("utf-16")


@pytest.mark.parametrize("rows", ["image", "participant"])
def test_wide_tables_say_the_same_as_long_ones(tmp_path, rows):
    table = truth(half=True)
    path = save(tmp_path / "w.csv", text(wide(table, rows), index=True, label="name"))
    many = {"image": "participants", "participant": "images"}[rows]
    found = import_ratings(path, scales=FIVE, reading=Reading(columns=f"{rows}=name,{many}=*"))
    assert as_set(found.ratings.table) == as_set(table)


def test_wide_tables_whose_names_follow_a_pattern_need_no_word(tmp_path):
    table = truth().replace(dict(zip(PEOPLE, ["S1", "S2", "S3", "S4", "S5", "S6"], strict=True)))
    long = {"participant": "subject", "image": "stim"}
    for rows in ("image", "participant"):
        columns = {"image": "participant", "participant": "image"}[rows]
        shown = table.pivot(index=rows, columns=columns, values="rating")
        path = save(tmp_path / "w.csv", text(shown, index=True, label=long[rows]))
        found = import_ratings(path, scales=FIVE)
        assert as_set(found.ratings.table) == as_set(table)
        assert any(
            said.startswith(f"{columns}s in {shown.shape[1]} columns") for said in found.said
        )


def test_a_wide_table_without_a_name_over_its_first_column_is_told_by_its_pictures(tmp_path):
    table = truth().replace(dict(zip(PEOPLE, ["1", "2", "3", "4", "5", "6"], strict=True)))
    for rows, columns in (("image", "participant"), ("participant", "image")):
        shown = table.pivot(index=rows, columns=columns, values="rating")
        path = save(tmp_path / "w.csv", text(shown, index=True, label=""))
        assert as_set(import_ratings(path, scales=FIVE).ratings.table) == as_set(table)


def test_columns_that_describe_a_wide_row_are_kept_beside_its_ratings(tmp_path):
    lines = "subject,age,a.png,b.png\nP1,31,4,5\nP2,67,,2\n"
    path = save(tmp_path / "w.csv", lines)
    with pytest.raises(InputError, match=r"cannot tell which of 3 columns .*--columns images="):
        import_ratings(path, scales=Scale(0, 100))
    found = import_ratings(path, scales=FIVE, reading=Reading(columns="images=*.png")).ratings
    assert found.missing == 1
    assert found.table[["participant", "age", "image", "rating"]].to_numpy().tolist() == [
        ["P1", 31, "a.png", 4], ["P1", 31, "b.png", 5], ["P2", 67, "b.png", 2],
    ]  # fmt: skip


def test_all_other_columns_can_be_told_to_be_people(tmp_path):
    path = save(tmp_path / "w.csv", "stim,Anna,Ben\na,3,4\nb,1,\n")
    found = import_ratings(path, scales=FIVE, reading=Reading(columns="participants=*")).ratings
    assert as_set(found.table) == {("Anna", "a", 3), ("Ben", "a", 4), ("Anna", "b", 1)}
    path = save(tmp_path / "w.csv", "stim,Anna,Ben,Average\na,3,4,3.5\nb,1,,1\n")
    with pytest.raises(InputError, match="column 'Average' seems to hold a summary"):
        import_ratings(path, scales=FIVE, reading=Reading(columns="participants=*"))


def test_readers_of_our_own_layout_say_how_another_becomes_ours(tmp_path):
    path = save(tmp_path / "w.csv", "stim;P1;P2\na;3;4\n")
    command = r"fechner data import ratings \S+w.csv --out ratings.csv"
    with pytest.raises(InputError, match=rf"separates columns by ';'.*{command}"):
        read_ratings(path, scales={"quality": FIVE})
    with pytest.raises(InputError, match=rf"no column 'participant'.*{command}"):
        read_ratings(save(path, "subject,stim\nP1,a\n"), scales={"quality": FIVE})


def test_several_columns_of_ratings_are_several_dimensions(tmp_path):
    path = save(tmp_path / "d.csv", "rater,file,beauty,noise,age\nP1,a,4,10,31\nP2,a,5,30,40\n")
    scales = {"beauty": FIVE, "noise": Scale(0, 100, "low")}
    declared = import_ratings(path, scales=scales).ratings
    told = import_ratings(
        path, scales=scales, reading=Reading(columns="rating=beauty,rating=noise")
    ).ratings
    for found in (declared, told):
        rows = found.table[["participant", "dimension", "rating", "age"]].to_numpy().tolist()
        assert rows == [["P1", "beauty", 4, 31], ["P1", "noise", 10, 31],
                        ["P2", "beauty", 5, 40], ["P2", "noise", 30, 40]]  # fmt: skip
        assert found.scale("noise").good == "low"


def workbook(path, table, sheets=("ratings",)):
    """Write a table with openpyxl: whole numbers as numbers, as a spreadsheet program would."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        sheet.append(list(table.columns))
        for row in table.itertuples(index=False):
            sheet.append([int(cell) if str(cell).isdigit() and cell[0] != "0" else cell
                          for cell in row])  # fmt: skip
    book.create_sheet("empty")
    book.save(path)
    return path


def open_document(path, table):
    """Write a table with odfpy."""
    pytest.importorskip("odf")
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.table import Table, TableCell, TableRow
    from odf.text import P

    book, sheet = OpenDocumentSpreadsheet(), Table(name="ratings")
    for row in [list(table.columns), *table.to_numpy().tolist()]:
        line = TableRow()
        for value in row:
            number = isinstance(value, float) or (value.isdigit() and value[0] != "0")
            kind = {"valuetype": "float", "value": value} if number else {"valuetype": "string"}
            cell = TableCell(**kind)
            cell.addElement(P(text=str(value)))
            line.addElement(cell)
        sheet.addElement(line)
    book.spreadsheet.addElement(sheet)
    book.save(str(path))
    return path


@pytest.mark.parametrize("write", [workbook, open_document])
def test_spreadsheets_say_the_same_and_names_stay_what_was_typed(tmp_path, write):
    pytest.importorskip("python_calamine")
    table = truth(half=True).replace({"P03": "801"})
    found = import_ratings(write(tmp_path / "study.bin", table), scales=FIVE)
    assert as_set(found.ratings.table) == as_set(table)
    assert {"0801", "801", "null", "NA", "1e5", "true"} == set(found.ratings.participants)


def test_of_several_sheets_one_must_be_named_and_the_command_is_shown(tmp_path):
    pytest.importorskip("python_calamine")
    path = workbook(tmp_path / "study.xlsx", truth(), sheets=("first", "second"))
    with pytest.raises(InputError, match=r"2 sheets .*import ratings .*--sheet 'first' -o"):
        import_ratings(path, scales=FIVE)
    found = import_ratings(path, scales=FIVE, reading=Reading(sheet="second"))
    assert as_set(found.ratings.table) == as_set(truth())
    with pytest.raises(InputError, match="did you mean 'second'"):
        import_ratings(path, scales=FIVE, reading=Reading(sheet="secnd"))


def test_without_its_reader_a_spreadsheet_is_refused_with_the_install_command(
    tmp_path, monkeypatch
):
    path = workbook(tmp_path / "study.xlsx", truth())
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    result = runner.invoke(app, ["stats", "scores", str(path), "--scale", "1:5"])
    assert result.exit_code == 2
    assert "pip install 'fechner[spreadsheets]'" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_damaged_spreadsheet_ends_in_one_line(tmp_path):
    pytest.importorskip("python_calamine")
    (tmp_path / "study.xlsx").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InputError, match="is no workbook that is read"):
        import_ratings(tmp_path / "study.xlsx", scales=FIVE)


WORDS = {
    "en": ["Bad", "Poor", "Fair", "Good", "Excellent"],
    "it": ["Pessima", "Scarsa", "Discreta", "Buona", "Eccellente"],
}


@pytest.mark.parametrize("language", ["en", "it"])
def test_words_of_a_shipped_protocol_become_its_numbers_on_its_scale(tmp_path, language):
    table = truth()
    words = {float(k + 1): word for k, word in enumerate(WORDS[language])}
    path = save(tmp_path / "w.csv", text(table.assign(rating=table["rating"].map(words))))
    found = import_ratings(path, reading=Reading(known=shipped_answer_words))
    assert as_set(found.ratings.table) == as_set(table)
    assert found.ratings.scale("quality") == FIVE
    assert f"answers are words of acr:{language}, on 1 to 5, high is good" in found.said


def test_words_are_known_whatever_their_case_and_commas():
    found = read_answers(
        ["Perceptible, but not annoying", "VERY ANNOYING", " imperceptible ", "n/a"],
        place=str, known=shipped_answer_words,
    )  # fmt: skip
    np.testing.assert_array_equal(found.values, [4, 1, 5, np.nan])


def test_words_of_ones_own_are_told_with_the_scale(tmp_path):
    path = save(tmp_path / "w.csv", "participant,image,rating\nP1,a,super\nP2,a,naja\nP3,a,NA\n")
    with pytest.raises(InputError, match=r"row 3, column 'rating' expects .* got 'naja'.*--labels"):
        import_ratings(path, scales=FIVE, reading=Reading(known=shipped_answer_words))
    words = words_told("super=5, naja=2")
    with pytest.raises(InputError, match=r"rating scale of \S+ is not declared"):
        import_ratings(path, reading=Reading(words=words))
    found = import_ratings(path, scales=FIVE, reading=Reading(words=words)).ratings
    assert found.table["rating"].tolist() == [5, 2]
    assert found.missing == 1
    told = import_ratings(
        path, scales=FIVE, reading=Reading(words=words_told("super=5,naja=2,NA=1"))
    )
    assert told.ratings.table["rating"].tolist() == [5, 2, 1]


def test_words_on_another_scale_than_the_declared_one_are_refused(tmp_path):
    path = save(tmp_path / "w.csv", "participant,image,rating\nP1,a,Good\nP2,a,Fair\n")
    for declared in (Scale(0, 100), Scale(1, 5, "low")):
        with pytest.raises(InputError, match="its answers are words of acr:en, 1 to 5"):
            import_ratings(path, scales=declared, reading=Reading(known=shipped_answer_words))


MISSING = ("", "NA", "n/a", "NaN", "nan", "N/A", "#N/A", "NULL", ".", "-")


@pytest.mark.parametrize("read", [read_ratings, lambda *a, **k: import_ratings(*a, **k).ratings])
def test_missing_ratings_are_counted_and_left_out_and_names_like_them_stay(tmp_path, read):
    rows = [f"{word or 'empty'},null,quality,{word}" for word in MISSING]
    rows += [f"{word},nan,quality,3" for word in ("NA", "NaN", "null", "-", ".")]
    path = save(tmp_path / "r.csv", "\n".join(["participant,image,dimension,rating", *rows]))
    found = read(path, scales={"quality": FIVE})
    assert found.missing == len(MISSING)
    assert found.participants == ["-", ".", "NA", "NaN", "null"]
    assert set(found.table["image"]) == {"nan"}


def test_no_rating_at_all_and_words_that_mean_something_are_refused(tmp_path):
    path = save(tmp_path / "r.csv", "participant,image,rating\nP1,a,NA\nP2,a,\n")
    with pytest.raises(InputError, match="holds no rating: all 2 are missing"):
        import_ratings(path, scales=FIVE)
    path = save(tmp_path / "r.csv", "participant,image,rating\nP1,a,none\nP2,a,3\n")
    with pytest.raises(InputError, match=r"row 2, column 'rating' expects a rating, got 'none'"):
        import_ratings(path, scales=FIVE)


def fechner(*arguments):
    return runner.invoke(app, [str(word) for word in arguments])


def test_the_command_writes_our_table_and_where_it_came_from(tmp_path):
    lines = "stim;P1;P2;P3\n0801;3,5;2;NA\nnull;1;5;4,5\n"
    source = save(tmp_path / "survey.csv", lines, "cp1252")
    out = tmp_path / "ratings.csv"
    done = fechner("data", "import", "ratings", source, "--scale", "1:5:low", "-o", out)
    assert done.exit_code == 0, done.output
    assert "1 of 6 ratings are missing" in done.stderr
    assert "participants in 3 columns P1 to P3" in done.stderr
    assert "5 ratings of 2 images by 3 participants: quality (1 to 5, low is good)" in done.stdout
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["dimensions"]["quality"] == {"minimum": 1, "maximum": 5, "good": "low"}
    about = record["provenance"]
    assert about["inputs"] == {"survey.csv": hashlib.sha256(source.read_bytes()).hexdigest()}
    assert about["missing_ratings"] == 1
    assert "decimal commas" in about["parameters"]["found_out"]
    again = read_ratings(out)
    assert again.missing == 1
    assert as_set(again.table) == as_set(import_ratings(source, scales=FIVE).ratings.table)
    assert set(again.table["image"]) == {"0801", "null"}


def test_every_statistic_reads_a_foreign_table_and_says_how(tmp_path):
    lines = "stim;P1;P2;P3\na;3,5;2;NA\nb;1;5;4,5\n"
    path = save(tmp_path / "survey.csv", lines)
    ours = tmp_path / "ratings.csv"
    assert fechner("data", "import", "ratings", path, "--scale", "1:5", "-o", ours).exit_code == 0
    direct = fechner("stats", "scores", path, "--scale", "1:5")
    assert direct.exit_code == 0, direct.output
    assert direct.stdout == fechner("stats", "scores", ours).stdout
    assert "image in column 'stim'; participants in 3 columns P1 to P3" in direct.stderr
    assert "only 3 participants" in direct.stderr
    told = fechner(
        "stats", "screen", path, "--scale", "1:5", "--columns", "image=stim,participants=P*"
    )
    assert told.exit_code == 0, told.output
    assert "image in column" not in told.stderr


@pytest.mark.parametrize("name", ["SIMULATED_acr", "SIMULATED_slider_missing"])
def test_a_table_of_ours_is_read_the_same_by_both_readers(name):
    table = OURS / f"{name}.csv"
    found = import_ratings(table)
    assert found.said == ()
    assert found.ratings.sha256 == read_ratings(table).sha256
    assert found.ratings.simulated


@pytest.mark.parametrize("other", ["[]", '{"rating": {"Description": "The answer."}}'])
def test_a_json_of_another_program_beside_a_table_declares_nothing(tmp_path, other):
    path = save(tmp_path / "r.csv", "participant,image,rating\nP1,a,3\n")
    (tmp_path / "r.json").write_text(other)
    assert len(import_ratings(path, scales=FIVE).ratings) == 1
    with pytest.raises(InputError, match="is not declared"):
        import_ratings(path)
    (tmp_path / "r.json").write_text('{"dimension": {}}')
    with pytest.raises(InputError, match=r"r\.json: dimension"):
        import_ratings(path, scales=FIVE)


def test_simulated_ratings_stay_marked(tmp_path):
    done = fechner(
        "data", "import", "ratings", OURS / "SIMULATED_acr.csv", "-o", tmp_path / "r.csv"
    )
    assert done.exit_code == 0, done.output
    assert read_ratings(tmp_path / "SIMULATED_r.csv").simulated


BAD = {
    "two columns could be the participant": (
        "subject,observer,image,rating\nP1,x,a,3\n",
        r"'subject' or 'observer'; say which: --columns",
    ),
    "no column of ratings": (
        "subject,image,beauty,age\nP1,a,3,31\n",
        "no column is called rating; .*--columns rating=",
    ),
    "nobody rated": ("image,rating\na,3\n", "no column names the participant"),
    "nothing is known": ("x,y,z\n1,2,3\n", "no column is called participant or image; .*image=x"),
    "a short row": ("participant,image,rating\nP1,a\n", "row 2 has 2 cells, expected 3"),
    "a name twice": ("participant,image,rating,rating\nP1,a,3,4\n", "two columns 'rating'"),
    "only a header": ("participant,image,rating\n", "has a header but no rows"),
    "nothing": ("\n\n", "is empty"),
    "off the scale": ("stim,P1,P2\na,3,4\n\nb,7,2\n", "row 4, column 'P1' is 7, expected 1 to 5"),
    "two decimal marks": ("stim;P1;P2\na;3,5;2.5\n", "'3,5' and .*'2.5'; write all decimals"),
    "a trial twice": ("stim,P1,P2\na,3,4\na,2,2\n", "row 3 repeats .*participant P1, image a"),
    "a row of means": ("stim,P1,P2\na,3,4\nb,2,2\nMean,2.5,3\n", "row 4 .'Mean'. seems to hold a"),
    "scores, not ratings": ("image,mos,sd\na,3,1\n", "no column is left that could hold ratings"),
    "people without a pattern": (
        "image,Anna,Ben\na,3,4\n",
        r"cannot tell which of 2 .*--columns participants=\*",
    ),
    "nameless participant": ("participant,image,rating\n,a,3\n", "'participant' is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_ends_in_one_line_that_says_what_to_do(tmp_path, case):
    lines, message = BAD[case]
    path = save(tmp_path / "bad.csv", lines)
    with pytest.raises(InputError, match=message):
        import_ratings(path, scales=FIVE)
    out = tmp_path / "out.csv"
    done = fechner("data", "import", "ratings", path, "--scale", "1:5", "-o", out)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("partcipant=subject", "did you mean 'participant'"),
        ("participant=subjct", "no column 'subjct'; did you mean 'subject'"),
        ("subject", "expects participant=NAME"),
        ("participants=*,images=*", "only one of them has many"),
    ],
)
def test_columns_that_are_told_wrongly_are_refused(tmp_path, columns, message):
    path = save(tmp_path / "r.csv", "subject,stim,score\nP1,a,3\n")
    with pytest.raises(InputError, match=message):
        import_ratings(path, scales=FIVE, reading=Reading(columns=columns))


def test_a_missing_file_and_its_own_table_as_output_are_refused(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        import_ratings(tmp_path / "no.csv", scales=FIVE)
    path = save(tmp_path / "r.csv", "subject,stim,score\nP1,a,3\n")
    done = fechner("data", "import", "ratings", path, "--scale", "1:5", "-o", path)
    assert done.exit_code == 2
    assert "give the result another name" in done.stderr


def test_names_in_an_old_8_bit_encoding_are_read_and_another_can_be_named(tmp_path):
    path = save(tmp_path / "r.csv", "participant,image,rating\nJosé,a,3\nMüller,a,4\n", "latin-1")
    found = import_ratings(path, scales=FIVE)
    assert found.ratings.participants == ["José", "Müller"]
    assert "cp1252 text" in found.said
    other = import_ratings(path, scales=FIVE, reading=Reading(encoding="cp1250"))
    assert other.ratings.participants == ["José", "Müller"]
    with pytest.raises(InputError, match="no encoding is called"):
        import_ratings(path, scales=FIVE, reading=Reading(encoding="utf8x"))


def test_a_matrix_without_names_is_rows_of_images_and_columns_of_participants(tmp_path):
    """As sureal reads it; numbers that repeat in the first row cannot name columns."""
    path = tmp_path / "bare.csv"
    path.write_text("5,4,5\n1,,2\n", "utf-8")
    found = import_ratings(path, scales=FIVE)
    assert as_set(found.ratings.table) == {
        ("P1", "1", 5.0), ("P2", "1", 4.0), ("P3", "1", 5.0), ("P1", "2", 1.0), ("P3", "2", 2.0),
    }  # fmt: skip
    assert any("no names" in line for line in found.said)
