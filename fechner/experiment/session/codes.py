"""Participant codes: short, random, and never a name or an address."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable

from fechner.errors import RefusedError
from fechner.experiment.plan.rows import row_of

CONSONANTS = "bdfgklmnprstvz"
VOWELS = "aeiou"
CODE = re.compile(r"[A-Za-z0-9]{2,16}")
"""Letters and digits only, as BIDS wants them for ``sub-<label>``."""


def check_code(code: str) -> str:
    """Return `code` if it can be a participant's code.

    Raises
    ------
    RefusedError
        If it looks like a name or an address, or has characters that file names and
        BIDS do not allow.
    """
    offer = offer_code((), seed=sum(map(ord, code)))
    if "@" in code:
        raise RefusedError(
            f"an e-mail address is no participant code: it identifies a person; take {offer}"
        )
    if not CODE.fullmatch(code):
        raise RefusedError(
            f"a participant code is 2 to 16 letters and digits, got {code!r}; for instance {offer}"
        )
    if _looks_like_a_name(code):
        raise RefusedError(
            f"{code!r} looks like a name; use a code that identifies nobody, with a digit in it, "
            f"for instance {offer}"
        )
    return code


def _looks_like_a_name(code: str) -> bool:
    """Whether a code has no digit and is written like a word: codes have digits."""
    return not any(character.isdigit() for character in code) and len(code) >= 3


def offer_code(taken: Iterable[str], *, seed: int, rows: int = 1) -> str:
    """Return a free random code such as ``k7ropa``, for the least used row of the Latin square.

    Parameters
    ----------
    taken
        The codes in use.
    seed
        Of the draw.
    rows
        The rows of the Latin square (conditions a scene).
    """
    used = set(taken)
    counts = Counter({row: 0 for row in range(rows)})
    counts.update(row_of(code) % rows for code in used)
    wanted = min(counts, key=lambda row: (counts[row], row))
    rng = random.Random(seed)
    while True:
        code = _draw(rng)
        if code not in used and row_of(code) % rows == wanted:
            return code


def _draw(rng: random.Random) -> str:
    syllables = [rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(2)]
    return rng.choice(CONSONANTS) + str(rng.randrange(2, 10)) + "".join(syllables)
