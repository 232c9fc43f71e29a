"""Fitting a network to the ratings: a head on a frozen trunk, or the whole network.

Beside the way of the data: the checkpoint it writes is loaded by
``load_network(name, weights=FILE)`` and goes through activations, alignment and maps as
any other, so that "ImageNet or fine-tuned?" is a comparison on held-out images.

The network predicts a rating as ``w . features(image) + b``; the features are what the
last fully connected layer receives, or, where a file holds the features only, the last
convolution averaged over space. The head is fitted first, alone, on fixed features; the
whole network then starts from that head (linear probing, then fine-tuning: Kumar et al.
2022, ICLR), with batch-norm statistics held fixed, because batches are small. Training
stops when the error on validation scenes, which are never trained on, has not fallen for
`patience` epochs, and the best epoch is kept. That error chose the epoch: it is no
held-out evidence. Scenes that are to give such evidence are left out by `leave_out`; the
checkpoint remembers the images it was fitted to, and none of them judges it later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.analysis.network.choosing.split import split_by_scene
from fechner.analysis.network.layers.networks import Network, build, load_network
from fechner.analysis.network.layers.weights import last_linear
from fechner.analysis.network.training import fitting
from fechner.analysis.network.training.finished_epochs import FinishedEpochs
from fechner.analysis.network.training.options import FinetuneOptions, check_options
from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.provenance import (
    atomic_path,
    provenance,
    sha256_file,
    write_json,
)
from fechner.records.done import done_key
from fechner.records.file_names import check_file_names
from fechner.records.rated_images import RatedImages

if TYPE_CHECKING:
    from torch import nn


FEWEST_IMAGES = 16
"""Images below which nothing is fitted: a validation split would hold three or fewer."""


@dataclass(frozen=True)
class Finetuned:
    """A finished fit.

    Attributes
    ----------
    path
        The checkpoint, for ``load_network(name, weights=path)``.
    history
        One entry an epoch: part, epoch, training and validation error (mean squared error
        over the variance of the training ratings).
    validation_spearman
        Spearman of predicted and given ratings on the validation scenes; it chose the
        epoch and is too good by that.
    """

    path: Path
    history: list[dict[str, Any]]
    validation_spearman: float
    scenes_training: list[str]
    scenes_validation: list[str]


def finetune(
    network: str,
    rated: RatedImages,
    dimension: str,
    *,
    folder: Path,
    options: FinetuneOptions | None = None,
    weights: Path | None = None,
    leave_out: Collection[str] = (),
    device: str = "auto",
    seed: int,
    progress: Progress = silent,
) -> Finetuned:
    """Fit `network` to the ratings of one dimension and write the checkpoint.

    A stopped fit goes on at its last finished epoch when it is called again with the same
    inputs.

    Parameters
    ----------
    folder
        Gets ``NETWORK_DIMENSION_PART.pth``, a ``.json`` record beside it, and, while the
        fit runs, ``NETWORK_DIMENSION_PART.training.pth``.
    leave_out
        Scenes that are neither trained nor validated on: the held-out scenes of a later
        comparison.
    seed
        Of the validation split, the order of images and the mirroring.

    Returns
    -------
    Finetuned
        Where the checkpoint lies, and how the fit went.

    Raises
    ------
    InputError
        If there are too few images or scenes, the ratings are constant, or the folder holds
        an unfinished fit of other inputs.
    """
    chosen = options or FinetuneOptions()
    check_options(chosen)
    check_file_names([dimension], of="dimension")
    loaded = load_network(network, weights=weights, device=device)
    split = split_by_scene(
        rated, dimension, leave_out=leave_out, validation=chosen.validation, seed=seed
    )
    if split.n_images < FEWEST_IMAGES:
        raise InputError(
            f"fine-tuning needs at least {FEWEST_IMAGES} images, got {split.n_images}; "
            "add images or leave out fewer scenes"
        )
    name = f"{network}_{dimension}_{chosen.part}"
    made = {
        "network": network,
        "dimension": dimension,
        **asdict(chosen),
        "left_out_scenes": sorted(leave_out),
    }
    inputs = {"rated_images": rated.sha256, "weights": loaded.weights_sha256}
    block = provenance(parameters=made, inputs=inputs, seed=seed)
    trunk = _trunk_of(loaded)
    finished = FinishedEpochs(Path(folder) / f"{name}.training.pth", done_key("fit", block))
    fitted = fitting.fit(
        trunk, loaded, split, chosen, finished=finished, seed=seed, progress=progress
    )
    result = Finetuned(
        path=Path(folder) / f"{name}.pth",
        history=fitted.history,
        validation_spearman=fitted.validation_spearman,
        scenes_training=split.scenes_training,
        scenes_validation=split.scenes_validation,
    )
    seen = {sha256_file(path) for path in (*split.training, *split.validation)} | loaded.seen
    _write(result, loaded, trunk, fitted, sorted(seen), block)
    finished.remove()
    return result


def _trunk_of(network: Network) -> nn.Module:
    """Return the part of `network` that turns an input batch into ``(n, n_units)`` features.

    It shares its parameters with ``network.module``.
    """
    from torch import nn

    class Trunk(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

        def forward(self, batch: Any) -> Any:
            values = self.module(batch)
            return values.mean(dim=(2, 3)) if values.ndim == 4 else values

    last = last_linear(network.module)
    if network.complete and last is not None:
        _without(network.module, last[0])
        return Trunk(network.module)
    if network.name in ("alexnet", "vgg16", "squeezenet1_1"):
        # Their pooling keeps a grid, and is followed by what a feature-only file lacks.
        return Trunk(network.module.get_submodule("features"))
    return Trunk(network.module)


def _without(module: nn.Module, name: str) -> None:
    from torch import nn

    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, nn.Identity())


def _write(
    result: Finetuned,
    network: Network,
    trunk: nn.Module,
    fitted: fitting.Fitted,
    seen: list[str],
    block: dict[str, Any],
) -> None:
    import torch

    state = {name: tensor.cpu() for name, tensor in network.module.state_dict().items()}
    head = {"weight": fitted.weight[None], "bias": fitted.bias[None]}
    last = last_linear(build(network.name))
    if network.complete and last is not None:
        state |= {f"{last[0]}.{name}": tensor for name, tensor in head.items()}
    else:
        # What lies behind the features does not belong to them any more.
        state = {name: value for name, value in state.items() if not _behind(network, name)}
    with atomic_path(result.path) as temporary:
        torch.save(
            {
                "architecture": network.name,
                "state_dict": state,
                "regression": head,
                "seen_images": seen,
            },
            temporary,
        )
    record = {
        "checkpoint": result.path.name,
        "validation_spearman": result.validation_spearman,
        "scenes_training": result.scenes_training,
        "scenes_validation": result.scenes_validation,
        "history": result.history,
        "provenance": block,
    }
    write_json(result.path.with_suffix(".json"), record)


def _behind(network: Network, tensor: str) -> bool:
    return bool(network.head) and tensor.startswith(f"{network.head}.")
