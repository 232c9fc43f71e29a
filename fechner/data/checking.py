"""Whether every image of a set can be used, and whether two tables speak of the same images."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.images.files import read_image
from fechner.records.rated_images import RatedImages
from fechner.records.ratings import Ratings


def unusable_images(
    paths: Sequence[Path], *, pool: Executor | None = None, progress: Progress = silent
) -> list[str]:
    """Decode every image; return one line for each that `read_image` refuses."""
    lines = run_all(_complaint, list(paths), pool=pool, progress=progress)
    return [line for line in lines if line]


def unknown_images(rated: RatedImages, ratings: Ratings) -> list[str]:
    """Return the images that are rated in the long table but absent from `rated`, sorted."""
    return sorted(set(ratings.table["image"]) - set(rated.table["image"]))


def require_varied(rated: RatedImages) -> None:
    """Check that no dimension is the same for every image.

    Raises
    ------
    InputError
        If one is: nothing can agree with it.
    """
    for name in rated.dimensions:
        values = rated.scores(name)
        if (values == values[0]).all():
            raise InputError(
                f"every image has the same rating {values[0]:g} in {name!r}, so nothing can agree "
                "with it; correct the column, or leave it out"
            )


def _complaint(path: Path) -> str:
    try:
        read_image(path)
    except InputError as error:
        return str(error)
    return ""
