"""What is shared between threads gives each of them what it gives one alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fechner.analysis.network.alignment.alignment import FITS, Alignment, PartialAlignment

THREADS = 6


def in_threads(call, arguments):
    """Return ``call(argument)`` of each, all begun at once in as many threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, arguments))


def measures():
    rng = np.random.default_rng(0)
    human, other = rng.normal(size=(2, 20_000))
    plain = {fit: Alignment(human, fit) for fit in FITS}
    return {**plain, "partial": PartialAlignment(plain["spearman"], (Alignment(other),))}


@pytest.mark.parametrize("name", [*FITS, "partial"])
def test_a_measure_that_threads_share_gives_each_its_own_alignment(name):
    measure = measures()[name]
    rng = np.random.default_rng(1)
    similarities = list(rng.normal(size=(40, len(measure))))
    alone = [measure(similarity) for similarity in similarities]
    assert len(set(alone)) == len(alone)
    assert in_threads(measure, similarities) == alone
