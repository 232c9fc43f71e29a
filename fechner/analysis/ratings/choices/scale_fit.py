"""Scale values by maximum likelihood: Thurstone case V and Bradley-Terry, with ties.

Two items with scale values s_a and s_b are compared. With a distribution F and the
indifference t (0 where no tie was given)

    P(a chosen) = F(s_a - s_b - t),   P(b chosen) = F(s_b - s_a - t),   P(tie) = the rest.

F normal is Thurstone's case V (1927), with ties after Glenn and David (1960); F logistic is
Bradley and Terry (1952), with ties after Rao and Kupper (1967). Values are known up to their
mean, which is set to 0. Fisher scoring, as in R's glm.

The estimate is finite only where one can go from every item to every other over comparisons
that were won or tied (Ford 1957). Where an item won all, a normal prior of the deviations
from the mean keeps it finite; `PRIOR_JND` is its SD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import special, stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fechner.errors import InputError, nearest

ScaleModel = Literal["thurstone", "bradley-terry"]
SCALE_MODELS: tuple[str, ...] = get_args(ScaleModel)

JND_SHARE = 0.75
"""One JND is the distance at which the better item is chosen in 75 % of comparisons.

Halfway between guessing and certainty, the unit of Perez-Ortiz and Mantiuk (2017).
"""

JND: dict[str, float] = {
    "thurstone": float(stats.norm.ppf(JND_SHARE)),
    "bradley-terry": float(special.logit(JND_SHARE)),
}
"""One JND in the units of each model: SDs of a difference, and log odds."""

PRIOR_JND = 3.0
"""SD of the prior that keeps an item finite which won or lost everything, in JND."""

_STEPS = 200


@dataclass(frozen=True, eq=False)
class ScaleFit:
    """Fitted scale values.

    Attributes
    ----------
    values
        float64 (n_items,), mean 0, in the model's own unit.
    indifference
        t, in the same unit; 0 without ties.
    information
        Fisher information with the prior's, (n_items + 1, n_items + 1); the last row is t's.
        The direction in which all values move together is fixed.
    scores
        Derivative of each comparison's log likelihood, (n_comparisons, n_items + 1).
    prior
        Whether the prior was needed.
    fitted
        Expected share of the first item in each comparison, ties half, (n_comparisons,).
    """

    values: np.ndarray
    indifference: float
    information: np.ndarray
    scores: np.ndarray
    prior: bool
    fitted: np.ndarray


def fit_scale(
    first: np.ndarray,
    second: np.ndarray,
    share: np.ndarray,
    items: int,
    *,
    model: ScaleModel = "thurstone",
) -> ScaleFit:
    """Fit the scale values of `items` items to comparisons.

    Parameters
    ----------
    first, second
        Which items were compared: int (n_comparisons,), from 0.
    share
        1 where the first was chosen, 0 where the second was, 0.5 for a tie.
    items
        How many items there are; the comparisons must connect them.
    model
        "thurstone" or "bradley-terry".

    Returns
    -------
    ScaleFit
        By maximum likelihood; with the prior of the module where that has no finite maximum.

    Raises
    ------
    InputError
        If the model is unknown, the comparisons leave items unconnected, or the fit does not
        converge.

    Examples
    --------
    Of four comparisons the first item won three: the log odds are log 3, one JND.

    >>> import numpy as np
    >>> first, second = np.zeros(4, int), np.ones(4, int)
    >>> fit = fit_scale(first, second, np.array([1, 1, 1, 0.0]), 2, model="bradley-terry")
    >>> round(float(fit.values[0] - fit.values[1]) / JND["bradley-terry"], 6)
    1.0
    """
    if model not in SCALE_MODELS:
        raise InputError(f"no scale model {model!r}; {nearest(model, SCALE_MODELS)}")
    share = np.asarray(share, float)
    if len(set(groups_of(first, second, items))) > 1:
        raise InputError(f"the {items} items are not all connected by comparisons")
    prior = bool(always_won(first, second, share, items).any())
    weight = 1 / (PRIOR_JND * JND[model]) ** 2 if prior else 0.0
    return _fit(_Choices(first, second, share, items, model), weight)


def groups_of(first: np.ndarray, second: np.ndarray, items: int) -> np.ndarray:
    """Return which group each item belongs to: int (n_items,); groups were never compared."""
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(items, items))
    return connected_components(graph, directed=False)[1]


def always_won(first: np.ndarray, second: np.ndarray, share: np.ndarray, items: int) -> np.ndarray:
    """Return which items have no finite estimate: +1 above, -1 below all the others, 0 finite.

    Finite among themselves is the largest group of items that reach each other over
    comparisons won or tied. Shape (n_items,).
    """
    won, lost = share > 0, share < 1
    winner = np.concatenate([first[won], second[lost]])
    loser = np.concatenate([second[won], first[lost]])
    shape = (items, items)
    beaten = coo_array((np.ones(len(winner)), (winner, loser)), shape=shape).toarray() > 0
    label = connected_components(beaten, directed=True, connection="strong")[1]
    inside = label == np.bincount(label).argmax()
    sign = np.where(_reachable(beaten, inside), -1, 1)
    return np.where(inside, 0, sign)


def _reachable(edges: np.ndarray, start: np.ndarray) -> np.ndarray:
    reached = start
    for _ in range(len(start)):
        reached = reached | (edges & reached[:, None]).any(axis=0)
    return reached


class _Choices:
    """The likelihood of comparisons: log probabilities and derivatives, row by row."""

    def __init__(
        self, first: np.ndarray, second: np.ndarray, share: np.ndarray, items: int, model: str
    ) -> None:
        self.share, self.items = share, items
        n = len(share)
        self.X = np.zeros((n, items))
        self.X[np.arange(n), first] += 1.0
        self.X[np.arange(n), second] -= 1.0
        self.tied = bool((share == 0.5).any())
        self.F, self.f = _DISTRIBUTIONS[model]

    def rows(self, s: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log likelihoods (n,), scores (n, 2) and informations (n, 2, 2) in (d, t)."""
        d = self.X @ s
        up, down = self.F(d - t), self.F(-d - t)
        f_up, f_down = self.f(d - t), self.f(-d - t)
        p = np.stack([up, down, np.maximum(1 - up - down, 0.0)])
        by_d = np.stack([f_up, -f_down, f_down - f_up])
        by_t = np.stack([-f_up, -f_down, f_up + f_down])
        if not self.tied:
            p, by_d, by_t = p[:2], by_d[:2], 0 * by_t[:2]
        g = np.stack([by_d, by_t], axis=-1)
        with np.errstate(divide="ignore"):
            answer = np.where(self.share == 1, 0, np.where(self.share == 0, 1, 2))
            here = np.arange(len(answer))
            log = np.log(p[answer, here])
        safe = np.maximum(p, 1e-300)[..., None]
        information = np.einsum("cni,cnj->nij", g / safe, g)
        return log, g[answer, here] / safe[answer, here], information


