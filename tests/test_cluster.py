"""Work on the workers of a Dask scheduler: the same results, or one line that says why not."""

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from channel_values import channels_of

import fechner
from fechner.analysis.network.choosing.rated_features import rated_features
from fechner.analysis.network.choosing.strategies import parse_strategy
from fechner.analysis.network.evidence.agreement import layer_agreement
from fechner.analysis.network.evidence.evaluation import evaluate
from fechner.analysis.network.layers.activations import activations
from fechner.analysis.network.layers.networks import load_network
from fechner.errors import InputError
from fechner.executors import cluster as of_cluster
from fechner.executors import executor, run_all
from fechner.executors.versions import differing, stated_versions
from fechner.records.images.files import write_png
from fechner.records.rated_images import RatedImages
from fechner.records.scales import Scale

distributed = pytest.importorskip("distributed")


def add(table, number):
    return float(table.sum()) + number


def place_of(table, number):
    time.sleep(0.1)
    return id(table), os.getpid()


def process_after(table, go_on, number):
    """Return which process this is, the first at once and the others as soon as they may go on."""
    while number and not go_on.exists():
        time.sleep(0.05)
    return os.getpid()


def slow(number):
    time.sleep(0.3)
    return number, os.getpid()


def beside(path):
    """Return what the path is called here, and a file beside it."""
    return path.is_absolute(), path, path.parent / "other.png", path.stat().st_size


def measured(paths):
    return {path: path.stat().st_size for path in paths}


def threads(_):
    return os.environ["OMP_NUM_THREADS"]


def late_sum(table):
    time.sleep(0.2)
    return float(table.sum())


def odd_only(number):
    time.sleep(0.1)
    if number % 20 == 0:
        raise InputError(f"no {number}")


def failing(number):
    raise InputError(f"no {number}")


@pytest.fixture(scope="module")
def two_workers():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        cluster.wait_for_workers(2, timeout=60)
        yield cluster.scheduler_address


