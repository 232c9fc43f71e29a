"""Checks before a session, calibration, fonts, and the screens as pictures."""

import json
import math
from collections import namedtuple
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from journals import edit, header_of, written
from PIL import Image
from small_sets import write_small_set

from fechner.errors import InputError, MissingPartError, RefusedError
from fechner.experiment.calibration import (
    CARD_CM,
    Calibration,
    card_question,
    from_card,
    last_calibration,
)
from fechner.experiment.display import (
    Frame,
    Page,
    Question,
    load_pixels,
)
from fechner.experiment.plan.plan import Trial, make_plan
from fechner.experiment.readable import SIZES, faults
from fechner.experiment.screens import (
    bank_card,
    layout,
    patterns,
    sliders,
)
from fechner.experiment.screens import (
    pages as screens,
)
from fechner.experiment.screens.fonts import check_font, find_font, missing_letters
from fechner.experiment.screens.look import Look, writing_noted
from fechner.experiment.session.presentation import rating_question
from fechner.experiment.starting import preflight
from fechner.experiment.starting.open_window import look_of
from fechner.protocols.files import languages
from fechner.protocols.schema import load_protocol, shipped
from fechner.records.journal import JournalRecord, read_journal
from fechner.records.journal.lines import parse_line


@pytest.fixture(scope="module")
def look():
    return look_of(load_protocol("slider"), (1280, 1024))


def test_pixels_per_degree_follow_the_geometry():
    """FACTS: distance * tan(1 deg) / (width_cm / width_px); a 24-inch full-HD screen at 60 cm."""
    screen = Calibration(1920 / 53.1, 60.0)
    assert screen.pixels_per_degree == pytest.approx(60 * math.tan(math.radians(1)) * 1920 / 53.1)
    assert screen.pixels_per_degree == pytest.approx(37.87, abs=0.01)
    assert Calibration(
        screen.pixels_per_cm, screen.distance_for(40)
    ).pixels_per_degree == pytest.approx(40)


def test_a_card_of_known_width_gives_pixels_per_centimetre():
    assert from_card(8.56 * 38, 60).pixels_per_cm == pytest.approx(38)
    assert pytest.approx(8.56) == CARD_CM


@pytest.mark.parametrize(("px", "cm"), [(2.0, 60.0), (38.0, 3.0), (900.0, 60.0)])
def test_impossible_calibrations_are_refused(px, cm):
    with pytest.raises(InputError, match="measure again"):
        Calibration(px, cm)


def _record(written, *, simulated=False, size=(1280, 1024), ppc=38.0, machine="m"):
    screen = {"size": list(size), "monitor": 0, "pixels_per_cm": ppc, "distance_cm": 60.0}
    screen["machine"] = machine
    model = {} if simulated else None
    header = header_of(model=model, screen=screen) | {"event": "session", "schema": 2}
    line = json.dumps({**header, "written": f"{written}T08:00:00.000+00:00"})
    return JournalRecord(Path("a.jsonl"), parse_line(line.encode()))


def test_the_last_calibration_of_this_very_screen_is_used():
    journals = [
        _record("2026-01-02", ppc=39.0),
        _record("2026-01-01", ppc=38.0),
        _record("2026-01-03", simulated=True, ppc=50.0),
        _record("2026-01-04", size=(640, 480), ppc=51.0),
        _record("2026-01-05", machine="another booth", ppc=52.0),
    ]
    found = last_calibration(journals, size=(1280, 1024), monitor=0, machine="m")
    assert found == Calibration(39.0, 60.0)
    assert last_calibration(journals, size=(1280, 1024), monitor=1, machine="m") is None


def test_degrees_far_from_the_protocols_name_the_distance_that_fits():
    protocol = load_protocol("slider")
    check = preflight.check_degrees(protocol, Calibration(76.4, 60.0))
    assert check.state == "mind" and "sit at 30 cm" in check.remedy
    assert preflight.check_degrees(protocol, Calibration(38.2, 60.0)).state == "good"
    assert preflight.check_degrees(protocol, None).remedy == "calibrate with a card"


Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_refuses_and_a_nearly_full_one_warns(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: Usage(1e12, 1e12, 1e6))
    with pytest.raises(RefusedError, match=r"1\.0 MB left"):
        preflight.check_disk(tmp_path)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: Usage(1e12, 1e12, 2e7))
    assert preflight.check_disk(tmp_path).state == "mind"
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: Usage(1e12, 1e12, 2e9))
    assert preflight.check_disk(tmp_path).state == "good"


