"""How many people find how small a preference between two coded files: SIMULATED choices.

    python benchmarks/power_pairs.py [--worlds 400]

Each world: participants compare two arms once at each of two rates in every image, or, where a
design shows them a part of the pairs, in that part of these, drawn at random; the true share varies
between people with SD .05 and between images with SD .10 (guesses, not measurements).
Counted is how often the 95 % interval of `crossed_preference` lies above one half; at a share of
.50 these are false positives, of which .025 are due. The last line is one JSON object
``{"SHARE PEOPLE IMAGES PART": found}``.
"""

import argparse
import json

import numpy as np

from fechner.analysis.ratings.choices.preference import crossed_preference
from fechner.analysis.ratings.matrices import Differences

SHARES = (0.50, 0.55, 0.60, 0.65)
TEN = 10 / 55
PANELS = (
    (20, 24, 1.0), (30, 24, 1.0), (60, 24, 1.0), (30, 48, 1.0), (55, 24, TEN), (110, 24, TEN)
)  # fmt: skip
"""People, images, and the part of all pairs that each of them is shown."""
RATES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=400)
    worlds = parser.parse_args().worlds
    rng, found = np.random.default_rng(1), {}
    for share in SHARES:
        for people, images, part in PANELS:
            supported = sum(
                crossed_preference(world(share, people, images, part, rng)).low > 0
                for _ in range(worlds)
            )
            found[f"{share:.2f} {people} {images} {part:.2f}"] = supported / worlds
            print(f"SIMULATED share {share:.2f}, {people} people, {images} images, {part:.0%} of "
                  f"the pairs: {supported / worlds:.3f}")  # fmt: skip
    print(json.dumps(found))


def world(
    share: float, people: int, images: int, part: float, rng: np.random.Generator
) -> Differences:
    """Return shares chosen minus not chosen, ``(people, images)``, in [-1, 1]; NaN where unseen."""
    true = share + rng.normal(0, 0.05, (people, 1)) + rng.normal(0, 0.10, (1, images))
    seen = rng.binomial(RATES, part, true.shape)
    chosen = rng.binomial(seen, np.clip(true, 0, 1)) / np.where(seen, seen, np.nan)
    participants = tuple(f"P{number}" for number in range(people))
    pictures = tuple(f"image{number}" for number in range(images))
    return Differences(2 * chosen - 1, participants, pictures, "map", "jpegli")


if __name__ == "__main__":
    main()
