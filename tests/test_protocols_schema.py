import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fechner.errors import InputError
from fechner.protocols.files import copy_protocol, languages
from fechner.protocols.methods import METHODS, json_schema, texts_json_schema
from fechner.protocols.parts import (
    Catch,
    Keys,
    Timing,
)
from fechner.protocols.schema import load_protocol, shipped
from fechner.records.scales import RatingScale
from fechner.records.study import read_study, write_template

LANGUAGES = ("en", "it")
EVERY = [(name, language) for name in shipped() for language in LANGUAGES]


@pytest.fixture
def mine(tmp_path):
    """A copy of the ACR protocol to spoil."""
    copy_protocol("acr", tmp_path, name="mine")
    return tmp_path / "mine.toml"


def changed(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_every_rating_method_is_shipped():
    assert {load_protocol(name).method for name in shipped()} == set(METHODS)


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_shipped_protocol_loads_in_english_and_italian(name, language):
    protocol = load_protocol(name, language=language)
    assert (protocol.name, protocol.language) == (name, language)
    assert len(protocol.labels) == len(protocol.texts.labels)
    assert languages(name) == list(LANGUAGES)


@pytest.mark.parametrize("name", shipped())
def test_a_language_changes_the_words_and_nothing_else(name):
    english, italian = (load_protocol(name, language=language) for language in LANGUAGES)
    assert english.model_copy(update={"texts": italian.texts}) == italian
    assert english.sha256 != italian.sha256


@pytest.mark.parametrize("name", shipped())
def test_a_protocol_names_its_recommendation_or_says_that_there_is_none(name):
    recommendation = load_protocol(name).recommendation
    assert re.match(r"ITU-T P\.910|ITU-R BT\.500-15|No ITU Recommendation", recommendation)


def test_category_labels_are_those_of_the_recommendations():
    """ITU-T P.910 (10/2023): the five-level quality scale and the five-level DCR scale."""
    assert load_protocol("acr").texts.labels == ("Bad", "Poor", "Fair", "Good", "Excellent")
    assert load_protocol("dcr_sequential").texts.labels == (
        "Very annoying",
        "Annoying",
        "Slightly annoying",
        "Perceptible but not annoying",
        "Imperceptible",
    )


def test_the_digest_covers_numbers_and_words(mine):
    before = load_protocol(mine).sha256
    assert load_protocol(mine).sha256 == before
    changed(mine, "interval_ms = 500", "interval_ms = 501")
    after = load_protocol(mine).sha256
    changed(mine.with_name("mine.en.toml"), "How good", "How fine")
    assert len({before, after, load_protocol(mine).sha256}) == 3
    changed(mine.with_name("common.en.toml"), "Thank you very much", "Thanks")
    assert load_protocol(mine).texts.thanks.count("Thanks") == 1


def test_a_copy_differs_from_the_original_in_its_name_only(mine):
    assert load_protocol(mine).model_copy(update={"name": "acr"}) == load_protocol("acr")


def test_two_protocols_can_be_copied_into_one_folder(tmp_path):
    copy_protocol("acr", tmp_path)
    copy_protocol("slider", tmp_path)
    assert load_protocol(tmp_path / "slider.toml") == load_protocol("slider")
    (tmp_path / "common.en.toml").write_text("changed = 1")
    with pytest.raises(
        InputError, match=r"common\.en\.toml exists already; choose another folder$"
    ):
        copy_protocol("pair", tmp_path)


def test_copying_never_overwrites(mine):
    with pytest.raises(InputError, match="exists already"):
        copy_protocol("acr", mine.parent, name="mine")
    with pytest.raises(InputError, match="cannot name a protocol"):
        copy_protocol("acr", mine.parent, name="../Mine")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "fixation_ms",
            "fixaton_ms",
            "unknown key 'timing.fixaton_ms': did you mean 'fixation_ms'",
        ),
        ("consent = true", "consnet = true", "unknown key 'consnet': did you mean 'consent'"),
        ('accept = ["yes"]', 'acept = ["yes"]', "unknown key 'screening.0.acept'.*'accept'"),
        ('method = "acr"', 'method = "acrr"', "unknown method 'acrr': did you mean 'acr'"),
        ('method = "acr"\n', "", "names no method; add one: slider, acr"),
        ('dimension = "quality"\n', "", "'dimension' is missing; add it"),
        ("minimum = 1", "minimum = 9", "maximum .5. must be above minimum .9."),
        ("step = 1", "step = 3", "step 3 does not lead from minimum to maximum"),
        ("[1, 2, 3, 4, 5]", "[1, 2, 3, 4, 6]", "labels_at names 6, which is not on the scale"),
        ("[1, 2, 3, 4, 5]", "[5, 4, 3, 2, 1]", "labels_at must rise"),
        ("[1, 2, 3, 4, 5]", "[1, 3, 5]", "3 labelled values and the texts .en. have 5 labels"),
        ('["2", "num_2"]', '["1", "num_2"]', "the key '1' has two meanings"),
        ('  ["5", "num_5"],\n', "", "5 choices and keys.choices has 4 groups"),
        ('shown = "choices"', 'shown = "slider"', "(needs scale.shown = 'choices'|0 choices)"),
        ("interval_ms = 500", "interval_ms = -1", "timing.interval_ms: .*got -1"),
        ("interval_ms = 500", 'interval_ms = "half a second"', "timing.interval_ms: .*a second'"),
        ("minimum_view_ms = 1000", "minimum_view_ms = 9000", "cannot be longer than stimulus_ms"),
        ("mask_ms = 0", "reference_ms = 100", "shows no reference first; remove"),
        ("practice = 4", "practice = 1", "leaves no room for 2 anchors"),
        ('accept = ["yes"]', 'accept = ["maybe"]', "accept names 'maybe'"),
        ('name = "acuity"', 'name = "sharpness"', "lack the screening question 'sharpness'"),
        ("schema = 1", "schema = 2", "schema"),
        ("schema = 1", "schema = ", "is not TOML: .*line 2"),
        ("consent = true", 'consent = true\ntexts = "x"', "texts stand in mine.en.toml"),
    ],
)
def test_a_mistake_in_a_protocol_ends_in_one_line_that_names_it(mine, old, new, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        load_protocol(changed(mine, old, new))
    assert "\n" not in str(caught.value)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"Bad", ', "", "5 labelled values and the texts .en. have 4 labels"),
        ("question", "qestion", "unknown key 'texts.qestion': did you mean 'question'"),
        ('title = "', 'catch = "Now!"\ntitle = "', "catch must say {label}"),
        ('title = "', 'rest = "{dome}"\ntitle = "', "rest says {dome}, which nothing fills in"),
        ('title = "', 'rest = "{done"\ntitle = "', "rest: .*for a brace"),
    ],
)
def test_a_mistake_in_the_texts_ends_in_one_line_that_names_it(mine, old, new, complaint):
    changed(mine.with_name("mine.en.toml"), old, new)
    with pytest.raises(InputError, match=complaint):
        load_protocol(mine)


