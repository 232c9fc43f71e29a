"""Charts of a channel selection: impacts, held-out evidence, matrices, pruning, stability.

Colours come from the report's palette and stay apart for colour-blind readers; what is
shuffled or random is always grey. Nothing here computes: records and tables come in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fechner.report.style import PALETTE, WIDTH, drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fechner.analysis.network.evidence.curves import PruningCurves
    from fechner.analysis.network.evidence.explain import Explanation
    from fechner.records.selection import ChannelSelection

ALIGNMENT_LABEL = "alignment (Spearman)"


def ranked_impacts(selection: ChannelSelection, width: float = WIDTH) -> Figure:
    """Draw the impact of every channel, largest first, kept and removed ones apart."""
    import matplotlib.pyplot as plt

    impact, kept = np.array(selection.impact), np.array(selection.kept)
    order = np.argsort(-impact, kind="stable")
    place = np.arange(len(order))
    with drawing():
        figure, axis = plt.subplots(figsize=(width, 2.7), layout="constrained")
        for mask, colour, name in (
            (kept[order], PALETTE["low"], f"kept ({selection.n_kept})"),
            (~kept[order], PALETTE["high"], f"removed ({(~kept).sum()})"),
        ):
            if mask.any():
                _needles(axis, place[mask], impact[order][mask], color=colour, label=name)
        axis.axhline(0, color=PALETTE["soft"], lw=0.7)
        axis.set(
            xlabel="channels, highest impact first",
            ylabel="impact on alignment"
            if selection.stability is None
            else "contribution, held out",
            title=f"{selection.dimension}, {selection.network}: {selection.method}",
        )
        axis.legend(loc="upper right")
    return figure


def _needles(axis: Axes, x: np.ndarray, y: np.ndarray, *, color: str, label: str) -> None:
    """Draw a line from 0 to each value as one path: a path each takes five times the bytes."""
    nothing = np.full(len(x), np.nan)
    ends = np.stack([np.zeros(len(x)), y, nothing], axis=1)
    axis.plot(np.repeat(x, 3), ends.ravel(), color=color, lw=1, label=label)


def agreement_by_layer(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the agreement of each set of channels with people, one panel a measure."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(table["features"] + ", " + table["pooling"]))
    measures = list(dict.fromkeys(table["measure"]))
    rows = {name: len(names) - 1 - k for k, name in enumerate(names)}
    with drawing():
        figure, axes = plt.subplots(
            1, len(measures), figsize=(WIDTH, 1.4 + 0.24 * len(names)), sharey=True,
            layout="constrained", squeeze=False,
        )  # fmt: skip
        for axis, measure in zip(axes[0], measures, strict=True):
            part = table[table["measure"] == measure]
            at = (part["features"] + ", " + part["pooling"]).map(rows)
            axis.hlines(at, part["low"], part["high"], color=PALETTE["low"], lw=1.4, alpha=0.55)
            beyond = ~(part["p"] > 0.05)
            axis.plot(part["value"][beyond], at[beyond], "o", color=PALETTE["low"], ms=5)
            axis.plot(
                part["value"][~beyond], at[~beyond], "o", color=PALETTE["low"],
                mfc=PALETTE["paper"], ms=5,
            )  # fmt: skip
            axis.axvline(0, color=PALETTE["soft"], lw=0.7)
            axis.grid(axis="x")
            axis.set(title=measure.replace(", all", ", all pairs").replace(", ", ",\n"))
            axis.set_xlabel("Spearman")
        axes[0][0].set_yticks(list(rows.values()), list(rows))
        axes[0][0].set_ylim(-0.6, len(names) - 0.4)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
        figure.supxlabel(
            "lines: 95 % over images; open: permuting the images' ratings does as well (p > .05); "
            "prediction: of held-out scenes", fontsize=7.5, color=PALETTE["soft"],
        )  # fmt: skip
    return figure


def evidence(table: pd.DataFrame) -> Figure:
    """Draw held-out alignment and prediction of every row of `compare`, with controls."""
    import matplotlib.pyplot as plt

    with drawing():
        figure, axes = plt.subplots(
            1, 2, figsize=(WIDTH, 1.1 + 0.2 * len(table)), sharey=True, layout="constrained"
        )
        rows = np.arange(len(table))[::-1]
        for axis, value, low, high, noise, label in (
            (axes[0], "held_out_after", "low", "high", "shuffled_held_out", ALIGNMENT_LABEL),
            (
                axes[1], "prediction", "prediction_low", "prediction_high",
                "shuffled_prediction", "predicted ratings (Spearman)",
            ),
        ):  # fmt: skip
            axis.hlines(rows, table[low], table[high], color=PALETTE["low"], lw=1.2, alpha=0.5)
            axis.plot(
                table[noise], rows, "|", color=PALETTE["soft"], ms=9, mew=2, label="shuffled mean"
            )
            axis.plot(table[value], rows, "o", color=PALETTE["low"], ms=4.5, label="held out")
            axis.axvline(0, color=PALETTE["soft"], lw=0.7)
            axis.grid(axis="x")
            axis.set_xlabel(label)
        names, common = _row_names(table)
        axes[0].set_yticks(rows, names)
        figure.suptitle(common, x=0.01, ha="left", fontsize=9.5)
        axes[0].plot(
            table["held_out_before"], rows, "o", mfc="none", color=PALETTE["high"], ms=6,
            label="all channels",
        )  # fmt: skip
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _row_names(table: pd.DataFrame) -> tuple[list[str], str]:
    """Return a name for each row, and what all rows share instead of repeating it."""
    parts = ["features", "pooling", "strategy"]
    shared = [part for part in parts[:2] if table[part].nunique() == 1]
    own = table[[part for part in parts if part not in shared]]
    names = [", ".join(word for word in row if word) for row in own.itertuples(index=False)]
    return names, ", ".join(table[part].iloc[0] for part in shared)


def pruning_curves(curves: PruningCurves, *, title: str = "") -> Figure:
    """Draw alignment against channels left: train, held out, shuffled band, random band."""
    import matplotlib.pyplot as plt

    left = curves.channels_left
    with drawing():
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.9), sharey=True, layout="constrained")
        for axis, real, shuffled, random, name in (
            (axes[0], curves.train, curves.train_shuffled, curves.train_random, "selection images"),
            (
                axes[1],
                curves.held_out,
                curves.held_out_shuffled,
                curves.held_out_random,
                "held out",
            ),
        ):
            axis.fill_between(
                left, *np.quantile(shuffled, [0.05, 0.95], axis=0), color=PALETTE["soft"],
                alpha=0.3, lw=0, label="shuffled ratings, 90 %",
            )  # fmt: skip
            axis.plot(left, np.median(random, axis=0), color=PALETTE["donor"], ls="--", lw=1.3,
                      label="random pruning")  # fmt: skip
            axis.plot(left, real, color=PALETTE["low"], lw=1.8, label="pruned by impact")
            axis.invert_xaxis()
            axis.grid(axis="y")
            axis.set(xlabel="channels left", title=name)
        axes[0].set_ylabel(ALIGNMENT_LABEL)
        axes[1].axvline(curves.chosen_left, color=PALETTE["high"], lw=1, ls=":", label="chosen k")
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
        figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def rsm_triptych(explanation: Explanation, *, title: str = "") -> Figure:
    """Draw the RSM before, after and human, worst rated images first, and what moved."""
    import matplotlib.pyplot as plt

    with drawing():
        figure, axes = plt.subplots(1, 4, figsize=(WIDTH, 2.8), layout="compressed")
        for axis, matrix, name in (
            (axes[0], explanation.before, f"before ({explanation.alignment_before:+.3f})"),
            (axes[1], explanation.after, f"after ({explanation.alignment_after:+.3f})"),
            (axes[2], explanation.human, "people"),
        ):
            shown = axis.imshow(matrix, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(name)
        figure.colorbar(
            shown, ax=list(axes[:3]), orientation="horizontal", shrink=0.5, aspect=40,
            label="rank of similarity",
        )  # fmt: skip
        limit = float(np.nanquantile(np.abs(explanation.movement), 0.99)) or 1.0
        moved = axes[3].imshow(
            explanation.movement, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest"
        )
        axes[3].set_title("moved toward people")
        figure.colorbar(
            moved, ax=axes[3], orientation="horizontal", aspect=16, label="purple: toward"
        )
        for axis in axes:
            axis.set(xticks=[], yticks=[])
        axes[0].set_ylabel("images, worst rated first")
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
    return figure


def stability(table: pd.DataFrame) -> Figure:
    """Draw how alike the folds' selections are: overlap of kept sets, agreement of impacts."""
    import matplotlib.pyplot as plt

    with drawing():
        figure, axis = plt.subplots(figsize=(WIDTH, 1.0 + 0.2 * len(table)), layout="constrained")
        rows = np.arange(len(table))[::-1]
        share = table["kept"]
        axis.plot(
            share / (2 - share), rows, "|", color=PALETTE["soft"], ms=9, mew=2,
            label="overlap by chance",
        )  # fmt: skip
        axis.plot(
            table["jaccard"], rows, "o", color=PALETTE["low"], ms=5, label="overlap (Jaccard)"
        )
        axis.plot(
            table["impact_correlation"], rows, "s", color=PALETTE["high"], ms=4.5,
            label="impacts (rank correlation)",
        )  # fmt: skip
        names, common = _row_names(table)
        axis.set_yticks(rows, names)
        figure.suptitle(common, x=0.01, ha="left", fontsize=9.5)
        axis.grid(axis="x")
        axis.set(xlim=(-0.05, 1.05), xlabel="between folds")
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
