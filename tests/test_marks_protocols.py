"""Protocols that ask for marks: what they may say, and that the others stay what they were."""

import pytest
from small_stimuli import small_set, with_intact

from fechner.errors import InputError
from fechner.experiment.plan.plan import make_plan
from fechner.protocols.files import copy_protocol
from fechner.protocols.marks import TYPICAL_MARKING_MS
from fechner.protocols.schema import load_protocol


@pytest.fixture
def mine(tmp_path):
    """A copy of the protocol of a rating with marks, to spoil."""
    copy_protocol("slider_marks", tmp_path, name="mine")
    return tmp_path / "mine.toml"


def changed(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_words_of_the_marking_screen_are_no_part_of_a_protocol_without_marks(tmp_path):
    copy_protocol("slider", tmp_path, name="mine")
    before = load_protocol(tmp_path / "mine.toml").sha256
    changed(tmp_path / "common.en.toml", "Take back", "Undo")
    assert load_protocol(tmp_path / "mine.toml").sha256 == before
    changed(tmp_path / "common.en.toml", '"Reference"', '"Original"')
    assert load_protocol(tmp_path / "mine.toml").sha256 != before


def test_marks_and_their_words_are_part_of_the_digest(mine):
    before = load_protocol(mine).sha256
    changed(mine, "radius_px = 16", "radius_px = 17")
    after = load_protocol(mine).sha256
    changed(mine.with_name("common.en.toml"), "Take back", "Undo")
    assert len({before, after, load_protocol(mine).sha256}) == 3


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("least = 1", "least = 30", "least = 30 is above most = 20"),
        ("radius_px = 16", "radius_px = 0", "radius_px.*greater than or equal to 2"),
        ('tool = "brush"', 'tool = "pencil"', "tool.*'click' or 'brush'"),
        ('"delete"]', '"n"]', "the key 'n' has two meanings while marking"),
        ('nowhere = ["n"', 'nowhere = ["return"', "the key 'return' has two meanings"),
        ("beside_reference", "beside_refrence", "did you mean 'beside_reference'"),
        ('method = "slider"', 'method = "marks"', "marks has two answers"),
    ],
)
def test_contradictory_marks_are_refused_in_one_line(mine, old, new, complaint):
    with pytest.raises(InputError, match=complaint) as found:
        load_protocol(changed(mine, old, new))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["pair", "jnd"])
def test_two_images_cannot_be_marked(tmp_path, name):
    copy_protocol(name, tmp_path, name="mine")
    path = tmp_path / "mine.toml"
    path.write_text(path.read_text("utf-8") + '\n[marks]\ntool = "click"\n', "utf-8")
    with pytest.raises(InputError, match=f"needs one rated image, and {name} asks about two"):
        load_protocol(path)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[marks]\n", "[old]\n", "unknown key 'old'"),
        ('stimulus_ms = "until response"', "stimulus_ms = 3000", "the image stays while it is"),
        ('good = "high"', 'good = "low"', '1 stands for "nowhere"'),
    ],
)
def test_the_method_of_marks_alone_needs_its_table_and_its_two_values(
    tmp_path, old, new, complaint
):
    copy_protocol("marks", tmp_path, name="mine")
    with pytest.raises(InputError, match=complaint):
        load_protocol(changed(tmp_path / "mine.toml", old, new))


def test_texts_without_the_words_of_the_marking_screen_are_named(mine):
    """In a language that no shipped text speaks, whose words would stand in."""
    for name in ("common", "mine"):
        words = mine.with_name(f"{name}.en.toml").read_text("utf-8").split("[marks]")[0]
        words = words.replace('language = "en"', 'language = "de"')
        mine.with_name(f"{name}.de.toml").write_text(words, "utf-8")
    with pytest.raises(InputError, match=r"the texts \(de\) lack \[marks\]"):
        load_protocol(mine, language="de")


def test_a_session_with_marks_is_expected_to_take_longer(tmp_path):
    stimuli = small_set(tmp_path, with_intact(6))
    plain, marks = load_protocol("slider"), load_protocol("slider_marks")
    same = marks.model_copy(update={"trials": plain.trials})
    longer = make_plan(same, stimuli, "P1").minutes - make_plan(plain, stimuli, "P1").minutes
    trials = len(make_plan(plain, stimuli, "P1").trials)
    assert longer == pytest.approx(trials * TYPICAL_MARKING_MS / 60_000, abs=0.02)


def test_marks_beside_the_reference_know_it_and_never_show_it_against_itself(tmp_path):
    stimuli = small_set(tmp_path, with_intact(6))
    plan = make_plan(load_protocol("marks"), stimuli, "P1")
    shown = [trial for trial in plan.trials if trial.kind == "main"]
    assert {trial.reference for trial in shown} == {f"scene{k}_intact" for k in range(6)}
    assert {trial.region for trial in shown} == {"low", "high"}
    catches = [trial for trial in plan.trials if trial.kind == "catch"]
    assert catches and all(t.stimulus == t.reference and t.target == 1 for t in catches)