class FakeDisplay:
    """A window with facts of its own."""

    def __init__(self, **facts):
        self._facts = {
            "size": [1920, 1080],
            "screen": [1920, 1080],
            "scaling": 1.0,
            "bits": 8,
            "frame_ms": 16.67,
            "jitter_ms": 0.1,
            "synchronised": True,
            "test_pattern_difference": 0,
            **facts,
        }

    def facts(self):
        return self._facts


def test_a_good_screen_passes_every_check():
    assert {check.state for check in preflight.check_window(FakeDisplay())} == {"good"}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"test_pattern_difference": 1}, "changes pixels by up to 1 level"),
        ({"bits": 6}, "6 bits a colour"),
    ],
)
def test_a_screen_that_changes_pixels_is_refused(facts, words):
    with pytest.raises(RefusedError, match=words):
        preflight.check_window(FakeDisplay(**facts))


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"scaling": 1.5}, "scaling"),
        ({"jitter_ms": 4.0}, "refresh"),
        ({"size": [1280, 1024]}, "window"),
    ],
)
def test_a_doubtful_screen_is_said_to_the_experimenter(facts, name):
    checks = preflight.check_window(FakeDisplay(**facts))
    assert [check.name for check in checks if check.state == "mind"] == [name]


def test_a_screen_without_refresh_is_not_blamed_on_other_programs():
    rows = {c.name: c for c in preflight.check_window(FakeDisplay(synchronised=False))}
    assert rows["refresh"].state == "mind"
    assert rows["refresh"].remedy.startswith("flips do not wait for the screen")


def test_a_session_that_is_too_long_is_said(tmp_path):
    stimuli = write_small_set(tmp_path / "set", scenes=3)
    protocol = load_protocol("slider")
    plan = make_plan(protocol, stimuli, "P01")
    assert all(c.state == "good" for c in preflight.check_inputs(protocol, stimuli, plan))
    short = protocol.model_copy(
        update={"trials": protocol.trials.model_copy(update={"session_minutes": 0.5})}
    )
    states = {c.name: c.state for c in preflight.check_inputs(short, stimuli, plan)}
    assert states["length"] == "mind"
    kept = read_journal(written(tmp_path / "sub-P01_ses-1.jsonl", 2, header_of(participant="P01")))
    who = preflight.check_inputs(protocol, stimuli, plan, kept)[0]
    assert who.found == "P01, session 1, goes on after trial 2"
    preflight.check_length(protocol, [plan])
    with pytest.raises(RefusedError, match=r"the protocol.s limit is 0\.5; show fewer stimuli"):
        preflight.check_length(short, [plan])


def test_a_table_stands_under_its_heading_in_letters_as_large_as_the_text():
    look = look_of(load_protocol("slider"), (1280, 1024))
    rows = tuple(("!", f"check {number}", "found") for number in range(11))
    table = Question("buttons", "checks", "Checks", ("Begin",), (0.0,), table=rows)
    plain = Question("buttons", "checks", "Checks", ("Begin",), (0.0,))
    more = screens.strip_height(look, table) - screens.strip_height(look, plain)
    assert more >= len(rows) * look.text_px
    ink = np.asarray(screens.question(look, table, below=False).image)[..., 0] < 64
    inked = np.flatnonzero(ink.any(1))
    lines = np.split(inked, np.flatnonzero(np.diff(inked) > 3) + 1)
    heading, *checks, button = lines
    assert len(checks) == len(rows)
    assert {len(line) for line in checks} == {len(heading)}
    starts = {np.flatnonzero(ink[line].any(0))[0] for line in (heading, *checks)}
    assert max(starts) - min(starts) <= 3
    assert button[0] > checks[-1][-1]


@pytest.mark.parametrize("size", [(800, 600), (900, 700), (1024, 768), (1280, 1024)])
def test_the_checks_fit_every_usual_window_however_much_they_say(size):
    look = look_of(load_protocol("slider"), size)
    rows = tuple(
        ("!", f"check {number}", "found something that is long " * 3) for number in range(12)
    )
    labels, values = ("Begin the session", "Calibrate with a card", "Stop"), (0.0, 1.0, 2.0)
    question = Question("buttons", "checks", "Checks before", labels, values, table=rows)
    screen = screens.question(look, question, below=False)
    assert all(box[3] <= size[1] for box in screen.zones.values())


