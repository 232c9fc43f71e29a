"""Which maps a command was asked for: of a selection, by distance, and from folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.errors import InputError

if TYPE_CHECKING:
    from fechner.study.map_worth.made import MapsToJudge
    from fechner.study.maps import MapsAsked

Selection = Annotated[
    Path | None, typer.Option(help="Channel selection (selection.json) whose maps are judged.")
]
Candidate = Annotated[
    str | None, typer.Option(help="A candidate of the selection instead of the chosen one.")
]
Folders = Annotated[
    list[str] | None,
    typer.Option("--maps", help="NAME=FOLDER: maps of the images, made elsewhere; repeat."),
]
Rivals = Annotated[
    list[str] | None,
    typer.Option(
        "--rival", help="NAME=FOLDER: pictures that maps should beat: fixations, segments; repeat."
    ),
]
Distance = Annotated[
    bool, typer.Option(help="Also maps by layer distance, which need no selection.")
]
DistanceNetwork = Annotated[
    str | None, typer.Option("--network", "-n", help="For distances: NAME or NAME=CHECKPOINT.")
]
DistanceLayers = Annotated[
    list[str] | None,
    typer.Option("--layer", "-l", help="For distances: a layer; repeat to join more."),
]
DistanceReadout = Annotated[
    str | None,
    typer.Option("--readout", "-r", help="For distances: cosine (default), unit or rms."),
]
Checkpoint = Annotated[
    Path | None, typer.Option("--weights", help="Checkpoint that the selection was made with.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


def asked_maps(
    selection: Path | None,
    candidate: str | None,
    folders: list[str] | None,
    *,
    rivals: list[str] | None,
    weights: Path | None,
    device: str,
    distance: MapsAsked | None = None,
) -> MapsToJudge:
    """Return what ``--selection``, ``--candidate``, ``--maps`` and ``--rival`` ask for.

    Parameters
    ----------
    selection, candidate
        A selection.json, and one of its candidates.
    folders, rivals
        ``NAME=FOLDER`` each.
    weights, device
        Of the selection's network.
    distance
        From `asked_distance`.

    Raises
    ------
    InputError
        If the selection or its network cannot be had, or two folders have one name.
    """
    from fechner.study.map_worth.made import MapsToJudge

    asked = MapsToJudge(
        distance=distance,
        folders=named_paths(folders or [], of="folders of maps"),
        rivals=named_paths(rivals or [], of="rivals"),
    )
    if selection is None:
        return asked
    from fechner.analysis.network.layers.networks import load_network
    from fechner.records.selection import read_selection

    study = read_selection(selection)
    chosen = study.by_method(candidate) if candidate else study.choice
    network = load_network(chosen.network, weights=weights, device=device)
    return replace(asked, selection=chosen, network=network)


def asked_distance(
    wanted: bool,
    network: str | None,
    layers: list[str] | None,
    readout: str | None,
    *,
    device: str,
) -> MapsAsked | None:
    """Return the network and what is compared in it, or None.

    Parameters
    ----------
    wanted
        Whether maps by distance are.
    network
        ``NAME`` or ``NAME=CHECKPOINT``; the packaged one where None.
    layers, readout
        What is compared; the usual where None.
    device
        Where it runs.

    Raises
    ------
    InputError
        If options of the distance come without it, or it cannot be had.
    """
    if not wanted:
        if network or layers or readout:
            raise InputError(
                "--network, --layer and --readout belong to maps by distance; leave out "
                "--no-distance, or leave them out"
            )
        return None
    from fechner.study.maps import mapping_network

    name, _, checkpoint = (network or "").partition("=")
    return mapping_network(
        method="distance",
        network=name or None,
        layers=layers,
        readout=readout,
        weights=Path(checkpoint) if checkpoint else None,
        device=device,
    )


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
