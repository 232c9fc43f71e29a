"""How far each stimulus lies from its intact picture within a network: harm without a map.

The second of the two predictions that every stimulus carries, beside the map-weighted error. It is
the distance that ``fechner impact`` prints and that a map by distance shares out over the picture
(`analysis.network.maps.damage`); people's judgements of whole pairs follow it at a Spearman of .93
(docs/what-maps-are-worth.md). Nothing that participants say has a part in it, so that it is frozen
with the set.

What was computed of a scene is kept, as its pictures are (`kept`), and made again only if something
changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fechner.compression.degrading.matching import MeasureOf
from fechner.errors import InputError
from fechner.executors import run_all
from fechner.progress import Progress, silent
from fechner.records.done import done_key, read_done, write_done
from fechner.records.images.files import read_image
from fechner.records.stimuli import INTACT, Stimulus
from fechner.stimuli.kept import KEPT

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
    from fechner.analysis.network.maps.damage import LocalDistance


@dataclass(frozen=True)
class _Pictures:
    """The pictures of one scene: stimulus and file of the intact one first."""

    scene: str
    folder: Path
    files: tuple[tuple[str, str], ...]


def layer_distances(
    stimuli: Sequence[Stimulus],
    folder: Path,
    *,
    network: Network,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> dict[str, float]:
    """Return the distance of every stimulus from its intact picture, 0 for the intact one.

    Parameters
    ----------
    stimuli
        Whose pictures lie in `folder`, each scene with an intact one.
    folder
        Of the set; all processes of `pool` must see it.
    network
        What looks; its usual layer is read (`damage.local_distance`).
    pool, progress
        Where scenes run, and what is called with how many of them are done.

    Returns
    -------
    dict
        Name of the stimulus -> distance, 0 or more.

    Raises
    ------
    InputError
        If a scene has no intact picture, or the network cannot see such pictures.
    """
    from fechner.analysis.network.layers.travelling import travelling
    from fechner.analysis.network.maps.damage import local_distance

    how = local_distance(network)
    scenes = [
        _pictures(scene, stimuli, folder) for scene in dict.fromkeys(s.scene for s in stimuli)
    ]
    with travelling(network, folder / KEPT, pool) as carried:
        work = partial(_of_scene, carried, described(network), how)
        found = run_all(work, scenes, pool=pool, progress=progress)
    return {name: value for one in found for name, value in one.items()}


@dataclass(frozen=True)
class Seen:
    """The network by which arms are matched, on its way to where scenes are built.

    Attributes
    ----------
    network
        As `travelling` carries it.
    about
        What the set's record says of its distances.
    """

    network: Network | Path
    about: Mapping[str, Any]

    def measure_of(self) -> MeasureOf:
        """Return what measures pictures against their intact one, for `match_strengths`."""
        from fechner.analysis.network.layers.travelling import arrived

        return distance_from(arrived(self.network))


def distance_from(network: Network) -> MeasureOf:
    """Return what measures how far pictures lie from their intact one within a network."""
    from fechner.analysis.network.maps.damage import local_distance, pair_distance

    how = local_distance(network)
    return lambda intact: lambda shown: pair_distance(network, intact, shown, how)


def distance_of_record(about: Mapping[str, Any]) -> MeasureOf:
    """Return the measure by which a set was matched, from what its record says.

    Raises
    ------
    InputError
        If the record names no network, or its weights are not those that fechner loads.
    """
    from fechner.analysis.network.layers.networks import load_network

    if "network" not in about:
        raise InputError("the record names no network of the layer distance; restore it")
    network = load_network(str(about["network"]), device="cpu")
    if network.weights_sha256 != about.get("weights_sha256"):
        raise InputError(
            f"the arms were matched by weights of {network.name} that are not at hand; the "
            "distances in stimuli.csv cannot be measured again here"
        )
    return distance_from(network)


def described(network: Network) -> dict[str, Any]:
    """Return what the set's record says of the distances, JSON-able."""
    from fechner.analysis.network.maps.damage import local_distance

    how = local_distance(network)
    return {
        "about": f"{how.words}, of {network.name} at native size",
        "network": network.name,
        "weights_sha256": network.weights_sha256,
        "layer": "+".join(how.layers),
        "readout": how.readout,
        "margin": how.margin,
    }


def _pictures(scene: str, stimuli: Sequence[Stimulus], folder: Path) -> _Pictures:
    mine = sorted((s for s in stimuli if s.scene == scene), key=lambda s: s.region != INTACT)
    if mine[0].region != INTACT:
        raise InputError(f"scene {scene!r} has no intact picture to measure from; build it anew")
    return _Pictures(scene, folder, tuple((s.stimulus, s.file) for s in mine))


def _of_scene(
    carried: Network | Path, about: dict[str, Any], how: LocalDistance, task: _Pictures
) -> dict[str, float]:
    """Return the distances of one scene, computed unless they are kept."""
    from fechner.analysis.network.layers.travelling import arrived
    from fechner.analysis.network.maps.damage import pair_distance

    record = task.folder / KEPT / f"{task.scene}_distances.json"
    paths = [task.folder / file for _, file in task.files]
    names = [name for name, _ in task.files]
    key = done_key("stimulus distances", [about, asdict(how), names], paths)
    kept = read_done(record, key)
    if kept is None:
        network, intact = arrived(carried), read_image(paths[0])
        found = [pair_distance(network, intact, read_image(path), how) for path in paths]
        kept = dict(zip(names, found, strict=True))
        write_done(record, key, content=kept)
    return kept