def test_what_is_not_there_is_said_with_what_is(tmp_path, mine):
    with pytest.raises(InputError, match="did you mean 'slider'"):
        load_protocol("slidr")
    with pytest.raises(InputError, match=r"no texts in 'de' \(present: en, it\)"):
        load_protocol("slider", language="de")
    with pytest.raises(InputError, match="found none at"):
        load_protocol(tmp_path / "none.toml")
    mine.write_bytes(b"title = '\xff'")
    with pytest.raises(InputError, match="is not UTF-8"):
        load_protocol(mine)


def test_a_language_of_ones_own_needs_only_its_text_files(mine):
    for stem in ("mine", "common"):
        text = mine.with_name(f"{stem}.en.toml").read_text("utf-8")
        new = text.replace('language = "en"', 'language = "ja"').replace("Bad", "悪い")
        mine.with_name(f"{stem}.ja.toml").write_text(new, "utf-8")
    protocol = load_protocol(mine, language="ja")
    assert protocol.labels[0] == (1.0, "悪い")
    assert languages(mine) == ["en", "it", "ja"]


def test_a_protocol_is_frozen():
    protocol = load_protocol("slider")
    with pytest.raises(ValidationError, match="frozen"):
        protocol.dimension = "beauty"


@given(
    low=st.integers(-50, 50),
    step=st.sampled_from([0.1, 0.25, 0.5, 1, 2, 5]),
    steps=st.integers(1, 200),
    value=st.floats(-1e4, 1e4),
)
def test_a_rounded_value_is_on_the_scale_and_rounding_again_changes_nothing(
    low, step, steps, value
):
    high = low + step * steps
    scale = RatingScale(minimum=low, maximum=high, step=step, shown="slider", labels_at=(low, high))
    rounded = scale.rounded(value)
    assert low <= rounded <= high
    assert scale.contains(rounded)
    assert scale.rounded(rounded) == pytest.approx(rounded, abs=1e-9)
    inside = min(max(value, low), high)
    assert abs(rounded - inside) <= step / 2 + 1e-6


