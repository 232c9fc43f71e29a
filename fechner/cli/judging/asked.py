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

    named = named_folders(folders)
    if selection is None:
        return MapsToJudge(folders=named)
    from fechner.analysis.network.layers.networks import load_network
    from fechner.records.selection import read_selection

    study = read_selection(selection)
    chosen = study.by_method(candidate) if candidate else study.choice
    network = load_network(chosen.network, weights=weights, device=device)
    return MapsToJudge(selection=chosen, network=network, folders=named)


def named_folders(given: list[str]) -> dict[str, Path]:
    """Return the folders of ``NAME=FOLDER`` by name; a folder alone is called as it is.

    Raises
    ------
    InputError
        If two have one name.
    """
    folders: dict[str, Path] = {}
    for word in given:
        name, sign, path = word.partition("=")
        folder = Path(path if sign else word)
        name = name if sign else folder.resolve().name
        if name in folders:
            raise InputError(f"two folders of maps are called {name!r}; name them: NAME=FOLDER")
        folders[name] = folder
    return folders
