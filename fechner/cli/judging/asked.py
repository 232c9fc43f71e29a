"""Which maps a command was asked for: those of a selection, and folders by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.study.map_worth.maps import MapsToJudge


def asked_maps(
    selection: Path | None,
    candidate: str | None,
    folders: list[str],
    *,
    weights: Path | None,
    device: str,
) -> MapsToJudge:
    """Return what ``--selection``, ``--candidate`` and ``--maps`` ask for.

    Parameters
    ----------
    selection, candidate
        A selection.json, and one of its candidates.
    folders
        ``NAME=FOLDER`` each.
    weights, device
        Of the selection's network.

    Raises
    ------
    InputError
        If the selection or its network cannot be had, or two folders have one name.
    """
    from fechner.study.map_worth.maps import MapsToJudge

    named = named_paths(folders, of="folders of maps")
    if selection is None:
        return MapsToJudge(folders=named)
    from fechner.analysis.network.layers.networks import load_network
    from fechner.records.selection import read_selection

    study = read_selection(selection)
    chosen = study.by_method(candidate) if candidate else study.choice
    network = load_network(chosen.network, weights=weights, device=device)
    return MapsToJudge(selection=chosen, network=network, folders=named)


def named_paths(given: list[str], *, of: str) -> dict[str, Path]:
    """Return the paths of ``NAME=PATH`` by name; a path alone is called as its file or folder.

    Raises
    ------
    InputError
        If two have one name.
    """
    paths: dict[str, Path] = {}
    for word in given:
        name, sign, path = word.partition("=")
        found = Path(path if sign else word)
        name = name if sign else found.resolve().stem
        if name in paths:
            raise InputError(f"two {of} are called {name!r}; name them: NAME=PATH")
        paths[name] = found
    return paths
