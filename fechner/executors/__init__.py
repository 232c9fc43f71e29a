"""Where loops run: this process, a process pool, or the workers of a Dask scheduler.

Every parallel loop takes a `concurrent.futures.Executor`; `executor` makes one
from the ``--jobs`` and ``--cluster`` of the command line.
"""

from fechner.executors.cluster import ClusterExecutor
from fechner.executors.local import SerialExecutor
from fechner.executors.loops import each_in_order, executor, run_all

__all__ = ["ClusterExecutor", "SerialExecutor", "each_in_order", "executor", "run_all"]
