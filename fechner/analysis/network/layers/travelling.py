"""A network, or what holds one, on its way to other processes.

Weights of hundreds of megabytes would travel with every task: they are written once, and each
process reads them once. To the workers of a cluster they go without a file
(`fechner.executors.shipping`), because not every folder is shared.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from fechner.executors import ClusterExecutor, SerialExecutor
from fechner.provenance import atomic_path

Carried = TypeVar("Carried")


@contextmanager
def travelling(
    network: Carried, folder: Path | None, pool: Executor | None
) -> Iterator[Carried | Path]:
    """Give the network as it is to this process and to a cluster, as a file in `folder` to others.

    Parameters
    ----------
    network
        What travels: a network, or what holds one and can be pickled.
    folder
        Made where it is missing, and then gone again if nothing else came to lie in it. None is a
        temporary one.
    pool
        Where it goes.
    """
    if isinstance(pool, SerialExecutor | ClusterExecutor | None):
        yield network
        return
    made = folder is not None and not folder.exists()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".network-", dir=folder) as place:
            path = Path(place) / "network.pickle"
            with atomic_path(path) as temporary:
                temporary.write_bytes(pickle.dumps(network))
            yield path.resolve()
    finally:
        if made and folder is not None:
            with suppress(OSError):
                folder.rmdir()


def arrived(carried: Carried | Path) -> Carried:
    """Return what `travelling` gave."""
    return cast("Carried", _read(carried)) if isinstance(carried, Path) else carried


@lru_cache(maxsize=1)
def _read(path: Path) -> Any:
    return pickle.loads(path.read_bytes())
