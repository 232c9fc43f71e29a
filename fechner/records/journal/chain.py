"""The chain of a journal: every line carries a digest of itself and of the line before.

The last key of a line is ``chain``, 64 hexadecimal digits,

    chain_i = sha256(chain_(i-1) + text_i),

where ``text_i`` is the line's JSON text without that key, in UTF-8, and ``chain_0`` is
empty. A rating that was changed later, and a line that was removed, added or moved, no
longer fits its chain. The chain is no signature: who computes it anew from the first
changed line on can hide a change, unless the digest of the file was kept elsewhere (every
export keeps it).
"""

from __future__ import annotations

from hashlib import sha256

from fechner.errors import InputError

MARK = b',"chain":"'
END = b'"}'
DIGITS = 64


def link(text: bytes, before: str) -> str:
    """Return the chain of a line's JSON `text` that follows the line whose chain is `before`."""
    return sha256(before.encode("ascii") + text).hexdigest()


def chained(text: bytes, chain: str) -> bytes:
    """Return a line's JSON text with its chain as the last key."""
    return text.removesuffix(b"}") + MARK + chain.encode("ascii") + END


def without_chain(line: bytes) -> tuple[bytes, str]:
    """Return a line's JSON text without its chain, and the chain; empty where it has none."""
    head, mark, tail = line.rpartition(MARK)
    if not mark or len(tail) != DIGITS + len(END) or not tail.endswith(END):
        return line, ""
    return head + b"}", tail.removesuffix(END).decode("ascii", "replace")


def check_link(text: bytes, chain: str, before: str) -> None:
    """Refuse a line that does not fit its chain.

    Raises
    ------
    InputError
        If the line was changed, or a line just before it was removed, added or moved.
    """
    if not chain:
        raise InputError("its chain is missing, so it was changed after it was written")
    if link(text, before) != chain:
        raise InputError(
            "it does not fit its chain: it was changed after it was written, or a line before it "
            "was removed, added or moved"
        )
