"""Several batches through a network at once, each by one thread.

Torch shares one pass out among threads, and then the last digits depend on how many there are
(EfficientNet-Lite0 with one and with two: 4e-6 of the largest value apart). One thread a pass, and
as many passes at once as there are threads, gives the same digits on any number of cores, in any
number of processes.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import TypeVar

from fechner.analysis.network.layers.networks import Network

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def one_thread_a_pass() -> Iterator[int]:
    """Let each pass on the processor have one thread; give how many passes may run at once."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def twins(network: Network, count: int) -> list[Network]:
    """Return `count` networks of the same weights in memory, each with hooks of its own.

    One only on a graphics card, which takes one pass after another anyway.
    """
    if network.device.type != "cpu":
        return [network]
    with network.lock:  # The hooks of another thread's reading must not be copied.
        tensors = [*network.module.parameters(), *network.module.buffers()]
        modules = [
            copy.deepcopy(network.module, {id(tensor): tensor for tensor in tensors})
            for _ in range(count - 1)
        ]
    return [
        network,
        *(replace(network, module=module, lock=type(network.lock)()) for module in modules),
    ]


def each_in_turn(
    work: Callable[[Network, Item], Result], items: Iterable[Item], networks: Sequence[Network]
) -> Iterator[Result]:
    """Give ``work(network, item)`` of each item in turn, as many at once as there are networks.

    Parameters
    ----------
    work
        Called in a thread with a network that no other thread uses meanwhile.
    items
        Taken as they are needed.
    networks
        See `twins`.

    Returns
    -------
    iterator
        One result an item, in the order of `items`.
    """
    if len(networks) == 1:
        yield from (work(networks[0], item) for item in items)
        return
    free: SimpleQueue[Network] = SimpleQueue()
    for network in networks:
        free.put(network)

    def run(item: Item) -> Result:
        network = free.get()
        try:
            return work(network, item)
        finally:
            free.put(network)

    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(len(networks), thread_name_prefix="pass") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(run, item))
                if len(waiting) > len(networks):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
