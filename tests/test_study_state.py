"""The study file is checked in one place, and finished steps are known by content."""

import pytest

from fechner.errors import InputError
from fechner.records.done import State, step_key
from fechner.records.study import read_study, write_template


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


def test_a_missing_study_file_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(InputError, match="fechner study init"):
        read_study(tmp_path / "study.toml")


def test_a_folder_belongs_to_one_study(tmp_path):
    State(tmp_path).claim_folder("one")
    State(tmp_path).claim_folder("one")
    with pytest.raises(InputError, match="belongs to the study 'one'"):
        State(tmp_path).claim_folder("two")


def test_a_step_is_done_only_while_its_key_and_its_artefacts_are_unchanged(tmp_path):
    source, artefact = tmp_path / "in.csv", tmp_path / "out.json"
    source.write_text("a", "utf-8")
    artefact.write_text("b", "utf-8")
    state, key = State(tmp_path), step_key({"k": 1}, [source])
    assert not state.is_done("maps", key)
    state.record("maps", key, [artefact])
    assert state.is_done("maps", key)
    assert not state.is_done("maps", step_key({"k": 2}, [source]))
    source.write_text("c", "utf-8")
    assert not state.is_done("maps", step_key({"k": 1}, [source]))
    artefact.write_text("touched", "utf-8")
    assert not state.is_done("maps", key)


def test_a_forgotten_step_is_redone(tmp_path):
    artefact = tmp_path / "out.json"
    artefact.write_text("b", "utf-8")
    state = State(tmp_path)
    state.record("maps", "key", [artefact])
    state.forget(["maps"])
    assert not state.is_done("maps", "key")
