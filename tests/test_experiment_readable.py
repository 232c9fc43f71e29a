"""No screen of a shipped protocol cuts a text off or lets two overlap, whatever the window."""

import numpy as np
import pytest

from fechner.experiment.display import Page, Question
from fechner.experiment.readable import SIZES, faults, unreadable
from fechner.experiment.screens import pages
from fechner.experiment.screens.fonts import find_font
from fechner.experiment.screens.look import Look, write, writing_noted
from fechner.experiment.starting.open_window import look_of
from fechner.protocols.files import languages
from fechner.protocols.schema import load_protocol, shipped

EVERY = [(name, language) for name in shipped() for language in languages(name)]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(
            size,
            marks=[] if size in ((800, 600), (768, 1024)) else pytest.mark.proof,
            id=f"{size[0]}x{size[1]}",
        )
        for size in SIZES
    ],
)
@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_text_of_every_screen_is_whole(name, language, size):
    assert unreadable(load_protocol(name, language=language), size) == []


@pytest.mark.parametrize("pixels_per_degree", [18.0, 90.0])
@pytest.mark.parametrize(
    ("name", "language"), [("dcr_sequential", "it"), ("slider_marks", "it"), ("acr_vision", "it")]
)
def test_every_text_is_whole_however_near_the_screen_is(name, language, pixels_per_degree):
    protocol = load_protocol(name, language=language)
    for size in ((768, 1024), (1920, 1080)):
        assert unreadable(protocol, size, pixels_per_degree=pixels_per_degree) == []


@pytest.fixture
def look():
    return Look((800, 600), 128, 24, find_font("DejaVu Sans"))


def test_what_is_cut_off_and_what_overlaps_is_found(look):
    with writing_noted() as written:
        screen = pages.page(look, Page("p", "", "Body", "Go on"))
        write(screen.image, (760, 10), "beyond the edge", font=look.body, fill=look.ink)
        left, top = screen.zones["proceed"][:2]
        write(screen.image, (left, top), "below", font=look.body, fill=look.ink)
        write(screen.image, (left + 5, top), "twice", font=look.body, fill=look.ink)
    found = "; ".join(faults(look, screen, written))
    for fault in ("'beyond the edge' is cut off", "'below' overlaps 'twice'", "under 'proceed'"):
        assert fault in found


def test_measured_boxes_hold_all_the_ink(look):
    with writing_noted() as written:
        screen = pages.page(look, Page("p", "Title", "Some words, gjpq ÀÉ", "Go on"))
    dark = np.asarray(screen.image.convert("L")) < 60
    left, top, right, bottom = screen.zones["proceed"]
    dark[top - 1 : bottom + 1, left - 1 : right + 1] = False
    for one in written:
        if one.image is screen.image:
            x0, y0, x1, y1 = one.box
            assert dark[int(y0) - 1 : int(y1) + 2, int(x0) - 1 : int(x1) + 2].any()
            dark[int(y0) - 1 : int(y1) + 2, int(x0) - 1 : int(x1) + 2] = False
    assert not dark.any()


def test_many_long_answers_stand_in_several_rows_and_keep_their_size(look):
    labels = tuple(f"Impercettibilmente diverso {k}" for k in range(9))
    question = Question("buttons", "q", "Quale?", labels, tuple(map(float, range(9))))
    with writing_noted() as written:
        screen = pages.question(look, question, below=False)
    assert faults(look, screen, written) == []
    tops = {box[1] for name, box in screen.zones.items()}
    assert len(tops) > 1


def luminance(level):
    share = level / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def contrast(one, other):
    light, dark = sorted((luminance(one[0]), luminance(other[0])), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_has_the_contrast_of_wcag_aa_on_every_grey():
    for grey in range(256):
        look = Look((800, 600), grey, 24, find_font("DejaVu Sans"))
        assert contrast(look.ink, look.paper) >= 4.5
        assert contrast(look.ink, look.button) >= 4.5
        assert contrast(look.line, look.paper) >= 3.0


def test_text_is_as_high_as_the_calibration_says():
    protocol = load_protocol("slider")
    heights = [
        look_of(protocol, (3840, 2160), pixels_per_degree=ppd).text_px for ppd in (30, 60, 90)
    ]
    assert heights == [18, 36, 54]
