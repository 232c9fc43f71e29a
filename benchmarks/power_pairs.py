"""How many people find how small a preference between two coded files: SIMULATED choices.

    python benchmarks/power_pairs.py [--worlds 400]

Each world: participants compare two arms once at each of two rates in every image; the true share
varies between people with SD .05 and between images with SD .10 (guesses, not measurements).
Counted is how often the 95 % interval of `crossed_preference` lies above one half; at a share of
.50 these are false positives, of which .025 are due. The last line is one JSON object
``{"SHARE PEOPLE IMAGES": found}``.
"""

import argparse
import json

import numpy as np

from fechner.analysis.ratings.choices.preference import crossed_preference
from fechner.analysis.ratings.matrices import Differences

SHARES = (0.50, 0.55, 0.60, 0.65)
PANELS = ((20, 24), (30, 24), (60, 24), (30, 48))
RATES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=400)
    worlds = parser.parse_args().worlds
    rng, found = np.random.default_rng(1), {}
    for share in SHARES:
        for people, images in PANELS:
            supported = sum(
                crossed_preference(world(share, people, images, rng)).low > 0 for _ in range(worlds)
            )
            found[f"{share:.2f} {people} {images}"] = supported / worlds
            print(f"SIMULATED share {share:.2f}, {people} people, {images} images: "
                  f"{supported / worlds:.3f}")  # fmt: skip
    print(json.dumps(found))


def world(share: float, people: int, images: int, rng: np.random.Generator) -> Differences:
    """Return shares chosen minus not chosen, ``(people, images)``, in [-1, 1]."""
    true = share + rng.normal(0, 0.05, (people, 1)) + rng.normal(0, 0.10, (1, images))
    chosen = rng.binomial(RATES, np.clip(true, 0, 1)) / RATES
    participants = tuple(f"P{number}" for number in range(people))
    pictures = tuple(f"image{number}" for number in range(images))
    return Differences(2 * chosen - 1, participants, pictures, "map", "jpegli")


if __name__ == "__main__":
    main()