@pytest.fixture
def lone_scheduler():
    """Give the address of a scheduler that nobody works for."""
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def worker_of(tmp_path):
    """Give what starts a worker of a scheduler, with this package or another, and ends it."""
    started = []

    def start(address, package=None):
        environment = os.environ | {
            "PYTHONPATH": str(package or Path(fechner.__file__).parent.parent)
            + os.pathsep
            + str(Path(__file__).parent)
        }
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny",
                   "--nthreads", "1", "--no-dashboard"]  # fmt: skip
        started.append(
            subprocess.Popen(
                command, env=environment, cwd=tmp_path,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.fixture
def other_package(tmp_path):
    """Give a folder with a fechner of the same version whose source differs by one comment."""
    folder = tmp_path / "other"
    shutil.copytree(
        Path(fechner.__file__).parent, folder / "fechner", ignore=shutil.ignore_patterns("__pyc*")
    )
    with (folder / "fechner" / "rival_maps.py").open("a") as file:
        file.write("# another\n")
    return folder


def test_a_cluster_gives_results_in_the_order_of_the_items(two_workers):
    with executor(cluster=two_workers) as pool:
        assert run_all(partial(add, np.ones(3)), [3, 1, 2], pool=pool) == [6.0, 4.0, 5.0]


def test_what_all_tasks_need_reaches_each_worker_once(two_workers):
    large = np.ones(of_cluster.LARGE)
    with executor(cluster=two_workers) as pool:
        found = run_all(partial(place_of, large), range(12), pool=pool)
        assert run_all(partial(add, large), [1], pool=pool) == [len(large) + 1]
    assert len(set(found)) == len({process for _, process in found}) <= 2


def test_a_result_of_many_megabytes_comes_back(two_workers):
    with executor(cluster=two_workers) as pool:
        (found,) = run_all(np.zeros, [3_000_000], pool=pool)
    assert found.shape == (3_000_000,)


def test_an_error_comes_back_as_it_was_raised(two_workers):
    with pytest.raises(InputError, match="no 7"), executor(cluster=two_workers) as pool:
        run_all(failing, [7, 7], pool=pool)


def test_relative_paths_travel_absolute_and_come_back_as_they_were_given(
    two_workers, tmp_path, monkeypatch
):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_bytes(b"12345")
    monkeypatch.chdir(tmp_path)
    path = Path("photos/one.png")
    with executor(cluster=two_workers) as pool:
        ((absolute, same, _, size),) = run_all(beside, [path], pool=pool)
        (sizes,) = run_all(measured, [[path]], pool=pool)
    assert absolute and size == 5
    assert same == path and sizes == {path: 5}


def test_searches_over_channels_need_no_shared_folder_and_give_the_same(two_workers):
    rng, scenes = np.random.default_rng(1), np.repeat([f"s{k}" for k in range(8)], 5)
    quality = rng.normal(size=40)
    values = np.abs(rng.normal(3, 1, (40, 40, 10, 10)))
    values[:, :9] += 0.6 * (quality - quality.min())[:, None, None, None]
    rows = {"image": [f"{k}.png" for k in range(40)], "scene": scenes, "quality": quality}
    rated = RatedImages(pd.DataFrame(rows), ".", {"quality": Scale(-100, 100)})
    sets = {("last", "space"): channels_of(values)}
    images = rated_features(sets["last", "space"], rated, "quality")
    assert values.nbytes > of_cluster.LARGE

    def searched(pool):
        told = layer_agreement(sets, rated, "quality", permutations=19, seed=0, pool=pool)
        tried = [parse_strategy("negative")]
        found = evaluate(images, tried, folds=2, shuffles=2, resamples=20, seed=1, pool=pool)
        return told, [one.predicted for one in found], [one.kept for one in found]

    with executor(cluster=two_workers) as pool:
        here, there = searched(None), searched(pool)
    assert here[0].equals(there[0])
    np.testing.assert_equal(here[1:], there[1:])


def test_activations_have_the_same_digits_on_a_cluster(two_workers, tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(5)]
    for k, path in enumerate(paths):
        write_png(path, np.random.default_rng(k).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    network = load_network("efficientnet_lite0", device="cpu")
    how = {"size": 64, "batch": 1, "pool": "mean"}
    here = activations(network, ["bn2"], paths, **how)["bn2"]
    with executor(cluster=two_workers) as pool:
        there = activations(network, ["bn2"], paths, workers=pool, **how)["bn2"]
    assert np.array_equal(here.values, there.values)


def test_a_file_that_a_worker_does_not_see_is_named_with_the_worker(
    two_workers, tmp_path, monkeypatch
):
    from fechner.executors import parcels

    path = tmp_path / "one.png"
    path.write_bytes(b"1")
    monkeypatch.setattr(parcels, "SECONDS_FOR_FILES", 0.0)
    parcel = parcels.packed((beside, path))
    path.unlink()
    with pytest.raises(InputError, match=r"worker tcp://a:1 does not see .*one\.png"):
        parcel.opened("tcp://a:1")


def test_the_tasks_of_a_machine_share_its_cores(two_workers):
    from dask.system import CPU_COUNT

    with executor(cluster=two_workers) as pool:
        assert set(run_all(threads, range(4), pool=pool)) == {str(max(1, CPU_COUNT // 2))}


def test_versions_that_differ_are_all_named():
    ours = stated_versions()
    assert differing(ours, ours) == ""
    theirs = ours | {"numpy": "0.9", "torch": "none"}
    assert differing(theirs, ours) == (
        f"numpy 0.9 (here {ours['numpy']}), torch none (here {ours['torch']})"
    )


def test_a_worker_with_other_source_is_refused_before_it_gets_work(
    lone_scheduler, worker_of, other_package
):
    worker_of(lone_scheduler, other_package)
    with (
        pytest.raises(InputError, match=r"worker tcp://\S+ has other versions.*fechner 0.1.0, sou"),
        executor(cluster=lone_scheduler),
    ):
        pass


def test_a_worker_without_fechner_is_refused(lone_scheduler, worker_of, tmp_path):
    (tmp_path / "fechner.py").write_text("raise ModuleNotFoundError('', name='fechner')")
    worker_of(lone_scheduler, tmp_path)
    with pytest.raises(InputError, match="it has no fechner"), executor(cluster=lone_scheduler):
        pass


def test_large_items_that_are_lost_with_a_worker_are_sent_again(lone_scheduler, worker_of):
    first = worker_of(lone_scheduler)
    worker_of(lone_scheduler)
    client = distributed.Client(lone_scheduler, set_as_default=False)
    client.wait_for_workers(2, 60)
    killed = []

    def kill(done, total):
        if not killed:
            killed.append(first.kill())

    tables = [np.full(of_cluster.LARGE // 4, k) for k in range(20)]
    with executor(cluster=lone_scheduler) as pool:
        found = run_all(late_sum, tables, pool=pool, progress=kill)
    client.close()
    assert killed and found == [float(table.sum()) for table in tables]


def test_the_first_error_ends_a_loop_before_all_else_is_done(two_workers):
    counted = []
    for place in ({}, {"cluster": two_workers}):
        with executor(1, **place) as pool, pytest.raises(InputError, match="no 0"):
            run_all(odd_only, range(20), pool=pool, progress=lambda *at: counted.append(at))
    assert len(counted) < 20


def test_a_worker_that_joins_later_gets_what_all_tasks_need_or_is_refused(
    lone_scheduler, worker_of, other_package, tmp_path
):
    first = worker_of(lone_scheduler)
    go_on = tmp_path / "joined"

    def join(done, total):
        if not go_on.exists():
            worker_of(lone_scheduler)
            with distributed.Client(lone_scheduler, set_as_default=False) as client:
                client.wait_for_workers(2, 60)
            first.kill()
            go_on.touch()

    large = np.ones(of_cluster.LARGE)
    with executor(cluster=lone_scheduler) as pool:
        work = partial(process_after, large, go_on)
        found = run_all(work, range(6), pool=pool, progress=join)
        assert found[0] == first.pid and len(set(found[1:])) == 1 and first.pid not in found[1:]
        worker_of(lone_scheduler, other_package)
        with pytest.raises(InputError, match="has other versions"):
            for _ in range(100):
                run_all(slow, range(4), pool=pool)


def test_a_cluster_that_loses_its_last_worker_ends_in_one_line(
    lone_scheduler, worker_of, monkeypatch
):
    monkeypatch.setattr(of_cluster, "SECONDS_WITHOUT_WORKERS", 20.0)
    worker = worker_of(lone_scheduler)

    def kill(done, total):
        monkeypatch.setattr(of_cluster, "SECONDS_WITHOUT_WORKERS", 1.0)
        worker.kill()

    with (
        pytest.raises(InputError, match="has had no worker for 1 seconds; what was finished is"),
        executor(cluster=lone_scheduler) as pool,
    ):
        run_all(slow, range(20), pool=pool, progress=kill)


def test_a_cluster_without_workers_is_refused_after_a_while(lone_scheduler, monkeypatch):
    monkeypatch.setattr(of_cluster, "SECONDS_WITHOUT_WORKERS", 0.5)
    with (
        pytest.raises(InputError, match=r"had no worker for 0\.5 seconds"),
        executor(cluster=lone_scheduler),
    ):
        pass
