"""Alignment as channels go: SIMULATED ratings of photographs at hand, half of the scenes judge."""

from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import fechner
from fechner.study.demo_images import simulated_rated_images

with TemporaryDirectory() as folder:
    place = Path(folder)
    simulated_rated_images(place, seed=1, levels={"blur": (1.6,), "noise": (16.0,)})
    options = fechner.SelectionOptions(strategies=("negative", "greedy"), shuffles=5, held_out=0.5)
    fechner.select_channels(
        fechner.read_rated_images(place / "SIMULATED_rated.csv"),
        "quality",
        network=fechner.load_network("efficientnet_lite0"),
        layers=["blocks.4"],
        pools=["mean"],
        size=96,
        options=options,
        folder=place / "channels",
        seed=1,
    )
    copy(next((place / "channels").glob("*curves.png")), "SIMULATED_pruning.png")
