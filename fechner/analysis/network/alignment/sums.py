"""Sums over the channels that are left, which one thread changes and any may read.

Removing a channel changes the sums in place, because a pruning removes hundreds of them.
So a state belongs to the thread that made or copied it; others may look, and change a copy
of their own.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fechner.errors import RefusedError

if TYPE_CHECKING:
    from typing import Self


class ChannelSums:
    """What `ChannelGrams` and `DownstreamChannels` share: whose the running sums are."""

    _running: tuple[str, ...]
    """The attributes that change as channels go."""
    _owner: int | None
    """The thread that may change them; nobody where it is None."""

    def copy(self) -> Self:
        """Return an independent state over the same activations; it belongs to this thread."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        for name in self._running:
            setattr(twin, name, getattr(self, name).copy())
        twin._owner = threading.get_ident()
        return twin

    def for_reading(self) -> Self:
        """Return this state, which from now on nobody may change."""
        self._owner = None
        return self

    def _check_owner(self) -> None:
        """Refuse a change that others would see.

        Raises
        ------
        RefusedError
            If the state is another thread's, or is kept for reading.
        """
        if self._owner != threading.get_ident():
            raise RefusedError(
                "these sums over channels are shared, and a change here would change them for "
                "others; change a copy()"
            )
