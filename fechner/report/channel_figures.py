"""Charts of the network side: alignment before and after, the read-out, channel impacts.

Everything shows its control: the same selection repeated under shuffled ratings, grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fechner.records.selection import ChannelSelection, SelectionStudy
from fechner.report.style import PALETTE, WIDTH, is_narrow, jitter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHOD_NAMES = {
    "all": "all channels",
    "random": "random pruning",
    "negative": "negatives pruned",
    "threshold": "threshold",
    "single_pass": "single-pass greedy",
    "greedy": "greedy pruning",
    "curve": "cross-validated k",
    "readout": "ridge read-out",
    "averaged": "read-outs averaged",
    "elastic_net": "elastic-net read-out",
    "reweight": "reweighting",
    "reference": "distance to reference",
}


CONTROL_NAMES = {"within": "within scenes", "content": "content removed"}


def method_name(method: str) -> str:
    """Return a candidate's name in words: method, control for content, and its channels."""
    method, _, channels = method.partition(" of ")
    method, _, read = method.partition("+")
    name, _, control = method.partition(":")
    words = METHOD_NAMES.get(name, name.replace("_", " "))
    parts = [words, CONTROL_NAMES.get(control, control), "read out" if read else ""]
    return ",\n".join([part for part in parts if part] + _wrapped(channels))


def _wrapped(channels: str, *, longest: int = 20) -> list[str]:
    """Return the name of a set of channels in lines of at most `longest` signs where it can."""
    lines = [""]
    for piece in channels.replace("+", "+ ").split():
        joint = "" if lines[-1].endswith("+") or not lines[-1] else " "
        if len(lines[-1] + joint + piece) > longest:
            lines.append(piece)
        else:
            lines[-1] += joint + piece
    return ["\n".join(lines)] if channels else []


def alignment(study: SelectionStudy, width: float = WIDTH) -> Figure:
    """Draw alignment before and after each selection, on both sets of scenes, with the control."""
    import matplotlib.pyplot as plt

    shown = {n: c for n, c in study.by_name.items() if c.alignment_selection.after is not None}
    titles = {name: _title(name, study.chosen) for name in shown}
    lines = max(title.count("\n") for title in titles.values()) + 1
    columns = min(len(shown), 2 if is_narrow(width) else 4)
    rows = -(-len(shown) // columns)
    size = (width, (2.2 + 0.15 * lines) * rows + 0.5)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False)
    for axis in axes.ravel()[len(shown) :]:
        axis.set_visible(False)
    for axis, (name, candidate) in zip(axes.ravel(), shown.items(), strict=False):
        _before_after(axis, candidate)
        # All panels begin at the same height.
        axis.set_title(titles[name] + "\n" * (lines - titles[name].count("\n") - 1), fontsize=8.5)
    for row in axes:
        row[0].set_ylabel("alignment with ratings")
    figure.tight_layout()
    return figure


def _title(name: str, chosen: str) -> str:
    return method_name(name) + ("\ndrives the maps" if name == chosen else "")


def _before_after(axis: Axes, candidate: ChannelSelection) -> None:
    control = candidate.alignment_shuffled
    axis.axhline(0, color=PALETTE["soft"], linewidth=0.8)
    parts = (
        (candidate.alignment_selection, control.selection, "selection\nscenes"),
        (candidate.alignment_held_out, control.held_out, "held-out\nscenes"),
    )
    for at, (gain, shuffled, _) in enumerate(parts):
        _dots(axis, at + 0.3, shuffled)
        colour = PALETTE["low"] if at else PALETTE["accent"]
        if gain.before is not None and gain.after is not None:
            axis.plot([at - 0.2, at + 0.15], [gain.before, gain.after], color=colour, linewidth=1.4)
            axis.plot(at - 0.2, gain.before, "o", color=colour, markerfacecolor=PALETTE["paper"])
        if gain.interval is not None:
            axis.plot([at + 0.15] * 2, gain.interval, color=colour, linewidth=2.2, alpha=0.6)
        if gain.after is not None:
            axis.plot(at + 0.15, gain.after, "o", color=colour)
    axis.set_xticks([0, 1], [label for *_, label in parts])
    axis.set_xlim(-0.45, 1.5)
    axis.tick_params(axis="x", length=0)
    axis.grid(axis="y")


def _dots(axis: Axes, at: float, values: Sequence[float]) -> None:
    axis.plot(
        at + jitter(len(values), 0.05), values, "o", color=PALETTE["intact"], alpha=0.55,
        markersize=3.2, markeredgewidth=0,
    )  # fmt: skip


def readouts(study: SelectionStudy, width: float = WIDTH) -> Figure:
    """Draw the held-out Spearman of each read-out against shuffled ratings."""
    import matplotlib.pyplot as plt

    shown = [(n, c.readout) for n, c in study.by_name.items() if c.readout is not None]
    names = [method_name(name) for name, _ in reversed(shown)]
    lines = max(name.count("\n") for name in names) + 1
    height = max(0.55, 0.16 * lines + 0.12)
    figure, axis = plt.subplots(figsize=(width, height * len(shown) + 0.9))
    for at, (_, evidence) in enumerate(reversed(shown)):
        spread = jitter(len(evidence.shuffled), 0.07)
        axis.plot(evidence.shuffled, at + spread, "o", color=PALETTE["intact"], alpha=0.55,
                  markersize=4, markeredgewidth=0)  # fmt: skip
        if evidence.interval is not None:
            axis.plot(evidence.interval, [at, at], color=PALETTE["low"], linewidth=2.2, alpha=0.6)
        axis.plot(evidence.held_out_spearman, at, "o", color=PALETTE["low"], markersize=8)
    axis.axvline(0, color=PALETTE["soft"], linewidth=0.8)
    axis.set_yticks(range(len(shown)), names)
    axis.set_ylim(-0.5, len(shown) - 0.5)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    axis.set_xlabel("Spearman with the ratings of held-out scenes")
    figure.tight_layout()
    return figure


def colour_bar(record: dict[str, float]) -> Figure:
    """Draw the shared scale of the importance maps; colour follows the square root."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(3.4, 0.62))
    axis.imshow(
        np.sqrt(np.linspace(0, 1, 256))[None, :], cmap="viridis", aspect="auto", extent=(0, 1, 0, 1)
    )
    scale = record.get("scale", 1.0)
    ticks, labels = [0.0, 0.5, 1.0], ["0", f"{scale / 2:.3g}", f"{scale:.3g}"]
    axis.set_xticks(ticks, labels)
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
    figure.tight_layout(pad=0.3)
    return figure
