"""`fechner stats` on the ratings of a study: as its file declares, as the study itself does."""

import pytest
from report_study import write_study
from typer.testing import CliRunner

from fechner.cli.stats import app
from fechner.errors import InputError
from fechner.records.claims.claim import read_claim
from fechner.records.screening.attention import Attention, write_attention
from fechner.study.freezing import freeze
from fechner.study.opening import open_study
from fechner.study.work import check_the_claim

runner = CliRunner()


@pytest.fixture
def folder(tmp_path):
    """A study of simulated participants, of whom P03 failed the attention checks."""
    folder = write_study(tmp_path / "study", statistics=False)
    failed = {
        f"P{k:02d}": Attention(
            participant=f"P{k:02d}", catch_shown=4, catch_passed=4 * (k != 3), attentive=k != 3
        )
        for k in range(13)
    }
    write_attention(failed, open_study(folder).attention)
    return folder


def declare(folder, text):
    file = folder / "study.toml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def run(*arguments):
    result = runner.invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def same(one, other):
    """Whether two claims say the same of the same participants."""
    told = ("verdict", "excluded", "contrasts", "equivalence", "screening", "n_participants")
    return all(getattr(one, name) == getattr(other, name) for name in told)


@pytest.mark.parametrize(
    ("declared", "left_out"),
    [
        ("", ["P03"]),
        ("[screening]\nattention = false\n", []),
        ('[screening]\nrule = "everybody"\n[claim]\nmargin = 3.0\nlevel = 0.9\n', []),
    ],
)
def test_both_ways_to_the_claim_give_one_verdict(folder, tmp_path, declared, left_out):
    declare(folder, declared)
    study = open_study(folder)
    check_the_claim(study)
    of_study = read_claim(study.claim)
    assert list(of_study.excluded) == left_out
    for pointed_at in ([folder], [folder / "study.toml"], [study.ratings, folder / "stimuli"]):
        output = run("claim", *pointed_at, "-o", tmp_path / "claim.json")
        assert "study.toml declares" in output.replace("\n", " ")
        assert same(read_claim(tmp_path / "claim.json"), of_study)


def test_what_is_given_stands_before_what_the_study_declares(folder, tmp_path):
    declare(folder, "[claim]\nmargin = 3.0\n")
    run("claim", folder, "--keep-all", "--margin", "5", "-o", tmp_path / "claim.json")
    found = read_claim(tmp_path / "claim.json")
    assert not found.excluded
    assert {test.bound for test in found.equivalence.values()} == {5.0}


def test_a_copy_of_the_table_elsewhere_belongs_to_no_study(folder, tmp_path):
    copy = tmp_path / "copied.csv"
    ratings = open_study(folder).ratings
    copy.write_bytes(ratings.read_bytes())
    copy.with_suffix(".json").write_bytes(ratings.with_suffix(".json").read_bytes())
    output = run("claim", copy, folder / "stimuli", "-o", tmp_path / "claim.json")
    assert "study.toml" not in output
    assert not read_claim(tmp_path / "claim.json").excluded
    with pytest.raises(InputError, match="name the stimuli too"):
        run("claim", copy)


def test_screening_follows_the_study_and_a_plan_that_was_frozen_otherwise_is_named(folder):
    freeze(open_study(folder))
    assert "Left out: P03" in run("screen", folder)
    declare(folder, '[screening]\nrule = "everybody"\n')
    output = run("screen", folder).replace("\n", " ")
    assert "Left out: nobody" in output
    assert "was frozen with other who is left out" in output


def test_a_damaged_study_file_is_named(folder):
    declare(folder, "[screenin]\n")
    with pytest.raises(InputError, match="unknown key 'screenin'"):
        run("claim", folder)
