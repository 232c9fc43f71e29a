"""Channel weights fitted on one set of pairs, or a part of it, and judged on others.

The table of the paper's Figure 5 (Hernandez-Camara and others 2023): fine-tuned weights agree
with the scores that they were fitted to far better than with those of another set, so that
only what they reach elsewhere counts. A part of a set is one by whole references; a part by
images, as the paper took it, leaves versions of every judged photograph among those that
fitted, and its rows say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fechner.analysis.network.alignment.ranks import spearman
from fechner.analysis.network.alignment.uncertainty import percentile_interval
from fechner.analysis.network.choosing.distance_weights import fit_weights
from fechner.analysis.network.choosing.reference_pairs import ChannelDistances
from fechner.analysis.network.distances.resampling import RESAMPLES, bootstrap
from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.data.pairs import ReferencePairs

Part = Literal["reference", "image"]
COLUMNS = (
    "fitted_on", "judged_on", "part", "n_pairs", "n_references", "before", "after", "gain", "low",
    "high",
)  # fmt: skip
ANOTHER_SET = "another set"


@dataclass(frozen=True, eq=False)
class PairSet:
    """A set of pairs and what the channels of one set of layers add to their distances."""

    pairs: ReferencePairs
    distances: ChannelDistances


def fine_tuned(one: PairSet, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Return weights of zero or more, (n_channels,), fitted on the `chosen` pairs (None: all).

    Errors as for `fit_weights`.
    """
    mine = np.ones(len(one.pairs.dmos), bool) if chosen is None else chosen
    terms, combine = one.distances.terms[:, mine], one.distances.combine
    return fit_weights(terms, combine, one.pairs.dmos[mine], one.pairs.scenes[mine])


def training_part(
    pairs: ReferencePairs, *, share: float = 0.6, by: Part = "reference", seed: int = 0
) -> NDArray[np.bool_]:
    """Return which pairs fit, (n_pairs,); all others judge.

    Parameters
    ----------
    pairs
        The whole set.
    share
        Of the references, or of the pairs, that fit, in (0, 1).
    by
        ``reference`` keeps the pairs of a reference on one side; ``image`` deals single pairs,
        which flatters.
    seed
        Of the draw.

    Raises
    ------
    InputError
        If either side would be too small: two references fit, and one judges.
    """
    if not 0 < share < 1:
        raise InputError(f"the share that fits lies between 0 and 1, got {share}")
    rng = np.random.default_rng(seed)
    if by == "image":
        return rng.permutation(len(pairs.dmos)) < round(share * len(pairs.dmos))
    names = np.unique(pairs.scenes)
    if len(names) < 3:
        raise InputError(
            f"fitting on some references and judging on others needs three, got {len(names)}; add "
            "pairs of other references, or judge on another set"
        )
    count = int(np.clip(round(share * len(names)), 2, len(names) - 1))
    return np.isin(pairs.scenes, rng.permutation(names)[:count])


def cross_sets(
    sets: Mapping[str, PairSet],
    *,
    share: float = 0.6,
    by: Part = "reference",
    weights: Mapping[str, NDArray[np.float64]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what weights fitted on a part of each set reach on its rest and on the other sets.

    Parameters
    ----------
    sets
        Pairs and channel distances by name; all of the same channels and read-out.
    share, by
        How much of a set fits, and how it is dealt (`training_part`).
    weights
        What was fitted on that part of each set already; None fits.
    resamples, seed
        Of the intervals, and of the parts.

    Returns
    -------
    Frame with `COLUMNS`: Spearman with DMOS without weights and with them, the gain and its
    95 % interval over references of the judging pairs. ``part`` is ``reference`` or ``image``
    where a set judges itself, else ``another set``.

    Raises
    ------
    InputError
        If the sets are of different channels, or as for `training_part` and `fit_weights`.
    """
    _check_same_channels(sets)
    rows = []
    for name, one in sets.items():
        fits = training_part(one.pairs, share=share, by=by, seed=seed)
        mine = fine_tuned(one, fits) if weights is None else weights[name]
        for other, judge in sets.items():
            itself = other == name
            rest = ~fits if itself else np.ones(len(judge.pairs.dmos), bool)
            part = by if itself else ANOTHER_SET
            judged = _judged(judge, mine, rest, resamples, seed)
            rows.append((name, other, part, *judged))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _judged(
    judge: PairSet, weights: NDArray, mine: NDArray[np.bool_], resamples: int, seed: int
) -> tuple:
    terms, combine = judge.distances.terms[:, mine], judge.distances.combine
    dmos, references = judge.pairs.dmos[mine], judge.pairs.scenes[mine]
    both = np.stack([combine(terms.sum(axis=2)), combine(terms @ weights)])
    before, after = (spearman(row, dmos) for row in both)
    n_references = len(np.unique(references))
    interval = (float("nan"), float("nan"))
    if n_references > 1 and resamples:
        drawn = bootstrap(both, dmos, references, resamples=resamples, seed=seed)
        interval = percentile_interval(drawn[1] - drawn[0])
    return int(mine.sum()), n_references, before, after, after - before, *interval


def _check_same_channels(sets: Mapping[str, PairSet]) -> None:
    about = {
        (one.distances.weights_sha256, one.distances.layers, one.distances.readout)
        for one in sets.values()
    }
    if len(about) != 1:
        raise InputError(
            "weights fitted on one set judge another only for the same network, layers and "
            f"read-out; got {len(about)} kinds: pass all sets alike"
        )
