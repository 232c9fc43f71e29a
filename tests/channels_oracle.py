"""Plain numpy and scipy answers that the fast code is held against."""

import numpy as np
from scipy import stats
from sklearn.isotonic import IsotonicRegression


def similarity_matrix(features, similarity):
    """Compare all images of (n, ...) `features`, without any shortcut."""
    flat = np.asarray(features, dtype=float).reshape(len(features), -1)
    if similarity == "pearson":
        flat = flat - flat.mean(axis=1, keepdims=True)
    if similarity == "euclidean":
        return -np.sqrt(((flat[:, None] - flat[None]) ** 2).sum(axis=-1))
    inner = flat @ flat.T
    if similarity == "dot":
        return inner
    lengths = np.sqrt(np.diag(inner))
    scale = np.outer(lengths, lengths)
    return np.divide(inner, scale, out=np.zeros_like(inner), where=scale > 1e-12)


def upper(matrix):
    """Return the entries above the diagonal, row by row."""
    return matrix[np.triu_indices(len(matrix), 1)]


def fit(similarity, human, measure):
    """Return the fit of one measure; similarities equal up to rounding are tied first."""
    tied = np.round(similarity / max(np.abs(similarity).max(), 1e-300), 10)
    if np.ptp(tied) == 0:
        tied = np.zeros_like(tied)
    if measure in ("spearman", "pearson", "rmse_linear") and np.ptp(tied) == 0:
        return 0.0 if measure != "rmse_linear" else -human.std()
    if measure == "spearman":
        return stats.spearmanr(tied, human).statistic
    if measure == "pearson":
        return stats.pearsonr(tied, human).statistic
    if measure == "tau_a":
        signs = np.sign(tied[:, None] - tied) * np.sign(human[:, None] - human)
        return signs.sum() / (len(human) * (len(human) - 1))
    if measure == "rmse_monotone":
        best = IsotonicRegression().fit(tied, human).predict(tied)
    else:
        slope, intercept = np.polyfit(tied, human, 1)
        rmse = np.sqrt(((slope * tied + intercept - human) ** 2).mean())
        return -rmse if slope > 0 else rmse - 2 * human.std()
    return -np.sqrt(((best - human) ** 2).mean())


def leave_one_out(features, human, similarity="cosine", measure="spearman"):
    """Return the impact of each channel by comparing the masked features anew."""
    whole = fit(upper(similarity_matrix(features, similarity)), human, measure)
    return np.array(
        [
            whole
            - fit(
                upper(similarity_matrix(np.delete(features, channel, axis=1), similarity)),
                human,
                measure,
            )
            for channel in range(features.shape[1])
        ]
    )


def greedy(features, human, measure="spearman"):
    """Return the alignment after exhaustive backward elimination."""
    left = list(range(features.shape[1]))

    def reached(channels):
        return fit(upper(similarity_matrix(features[:, channels], "cosine")), human, measure)

    best = reached(left)
    while len(left) > 1:
        tries = [(reached([d for d in left if d != c]), c) for c in left]
        value, channel = max(tries)
        if value <= best + 1e-12:
            break
        best = value
        left.remove(channel)
    return best
