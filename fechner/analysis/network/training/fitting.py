"""The fit of `finetune`: the head on fixed features, then, on request, the whole network.

Randomness of an epoch comes from the seed and the epoch's number alone, so that a fit
that was stopped and resumed ends at the same weights as one that ran through.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.choosing.split import Split
from fechner.analysis.network.layers.activations import decoded_batches
from fechner.analysis.network.layers.networks import Network
from fechner.analysis.network.layers.reading import as_input
from fechner.analysis.network.training.early_stopping import Best, until_no_better
from fechner.analysis.network.training.finished_epochs import FinishedEpochs
from fechner.analysis.network.training.options import FinetuneOptions
from fechner.progress import Progress

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass
class Fitted:
    """The head of a fit in rating units (``weight . features + bias``) and its history."""

    weight: torch.Tensor
    bias: torch.Tensor
    history: list[dict[str, Any]]
    validation_spearman: float


def features_of(
    trunk: nn.Module, network: Network, paths: Sequence[Path], *, size: int, batch: int = 16
) -> np.ndarray:
    """Return the features of images, float64 ``(n_images, n_units)``.

    Parameters
    ----------
    trunk
        The network without its last layer.
    network
        Says how its input is prepared.
    paths
        The images.
    size
        Side in pixels of the square that the network sees.
    batch
        How many images pass at once.

    Returns
    -------
    (n_images, n_units) float64
    """
    import torch

    found = []
    with torch.inference_mode():
        for _, images in decoded_batches(paths, 0, size=size, batch=batch):
            found.append(trunk(as_input(network, images)).double().cpu().numpy())
    return np.concatenate(found)


def fit(
    trunk: nn.Module,
    network: Network,
    split: Split,
    options: FinetuneOptions,
    *,
    finished: FinishedEpochs,
    seed: int,
    progress: Progress,
) -> Fitted:
    """Fit the head, then, on request, the whole network from there.

    Parameters
    ----------
    trunk, network
        The network without its last layer, and the whole of it.
    split
        Images and ratings to fit and to validate.
    options
        Which part is fitted, how long, in which steps.
    finished
        Where each finished epoch is kept, and found again.
    seed
        Of the order of images.
    progress
        Called after each epoch.

    Returns
    -------
    Fitted
        The best weights on the validation images, and the history of every epoch.

    Raises
    ------
    InputError
        If the training diverges, or another fit is unfinished in the same file.
    """
    import torch

    written = finished.read()
    if "head" not in written:
        weight, bias, history = _fit_head(trunk, network, split, options, progress)
        finished.write(head={"weight": weight, "bias": bias}, history=history)
    head = torch.nn.Linear(len(finished.content["head"]["weight"]), 1).to(network.device)
    with torch.no_grad():
        head.weight.copy_(finished.content["head"]["weight"][None])
        head.bias.copy_(finished.content["head"]["bias"])
    history = list(finished.content["history"])
    if options.part == "whole":
        history = _fit_whole(
            trunk, head, network, split, options, finished=finished, seed=seed, progress=progress
        )
    features = features_of(trunk, network, split.validation, size=options.size)
    weight, bias = head.weight.detach().cpu()[0], head.bias.detach().cpu()[0]
    predicted = features @ weight.double().numpy() + float(bias)
    return Fitted(
        weight=weight * split.sd,
        bias=bias * split.sd + split.mean,
        history=history,
        validation_spearman=spearman(predicted, split.validation_scores),
    )


def _fit_head(
    trunk: nn.Module,
    network: Network,
    split: Split,
    options: FinetuneOptions,
    progress: Progress,
) -> tuple[torch.Tensor, torch.Tensor, list[dict[str, Any]]]:
    """Return weight ``(n_units,)`` and bias for raw features and standardised ratings.

    Features are standardised for the fit (units that are constant in training drop out)
    and the standardisation is folded into the weight.
    """
    import torch

    given = [
        features_of(trunk, network, paths, size=options.size)
        for paths in (split.training, split.validation)
    ]
    mean, sd = given[0].mean(axis=0), given[0].std(axis=0)
    per_unit = np.divide(1, sd, out=np.zeros_like(sd), where=sd > 1e-8 * max(1, sd.max()))
    here, there = (torch.from_numpy((values - mean) * per_unit) for values in given)
    scores, judged = map(torch.from_numpy, (split.training_scores, split.validation_scores))
    weight = torch.zeros(here.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    # All features act at once: the step per unit shrinks with their number.
    rate = options.head_rate / np.sqrt(here.shape[1])
    optimiser = torch.optim.AdamW([weight, bias], lr=rate, weight_decay=options.weight_decay)

    def epoch(_number: int) -> float:
        optimiser.zero_grad()
        error = ((here @ weight + bias - scores) ** 2).mean()
        error.backward()
        optimiser.step()
        return float(error.detach())

    def judge() -> float:
        with torch.no_grad():
            return float(((there @ weight + bias - judged) ** 2).mean())

    best = Best(lambda: {"weight": weight.detach().clone(), "bias": bias.detach().clone()})
    history = until_no_better(
        epoch, judge, best, part="head", epochs=options.head_epochs,
        patience=options.patience, progress=progress,
    )  # fmt: skip
    kept = best.content["weight"].numpy() * per_unit
    offset = float(best.content["bias"]) - float(mean @ kept)
    return torch.from_numpy(kept).float(), torch.tensor([offset]).float(), history


def _fit_whole(
    trunk: nn.Module,
    head: nn.Linear,
    network: Network,
    split: Split,
    options: FinetuneOptions,
    *,
    finished: FinishedEpochs,
    seed: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    import torch

    trunk.eval().requires_grad_(True)
    whole = torch.nn.Sequential(trunk, head)
    optimiser = torch.optim.AdamW(
        whole.parameters(), lr=options.whole_rate, weight_decay=options.weight_decay
    )

    def epoch(number: int) -> float:
        return _one_epoch(whole, optimiser, network, split, options, seed=seed, number=number)

    def judge() -> float:
        features = features_of(trunk, network, split.validation, size=options.size)
        weight, bias = head.weight.detach().cpu().double().numpy()[0], float(head.bias.detach())
        return float(np.mean((features @ weight + bias - split.validation_scores) ** 2))

    best = Best(lambda: copy.deepcopy(whole.state_dict()))
    if not _restored(finished, whole, optimiser, best):
        best.offer(judge())

    def remember(so_far: list[dict[str, Any]]) -> None:
        finished.write(history=so_far, whole=_state(whole, optimiser, best))

    history = until_no_better(
        epoch, judge, best, part="whole", epochs=options.whole_epochs,
        patience=options.patience, progress=progress, history=finished.content["history"],
        remember=remember,
    )  # fmt: skip
    whole.load_state_dict(best.content)
    trunk.requires_grad_(False)
    return history


def _state(whole: nn.Module, optimiser: torch.optim.Optimizer, best: Best) -> dict[str, Any]:
    """Return what is kept of an unfinished fit."""
    return {
        "state": whole.state_dict(),
        "optimiser": optimiser.state_dict(),
        "best": best.content,
        "best_error": best.error,
    }


def _restored(
    finished: FinishedEpochs, whole: nn.Module, optimiser: torch.optim.Optimizer, best: Best
) -> bool:
    """Put back what `_state` gave the last epoch; False where it holds nothing yet."""
    written = finished.content.get("whole")
    if not written:
        return False
    whole.load_state_dict(written["state"])
    optimiser.load_state_dict(written["optimiser"])
    best.content, best.error = written["best"], written["best_error"]
    return True


def _one_epoch(
    whole: nn.Module,
    optimiser: torch.optim.Optimizer,
    network: Network,
    split: Split,
    options: FinetuneOptions,
    *,
    seed: int,
    number: int,
) -> float:
    """Pass once over the training images, in random order, half of them mirrored."""
    import torch

    rng = np.random.default_rng([seed, number])
    order = rng.permutation(len(split.training))
    paths = [split.training[place] for place in order]
    total = 0.0
    for first, images in decoded_batches(paths, 0, size=options.size, batch=options.batch):
        mirrored = rng.random(len(images)) < 0.5
        images[mirrored] = images[mirrored][:, :, ::-1]
        wanted = split.training_scores[order[first : first + len(images)]]
        scores = torch.from_numpy(wanted).float().to(network.device)
        optimiser.zero_grad()
        error = ((whole(as_input(network, images))[:, 0] - scores) ** 2).mean()
        error.backward()
        optimiser.step()
        total += float(error.detach()) * len(images)
    return total / len(paths)
