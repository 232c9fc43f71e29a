"""Small matrices get one thread of BLAS, whoever asks and whatever happens meanwhile."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import ThreadpoolController

from fechner.analysis.network.alignment.grams import ChannelGrams
from fechner.analysis.network.alignment.pairs import all_pairs
from fechner.analysis.network.choosing.readout import fit_readout
from fechner.analysis.ratings.contrasts.reml import fit_reml, indicator
from fechner.threads import LARGE, small_matrices

BLAS = ThreadpoolController().select(user_api="blas")


def threads() -> set[int]:
    """Threads of every BLAS but OpenCV's own, which some wheels bring with one thread for good."""
    return {one["num_threads"] for one in BLAS.info() if "opencv" not in one["filepath"]}


@pytest.fixture(autouse=True)
def several_threads():
    """Three threads before each test, however many cores and whatever the environment says."""
    with BLAS.limit(limits=3):
        assert threads() == {3}
        yield
        assert threads() == {3}


def test_a_block_has_one_thread_and_puts_them_back():
    with small_matrices():
        assert threads() == {1}
        with small_matrices():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {3}


def test_an_error_in_a_block_puts_them_back():
    @small_matrices()
    def fails():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert threads() == {3}


def test_blocks_of_two_threads_that_overlap_put_them_back():
    """The first one out must not free the other, the last one out must not keep the limit."""
    entered, left = threading.Event(), threading.Event()

    def other():
        with small_matrices():
            entered.set()
            left.wait(10)

    with small_matrices():
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(10)
    assert threads() == {1}
    left.set()
    thread.join()
    assert threads() == {3}


def test_a_block_of_large_matrices_keeps_its_threads():
    with small_matrices(LARGE):
        assert threads() == {3}
    with small_matrices(LARGE - 1):
        assert threads() == {1}


def fit_a_mixed_model():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(6), 5)
    fit = fit_reml(rng.normal(size=30), np.ones((30, 1)), {"people": indicator(people, 6)})
    fit.df([1.0])


def fit_a_readout():
    rng = np.random.default_rng(0)
    fit_readout(rng.normal(size=(20, 5)), rng.normal(size=20), np.arange(20) // 4)


def multiply_channels():
    values = np.random.default_rng(0).random((8, 4, 9))
    ChannelGrams(values, all_pairs(8)).project(np.ones(28))


@pytest.mark.parametrize(
    ("work", "module", "name"),
    [
        (fit_a_mixed_model, scipy.linalg, "cholesky"),
        (fit_a_readout, np.linalg, "eigh"),
        (multiply_channels, np, "matmul"),
    ],
)
def test_work_on_small_matrices_has_one_thread(work, module, name, monkeypatch):
    real, seen = getattr(module, name), []

    def watched(*given, **options):
        seen.append(threads())
        return real(*given, **options)

    monkeypatch.setattr(module, name, watched)
    work()
    assert seen
    assert set.union(*seen) == {1}


def environment_after_import(**given: str) -> str:
    code = "import fechner, os; print(os.environ['OMP_WAIT_POLICY'])"
    inherited = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_threads_of_openmp_sleep_while_they_wait_unless_the_user_says_otherwise():
    assert environment_after_import() == "PASSIVE"
    assert environment_after_import(OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"
