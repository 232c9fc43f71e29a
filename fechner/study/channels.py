"""From rated images to the channels that help a network agree with people, in one call.

The first step of a study, and what ``fechner channels select`` does: activations, the
selection with its controls, and the folder of tables and figures that shows its evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fechner.errors import InputError
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings
from fechner.records.selection import SelectionStudy
from fechner.study.opening import Bars, no_bars

if TYPE_CHECKING:
    from fechner.analysis.network.choosing.sets import ChannelValues
    from fechner.analysis.network.evidence.selection import SelectionOptions
    from fechner.analysis.network.layers.networks import Network


def select_channels(
    rated: RatedImages,
    dimension: str,
    *,
    network: Network,
    layers: Sequence[str] = (),
    pools: Sequence[str] = ("space",),
    size: int = 224,
    options: SelectionOptions | None = None,
    ratings: Ratings | None = None,
    seed: int = 0,
    cache: Path | None = None,
    folder: Path | None = None,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> SelectionStudy:
    r"""Choose channels on some scenes and judge the choice on the others.

    Parameters
    ----------
    rated, dimension
        The rated images, of four scenes or more, and the rating dimension, or several
        joined by ``+``.
    network
        From `fechner.load_network`.
    layers
        As for ``fechner channels select --layer``; the network's default layer where empty.
    pools
        Over space: ``"space"`` (none), ``"mean"``, ``"max"``, ``"mean_sd"``.
    size
        Side in pixels of the square that the network sees.
    options
        Strategies, objective, shuffles (2 or more where there is a `folder`) and the share of
        scenes that only judge.
    ratings
        Single ratings of the same images, for the noise ceiling.
    seed
        Of the split, the shuffles and the bootstrap.
    cache
        A folder where activations are kept between runs.
    folder
        Gets ``selection.json``, ``evidence.csv``, ``channels.csv``, ``curves.csv`` and figures.
    pool
        Where choices run; the outcome is the same in any.
    bars
        Gives a progress bar of some title, as a context manager.

    Returns
    -------
    SelectionStudy
        Every candidate with its evidence, and the one that drives the maps (``choice``).

    Raises
    ------
    InputError
        If an image, a layer, a strategy or a dimension is not what was expected, scenes are
        fewer than four, ratings are constant, or a folder is asked for with too few shuffles.

    Examples
    --------
    Eight pictures of four scenes, rated 1 to 4.5, and a small view of each:

    >>> import tempfile
    >>> from fechner.analysis.network.evidence.selection import SelectionOptions
    >>> from fechner.analysis.network.layers.networks import load_network
    >>> from fechner.records.images.files import write_png
    >>> from fechner.records.rated_images import read_rated_images
    >>> from fechner.records.scales import Scale
    >>> folder, rng = Path(tempfile.mkdtemp()), np.random.default_rng(1)
    >>> rows = ["image,scene,quality"]
    >>> for k in range(8):
    ...     write_png(folder / f"{k}.png", rng.integers(0, 256, (40, 40, 3)).astype(np.uint8))
    ...     rows.append(f"{k}.png,scene{k // 2},{1 + k / 2}")
    >>> _ = (folder / "rated.csv").write_text("\n".join(rows))
    >>> rated = read_rated_images(folder / "rated.csv", scales={"quality": Scale(1, 5)})
    >>> found = select_channels(
    ...     rated,
    ...     "quality",
    ...     network=load_network("efficientnet_lite0"),
    ...     size=64,
    ...     options=SelectionOptions(strategies=("negative",), shuffles=2),
    ... )
    >>> list(found.by_name), len(found.choice.kept)
    (['all', 'negative'], 1280)
    """
    from fechner.analysis.network.choosing.sets import parse_channel_sets, read_channels
    from fechner.analysis.network.evidence.ceiling import rating_panel
    from fechner.analysis.network.evidence.selection import SelectionOptions, select_among

    options = options or SelectionOptions()
    if folder is not None and options.shuffles < 2:
        raise InputError(
            f"shuffles expects 2 or more where a folder shows its evidence, got {options.shuffles}"
        )
    sets = parse_channel_sets(layers or [network.default_layer], pools)
    with bars(f"Activations, {network.name}") as progress:
        values = read_channels(
            network, sets, rated.paths, size=size, cache=cache, progress=progress
        )
    with bars("Channels") as progress:
        study = select_among(
            values,
            rated,
            dimension,
            **vars(options),
            individual=None if ratings is None else rating_panel(ratings, rated, dimension),
            seed=seed,
            pool=pool,
            progress=progress,
        )
    if folder is not None:
        write_selection_folder(
            study, values, rated, options, Path(folder), seed=seed, pool=pool, bars=bars
        )
    return study


def write_selection_folder(
    study: SelectionStudy,
    sets: Sequence[ChannelValues],
    rated: RatedImages,
    options: SelectionOptions,
    folder: Path,
    *,
    seed: int,
    pool: Executor | None = None,
    bars: Bars = no_bars,
) -> None:
    """Write a selection with its evidence, its channels, its pruning curves and their figures.

    Parameters
    ----------
    study, sets, rated, options
        What was selected, from which values, and how.
    folder
        Where the files go.
    seed
        Of the shuffles behind the curves.
    pool
        Where the curves are traced.
    bars
        Gives a progress bar of some title, as a context manager.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    from fechner.analysis.network.choosing.rated_features import rated_features
    from fechner.analysis.network.choosing.sets import chosen_set
    from fechner.analysis.network.choosing.strategies import parse_strategy
    from fechner.analysis.network.evidence.curves import trace_curves
    from fechner.report.selection_tables import write_curves, write_selection

    choice = study.choice
    one = next(one for one in sets if one.channels == chosen_set(choice))
    images = rated_features(one, rated, choice.dimension, partial_out=choice.partial_out)
    here = np.isin(images.scenes, choice.scenes_selection)
    with bars("Pruning curves") as progress:
        curves = trace_curves(
            images.subset(here),
            images.subset(~here),
            parse_strategy("curve", options.objective),
            shuffles=options.shuffles,
            seed=seed,
            pool=pool,
            progress=progress,
        )
    write_selection(study, folder)
    write_curves(curves, choice, folder)
    study.write(folder / "selection.json")