def test_damaged_journals_are_said_to_the_experimenter_and_stop_nobody(tmp_path):
    own = tmp_path / "sub-P03_ses-1.jsonl"
    assert preflight.check_sessions(tmp_path / "none" / own.name).state == "good"
    written(own, 2, header_of(participant="P03"))
    written(tmp_path / "sub-P01_ses-1.jsonl", 2, header_of(participant="P01"))
    edit(written(tmp_path / "sub-P02_ses-1.jsonl", 2, header_of(participant="P02")), 2, rating=1.0)
    check = preflight.check_sessions(own)
    assert check.state == "mind"
    assert check.found == "journals before this one: 1; damaged: sub-P02_ses-1.jsonl"


def test_the_frozen_prediction_has_its_own_digest(tmp_path):
    from dataclasses import replace

    stimuli = write_small_set(tmp_path / "set", scenes=3)
    changed = list(stimuli.stimuli)
    changed[1] = replace(changed[1], predicted_impact=changed[1].predicted_impact + 1e-9)
    other = replace(stimuli, stimuli=tuple(changed))
    assert preflight.prediction_sha256(stimuli) != preflight.prediction_sha256(other)


@pytest.mark.parametrize("name", shipped())
def test_every_letter_of_every_language_is_in_the_font(name):
    for language in languages(name):
        protocol = load_protocol(name, language=language)
        font = find_font(protocol.screen.font)
        assert missing_letters(font, protocol.texts.every_word) == ""


def test_a_missing_font_and_missing_letters_are_one_clear_line(tmp_path):
    with pytest.raises(MissingPartError, match="Comic Papyrus"):
        find_font("Comic Papyrus")
    with pytest.raises(MissingPartError, match="lacks 2 characters of the language 'ja'"):
        check_font(find_font("DejaVu Sans"), "画質 a", language="ja")


@pytest.mark.parametrize("size", [(800, 600), (1024, 768), (1280, 1024), (1920, 1080)])
@pytest.mark.parametrize("name", shipped())
def test_every_text_fits_every_usual_window(name, size):
    for language in languages(name):
        protocol = load_protocol(name, language=language)
        look = look_of(protocol, size)
        for body in (*protocol.texts.instructions, protocol.texts.rest, protocol.texts.thanks):
            page = Page("p", protocol.texts.title, body, protocol.texts.continue_hint)
            screen = screens.page(look, page)
            assert screen.zones["proceed"][3] <= size[1]
        trial = Trial(1, 1, "main", "x", "s", "r", protocol.dimension)
        screen = screens.question(look, rating_question(protocol, trial), below=True)
        for left, top, right, bottom in screen.zones.values():
            assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]


def test_text_is_as_high_as_the_protocol_says_in_degrees(look):
    protocol = load_protocol("slider")
    wanted = protocol.screen.text_height_deg * protocol.screen.pixels_per_degree
    assert look.text_px == round(wanted)


def test_a_page_that_cannot_fit_is_refused(look):
    with pytest.raises(RefusedError, match="shorter text"):
        screens.page(look, Page("long", "", "word " * 3000, "Go on"))


def test_zones_of_a_question_do_not_overlap(look):
    protocol = load_protocol("acr")
    trial = Trial(1, 1, "main", "x", "s", "r", "quality")
    screen = screens.question(look, rating_question(protocol, trial), below=False)
    boxes = sorted(screen.zones.values())
    assert len(boxes) == 5
    assert all(a[2] <= b[0] for a, b in pairwise(boxes))
    middle = ((boxes[2][0] + boxes[2][2]) / 2, (boxes[2][1] + boxes[2][3]) / 2)
    assert screen.hit(*middle) == "2"
    assert screen.hit(0, 0) is None


def test_each_place_on_the_slider_is_the_value_drawn_there(look):
    protocol = load_protocol("slider")
    question = rating_question(protocol, Trial(1, 1, "main", "x", "s", "r", "quality"))
    for value in range(101):
        place = sliders.track_place(look, question, value)
        assert sliders.track_value(look, question, place) == value
    assert sliders.track_value(look, question, -50) == 0
    assert sliders.track_value(look, question, 9999) == 100


