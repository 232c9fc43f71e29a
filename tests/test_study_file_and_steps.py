"""The study file is checked in one place, and finished steps are known by content."""

import json
import sys

import pytest
from journals import edit, header_of, written
from small_sets import write_small_set
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.errors import InputError
from fechner.records.done import VERSIONS, done_key, read_done, write_done
from fechner.records.journal import journal_name
from fechner.records.ratings import read_ratings
from fechner.records.study import Study, read_study, study_schema, write_template
from fechner.study.design import design_of
from fechner.study.opening import open_study
from fechner.study.work import collect_ratings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_the_template_is_a_study_that_can_be_read(tmp_path):
    study = read_study(write_template(tmp_path / "mine"))
    assert study.title == "mine"
    assert study.simulate is None


def test_a_second_template_never_overwrites_a_study(tmp_path):
    write_template(tmp_path)
    with pytest.raises(InputError, match="exists already"):
        write_template(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "t"\n[stimuli]\nfamly = "blur"', "unknown key 'stimuli.famly'; did you mean"),
        ('titel = "t"', "titel"),
        ('title = "t"\n[stimuli]\nfamily = "blur"', r'is written families = \["blur"\] now'),
        ('title = "t"\n[stimuli]\ntarget_mse = 40', r"is written levels = \[40\] now"),
        ('title = "t"\n[claim]\ncontrols = ["centre"]', r"names the region 'centre', which"),
        ('title = "t"\n[stimuli]\nshare = 0.9', "'stimuli.share' got 0.9"),
        ('title = "t"\n[simulate]\nworld = "moon"', "'simulate.world' got 'moon'"),
        ("title = ", "is not TOML"),
    ],
)
def test_a_wrong_study_file_names_the_key_and_the_remedy(tmp_path, text, message):
    path = tmp_path / "study.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_study(path)
    assert "\n" not in str(caught.value)


def test_the_schema_of_study_files_has_every_key_of_the_template_and_allows_no_other(tmp_path):
    schema = study_schema()
    parts = schema["$defs"]
    declared = tomllib.loads(write_template(tmp_path).read_text("utf-8"))
    assert set(declared) <= set(schema["properties"])
    for name, table in declared.items():
        if isinstance(table, dict):
            part = parts[schema["properties"][name]["$ref"].rsplit("/", 1)[-1]]
            assert set(table) <= set(part["properties"])
            assert part["additionalProperties"] is False


def test_the_schema_that_the_command_prints_is_the_one_that_files_are_checked_by():
    result = CliRunner().invoke(app, ["study", "schema"])
    assert json.loads(result.output) == study_schema()


@pytest.mark.parametrize(
    ("stimuli", "message"),
    [
        ('families = ["blurr"]', "did you mean 'blur'"),
        ('measure = "mes"', "did you mean 'mse'"),
        ("levels = [60, 30]", "growing"),
        ('regions = ["low", "high", "donor", "centr"]', "did you mean 'centre'"),
        ('match = ["luma"]', "cannot match regions on 'luma'"),
    ],
)
def test_a_design_that_cannot_be_made_is_found_before_anything_is_computed(stimuli, message):
    content = tomllib.loads(f'title = "t"\n[stimuli]\n{stimuli}')
    with pytest.raises(InputError, match=message):
        design_of(Study.model_validate(content))


def test_a_missing_study_file_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(InputError, match="fechner study init"):
        read_study(tmp_path / "study.toml")


def test_a_folder_holds_one_study_whose_file_has_one_name(tmp_path):
    (tmp_path / "other.toml").write_text('title = "t"', "utf-8")
    with pytest.raises(InputError, match=r"is called study\.toml"):
        open_study(tmp_path / "other.toml")


@pytest.fixture
def finished(tmp_path):
    """Return a source, an artefact, and the record of the step that made one of the other."""
    source, artefact, record = (tmp_path / name for name in ("in.csv", "out.json", "maps.json"))
    source.write_text("a", "utf-8")
    artefact.write_text("b", "utf-8")
    write_done(record, done_key("maps", {"k": 1}, [source]), wrote=[artefact], content={"n": 3})
    return source, artefact, record


def is_done(record, source, parameters=None):
    key = done_key("maps", {"k": 1} if parameters is None else parameters, [source])
    return read_done(record, key) is not None


def test_a_finished_step_is_found_with_what_it_left(finished):
    source, _, record = finished
    assert read_done(record, done_key("maps", {"k": 1}, [source])) == {"n": 3}


def test_another_parameter_undoes_a_step(finished):
    source, _, record = finished
    assert is_done(record, source)
    assert not is_done(record, source, {"k": 2})


def test_another_content_of_a_file_that_was_read_undoes_a_step(finished):
    source, _, record = finished
    source.write_text("c", "utf-8")
    assert not is_done(record, source)


@pytest.mark.parametrize("harm", [lambda p: p.write_text("touched"), lambda p: p.unlink()])
def test_a_changed_or_missing_artefact_undoes_a_step(finished, harm):
    source, artefact, record = finished
    harm(artefact)
    assert not is_done(record, source)


@pytest.mark.parametrize("step", ["maps", "activations"])
def test_a_new_version_of_the_algorithm_or_of_one_inside_it_undoes_a_step(
    finished, monkeypatch, step
):
    source, _, record = finished
    monkeypatch.setitem(VERSIONS, step, VERSIONS[step] + 1)
    assert not is_done(record, source)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"key": 1}', '{"key": 1, "wrote": []}'])
def test_a_damaged_record_means_not_done(finished, content):
    source, _, record = finished
    record.write_text(content, "utf-8")
    assert not is_done(record, source)


def test_the_order_of_parameters_does_not_matter_and_that_of_files_does(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1", "utf-8")
    b.write_text("2", "utf-8")
    assert done_key("maps", {"x": 1, "y": 2}) == done_key("maps", {"y": 2, "x": 1})
    assert done_key("maps", None, [a, b]) != done_key("maps", None, [b, a])


def test_ratings_are_collected_from_every_journal_or_not_at_all(tmp_path):
    study = open_study(write_template(tmp_path / "mine"))
    shown = {"stimuli_sha256": write_small_set(study.stimuli, scenes=3).sha256}
    paths = [study.sessions / journal_name(code, 1) for code in ("P01", "P02", "P03")]
    for path, code in zip(paths, ("P01", "P02", "P03"), strict=True):
        written(path, 3, header_of(participant=code, **shown))
    edit(paths[0], 3, rating=1.0)
    paths[2].write_bytes(b"{}\n")
    with pytest.raises(InputError, match="2 of 3 journals cannot be read") as refused:
        collect_ratings(study)
    assert "sub-P01_ses-1.jsonl is damaged in line 3" in str(refused.value)
    assert "sub-P03_ses-1.jsonl is damaged in line 1" in str(refused.value)
    assert not study.ratings.exists()
    written(paths[0].with_name("sub-P04_ses-1.jsonl"), 3, header_of(participant="P04", **shown))
    for path in (paths[0], paths[2]):
        path.unlink()
    collect_ratings(study)
    assert read_ratings(study.ratings).participants == ["P02", "P04"]
