"""What must agree between the lines of a journal: answers with the header, trials in order.

A rating lies on the scale that the first line declares, a method's trials hold what the
method asks for, and nothing follows the end.
"""

from __future__ import annotations

from fechner.errors import InputError
from fechner.records.journal.fields import Line
from fechner.records.journal.lines import (
    CHAINED_SCHEMA,
    CORRECTED_SCHEMA,
    NOT_ADMITTED,
    READMIT_SCHEMA,
    TESTED_SCHEMA,
    BreakLine,
    EndLine,
    Header,
    ReadmitLine,
    ResumeLine,
    TrialLine,
)
from fechner.records.journal.participant import CommentLine, VisionLine

METHOD_KEYS = {"pair": "second", "authenticity": "confidence", "jnd": "strength"}
"""What a trial that shows an image holds in these methods, and in no other."""


SHOWN_ANEW = ("block", "kind", "stimulus", "scene", "region", "reference", "second", "side")
"""What a corrected trial shows as it did before."""


def check_follows(
    line: Line, header: Header, *, last: TrialLine | None, end: EndLine | None
) -> None:
    """Refuse a line that cannot follow those before it in its journal.

    Parameters
    ----------
    line
        A further line.
    header
        The journal's first line.
    last
        The last trial before; None before the first.
    end
        The session's end, where it stands just before the line.

    Raises
    ------
    InputError
        If it is another header or comes after the end, if trial numbers do not rise, or
        if an answer is not one that the header's scale and method allow.
    """
    last_trial = 0 if last is None else last.trial
    if isinstance(line, Header):
        raise InputError("a second session begins here; a journal holds one")
    if isinstance(line, ReadmitLine):
        if end is None or end.reason != NOT_ADMITTED or header.schema_ < READMIT_SCHEMA:
            raise InputError("somebody is admitted anew who was not turned away just before")
    elif end is not None:
        raise InputError("the session ended before this line")
    if isinstance(line, (ResumeLine, BreakLine)) and line.after_trial != last_trial:
        raise InputError(
            f"the line says it follows trial {line.after_trial}, and trial {last_trial} is the last"
        )
    if isinstance(line, (VisionLine, CommentLine)):
        if header.schema_ < TESTED_SCHEMA:
            raise InputError(f"{line.event} lines stand in schema {TESTED_SCHEMA} or later only")
        _check_simulated(line.device, header)
    if isinstance(line, TrialLine):
        if line.correction is not None:
            _check_correction(line, header, last)
        elif line.trial <= last_trial:
            raise InputError(
                f"trial {line.trial} comes after trial {last_trial}; numbers must rise"
            )
        _check_answer(line, header)
        _check_marks(line, header)


def _check_correction(line: TrialLine, header: Header, last: TrialLine | None) -> None:
    """Refuse a correction of anything but the last answer, or to another trial than was shown."""
    if header.schema_ < CORRECTED_SCHEMA:
        raise InputError(f"answers are corrected in journals of schema {CORRECTED_SCHEMA} or later")
    if last is None or line.trial != last.trial:
        raise InputError(f"trial {line.trial} is corrected, and is not the last one answered")
    if line.kind == "catch":
        raise InputError("an attention check is corrected; its first answer counts")
    if line.correction != (last.correction or 0) + 1:
        raise InputError(f"correction {line.correction} follows {last.correction or 0}")
    changed = [key for key in SHOWN_ANEW if getattr(line, key) != getattr(last, key)]
    if changed:
        raise InputError(f"the correction of trial {line.trial} shows another {changed[0]}")


def _check_answer(trial: TrialLine, header: Header) -> None:
    """Refuse answers that nobody can have given in the session of this header."""
    if trial.dimension != header.dimension:
        raise InputError(f"expected the dimension {header.dimension!r}, got {trial.dimension!r}")
    if not header.scale.contains(trial.rating):
        raise InputError(f"rating: expected {header.scale}, got {trial.rating:g}")
    if trial.target is not None and not (
        header.scale.minimum <= trial.target <= header.scale.maximum
    ):
        raise InputError(f"target: expected {header.scale}, got {trial.target:g}")
    if header.schema_ >= CHAINED_SCHEMA and trial.rt_ms < 0:
        raise InputError(f"rt_ms: expected 0 or more milliseconds, got {trial.rt_ms:g}")
    if trial.simulated not in (None, header.simulated):
        raise InputError("the header and this trial disagree whether the session is simulated")
    _check_simulated(trial.device, header)
    if trial.marks is not None:
        _check_simulated(trial.marks.device, header)
    for method, key in METHOD_KEYS.items():
        held = getattr(trial, key) is not None
        if held and method != header.method:
            raise InputError(f"{key} has no meaning in the method {header.method!r}")
        if not held and method == header.method and trial.stimulus:
            raise InputError(f"a trial of the method {method!r} needs {key}")
    scale = header.confidence_scale
    if trial.confidence is not None and scale and not scale.contains(trial.confidence):
        raise InputError(f"confidence: expected {scale}, got {trial.confidence:g}")


def _check_simulated(device: str | None, header: Header) -> None:
    if device == "simulated" and not header.simulated:
        raise InputError("a simulated answer stands in the session of a person")


def _check_marks(trial: TrialLine, header: Header) -> None:
    """Refuse marks that the session of this header did not ask for, or could not have taken."""
    asked, marks = header.marks, trial.marks
    if asked is None:
        if marks is not None:
            raise InputError("marks have no meaning in a session whose first line has none")
        return
    if not trial.stimulus:
        return
    if marks is None:
        raise InputError("a trial of a session with marks needs marks")
    stand = len(marks.standing)
    if stand and not asked.least <= stand <= asked.most:
        raise InputError(
            f"expected {asked.least} to {asked.most} marks, or none for nowhere, got {stand}"
        )
    for stroke in marks.strokes:
        if stroke.radius != asked.radius_px:
            raise InputError(
                f"expected marks of {asked.radius_px} px radius, got {stroke.radius:g}"
            )
        if asked.tool == "click" and len(stroke.points) > 1:
            raise InputError(f"a click has one point, got {len(stroke.points)}")
    if header.method == "marks" and trial.rating != float(marks.nowhere):
        raise InputError(
            f"{stand} marks stand, which is the rating {float(marks.nowhere):g} (1: nowhere), "
            f"got {trial.rating:g}"
        )
