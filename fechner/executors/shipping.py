"""What every worker of a cluster needs, sent to each of them once.

The channels of all images, or the weights of a network, would travel with every task. A plugin
of Dask's carries them instead: also to a worker that joins later, and without a folder that all
machines share. A worker that is lost takes nothing with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from distributed import Client, WorkerPlugin, get_worker

from fechner.errors import InputError
from fechner.executors.parcels import Parcel

MOST_BYTES = 2**31 - 2**20
"""Dask reads no message with a longer string of bytes."""

_held: dict[str, Parcel | Callable[..., Any]] = {}
_lock = threading.Lock()


@contextmanager
def shipped(parcel: Parcel, client: Client) -> Iterator[Shipped]:
    """Give what stands for a packed callable, which all workers of `client` hold meanwhile.

    Raises
    ------
    InputError
        If it is too large to be sent.
    """
    if len(parcel.content) > MOST_BYTES:
        raise InputError(
            f"{len(parcel.content) / 2**30:.1f} GiB cannot be sent to a cluster at once, 2 can; "
            "pool channels over space (--pool mean), take fewer layers, or use --jobs"
        )
    key = f"fechner-{uuid4().hex}"
    client.register_plugin(_Holder(key, parcel), name=key)
    try:
        yield Shipped(key)
    finally:
        client.unregister_worker_plugin(key)


@dataclass(frozen=True)
class Shipped:
    """A callable that a worker holds already."""

    key: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, on a worker."""
        with _lock:
            found = _held[self.key]
            if isinstance(found, Parcel):
                found = _held[self.key] = found.opened(get_worker().address)
        return found(*args, **kwargs)


class _Holder(WorkerPlugin):
    """Keeps a parcel where tasks of its worker's process find it."""

    def __init__(self, key: str, parcel: Parcel) -> None:
        self.key, self.parcel = key, parcel

    def setup(self, worker: Any) -> None:
        _held[self.key] = self.parcel
        del self.parcel  # Once it is opened, nothing shall keep its bytes.

    def teardown(self, worker: Any) -> None:
        _held.pop(self.key, None)
