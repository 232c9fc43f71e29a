"""Known metrics on the same pairs: what a layer's distance has to be compared with.

Every yardstick is one number a pair and says which way it runs, so that a table can show all of
them as distances. Preprocessing moves these numbers (SSIM's correlations by .17 on one set), so
each names its own. The metrics of pixels are piq's (Kastryulin and others 2022, arXiv
2208.14818), on images in [0, 1] at native size; grey is BT.601 luma.

``rmse``, ``psnr``        over the three sRGB channels, 8-bit grey levels and dB
``ssim``                  Wang and others 2004, grey, at full resolution
``ssim_256``              the same after averaging blocks so that the short side is about 256,
                          as its authors advise
``ms_ssim``               Wang and others 2003, grey
``fsim``                  Zhang and others 2011, with colour
``gmsd``                  Xue and others 2013, grey, halved
``vsi``                   Zhang, Shen and Li 2014
``mdsi``                  Nafchi and others 2016
``haarpsi``               Reisenhofer and others 2018
``lpips_alex``, ``lpips_squeeze``, ``lpips_vgg``, ``dists``    see `perceptual`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fechner.analysis.network.distances.kept import add_arrays, names_in, read_arrays
from fechner.analysis.network.distances.passes import OfReference, by_reference
from fechner.errors import InputError, nearest
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.done import done_key
from fechner.records.images.files import read_image

if TYPE_CHECKING:
    import torch

    from fechner.data.pairs import ReferencePairs

LUMA = (0.299, 0.587, 0.114)
"""BT.601, as SSIM's authors convert colour."""


@dataclass(frozen=True, eq=False)
class Yardstick:
    """A known metric on a set of pairs.

    Attributes
    ----------
    name
        What it is called in tables.
    values : (n_pairs,) float64, optional
        In its own unit; None where it cannot be had.
    rises_with_harm
        Whether a higher value is a worse image.
    missing
        Why there are no values, and what would give them.
    """

    name: str
    values: NDArray[np.float64] | None
    rises_with_harm: bool
    missing: str | None = None

    @property
    def distance(self) -> NDArray[np.float64] | None:
        """The values turned such that higher is worse."""
        if self.values is None or self.rises_with_harm:
            return self.values
        return -self.values


@dataclass(frozen=True)
class _Metric:
    rises_with_harm: bool
    measure: Callable[[torch.Tensor, torch.Tensor], Any]


def pixel_yardsticks(
    pairs: ReferencePairs,
    names: Sequence[str] | None = None,
    *,
    cache: Path | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> list[Yardstick]:
    """Return the metrics `names` of every pair, images at native size.

    Parameters
    ----------
    pairs
        Distorted images and their references.
    names
        Some of `PIXEL_METRICS`; None takes all.
    cache
        Folder for what is computed; None keeps nothing.
    pool
        Where references run, one task each.

    Raises
    ------
    InputError
        If a metric is unknown, an image cannot be read or is too small for one, or differs in
        size from its reference.
    """
    wanted = list(PIXEL_METRICS if names is None else dict.fromkeys(names))
    for name in wanted:
        if name not in PIXEL_METRICS:
            raise InputError(f"no yardstick {name!r}; {nearest(name, PIXEL_METRICS)}")
    groups = by_reference(pairs)
    found = run_all(partial(_measure, wanted, cache), groups, pool=pool, progress=progress)
    order = np.concatenate([np.array(group.rows) for group in groups])
    sticks = []
    for name in wanted:
        values = np.empty(len(order))
        values[order] = np.concatenate([one[name] for one in found])
        sticks.append(Yardstick(name, values, PIXEL_METRICS[name].rises_with_harm))
    return sticks


def _measure(
    names: Sequence[str], cache: Path | None, group: OfReference
) -> dict[str, NDArray[np.float64]]:
    """Return each metric of a reference's images, (n_images,); what is kept is read."""
    if cache is None:
        return _measured(names, group)
    key = done_key("yardsticks", {"piq": version("piq")}, [group.reference, *group.images])
    file = Path(cache) / f"{key}.npz"
    missing = [name for name in names if name not in names_in(file)]
    if missing:
        add_arrays(file, _measured(missing, group))
    return read_arrays(file, list(names))


def _measured(names: Sequence[str], group: OfReference) -> dict[str, NDArray[np.float64]]:
    reference = read_image(group.reference)
    first = unit_tensor(reference)
    values: dict[str, list[float]] = {name: [] for name in names}
    for image in group.images:
        pixels = read_image(image)
        if pixels.shape != reference.shape:
            raise InputError(
                f"{image} and its reference {group.reference} differ in size; correct the pair"
            )
        second = unit_tensor(pixels)
        for name in names:
            values[name].append(_value(name, first, second, image))
    return {name: np.array(found) for name, found in values.items()}


def _value(name: str, reference: torch.Tensor, image: torch.Tensor, path: Path) -> float:
    import torch

    try:
        with torch.inference_mode():
            return float(PIXEL_METRICS[name].measure(reference, image))
    except (ValueError, AssertionError, RuntimeError) as error:
        height, width = image.shape[2:]
        raise InputError(
            f"{name} cannot be taken of {path} ({width} x {height} pixels): {error}; leave out "
            "the image or the yardstick"
        ) from error


def unit_tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Return uint8 (h, w, 3) as float32 (1, 3, h, w) in [0, 1]."""
    import torch

    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def _grey(image: torch.Tensor) -> torch.Tensor:
    import torch

    return (image * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _mse(x: torch.Tensor, y: torch.Tensor) -> float:
    # In double: PSNR to a thousandth of a decibel.
    return float(((x.double() - y.double()) * 255).square().mean())


def _rmse(x: torch.Tensor, y: torch.Tensor) -> float:
    return float(np.sqrt(_mse(x, y)))


def _psnr(x: torch.Tensor, y: torch.Tensor) -> float:
    error = _mse(x, y)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _ssim(x: torch.Tensor, y: torch.Tensor) -> Any:
    import piq

    return piq.ssim(_grey(x), _grey(y), downsample=False)


def _ssim_256(x: torch.Tensor, y: torch.Tensor) -> Any:
    import piq

    return piq.ssim(_grey(x), _grey(y), downsample=True)


def _ms_ssim(x: torch.Tensor, y: torch.Tensor) -> Any:
    import piq

    return piq.multi_scale_ssim(_grey(x), _grey(y))


def _of_piq(name: str) -> Callable[[torch.Tensor, torch.Tensor], Any]:
    def measure(x: torch.Tensor, y: torch.Tensor) -> Any:
        import piq

        return getattr(piq, name)(x, y)

    return measure


PIXEL_METRICS = {
    "rmse": _Metric(True, _rmse),
    "psnr": _Metric(False, _psnr),
    "ssim": _Metric(False, _ssim),
    "ssim_256": _Metric(False, _ssim_256),
    "ms_ssim": _Metric(False, _ms_ssim),
    "fsim": _Metric(False, _of_piq("fsim")),
    "gmsd": _Metric(True, _of_piq("gmsd")),
    "vsi": _Metric(False, _of_piq("vsi")),
    "mdsi": _Metric(True, _of_piq("mdsi")),
    "haarpsi": _Metric(False, _of_piq("haarpsi")),
}
"""Every metric of pixels, by name."""
