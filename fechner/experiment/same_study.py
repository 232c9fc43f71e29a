"""Whether journals that lie together belong to one study: one protocol, one stimulus set.

Journals of a pilot, of another booth or of a set that was built again have the same names of
participants and images; put together they would be averaged without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fechner.errors import InputError
from fechner.experiment.shown_pixels import few

if TYPE_CHECKING:
    from fechner.protocols.schema import Protocol
    from fechner.records.journal import JournalRecord
    from fechner.records.stimuli import StimulusSet

MEANING = ("minimum", "maximum", "good")
"""What of a scale decides what a rating means."""


def check_same_study(
    journals: Iterable[JournalRecord], protocol: Protocol, stimuli: StimulusSet
) -> list[str]:
    """Refuse journals of another protocol or stimulus set; return what a reader must know.

    A protocol of the same name whose timing or words have changed since is no other one, and named.

    Raises
    ------
    InputError
        With the first journal that does not belong to the rest.
    """
    journals = list(journals)
    for journal in journals:
        _check_one(journal, protocol, stimuli)
    changed = [
        journal.path.name
        for journal in journals
        if journal.header.language == protocol.texts.language
        and journal.header.protocol_sha256 != protocol.sha256
    ]
    if not changed:
        return []
    return [
        f"the protocol {protocol.name} has other numbers or words now than when these were rated: "
        f"{few(changed)}; say so in the paper"
    ]


def _check_one(journal: JournalRecord, protocol: Protocol, stimuli: StimulusSet) -> None:
    header, name = journal.header, journal.path.name
    changed = [one for one in MEANING if getattr(protocol.scale, one) != getattr(header.scale, one)]
    if protocol.dimension != header.dimension:
        changed.append("dimension")
    if changed:
        raise InputError(
            f"protocol {protocol.name!r} has another {' and '.join(changed)} now than when "
            f"{name} was rated; restore the protocol: ratings keep the meaning "
            "that they were given with"
        )
    if header.protocol != protocol.name:
        raise InputError(
            f"{name} was rated by the protocol {header.protocol!r}, and this study's is "
            f"{protocol.name!r}; move it to a folder of its own, or name its protocol in study.toml"
        )
    if header.stimuli_sha256 != stimuli.sha256:
        raise InputError(
            f"{name} was rated on another stimulus set ({header.stimuli_sha256[:10]}) than this "
            f"study's ({stimuli.sha256[:10]}); restore that set, or move the journal to a folder "
            "of its own"
        )
