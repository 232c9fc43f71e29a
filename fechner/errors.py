"""The errors that a user meets, and how an error names its remedy.

A `FechnerError` carries one line: what was expected, what came, and what to do.
The command line prints that line and ends with exit code 2; every other
exception is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FechnerError(Exception):
    """Base of every error whose message is meant for the user, in one line."""


class InputError(FechnerError, ValueError):
    """A file, table, option or value is not what was expected."""


class UnsuitedError(InputError):
    """A whole picture of a kind that is not worked on here: animated, transparent, too large."""


class MissingPartError(FechnerError):
    """An optional package, system library, display or weight file is not present."""


EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "timm", "safetensors", "piq"), "analysis"),
    **dict.fromkeys(("sklearn", "skimage"), "analysis"),
    **dict.fromkeys(("psychopy", "pyglet", "questplus"), "experiment"),
}
"""Packages that come with an extra, by the name that is imported."""


def missing_package(error: ModuleNotFoundError) -> MissingPartError | None:
    """Return what to do about a package that an extra would bring; None for any other."""
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        return None
    return MissingPartError(
        f"this needs {package}, which is not installed; install it with: pip install "
        f"'fechner[{extra}]'"
    )


class RefusedError(FechnerError):
    """The work is possible in general but this case would not be honest or safe."""


class StoppedError(FechnerError):
    """The user stopped the work; what was finished is kept and can be resumed."""


def nearest(name: str, known: Iterable[str], *, limit: int = 8) -> str:
    """Return a clause that helps with a misspelt `name`.

    ``"did you mean 'quality'?"`` where something known is close, otherwise
    ``"known are: a, b, c"`` (at most `limit` names, then the number left out).
    """
    options = sorted({str(option) for option in known})
    close = [one for one in options if one.casefold() == str(name).casefold()]
    close = close or get_close_matches(str(name), options, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(option) for option in close) + "?"
    if not options:
        return "none are known"
    more = f" and {len(options) - limit} more" if len(options) > limit else ""
    return "known are: " + ", ".join(options[:limit]) + more
