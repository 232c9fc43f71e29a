"""Whether the tests of vision that a protocol asks for can be taken on this screen.

Letters need a screen that is calibrated, and fine enough for what the protocol calls passing; their
pictures must fit the window beside their question.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fechner.errors import RefusedError
from fechner.experiment.screens import pages
from fechner.experiment.screens.writing import writing_screen
from fechner.experiment.session.commenting import writing_tasks
from fechner.experiment.session.vision_tests import vision_questions
from fechner.experiment.starting.preflight import Check
from fechner.experiment.vision.letters import degrees_for, finest_logmar
from fechner.records.scales import TOLERANCE

if TYPE_CHECKING:
    from fechner.experiment.calibration import Calibration
    from fechner.experiment.screens.look import Look
    from fechner.protocols.schema import Protocol


def check_acuity(protocol: Protocol, calibration: Calibration | None) -> list[Check]:
    """Return whether letters as small as the protocol asks for can be shown; nothing without."""
    asked = protocol.tumbling_e
    if asked is None:
        return []
    if calibration is None:
        remedy = "calibrate with a card"
        return [Check("acuity test", "the size of a pixel is unknown", "bad", remedy)]
    finest = finest_logmar(calibration.pixels_per_degree)
    found = f"finest letters: logMAR {finest:.2f}, to pass: {asked.at_most_logmar:g}"
    if finest <= asked.at_most_logmar + TOLERANCE:
        return [Check("acuity test", found)]
    far = math.ceil(calibration.distance_for(degrees_for(asked.at_most_logmar)))
    return [Check("acuity test", found, "bad", f"sit at {far} cm or more")]


def require_vision(
    look: Look, protocol: Protocol, calibration: Calibration | None, *, simulated: bool
) -> None:
    """Refuse a session whose tests of vision cannot be taken in this window.

    Parameters
    ----------
    look
        Of the window.
    protocol
        Which may ask for tests, and for a comment.
    calibration
        Of the screen; None where it is unknown, which is no hindrance to simulated participants:
        their screen is as the protocol asks for.
    simulated
        Whether the participant is a simulated one.

    Raises
    ------
    RefusedError
        If letters cannot be measured here, or a picture does not fit; says what would do.
    """
    if not (simulated and calibration is None):
        for check in check_acuity(protocol, calibration):
            if check.state == "bad":
                raise RefusedError(
                    f"the acuity test cannot be taken on this screen: {check.found}; {check.remedy}"
                    ", or remove [tumbling_e] from the protocol"
                )
    degree = calibration.pixels_per_degree if calibration else None
    for question in vision_questions(protocol, degree):
        pages.question(look, question, below=False)
    for task in writing_tasks(protocol):
        writing_screen(look, task)
