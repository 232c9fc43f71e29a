"""Loops on this machine: in this process, or in a pool of processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from fechner.threads import limit_threads_from_the_start

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
def process_pool(workers: int) -> Iterator[Executor]:
    """Give an executor of so many processes, which share the cores."""
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
