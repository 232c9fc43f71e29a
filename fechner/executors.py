"""Where loops over images run: this process, a process pool, or a Dask cluster.

Every parallel loop takes a `concurrent.futures.Executor`; `executor` makes one
from the ``--jobs`` and ``--cluster`` of the command line.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from fechner.errors import InputError, MissingPartError
from fechner.progress import Progress, silent
from fechner.threads import limit_threads_from_the_start

Item = TypeVar("Item")
Result = TypeVar("Result")


class SerialExecutor(Executor):
    """An executor that runs each call at once in this process (``--jobs 1``, tests)."""

    def submit(self, fn: Callable[..., Result], /, *args: object, **kwargs: object) -> Future:
        """Run the call now and return its finished future."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            future.set_exception(error)
        return future


@contextmanager
def executor(jobs: int | None = None, cluster: str | None = None) -> Iterator[Executor]:
    """Give an executor for `jobs` processes (0 or None: one a core) or a Dask scheduler address.

    Raises
    ------
    InputError
        If `jobs` is below 0, or the cluster does not answer.
    MissingPartError
        If `cluster` is given and dask.distributed is not installed.
    """
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs expects 1 or more, or 0 for one a core, got {jobs}")
    if cluster is not None:
        with _dask_executor(cluster) as pool:
            yield pool
        return
    workers = jobs or os.cpu_count() or 1
    if workers == 1:
        yield SerialExecutor()
        return
    # Forking a process that holds torch or OpenCV threads can deadlock; spawn cannot.
    spawn = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(workers, spawn, _begin_worker, (threads,)) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin_worker(threads: int) -> None:
    """Share the cores among the workers, and end this one when its parent is killed.

    Linear algebra would otherwise start as many threads in every worker as there are cores.
    This runs before the worker imports numpy. A worker without parent would wait for ever.
    """
    limit_threads_from_the_start(threads)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _dask_executor(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingPartError(
            "--cluster needs dask.distributed; install it with: pip install 'fechner[cluster]'"
        ) from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} ({error}); start one or leave out --cluster"
        ) from error
    with client:
        yield client.get_executor()


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
        What is done with each item. A pool of processes gets it and the items pickled.
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
    try:
        for item in items:
            futures.append(pool.submit(work, item))
            if isinstance(pool, SerialExecutor):
                progress(len(futures), len(items))
        if not isinstance(pool, SerialExecutor):
            for done, _ in enumerate(as_completed(futures), start=1):
                progress(done, len(items))
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise
