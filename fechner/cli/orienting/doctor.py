"""``fechner doctor``: what this machine has, what is missing, and what that would give."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fechner import __version__
from fechner.errors import FechnerError, missing_package

Mark = Literal["ok", "absent", "bad"]

SHAPES_RESULTS = (
    *("numpy", "scipy", "pandas", "torch", "torchvision", "timm", "opencv-python", "numba"),
    *("scikit-learn", "statsmodels", "pillow", "pydantic"),
)
"""Packages whose version may change a number; a paper names them."""

GIVES = {
    "analysis": "networks: channels, maps by network, layers (torch)",
    "experiment": "rating sessions in a window (PsychoPy)",
    "labels": "the dip test of label distributions",
    "spreadsheets": "rated images from .xlsx, .xls and .ods",
    "jxl": "JPEG XL files",
    "codecs": "jpegli in studies of codecs",
    "hevc": "HEIC files",
    "captum": "Grad-CAM, LayerCAM and occlusion maps",
    "networks": "EfficientNet-Lite1 and Lite2 as packages",
    "cluster": "--cluster, on a Dask scheduler",
    "docs": "the documentation as a site (make docs)",
}
"""What each optional extra gives."""

LITTLE_DISK_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One line: what was looked for, what was found, and whether that is enough."""

    what: str
    found: str
    mark: Mark = "ok"


def findings(folder: Path) -> Iterator[Finding]:
    """Give everything that is worth knowing of this machine, in the order in which it is read."""
    yield Finding("fechner", __version__)
    yield Finding("Python", f"{sys.version.split()[0]}, {sys.platform}")
    yield Finding("packages", ", ".join(f"{name} {_version(name)}" for name in SHAPES_RESULTS))
    yield _device()
    yield _network()
    yield from map(_extra, GIVES)
    yield _display()
    yield _font()
    yield _browser()
    free = shutil.disk_usage(folder).free / 1e9
    yield Finding(
        "disk", f"{free:.0f} GB free in {folder}", "ok" if free > LITTLE_DISK_GB else "bad"
    )


def _version(package: str) -> str:
    # Imported here: reading package records takes 15 of the 160 ms in which the commands are there.
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _device() -> Finding:
    try:
        from fechner.analysis.network.layers.networks import chosen_device

        device = str(chosen_device("auto"))
    except ModuleNotFoundError as error:
        if missing_package(error) is None:
            raise
        return Finding("networks run on", "nothing yet: the extra analysis is missing", "absent")
    return Finding("networks run on", "the processor" if device == "cpu" else device)


def _network() -> Finding:
    from fechner.analysis.network.layers.networks import DEFAULT_NETWORK, catalogue

    there = [info.name for info in catalogue() if info.present]
    told = ", ".join(there) or f"none; the extra analysis brings {DEFAULT_NETWORK}"
    return Finding("networks with weights", told, "ok" if there else "absent")


def _extra(name: str) -> Finding:
    if _installed(name):
        return Finding(f"extra {name}", GIVES[name])
    return Finding(f"extra {name}", f"{GIVES[name]}: pip install 'fechner[{name}]'", "absent")


def _installed(extra: str) -> bool:
    """Return whether every package of an extra is installed."""
    from importlib.metadata import requires

    marker = re.compile(rf"extra == ['\"]{extra}['\"]")
    lines = [line for line in requires("fechner") or () if marker.search(line)]
    needed = [re.split(r"[\s<>=!~;\[]", line)[0] for line in lines]
    return bool(needed) and all(_version(package) != "missing" for package in needed)


def _display() -> Finding:
    from fechner.experiment.window.xvfb import own_display

    display = own_display()
    if display is not None and not display.without_monitor:
        return Finding("display", "a monitor")
    if display is not None:
        return Finding("display", "without a monitor: sessions run, timing is not synchronised")
    if shutil.which("Xvfb"):
        return Finding("display", "none; simulated sessions use Xvfb", "absent")
    return Finding("display", "none, and no Xvfb: no session can run here", "bad")


def _font() -> Finding:
    from fechner.experiment.screens.fonts import SHIPPED, find_font

    try:
        return Finding("font", str(find_font(next(iter(SHIPPED))).name))
    except FechnerError as error:
        return Finding("font", str(error), "bad")


def _browser() -> Finding:
    from fechner.report.pdf import browser

    found = browser()
    if found is None:
        return Finding("browser", "none found; the report as PDF needs one", "absent")
    return Finding("browser", Path(found).name)


def show_doctor() -> None:
    """Say what this machine has, what is missing, and what that would give.

    Example: fechner doctor
    """
    from rich.markup import escape
    from rich.table import Table

    from fechner.cli.console import console

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    signs = {"ok": "[green]ok[/]", "absent": "[dim]--[/]", "bad": "[red]no[/]"}
    found = list(findings(Path.cwd()))
    for one in found:
        table.add_row(signs[one.mark], one.what, escape(one.found))
    console.print(table)
    bad = [one.what for one in found if one.mark == "bad"]
    console.print(f"\nput right first: {', '.join(bad)}" if bad else "\nnothing is in the way")
