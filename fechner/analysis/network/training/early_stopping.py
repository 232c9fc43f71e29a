"""Epochs until the validation error falls no more, and the best of them kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fechner.errors import InputError
from fechner.progress import Progress


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


def until_no_better(
    epoch: Callable[[int], float],
    judge: Callable[[], float],
    best: Best,
    *,
    part: str,
    epochs: int,
    patience: int,
    progress: Progress,
    history: list[dict[str, Any]] | None = None,
    remember: Callable[[list[dict[str, Any]]], None] | None = None,
) -> list[dict[str, Any]]:
    """Run epochs until the validation error has not fallen for `patience` of them.

    Returns `history` with one entry more an epoch; `remember` gets it after each of them.

    Parameters
    ----------
    epoch
        Trains one epoch, given its number from 0; returns the training error.
    judge
        Returns the validation error.
    best
        Keeps the weights of the best epoch.
    part
        Which part of the network is fitted; stands in each entry of the history.
    epochs
        The most that are run.
    patience
        How many epochs may pass without a better one.
    progress
        Called after each epoch.
    history
        Entries of epochs that were finished before.
    remember
        Called with the history after each epoch.

    Returns
    -------
    list of dict
        The history with one entry more an epoch.

    Raises
    ------
    InputError
        If the error is not finite any more.
    """
    history = list(history or [])
    done = [entry for entry in history if entry["part"] == part]
    errors = [entry["validation_error"] for entry in done]
    for number in range(len(errors), epochs):
        if errors and len(errors) - 1 - int(np.argmin(errors)) >= patience:
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
