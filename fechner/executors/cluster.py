"""The workers of a Dask scheduler as an executor.

Each worker states its versions before it gets work, and one that differs is refused by name.
Losing workers changes nothing as long as one is left; where none is left, the wait has an end.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from fechner.errors import InputError, MissingPartError
from fechner.executors.parcels import Parcel, answer, packed
from fechner.executors.versions import differing, refusal, stated_versions
from fechner.threads import share_threads

if TYPE_CHECKING:
    from distributed import Client

SECONDS_WITHOUT_WORKERS = 120.0
"""How long a run waits where the cluster has no worker: to begin, and after the last was lost."""

SECONDS_BETWEEN_LOOKS = 1.0
"""How often the workers are counted, and new ones asked for their versions."""

LARGE = 1_000_000
"""Bytes from which what all tasks need travels once to each worker, not with each task."""

_STATE = "__import__('fechner.executors.versions', fromlist=['']).stated_versions()"
"""Sent as text: a worker without fechner, or with an older one, must be able to read it."""


@contextmanager
def cluster_executor(address: str) -> Iterator[ClusterExecutor]:
    """Give an executor on the workers of the Dask scheduler at `address`.

    Raises
    ------
    InputError
        If no scheduler answers, there is no worker for `SECONDS_WITHOUT_WORKERS`, or a worker
        has other versions.
    MissingPartError
        If dask.distributed is not installed.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingPartError(
            "--cluster needs dask.distributed; install it with: pip install 'fechner[cluster]'"
        ) from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} ({error}); start one or leave out --cluster"
        ) from error
    with _in_few_words(), client:
        pool = ClusterExecutor(client, address)
        try:
            yield pool
        finally:
            pool.shutdown()


@contextmanager
def _in_few_words() -> Iterator[None]:
    """Keep Dask's tracebacks from the terminal: a lost worker or scheduler is told in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class ClusterExecutor(Executor):
    """Runs calls on a cluster's workers; results, and errors, come back as from a process pool."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._inner = client.get_executor(pure=False)
        self._waiting: dict[Future, Future] = {}
        self._checked: dict[str, int] = {}
        self._doubtful: list[tuple[Future, Exception]] = []
        self._failed: InputError | None = None
        self._closed = threading.Event()
        self._wait_for_workers()
        threading.Thread(target=self._watch, name="cluster-watch", daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Send a call to a worker and return its future."""
        if self._failed:
            raise self._failed
        outer: Future = Future()
        outer.add_done_callback(self._forget)
        self._send(outer, packed((fn, args, kwargs)))
        return outer

    @contextmanager
    def sent_once(self, work: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
        """Give `work` as it is, or where it is large what stands for it on workers."""
        from fechner.executors.shipping import shipped

        parcel = packed(work)
        if len(parcel.content) < LARGE:
            yield work
            return
        with shipped(parcel, self._client) as there:
            yield there

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take back what is still waiting."""
        self._closed.set()
        for outer in list(self._waiting):
            outer.cancel()

    def _at_once(self) -> int:
        """Return how many tasks run at once on the busiest machine."""
        machines: Counter[str] = Counter()
        for address, threads in self._checked.items():
            machines[address.rpartition(":")[0]] += threads
        return max(machines.values(), default=1)

    def _send(self, outer: Future, parcel: Parcel, *, again: bool = False) -> None:
        """Send a parcel: with its task, or straight to a worker where it is large."""
        apart = len(parcel.content) >= LARGE and not again
        argument = self._client.scatter(parcel, hash=False) if apart else parcel
        inner = self._inner.submit(_work, argument, self._at_once())
        self._waiting[outer] = inner
        inner.add_done_callback(partial(self._settle, outer, parcel if apart else None))

    def _forget(self, outer: Future) -> None:
        inner = self._waiting.pop(outer, None)
        if inner is not None and not inner.done():
            inner.cancel()

    def _settle(self, outer: Future, parcel: Parcel | None, inner: Future) -> None:
        """Hand the outcome of a task on; runs in Dask's thread."""
        if inner.cancelled() and parcel is not None and not outer.done():
            # What was sent apart is lost with the worker that held it.
            self._send(outer, parcel, again=True)
            return
        with suppress(InvalidStateError):  # It was cancelled, or failed with all others.
            try:
                outer.set_result(pickle.loads(inner.result()))
            except CancelledError:
                gone = _gone(f"the scheduler at {self._address} is gone")
                outer.set_exception(InputError(gone))
            except (ImportError, AttributeError) as error:
                # Perhaps of a worker that joined a moment ago with other code: see who is there.
                self._doubtful.append((outer, error))
            except Exception as error:
                outer.set_exception(_told(error))

    def _wait_for_workers(self) -> None:
        until = time.monotonic() + SECONDS_WITHOUT_WORKERS
        while not (found := self._client.nthreads()):
            if time.monotonic() > until:
                raise InputError(_no_workers(self._address))
            time.sleep(0.2)
        self._check(found)

    def _watch(self) -> None:
        """Count workers, check new ones, and end the wait where none is left."""
        seen = time.monotonic()
        while not self._closed.wait(SECONDS_BETWEEN_LOOKS):
            doubtful, self._doubtful = self._doubtful, []
            try:
                found = self._client.nthreads()
                self._check(found)
            except InputError as error:
                self._fail(error)
                return
            except Exception:  # The scheduler does not answer: no worker can be reached.
                found = {}
            for outer, why in doubtful:
                with suppress(InvalidStateError):
                    outer.set_exception(why)
            if found or not self._waiting:
                seen = time.monotonic()
            elif time.monotonic() - seen > SECONDS_WITHOUT_WORKERS:
                self._fail(InputError(_no_workers(self._address)))
                return

    def _check(self, found: dict[str, int]) -> None:
        """Let each worker that is new state its versions."""
        new = [address for address in found if address not in self._checked]
        if new:
            stated = self._client.run(eval, _STATE, workers=new, on_error="return")
            for address, versions in stated.items():
                if isinstance(versions, OSError):
                    continue  # It is gone again.
                if differences := _differences(versions):
                    raise InputError(refusal(address, differences))
        self._checked = dict(found)

    def _fail(self, error: InputError) -> None:
        self._failed = error
        for outer in list(self._waiting):
            with suppress(InvalidStateError):
                outer.set_exception(error)


def _differences(versions: Any) -> str:
    if isinstance(versions, ModuleNotFoundError) and versions.name == "fechner":
        return "it has no fechner"
    if isinstance(versions, Exception):
        return f"its fechner does not state versions ({type(versions).__name__}: {versions})"
    return differing(versions, stated_versions())


def _work(parcel: Parcel, at_once: int) -> bytes:
    """Do what a parcel asks for; runs on a worker, where so many tasks run at once."""
    from distributed import get_worker

    _share_cores(at_once)
    fn, args, kwargs = parcel.opened(get_worker().address)
    return answer(fn(*args, **kwargs), parcel)


@lru_cache(maxsize=1)
def _share_cores(at_once: int) -> None:
    from dask.system import CPU_COUNT

    share_threads(max(1, CPU_COUNT // at_once))


def _told(error: BaseException) -> BaseException:
    """Return an error in our words where it is the cluster's."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return InputError(
            _gone(
                f"a task ended {error.allowed_failures + 1} workers one after another, by too "
                "little memory or a damaged file"
            )
        )
    return error


def _no_workers(address: str) -> str:
    return _gone(
        f"the scheduler at {address} has had no worker for {SECONDS_WITHOUT_WORKERS:g} seconds"
    )


def _gone(what: str) -> str:
    return f"{what}; what was finished is kept: start workers, and the same command goes on"
