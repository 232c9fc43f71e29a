"""The way back to the last trial, where the protocol allows it (`trials.correct_last`).

The last answer alone can be corrected, and only from the question of the trial that follows it.
What was answered before stays in the journal; what is answered last counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fechner.experiment.plan.plan import NOT_COUNTED

if TYPE_CHECKING:
    from fechner.experiment.plan.plan import Plan, Trial
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord


def correctable(
    protocol: Protocol, plan: Plan, record: JournalRecord, coming: Trial
) -> Trial | None:
    """Return the trial before `coming`, as it was shown, where its answer may be corrected.

    There is no way back to an attention check, whose first answer is what it asks for; to a
    practice trial whose answer was told right or wrong; or from trials that count to practice,
    because the page between them says that they count from now on.

    Parameters
    ----------
    protocol
        Whose `trials.correct_last` allows it.
    plan, record
        Of the session so far.
    coming
        The trial whose question has the way back.

    Returns
    -------
    Trial or None
        With the stimulus that was shown; None where there is no way back.
    """
    if not protocol.trials.correct_last or not record.trials:
        return None
    last = record.trials[-1]
    practised = last.kind in NOT_COUNTED
    told = practised and protocol.trials.feedback
    if last.kind == "catch" or told or practised != (coming.kind in NOT_COUNTED):
        return None
    planned = next(trial for trial in plan.trials if trial.number == last.trial)
    return replace(planned, stimulus=last.stimulus)
