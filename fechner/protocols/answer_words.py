"""The words of the protocols that rate single images, for tables that hold words for numbers."""

from __future__ import annotations

from fechner.protocols.files import languages, shipped
from fechner.protocols.schema import load_protocol
from fechner.records.scales import AnswerWords

NO_WORDS = ("pair", "jnd", "marks")
"""Methods without words of an image's rating: sides of the screen, and marks on the image."""


def answer_words(protocol: str, language: str) -> AnswerWords:
    """Return the words of a protocol (a shipped name or a TOML file) in a language.

    Raises
    ------
    InputError
        If the protocol or its texts are missing or malformed.

    Examples
    --------
    >>> answer_words("acr", "it").values["Eccellente"]
    5.0
    """
    found = load_protocol(protocol, language=language)
    words = {word: value for value, word in found.labels}
    return AnswerWords(f"{found.name}:{language}", words, found.scale.ends)


def shipped_answer_words() -> list[AnswerWords]:
    """Return the words that can be answered in the shipped protocols, each set once.

    Protocols whose words lie along a line have no words as answers and are left out.
    """
    found: dict[tuple[object, ...], AnswerWords] = {}
    for name in shipped():
        for language in languages(name):
            protocol = load_protocol(name, language=language)
            if protocol.scale.shown == "choices" and protocol.method not in NO_WORDS:
                words = answer_words(name, language)
                found.setdefault((*words.values.items(), words.scale), words)
    return list(found.values())
