"""Journals that lie in one folder are put together only where they belong to one study."""

from types import SimpleNamespace

import pytest
from journals import header_of, written

from fechner.errors import InputError
from fechner.experiment.same_study import check_same_study
from fechner.protocols.schema import load_protocol
from fechner.records.journal.record import read_journal

SLIDER = load_protocol("slider")
STIMULI = SimpleNamespace(sha256="5" * 64)


def journal(tmp_path, name="A7", **header):
    made = header_of("slider", name) | header
    return read_journal(written(tmp_path / f"sub-{name}_ses-1.jsonl", 3, made))


def test_journals_of_one_study_pass_without_a_word(tmp_path):
    both = [journal(tmp_path), journal(tmp_path, "B7")]
    assert check_same_study(both, SLIDER, STIMULI) == []


def test_a_journal_of_another_stimulus_set_is_named_and_never_averaged(tmp_path):
    both = [journal(tmp_path), journal(tmp_path, "B7", stimuli_sha256="4" * 64)]
    with pytest.raises(InputError, match=r"sub-B7_ses-1.jsonl was rated on another stimulus set"):
        check_same_study(both, SLIDER, STIMULI)


def test_a_journal_of_another_protocol_is_named(tmp_path):
    other = journal(tmp_path, protocol_sha256="4" * 64, protocol="slider_mine")
    with pytest.raises(InputError, match=r"by the protocol 'slider_mine', and this study's is 'sl"):
        check_same_study([other], SLIDER, STIMULI)


def test_words_that_changed_after_a_session_are_told_and_refuse_nobody(tmp_path):
    both = [journal(tmp_path), journal(tmp_path, "B7", protocol_sha256="4" * 64)]
    (note,) = check_same_study(both, SLIDER, STIMULI)
    assert "sub-B7_ses-1.jsonl" in note and "A7" not in note
