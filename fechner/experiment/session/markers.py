"""Markers for other instruments: a call at every onset and every answer, with the trial.

A laboratory that records the brain or the eyes sends its triggers from here. A marker is a callable
``marker(moment, trial, seconds)``: "onset" or "answer", the planned trial, the time on the
session's clock. It is called in the session's own thread, at an onset right after the flip, so it
must be quick. A marker that fails is noted in the journal and not called again: no instrument ends
a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    from fechner.experiment.display import Moment
    from fechner.experiment.plan.plan import Trial

GROUP = "fechner.markers"
"""The entry points that packages declare their markers under."""

Marker = Callable[["Moment", "Trial", float], object]


def load_marker(name: str) -> Marker:
    """Return the marker of an entry point's name, or of ``module:function``.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be imported or called.
    """
    declared = {one.name: one for one in entry_points(group=GROUP)}
    try:
        if name in declared:
            found: Any = declared[name].load()
        elif ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(import_module(module), attribute)
        else:
            raise InputError(
                f"no marker is called {name!r}: {nearest(name, declared)}; "
                "or give it as module:function"
            )
    except (ImportError, AttributeError) as error:
        raise InputError(f"cannot load the marker {name!r} ({error}); check its name") from error
    if not callable(found):
        raise InputError(f"the marker {name!r} cannot be called; name a function")
    marker: Marker = found
    return marker


class Markers:
    """The markers of a session; `append` writes what fails into the journal."""

    def __init__(
        self, markers: Mapping[str, Marker], append: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._markers, self._append = dict(markers), append

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._markers)

    def mark(self, trial: Trial, moment: Moment, seconds: float) -> None:
        """Call every marker."""
        for name, marker in list(self._markers.items()):
            try:
                marker(moment, trial, seconds)
            except Exception as error:
                del self._markers[name]
                problem = f"{type(error).__name__}: {error}"
                note = {"note": "marker failed", "marker": name, "problem": problem}
                self._append({"event": "note", **note, "trial": trial.number})


def load_markers(names: Sequence[str]) -> dict[str, Marker]:
    """Return the markers of these names."""
    return {name: load_marker(name) for name in names}
