"""How often the intervals of predicted against observed harm hold the truth.

    python benchmarks/predicted_harm.py [--full]

Simulated worlds whose truth is known. Prints a table and, as its last line, one JSON object of
shares, least and most over the worlds: `correlation_*` and `difference_*` (intervals of one
correlation and of the difference of two, by leaving images out as here, by Fisher's or Zou's
closed form, by percentile bootstrap and, for differences, BCa), `equal_apart_*` (equal predictions
told apart, by each), `slope_*` (calibration, as here and with images as the only unit),
`bend_false_*` and `bend_found_*` (saturation claimed where harm is a line, and found where it
saturates). ``--full`` runs 400 studies a world in place of 60.
"""

import argparse
import json
from collections import defaultdict

import numpy as np
from scipy import stats

from fechner.analysis.ratings.correlation import (
    correlate,
    correlation_difference,
    difference_interval,
    pearson,
)
from fechner.analysis.ratings.prediction.calibration import bend, calibration_line
from fechner.analysis.ratings.prediction.drops import Drops

Z = stats.norm.ppf(0.975)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    studies = 400 if parser.parse_args().full else 60
    rng = np.random.default_rng(1)
    shares: dict[str, list[float]] = defaultdict(list)
    for n in (12, 24, 48):
        for skewed in (False, True):
            for shared in (0.0, 0.6, 0.9):
                for own, other, noise in ((1, 0, 1), (0.5, 0.5, 1), (0, 0, 1), (1, 0, 0.4)):
                    world = (skewed, shared, own, other, noise)
                    for name, share in correlations(n, world, studies, rng).items():
                        shares[name].append(share)
    for people, images in ((30, 24), (12, 12), (13, 9), (20, 48)):
        for name, share in calibrations(people, images, studies, rng).items():
            shares[name].append(share)
    figures = {}
    for name, found in shares.items():
        print(f"{name:<28}{min(found):>7.3f} to {max(found):.3f}, mean {np.mean(found):.3f}")
        figures |= {f"{name}_min": round(min(found), 3), f"{name}_max": round(max(found), 3)}
    print(json.dumps(figures))


def draw(world, n, rng):
    """Return the map's prediction, a rival's, and what was observed, each (n,)."""
    skewed, shared, own, other, noise = world
    z, e = rng.normal(size=(2, n)), rng.normal(size=n)
    x, v = z[0], shared * z[0] + np.sqrt(1 - shared**2) * z[1]
    if skewed:
        x, v = np.exp(0.6 * x), np.exp(0.6 * v)
    return x, v, own * x + other * v + noise * e


def correlations(n, world, studies, rng) -> dict[str, float]:
    """Return the share of intervals that hold the truth, and of equal predictions told apart."""
    x, v, y = draw(world, 400_000, rng)
    true, gap = pearson(x, y), pearson(x, y) - pearson(v, y)
    equal = world[2] == world[3]
    held: dict[str, list[bool]] = defaultdict(list)
    for _ in range(studies):
        x, v, y = draw(world, n, rng)
        one, two = intervals(x, v, y, rng)
        for name, (low, high) in one.items():
            held[f"correlation_{name}"].append(low <= true <= high)
        for name, (low, high) in two.items():
            held[f"difference_{name}"].append(low <= gap <= high)
            if equal:
                held[f"equal_apart_{name}"].append(low > 0 or high < 0)
    return {name: float(np.mean(found)) for name, found in held.items()}


def intervals(x, v, y, rng):
    """Return every interval of r(x, y), and of r(x, y) - r(v, y)."""
    n, r1, r2, r3 = len(x), pearson(x, y), pearson(v, y), pearson(x, v)
    found = correlate(x, y)
    fisher = [fishers(r, n) for r in (r1, r2)]
    rows = rng.integers(0, n, (600, n))
    first = each(x[rows], y[rows])
    drawn = first - each(v[rows], y[rows])
    c = (r3 - r1 * r2 / 2) * (1 - r1**2 - r2**2 - r3**2) + r3**3
    zou = difference_interval((r1, *fisher[0]), (r2, *fisher[1]), c / ((1 - r1**2) * (1 - r2**2)))
    one = {"here": (found.low, found.high), "fisher": fisher[0], "bootstrap": ends(first)}
    two = {"here": correlation_difference(x, v, y)[1:], "zou": zou, "bootstrap": ends(drawn)}
    return one, two | {"bca": accelerated(x, v, y, drawn)}


