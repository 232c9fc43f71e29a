"""Evidence of strategies on the terminal, with what judged it and how far it could go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from fechner.analysis.network.choosing.rated_features import Objective
    from fechner.analysis.network.choosing.sets import ChannelValues
    from fechner.records.rated_images import RatedImages
    from fechner.records.ratings import Ratings


def show(table: pd.DataFrame) -> None:
    """Print evidence, one block of strategies for each set of features."""
    from fechner.cli.console import console, print_table

    if "features" not in table:
        print_table(_strategies(table))
        return
    for (features, pooling), rows in table.groupby(["features", "pooling"], sort=False):
        console.print(f"{features}, {pooling}" if pooling else features)
        print_table(_strategies(rows))


def show_agreement(table: pd.DataFrame) -> None:
    """Print how far each set of channels agrees with people, one block a network."""
    from rich.table import Table as RichTable

    from fechner.cli.console import console, print_table

    measures = list(dict.fromkeys(table["measure"]))
    for network, block in table.groupby(table["features"].str.split("/").str[0], sort=False):
        drawing = RichTable(box=None, header_style="bold", pad_edge=False)
        drawing.add_column("layer", no_wrap=True)
        for measure in measures:
            drawing.add_column(measure.removeprefix("alignment, "), no_wrap=True)
        for (features, pooling), rows in block.groupby(["features", "pooling"], sort=False):
            cells = rows.set_index("measure").reindex(measures)
            name = str(features).removeprefix(f"{network}/")
            name += "" if pooling == "none" else f", {pooling}"
            drawing.add_row(name, *(_agreed(cells.loc[measure]) for measure in measures))
        console.print(f"{network}")
        print_table(drawing)
    console.print("Spearman [95 % over images]; * p < .05 when images swap ratings", style="dim")


def _agreed(row: pd.Series) -> str:
    if row["value"] != row["value"]:
        return "-"
    sure = "*" if row["p"] < 0.05 else ""
    return f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]{sure}"


def say_seen(sets: list[ChannelValues], rated: RatedImages) -> None:
    """Say which images judge where weights were fitted to some of them."""
    import numpy as np

    from fechner.cli.console import console

    seen = np.logical_or.reduce([one.seen for one in sets])
    if seen.any():
        scenes = len(np.unique(rated.scenes[~seen]))
        console.print(
            f"judged by {(~seen).sum()} images of {scenes} scenes; no weights were fitted to them",
            soft_wrap=True,
        )


def say_ceiling(
    single: Ratings | None,
    one: ChannelValues,
    rated: RatedImages,
    dimension: str,
    partial_out: str | None,
    objective: Objective,
) -> None:
    """Print the noise ceiling of all pairs and of pairs within scenes, where ratings are given."""
    if single is None:
        return
    from dataclasses import replace

    import numpy as np

    from fechner.analysis.network.alignment.alignment import CORRELATIONS
    from fechner.analysis.network.choosing.rated_features import rated_features
    from fechner.analysis.network.evidence.ceiling import ceiling_of, rating_panel
    from fechner.cli.console import console

    if objective.fit not in CORRELATIONS:
        console.print(f"no noise ceiling: {objective.fit} is no correlation")
        return
    images = rated_features(one, rated, dimension, partial_out=partial_out)
    panel = rating_panel(single, rated, dimension)
    for what, control in (("all pairs", "none"), ("pairs within scenes", "within")):
        aim = replace(objective, control=control)
        low, high = ceiling_of(images, panel, aim, rng=np.random.default_rng(0))
        console.print(f"noise ceiling of alignment, {what}: {low:.3f} to {high:.3f}")


def _strategies(table: pd.DataFrame) -> RichTable:
    """Return in-sample and held-out numbers of strategies, each beside its shuffled control."""
    from rich.table import Table as RichTable

    drawing = RichTable(
        box=None,
        header_style="bold",
        pad_edge=False,
        caption="all, chosen: held out; noise: the same under shuffled ratings",
        caption_justify="left",
    )
    drawing.add_column("strategy", no_wrap=True)
    for name in ("kept", "train", "noise", "all", "chosen", "noise", "predicts", "noise"):
        drawing.add_column(name, justify="right", no_wrap=True)
    for _, row in table.iterrows():
        drawing.add_row(
            row["strategy"],
            f"{row['kept']:.0%}",
            _number(row["train_after"]),
            _number(row["shuffled_train"]),
            _number(row["held_out_before"]),
            _number(row["held_out_after"]),
            _number(row["shuffled_held_out"]),
            _number(row["prediction"]),
            _number(row["shuffled_prediction"]),
        )
    return drawing


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
