"""A network on its way to other processes.

Weights of hundreds of megabytes would travel with every task: they are written once, and each
process reads them once.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from fechner.analysis.network.layers.networks import Network
from fechner.executors import SerialExecutor
from fechner.provenance import atomic_path


@contextmanager
def travelling(network: Network, folder: Path, pool: Executor | None) -> Iterator[Network | Path]:
    """Give the network as it is to this process, and as a file in `folder` to others.

    Parameters
    ----------
    network
        What travels.
    folder
        Seen by all processes of `pool`; made where it is missing.
    pool
        Where it goes.
    """
    if isinstance(pool, SerialExecutor | None):
        yield network
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".network-", dir=folder) as place:
        path = Path(place) / "network.pickle"
        with atomic_path(path) as temporary:
            temporary.write_bytes(pickle.dumps(network))
        yield path


def arrived(carried: Network | Path) -> Network:
    """Return the network that `travelling` gave."""
    return carried if isinstance(carried, Network) else _read(carried)


@lru_cache(maxsize=1)
def _read(path: Path) -> Network:
    return pickle.loads(path.read_bytes())
