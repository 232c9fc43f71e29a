"""How the work grows, how it is shared, and whether it is the same wherever it runs.

    python benchmarks/scale.py [PART ...] [--cache FOLDER]

Each part is a flag; without any, all of them run, one after another. Prints, as its last line, one
JSON object with the figures of the parts, the seconds that each took (``seconds``) and what was
measured on (``data``). Ratings are SIMULATED throughout: what is timed does not ask people.

- ``--select-2400``: ``select_2400_cpu_s``, CPU of one thread of `channels select` on 2400 images,
  EfficientNet-Lite0 pooled by mean, default strategies, 20 shuffles, extraction excluded
- ``--select-exponent``: ``select_exponent`` of that CPU from 800 to 3200 images (at most 2.2)
- ``--greedy-1608``: ``greedy_1608_s``, CPU of greedy pruning of 512 x 7 x 7 channels (at most 40),
  and ``greedy_exponent`` (804 to 1608 images)
- ``--gradients``: ``gradient_1608_ratio``, ``gradient_2400_pooled_ratio``: one product a channel
  over ours
- ``--select-jobs``, ``--stimuli-jobs``, ``--compress-jobs``: ``..._jobs_scaling``, wall time with
  one job over that with two (at least 1.7; needs a quiet machine)
- ``--stimuli-1000``: ``stimuli_1000_scenes_core_hours``, projected from 24, 48 and 96 scenes (at
  most 1.5)
- ``--cluster``: ``cluster_identical``, 1 where stimuli built on a Dask cluster (a scheduler and two
  workers, a process each, one of them killed after the first scene) have the bytes of those built
  in this process
- ``--memory-10000``: ``memory_10000_gb``, the peak of a channel search on 10 000 images (at most 6)
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import scale_pictures as pictures  # noqa: E402 - after the threads are set
import scale_searches as searches  # noqa: E402

from fechner.data.photographs import photographs  # noqa: E402

Part = Callable[[argparse.Namespace], dict[str, object]]
PARTS: dict[str, Part] = {
    "select-2400": lambda asked: searches.select_cpu(asked.cache / "parts"),
    "select-exponent": lambda asked: searches.select_growth(asked.cache / "parts"),
    "greedy-1608": lambda asked: searches.greedy_1608(),
    "gradients": lambda asked: searches.gradients(),
    "select-jobs": lambda asked: searches.select_jobs(asked.cache / "parts"),
    "stimuli-jobs": lambda asked: pictures.stimuli_jobs(),
    "compress-jobs": lambda asked: pictures.compress_jobs(),
    "stimuli-1000": lambda asked: pictures.stimuli_1000(),
    "cluster": lambda asked: pictures.cluster_figures(asked.scenes, asked.side),
    "memory-10000": lambda asked: searches.memory(),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in PARTS:
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--cache", type=Path, help="Folder that keeps images and activations.")
    parser.add_argument("--scenes", type=int, default=6, help="Of --cluster.")
    parser.add_argument("--side", type=int, default=192, help="Short side of those, in pixels.")
    asked = parser.parse_args()
    chosen = [name for name in PARTS if getattr(asked, name.replace("-", "_"))] or list(PARTS)
    with tempfile.TemporaryDirectory() as folder:
        asked.cache = (asked.cache or Path(folder)).resolve()
        print(json.dumps(figures(asked, chosen)))


def figures(asked: argparse.Namespace, chosen: list[str]) -> dict[str, object]:
    """Run the parts that were chosen; say each as it comes."""
    found: dict[str, object] = {}
    seconds: dict[str, float] = {}
    for name in chosen:
        begin = time.perf_counter()
        part = PARTS[name](asked)
        seconds[name] = round(time.perf_counter() - begin, 1)
        print(f"{name} ({seconds[name]} s): {json.dumps(part)}", flush=True)
        found |= part
    return found | {"seconds": seconds, "data": data()}


def data() -> dict[str, object]:
    """Return what was measured on."""
    return {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "photographs": list(photographs()),
        "select": "parts of these photographs, intact and degraded, through EfficientNet-Lite0 at "
        "128 px, pooled by mean; ratings SIMULATED",
        "greedy, gradients, memory": "made-up activations of 512 x 7 x 7; ratings SIMULATED",
        "stimuli, compression, cluster": "these photographs and parts of them",
    }


if __name__ == "__main__":
    main()