@given(st.text(min_size=1, max_size=12).filter(lambda key: key not in Timing.model_fields))
def test_no_key_outside_the_schema_gets_in(key):
    with pytest.raises(ValidationError):
        Timing.model_validate({key: 1})


@given(shown=st.integers(0, 20), share=st.floats(0, 1))
def test_passing_more_catch_trials_never_makes_a_participant_fail(shown, share):
    rule = Catch(pass_share=share)
    results = [rule.participant_passes(passed, shown) for passed in range(shown + 1)]
    assert results == sorted(results)
    assert results[-1]


def test_a_catch_trial_is_passed_up_to_its_tolerance():
    rule = Catch(tolerance=5)
    assert [rule.passed(rating, 100) for rating in (100, 95, 94.9)] == [True, True, False]


def test_times_of_a_trial_add_up():
    timing = Timing(fixation_ms=500, stimulus_ms=4000, mask_ms=100, interval_ms=400)
    assert timing.typical_trial_ms == 500 + 4000 + 100 + 2500 + 400
    assert Timing().stimulus_limit_ms is None


def test_a_slider_has_no_choice_keys():
    assert Keys().choices == ()
    assert load_protocol("slider").scale.choices == ()


def test_the_json_schema_knows_every_key_of_every_shipped_file():
    schema = json_schema()
    for name in shipped():
        protocol = load_protocol(name)
        known = schema["$defs"][type(protocol).__name__]
        keys = set(protocol.model_dump(by_alias=True)) - {"texts"}
        assert keys == set(known["properties"])
        assert known["additionalProperties"] is False
    assert set(schema["discriminator"]["mapping"]) == set(METHODS)
    json.dumps(schema)


def test_the_json_schema_of_texts_lists_what_a_language_needs():
    needed = set(texts_json_schema()["required"])
    assert {"question", "labels", "instructions", "thanks", "quit_question"} <= needed


LITERALS = ["-1", "0", "1e400", "nan", "inf", "true", '""', '"x"', "[]", "[[]]", "{}", "[1, 'a']"]


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from(shipped()),
    place=st.integers(0, 60),
    literal=st.sampled_from(LITERALS),
)
@example(name="acr", place=1, literal="[]")
def test_any_value_in_any_place_loads_or_ends_in_one_line(tmp_path_factory, name, place, literal):
    folder = tmp_path_factory.mktemp("spoilt")
    copy_protocol(name, folder, name="mine")
    path = folder / "mine.toml"
    lines = path.read_text("utf-8").splitlines()
    settable = [k for k, line in enumerate(lines) if re.match(r"\w+ = [^\[]*$", line)]
    chosen = settable[place % len(settable)]
    lines[chosen] = f"{lines[chosen].split(' = ')[0]} = {literal}"
    path.write_text("\n".join(lines), "utf-8")
    try:
        load_protocol(path)
    except InputError as error:
        assert "\n" not in str(error)
        assert "mine.toml" in str(error)


def test_a_digit_cannot_move_a_sliders_mark():
    with pytest.raises(ValidationError, match="'num_4' types a digit on a slider"):
        Keys(decrease=("left", "num_4"))


def test_a_common_file_of_ones_own_needs_only_what_it_changes(mine):
    mine.with_name("common.en.toml").write_text('thanks = "Done."', "utf-8")
    texts = load_protocol(mine).texts
    assert texts.thanks == "Done." and texts.not_yet == load_protocol("acr").texts.not_yet


def test_the_mark_that_windows_puts_before_utf_8_is_no_part_of_a_protocol_or_study(tmp_path):
    copy_protocol("acr", tmp_path, name="mine")
    file = tmp_path / "mine.toml"
    file.write_text(file.read_text("utf-8"), "utf-8-sig")
    assert load_protocol(file).trials == load_protocol("acr").trials
    copy_protocol(file, tmp_path / "again", name="other")
    assert load_protocol(tmp_path / "again" / "other.toml").name == "other"
    study = write_template(tmp_path / "study")
    study.write_text(study.read_text("utf-8"), "utf-8-sig")
    assert read_study(study).session.protocol == "slider"