def each(x, y):
    """Return Pearson's r of each row."""
    x, y = (a - a.mean(axis=1, keepdims=True) for a in (x, y))
    return (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))


def fishers(r, n):
    return tuple(np.tanh(np.arctanh(r) + np.array([-Z, Z]) / np.sqrt(n - 3)))


def ends(drawn):
    return tuple(np.quantile(drawn, [0.025, 0.975]))


def accelerated(x, v, y, drawn):
    """Return Efron's BCa interval of the difference."""
    kept = [np.delete(np.arange(len(x)), k) for k in range(len(x))]
    moved = each(x[kept], y[kept]) - each(v[kept], y[kept])
    u = moved.mean() - moved
    a = (u**3).sum() / (6 * (u**2).sum() ** 1.5)
    share = np.clip((drawn < pearson(x, y) - pearson(v, y)).mean(), 1e-3, 1 - 1e-3)
    z = stats.norm.ppf(share) + np.array([-Z, Z])
    return tuple(np.quantile(drawn, stats.norm.cdf(stats.norm.ppf(share) + z / (1 - a * z))))


def calibrations(people, images, studies, rng) -> dict[str, float]:
    """Return the share of slopes that are held, and of bends that are claimed."""
    held: dict[str, list[bool]] = defaultdict(list)
    t = stats.t.ppf(0.975, images - 1)
    for _ in range(studies):
        line = drops_of(lambda impact: 0.1 * impact, people, images, rng)
        fit = calibration_line(line)
        held["slope_here"].append(fit.slope_low <= 0.1 <= fit.slope_high)
        held["slope_images_only"].append(abs(fit.slope - 0.1) <= t * by_image(line))
        held["bend_false"].append(bend(line, resamples=1, rng=rng).saturates)
        curve = drops_of(lambda impact: 70 * impact / (impact + 200), people, images, rng)
        held["bend_found"].append(bend(curve, resamples=1, rng=rng).saturates)
        knee = bend(
            drops_of(lambda x: 0.25 * np.minimum(x, 150), people, images, rng),
            resamples=300,
            rng=rng,
        )
        if knee.saturates:
            held["bend_place"].append(knee.place.low <= 150 <= knee.place.high)
    return {name: float(np.mean(found)) for name, found in held.items()}


def drops_of(harm, P, N, rng) -> Drops:
    """Return the drops of a crossed study with the variances of `experiment.simulated`."""
    own = np.exp(0.35 * rng.normal(size=(N, 1)))
    impact = own * np.array([60, 140, 220]) * np.exp(0.3 * rng.normal(size=(N, 3)))
    drop = harm(impact) * (1 + 0.3 * rng.normal(size=(P, 1, 1)))
    for sd, shape in ((3, (P, 1, 3)), (5, (1, N, 3)), (13, (P, N, 3))):
        drop = drop + rng.normal(0, sd, shape) - rng.normal(0, sd, (*shape[:2], 1))
    p, i, a = (index.ravel().astype(str).astype(object) for index in np.indices(drop.shape))
    return Drops(np.broadcast_to(impact, drop.shape).ravel(), drop.ravel(), a, i, "P" + p)


def by_image(found: Drops) -> float:
    """Return the sandwich error of the slope with images as the only unit."""
    X = np.column_stack([np.ones(len(found.drop)), found.impact])
    inverse = np.linalg.inv(X.T @ X)
    scores = X * (found.drop - X @ (inverse @ (X.T @ found.drop)))[:, None]
    sums = np.array([scores[found.image == name].sum(axis=0) for name in set(found.image)])
    n = len(sums)
    return float(np.sqrt((inverse @ (sums.T @ sums) @ inverse)[1, 1] * n / (n - 1)))


if __name__ == "__main__":
    main()