@pytest.mark.parametrize("grey", [0, 60, 128, 200, 255])
def test_text_stands_out_from_any_background(grey):
    """Contrast of at least 3:1 (WCAG 2.1, large text)."""
    look = Look((800, 600), grey, 24, find_font("DejaVu Sans"))

    def luminance(level):
        share = level / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    light, dark = sorted((luminance(look.ink[0]), luminance(grey)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_images_stand_on_whole_pixels_centred_and_unscaled(look):
    frame = Frame(("a", "b"), gap_px=32)
    boxes = layout.place_frame(look, frame, [(333, 201), (333, 201)], (0, 0, 1280, 900))
    assert boxes[0][2] - boxes[0][0] == 333 and boxes[1][0] - boxes[0][2] == 32
    assert abs((boxes[0][0] + boxes[1][2]) / 2 - 640) <= 1
    with pytest.raises(RefusedError, match="never scaled"):
        layout.place_frame(look, frame, [(700, 201), (700, 201)], (0, 0, 1280, 900))


def test_the_pattern_has_every_level_and_survives_no_change():
    pattern = np.asarray(patterns.read_back_pattern((640, 480)))
    for channel in range(3):
        assert len(np.unique(pattern[:, :, channel])) == 256
    assert (np.roll(pattern, 1, axis=1) != pattern).any()
    blurred = np.asarray(Image.fromarray(pattern).resize((320, 240)).resize((640, 480)))
    assert np.abs(blurred.astype(int) - pattern).max() > 100


def test_a_mask_hides_the_picture_and_is_the_same_each_time():
    one, two = (patterns.noise_mask((65, 43), seed=1) for _ in range(2))
    assert one.size == (65, 43) and one.tobytes() == two.tobytes()
    assert np.asarray(one).std() > 50


def test_a_card_is_drawn_with_the_aspect_of_a_card(look):
    screen = bank_card.card_screen(look, card_question((1280, 1024)))
    picture = bank_card.card(look, screen, 500, 85.60 / 53.98)
    assert picture.size == (500, 315)


@pytest.mark.parametrize("size", SIZES)
def test_the_card_covers_no_word_and_stays_in_the_window_however_wide_it_is(size):
    look = look_of(load_protocol("slider"), size)
    question = card_question(size)
    with writing_noted() as written:
        screen = bank_card.card_screen(look, question)
    assert faults(look, screen, written) == []
    feet = [box[3] for box in screen.zones.values()]
    assert max(feet) <= size[1] - look.em(1)
    for width in (question.minimum, question.answer, question.maximum):
        picture = bank_card.card(look, screen, width, 85.60 / 53.98)
        assert picture.width == round(width)
        box = bank_card.card_box(look, picture, screen)
        assert faults(look, replace(screen, picture=box), written) == []
        assert picture.height >= look.em(2)


def test_pictures_that_a_window_could_show_wrong_are_refused(tmp_path):
    sixteen = tmp_path / "sixteen.png"
    Image.fromarray(np.full((4, 4), 40000, dtype=np.uint16)).save(sixteen)
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (4, 4), (1, 2, 3, 128)).save(clear)
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 4)).save(turned, exif=exif)
    for path in (sixteen, clear, turned):
        with pytest.raises(RefusedError, match="8-bit RGB or grey"):
            load_pixels(path)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot read"):
        load_pixels(broken)
    grey = tmp_path / "grey.png"
    Image.new("L", (4, 4), 77).save(grey)
    assert load_pixels(grey).getpixel((0, 0)) == (77, 77, 77)


def test_a_table_for_the_experimenter_is_drawn_above_its_question(look):
    question = Question(
        "buttons",
        "checks",
        "Ready?",
        ("Yes", "No"),
        (0.0, 1.0),
        table=(("✓", "disk", "full " * 80),),
    )
    plain = Question("buttons", "checks", "Ready?", ("Yes", "No"), (0.0, 1.0))
    assert screens.strip_height(look, question) > screens.strip_height(look, plain) + look.em(2)
    assert screens.question(look, question, below=False).zones["0"][3] < 1024
