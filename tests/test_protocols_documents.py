"""The pages about protocols and journals say what the code does."""

import re
import sys
from pathlib import Path

from fechner.experiment.exports.forms import FORMS
from fechner.protocols.files import copy_protocol
from fechner.protocols.marks import Marking
from fechner.protocols.schema import load_protocol, shipped
from fechner.records.journal.lines import EVENTS, ScreenFacts
from fechner.records.journal.marks import MarkingFacts, Marks, Stroke

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).parent.parent / "docs"


def page(name):
    return (DOCS / name).read_text("utf-8")


def toml_blocks(text):
    return re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)


def test_the_protocol_of_the_page_is_valid_and_equals_acr(tmp_path):
    protocol, _, texts = toml_blocks(page("howto-protocols.md"))
    copy_protocol("acr", tmp_path, name="acr_mine")
    (tmp_path / "acr_mine.toml").write_text(protocol.replace('"..."', '"as the page says"'))
    (tmp_path / "acr_mine.en.toml").write_text(texts)
    mine, shipped_one = load_protocol(tmp_path / "acr_mine.toml"), load_protocol("acr")
    assert mine.texts.instructions == ("First page.", "Second page.")
    for part in ("scale", "timing", "screen", "keys", "trials", "catch"):
        assert getattr(mine, part) == getattr(shipped_one, part)


def test_the_marks_of_the_page_are_those_of_the_shipped_protocol():
    marks = tomllib.loads(toml_blocks(page("howto-protocols.md"))[1])
    assert Marking.model_validate(marks) == load_protocol("slider_marks").marks
    assert set(marks) == set(Marking.model_fields)


def test_the_tests_of_vision_of_the_page_are_those_of_the_shipped_protocol():
    tables = tomllib.loads(toml_blocks(page("howto-vision.md"))[0])
    protocol = load_protocol("acr_vision")
    assert set(tables) == {"tumbling_e", "colour_plates", "comment"}
    for name, table in tables.items():
        model = getattr(protocol, name)
        assert type(model).model_validate(table) == model
        assert set(table) == set(type(model).model_fields)


def test_the_page_names_every_protocol_and_its_method():
    text = page("howto-protocols.md")
    for name in shipped():
        assert f"| `{name}` |" in text
    methods = tomllib.loads(toml_blocks(text)[0].replace('"..."', '"x"'))
    assert methods["method"] == "acr"
    comment = next(line for line in text.splitlines() if line.startswith("method = "))
    assert {load_protocol(name).method for name in shipped()} <= set(re.findall(r"\w+", comment))


def test_the_page_of_the_journal_names_every_field_and_event():
    named = set(re.findall(r"`\"?(\w+)\"?`", page("journal-format.md")))
    keys = {
        field.alias or name
        for line in (*EVENTS.values(), ScreenFacts, MarkingFacts, Marks, Stroke)
        for name, field in line.model_fields.items()
    }
    assert keys - named == set()
    assert set(EVENTS) <= named


def test_the_page_of_exports_names_every_form():
    text = page("howto-exports.md")
    assert all(f"| `{form}` |" in text for form in FORMS)