_DISTRIBUTIONS = {
    "thurstone": (special.ndtr, lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)),
    "bradley-terry": (special.expit, lambda z: special.expit(z) * special.expit(-z)),
}


def _fit(choices: _Choices, weight: float) -> ScaleFit:
    K = choices.items
    theta = np.zeros(K + 1)
    if choices.tied:
        # The share of ties of equal items, P(tie) = 2 F(t) - 1, with F(t) about 1/2 + t/2.
        theta[K] = max(0.05, float((choices.share == 0.5).mean()))
    penalty = np.zeros((K + 1, K + 1))
    penalty[:K, :K] = weight * (np.eye(K) - 1 / K)
    value = _objective(choices, theta, penalty)
    for _ in range(_STEPS):
        scores, information = _derivatives(choices, theta)
        # Values are known up to a constant: J / K in the information holds their mean at 0.
        total = information + penalty
        total[:K, :K] += 1 / K
        total[K, K] += 0.0 if choices.tied else 1.0
        step = np.linalg.solve(total, scores.sum(axis=0) - penalty @ theta)
        theta, value, moved = _advance(choices, theta, step, value, penalty)
        if moved < 1e-10:
            fitted = _expected(choices, theta)
            s, t = theta[:K] - theta[:K].mean(), float(theta[K])
            return ScaleFit(s, t, total, scores, weight > 0, fitted)
    raise InputError("the scale values did not converge; check the comparisons")


def _derivatives(choices: _Choices, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    K = choices.items
    _, g, info = choices.rows(theta[:K], theta[K])
    scores = np.column_stack([choices.X * g[:, :1], g[:, 1]])
    information = np.empty((K + 1, K + 1))
    information[:K, :K] = choices.X.T @ (choices.X * info[:, :1, 0])
    information[:K, K] = information[K, :K] = choices.X.T @ info[:, 0, 1]
    information[K, K] = info[:, 1, 1].sum()
    return scores, information


def _objective(choices: _Choices, theta: np.ndarray, penalty: np.ndarray) -> float:
    log, _, _ = choices.rows(theta[:-1], theta[-1])
    return float(log.sum() - theta @ penalty @ theta / 2)


def _advance(
    choices: _Choices, theta: np.ndarray, step: np.ndarray, value: float, penalty: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Go along `step`, halved until the likelihood does not fall; return how far it went."""
    for _ in range(40):
        there = theta + step
        found = _objective(choices, there, penalty) if there[-1] >= 0 else -np.inf
        if found >= value - 1e-12 * abs(value):
            return there, found, float(np.abs(step).max())
        step = step / 2
    return theta, value, 0.0


def _expected(choices: _Choices, theta: np.ndarray) -> np.ndarray:
    d, t = choices.X @ theta[:-1], theta[-1]
    return (choices.F(d - t) + 1 - choices.F(-d - t)) / 2
