"""The loop of `finetune`: epochs, early stopping, and a diary that survives a stop.

Randomness of an epoch comes from the seed and the epoch's number alone, so that a fit
that was stopped and resumed ends at the same weights as one that ran through.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.analysis.network.activations import as_input, decoded_batches
from fechner.analysis.network.networks import Network
from fechner.errors import InputError, nearest
from fechner.progress import Progress
from fechner.provenance import atomic_path, digest

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fechner.analysis.network.finetune import FinetuneOptions
    from fechner.data.tables import RatedImages


@dataclass(frozen=True)
class Split:
    """Images to train on and images that decide when to stop, by whole scenes.

    `training` and `validation` are image paths, `training_scores` and `validation_scores`
    their ratings, float64, standardised by mean and SD of the training ratings.
    """

    training: list[Path]
    validation: list[Path]
    training_scores: np.ndarray
    validation_scores: np.ndarray
    mean: float
    sd: float
    scenes_training: list[str]
    scenes_validation: list[str]

    @property
    def n_images(self) -> int:
        """Number of images in both parts."""
        return len(self.training) + len(self.validation)


def split_by_scene(
    rated: RatedImages,
    dimension: str,
    *,
    leave_out: Collection[str],
    validation: float,
    seed: int,
) -> Split:
    """Return the split of the scenes that are not in `leave_out`.

    Raises
    ------
    InputError
        If a scene to leave out is unknown, fewer than two scenes remain, or the training
        ratings are constant.
    """
    scenes = np.asarray(rated.scenes).astype(str)
    for scene in leave_out:
        if scene not in scenes:
            raise InputError(f"no scene {scene!r} to leave out; {nearest(scene, set(scenes))}")
    remaining = sorted(set(scenes.tolist()) - set(leave_out))
    if len(remaining) < 2:
        raise InputError(
            f"fine-tuning needs two scenes or more, got {len(remaining)}; one validates"
        )
    count = int(np.clip(round(validation * len(remaining)), 1, len(remaining) - 1))
    order = np.random.default_rng(seed).permutation(len(remaining))
    chosen = sorted(remaining[place] for place in order[:count])
    kept = sorted(set(remaining) - set(chosen))
    scores = rated.scores(dimension)
    trains, validates = np.isin(scenes, kept), np.isin(scenes, chosen)
    mean, sd = float(scores[trains].mean()), float(scores[trains].std())
    if not sd > 0:
        raise InputError(f"the ratings of {dimension!r} are constant; nothing can be fitted")
    paths = rated.paths
    return Split(
        training=[path for path, here in zip(paths, trains, strict=True) if here],
        validation=[path for path, here in zip(paths, validates, strict=True) if here],
        training_scores=(scores[trains] - mean) / sd,
        validation_scores=(scores[validates] - mean) / sd,
        mean=mean,
        sd=sd,
        scenes_training=kept,
        scenes_validation=chosen,
    )


@dataclass
class Fitted:
    """The head of a fit in rating units (``weight . features + bias``) and its history."""

    weight: torch.Tensor
    bias: torch.Tensor
    history: list[dict[str, Any]]
    validation_spearman: float


@dataclass
class Diary:
    """Where an unfinished fit writes each finished epoch."""

    path: Path
    about: dict[str, Any]
    content: dict[str, Any] = field(default_factory=dict)

    def read(self) -> dict[str, Any]:
        """Return what was written, or nothing.

        Raises
        ------
        InputError
            If another fit wrote it.
        """
        import torch

        if not self.path.is_file():
            return {}
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"{self.path} is damaged; delete it to begin anew") from error
        if content.get("about") != digest(self.about):
            raise InputError(
                f"{self.path} belongs to a fit of other inputs or options; "
                "choose another folder, or delete it to begin anew"
            )
        self.content = content
        return content

    def write(self, **parts: Any) -> None:
        """Write `parts` beside what was written before, whole or not at all."""
        import torch

        self.content = {**self.content, **parts, "about": digest(self.about)}
        with atomic_path(self.path) as temporary:
            torch.save(self.content, temporary)

    def remove(self) -> None:
        """Remove the diary of a finished fit."""
        self.path.unlink(missing_ok=True)


def features_of(
    trunk: nn.Module, network: Network, paths: Sequence[Path], *, size: int, batch: int = 16
) -> np.ndarray:
    """Return the features of images, float64 ``(n_images, n_units)``."""
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
    diary: Diary,
    seed: int,
    progress: Progress,
) -> Fitted:
    """Fit the head, then, on request, the whole network from there."""
    import torch

    written = diary.read()
    if "head" not in written:
        weight, bias, history = _fit_head(trunk, network, split, options, progress)
        diary.write(head={"weight": weight, "bias": bias}, history=history)
    head = torch.nn.Linear(len(diary.content["head"]["weight"]), 1).to(network.device)
    with torch.no_grad():
        head.weight.copy_(diary.content["head"]["weight"][None])
        head.bias.copy_(diary.content["head"]["bias"])
    history = list(diary.content["history"])
    if options.part == "whole":
        history = _fit_whole(
            trunk, head, network, split, options, diary=diary, seed=seed, progress=progress
        )
    features = features_of(trunk, network, split.validation, size=options.size)
    weight, bias = head.weight.detach().cpu()[0], head.bias.detach().cpu()[0]
    predicted = features @ weight.double().numpy() + float(bias)
    return Fitted(
        weight=weight * split.sd,
        bias=bias * split.sd + split.mean,
        history=history,
        validation_spearman=_spearman(predicted, split.validation_scores),
    )


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


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
    history = _until_no_better(
        epoch, judge, best, part="head", epochs=options.head_epochs, options=options,
        progress=progress,
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
    diary: Diary,
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
    history = list(diary.content["history"])
    written = diary.content.get("whole")
    if written:
        whole.load_state_dict(written["state"])
        optimiser.load_state_dict(written["optimiser"])
        best.content, best.error = written["best"], written["best_error"]
    else:
        best.offer(judge())

    def remember(so_far: list[dict[str, Any]]) -> None:
        diary.write(
            history=so_far,
            whole={
                "state": whole.state_dict(),
                "optimiser": optimiser.state_dict(),
                "best": best.content,
                "best_error": best.error,
            },
        )

    history = _until_no_better(
        epoch, judge, best, part="whole", epochs=options.whole_epochs, options=options,
        progress=progress, history=history, remember=remember,
    )  # fmt: skip
    whole.load_state_dict(best.content)
    trunk.requires_grad_(False)
    return history


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


class Best:
    """The lowest validation error so far and a copy of what reached it."""

    def __init__(self, snapshot: Callable[[], dict[str, Any]]) -> None:
        self._snapshot = snapshot
        self.error = float("inf")
        self.content: dict[str, Any] = {}

    def offer(self, error: float) -> None:
        """Keep a copy of the present state if `error` is the lowest."""
        if error < self.error:
            self.error, self.content = error, self._snapshot()


def _until_no_better(
    epoch: Callable[[int], float],
    judge: Callable[[], float],
    best: Best,
    *,
    part: str,
    epochs: int,
    options: FinetuneOptions,
    progress: Progress,
    history: list[dict[str, Any]] | None = None,
    remember: Callable[[list[dict[str, Any]]], None] | None = None,
) -> list[dict[str, Any]]:
    """Run epochs until the validation error has not fallen for `options.patience` of them."""
    history = list(history or [])
    done = [entry for entry in history if entry["part"] == part]
    errors = [entry["validation_error"] for entry in done]
    for number in range(len(errors), epochs):
        if errors and len(errors) - 1 - int(np.argmin(errors)) >= options.patience:
            break
        trained = epoch(number)
        errors.append(judge())
        if not np.isfinite(errors[-1]):
            raise InputError("training diverged (the error is not finite); lower the learning rate")
        best.offer(errors[-1])
        history.append(
            {
                "part": part,
                "epoch": number,
                "training_error": trained,
                "validation_error": errors[-1],
            }
        )
        if remember is not None:
            remember(history)
        progress(number + 1, epochs)
    return history
