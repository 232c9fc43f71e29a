"""Which column of somebody's table holds what: as it is told, or by names in common use.

A name is guessed only where a single column bears one of the usual names; the columns of a wide
table only where their names follow one pattern (P01, P02; a.png, b.png).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fechner.errors import InputError, nearest

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".ppm", ".webp", ".gif",
                   ".avif", ".heic", ".jxl", ".jp2")  # fmt: skip

NAMES = {
    "participant": (
        "participant participants participantid participantcode participantnumber subject subjects "
        "subj subjectid subjectnumber observer observerid rater raterid viewer viewerid user "
        "userid worker workerid annotator annotatorid respondent respondentid responseid person "
        "prolificpid partecipante soggetto osservatore valutatore utente proband versuchsperson vp"
    ),
    "image": (
        "image images imageid imagename imagefile img imgid imgname picture picturename photo "
        "stimulus stimuli stimulusid stimulusname stim stimid file filename filepath pvs item "
        "itemid immagine stimolo bild"
    ),
    "rating": (
        "rating ratings ratingresponse score response answer judgement judgment opinion "
        "opinionscore vote valutazione voto risposta giudizio punteggio bewertung urteil"
    ),
    "dimension": "dimension attribute aspect ratingdimension dimensione attributo",
    "session": "session sessionid sessione",
    "trial": "trial trialnumber trialindex trialsthisn",
}  # fmt: skip
"""Usual names of each column, in small letters and digits only: English, Italian, some German."""

RENAMED = (*NAMES, "rt_ms", "scene", "region", "family", "level", "second", "reference",
           "confidence", "strength", "truth")  # fmt: skip
"""What a column can be told to be."""

SPREAD = {"participants": "participant", "images": "image"}
"""What the many columns of a wide table can be told to be, and what each of them then is."""

DESCRIBING = ("scene", "region", "family", "level", "reference", "second", "strength", "truth",
              "dimension", "session", "mos", "sd", "n")  # fmt: skip
"""Names of columns in a wide table that describe its rows and hold no ratings."""


@dataclass(frozen=True)
class Told:
    """What ``--columns`` says: what a column is, and its name or pattern in the table."""

    pairs: tuple[tuple[str, str], ...] = ()

    def names(self, what: str, header: Sequence[str]) -> list[str]:
        """Return the columns of the table that are told to be `what`.

        Raises
        ------
        InputError
            If there is no such column; names the nearest.
        """
        return [
            name
            for told, pattern in self.pairs
            if told == what
            for name in _matching(pattern, header, several=what in SPREAD)
        ]


def told_columns(text: str | None) -> Told:
    """Read ``participant=subject,image=stim`` or, of a wide table, ``image=stim,participants=P*``.

    A column is named as in the table, or by its place: ``#1``. ``participants`` and ``images``
    take ``*`` for any letters.

    Raises
    ------
    InputError
        If the text is malformed or tells something that no column can be.

    Examples
    --------
    >>> told_columns("participant=subject, images=*.png").pairs
    (('participant', 'subject'), ('images', '*.png'))
    """
    pairs = []
    for word in filter(None, (part.strip() for part in (text or "").split(","))):
        what, equals, name = (part.strip() for part in word.partition("="))
        if not equals or not name:
            raise InputError(f"--columns expects participant=NAME,image=NAME,..., got {word!r}")
        if what not in (*RENAMED, *SPREAD):
            raise InputError(f"--columns: no column is a {what!r}; {nearest(what, RENAMED)}")
        pairs.append((what, name))
    return Told(tuple(pairs))


def _matching(pattern: str, header: Sequence[str], *, several: bool) -> list[str]:
    if pattern in header:
        return [pattern]
    if re.fullmatch(r"#\d+", pattern) and 0 < int(pattern[1:]) <= len(header):
        return [header[int(pattern[1:]) - 1]]
    if several:
        found = [name for name in header if name and fnmatchcase(name, pattern)]
    else:
        found = [name for name in header if name.casefold() == pattern.casefold()]
    if not found or (len(found) > 1 and not several):
        raise InputError(
            f"--columns: the table has no column {pattern!r}; {nearest(pattern, header)}"
        )
    return found


def usual_column(what: str, header: Sequence[str]) -> str | None:
    """Return the one column that bears a usual name of `what`; the very name goes before others.

    Raises
    ------
    InputError
        If several columns bear one.

    Examples
    --------
    >>> usual_column("participant", ["Subject ID", "stim", "score"])
    'Subject ID'
    """
    if what in header:
        return what
    usual = NAMES.get(what, "").split()
    found = [name for name in header if _plain(name) in usual]
    if len(found) > 1:
        raise InputError(
            f"the {what} could stand in column {' or '.join(map(repr, found))}; say which: "
            f"--columns {what}={found[0]}"
        )
    return found[0] if found else None


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def follow_one_pattern(names: Sequence[str]) -> bool:
    """Whether names belong to one series: they differ in digits only, or are all picture files."""
    return len(names) > 1 and (are_pictures(names) or len({_shape(name) for name in names}) == 1)


def are_pictures(names: Sequence[str]) -> bool:
    """Whether all names end as picture files do."""
    return all(name.lower().endswith(PICTURE_ENDINGS) for name in names)


def _shape(name: str) -> str:
    """Return a name with each number as ``#``; one without numbers is like no other."""
    shape = re.sub(r"\d+", "#", name.casefold())
    return shape if "#" in shape else name


def likely_pattern(names: Sequence[str]) -> str:
    """Return a pattern with ``*`` for most of the names, to be named in a message.

    Examples
    --------
    >>> likely_pattern(["age", "P01", "P02", "P03"]), likely_pattern(["Anna", "Ben"])
    ('P*', '*')
    """
    (shape, count), *_ = Counter(_shape(name) for name in names).most_common(1)
    first = next(name for name in names if _shape(name) == shape)
    return re.sub(r"\d+", "*", first) if count > len(names) / 2 and count > 1 else "*"
