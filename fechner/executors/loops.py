"""One loop over items, on whatever executor, and the executor that a command line asks for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import TypeVar

from fechner.errors import InputError
from fechner.executors.cluster import ClusterExecutor, cluster_executor
from fechner.executors.local import SerialExecutor, process_pool
from fechner.progress import Progress, silent

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 64
"""Tasks of `each_in_order` that wait or are finished before their result is taken."""


@contextmanager
def executor(jobs: int | None = None, cluster: str | None = None) -> Iterator[Executor]:
    """Give an executor for `jobs` processes (0 or None: one a core) or a Dask scheduler address.

    Raises
    ------
    InputError
        If `jobs` is below 0, the cluster does not answer or has no workers, or a worker's
        versions differ from those here.
    MissingPartError
        If `cluster` is given and dask.distributed is not installed.
    """
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs expects 1 or more, or 0 for one a core, got {jobs}")
    workers = jobs or os.cpu_count() or 1
    if cluster is not None:
        with cluster_executor(cluster) as pool:
            yield pool
    elif workers == 1:
        yield SerialExecutor()
    else:
        with process_pool(workers) as pool:
            yield pool


def run_all(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> list[Result]:
    """Return ``[work(item) for item in items]``, computed on `pool`, in the order of `items`.

    The first error cancels what has not begun and is raised.

    Parameters
    ----------
    work
        What is done with each item. A pool of processes gets it and the items pickled; a cluster
        gets it once a worker where it is large.
    items
        What is worked on.
    pool
        Where the work runs; this process where it is None.
    progress
        Called after each finished item.

    Returns
    -------
    list
        One result an item.

    Raises
    ------
    Exception
        The first error that `work` raised.
    """
    pool = pool or SerialExecutor()
    futures: list[Future] = []
    sent = pool.sent_once(work) if isinstance(pool, ClusterExecutor) else nullcontext(work)
    with sent as call:
        try:
            for item in items:
                futures.append(pool.submit(call, item))
                if isinstance(pool, SerialExecutor):
                    futures[-1].result()
                    progress(len(futures), len(items))
            if not isinstance(pool, SerialExecutor):
                for done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    progress(done, len(items))
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def each_in_order(
    work: Callable[[Item], Result], items: Sequence[Item], *, pool: Executor | None = None
) -> Iterator[Result]:
    """Give ``work(item)`` of each item in turn, some of them computed ahead on `pool`.

    For results too large to be held together: no more than `AHEAD` are. The first error, or an
    end of taking, cancels what has not begun.

    Parameters
    ----------
    work, items, pool
        As for `run_all`.

    Returns
    -------
    iterator
        One result an item, in the order of `items`.
    """
    pool = pool or SerialExecutor()
    ahead = 1 if isinstance(pool, SerialExecutor) else AHEAD
    sent = pool.sent_once(work) if isinstance(pool, ClusterExecutor) else nullcontext(work)
    left = iter(items)
    with sent as call:
        waiting = deque(pool.submit(call, item) for item in islice(left, ahead))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(call, item) for item in islice(left, 1))
        finally:
            for future in waiting:
                future.cancel()
