"""Images named on the command line: files, and folders searched through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fechner.errors import InputError
from fechner.records.images.files import IMAGE_SUFFIXES, image_files


def image_paths(given: Iterable[Path]) -> list[Path]:
    """Return the files of `given` and the images below its folders, in order, once each.

    Raises
    ------
    InputError
        If a path does not exist, or no image was found.
    """
    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            found.update(dict.fromkeys(image_files(path)))
        elif path.is_file():
            found[path] = None
        else:
            raise InputError(f"no file or folder {path}; check the path")
    if not found:
        raise InputError(f"no image found; expected files ending in {', '.join(IMAGE_SUFFIXES)}")
    return list(found)


def degraded_of(against: Path, images: Mapping[str, Path]) -> dict[str, Path]:
    """Return the degraded version of each image, found by its name; one file is that of one image.

    Raises
    ------
    InputError
        If an image has none, or two images have the same name.
    """
    if against.is_file() and len(images) == 1:
        return dict.fromkeys(images, against)
    found = by_name(image_paths([against]))
    missing = [name for name in images if name not in found]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(images)} images have no version of the same name in "
            f"{against}, first {missing[0]!r}; give one for each"
        )
    return found


def by_name(paths: Iterable[Path]) -> dict[str, Path]:
    """Return ``{file name without suffix: path}``.

    Raises
    ------
    InputError
        If two images have the same name.
    """
    named: dict[str, Path] = {}
    for path in paths:
        if path.stem in named:
            raise InputError(
                f"two images are called {path.stem!r} ({named[path.stem]} and {path}); rename one"
            )
        named[path.stem] = path
    return named
