"""What a study's file says of its stimuli, as the design from which they are built."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from fechner.compression.regions.options import RegionOptions
from fechner.errors import InputError
from fechner.progress import Progress, silent
from fechner.records.stimuli import StimulusSet
from fechner.records.study import Study
from fechner.stimuli.design import Design

if TYPE_CHECKING:
    from fechner.analysis.network.layers.networks import Network
    from fechner.protocols.schema import Protocol


def design_of(study: Study) -> Design:
    """Return the design that ``[stimuli]`` declares.

    Raises
    ------
    InputError
        If it names a family, a region, a measure or a covariate that there is not.

    Examples
    --------
    >>> from fechner.records.study import StimuliPart
    >>> part = StimuliPart(levels=(30, 90), regions=("low", "high", "donor", "uniform"))
    >>> len(design_of(Study(title="Two levels", stimuli=part)).conditions())
    8
    """
    said = study.stimuli
    return Design(
        families=said.families,
        targets=said.levels,
        measure=said.measure,
        arms=said.regions,
        regions=RegionOptions(share=said.share, match=said.match),
        max_strength_ratio=said.max_strength_ratio,
        seed=study.seed,
        severe=said.severe_rule,
    )


def check_catch_items(study: Study, followed: Protocol) -> None:
    """Check that a study makes the catch items that its protocol shows, and no others.

    Raises
    ------
    InputError
        If the protocol shows severe pictures and the study makes none, or the other way round.
    """
    shown, made = followed.catch.shows_severe, study.stimuli.severe_rule is not None
    if shown and not made:
        raise InputError(
            f"the protocol {followed.name!r} shows severe catch items and [stimuli] makes none; "
            'set catch = ["reference", "severe"] there'
        )
    if made and not shown:
        raise InputError(
            f"[stimuli] makes severe catch items and the protocol {followed.name!r} shows none; "
            'copy the protocol and set catch.kind = "reference and severe", or take "severe" out'
        )


def build_declared(
    study: Study,
    scenes: Mapping[str, tuple[Path, Path]],
    folder: Path,
    *,
    wanted: int | None = None,
    again: bool = False,
    truths: Mapping[str, str] | None = None,
    simulated: bool = False,
    network: Network | None = None,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> StimulusSet:
    """Build the stimuli that a study file declares from photographs and maps at hand.

    Parameters
    ----------
    study
        Whose ``[stimuli]`` count: degraded regions, or coded files.
    scenes
        Name -> (image file, importance map).
    folder
        Of the set.
    wanted
        How many scenes; all of `scenes` where left out.
    again, truths, simulated, network, pool, progress
        As `build_stimuli` takes them.

    Returns
    -------
    StimulusSet

    Raises
    ------
    InputError
        If an image or map is unusable, the design names what there is not, or truths are given
        for coded files.
    MissingPartError
        If the codec of an arm is not installed.
    RefusedError
        If too few scenes can be made, or `folder` holds another set.
    """
    from fechner.stimuli.build import build_stimuli
    from fechner.stimuli.coded.build import build_coded_stimuli

    if study.compares_codecs:
        if truths:
            raise InputError("coded files are compared in quality; leave --truth out")
        return build_coded_stimuli(
            scenes,
            folder,
            design=study.stimuli.codecs,
            severe=study.stimuli.severe_rule,
            wanted=wanted,
            again=again,
            simulated=simulated,
            network=network,
            pool=pool,
            progress=progress,
        )
    design = design_of(study)
    return build_stimuli(
        scenes,
        folder,
        family=design.families,
        target_mse=design.targets,
        measure=design.measure,
        arms=design.arms,
        regions=design.regions,
        max_strength_ratio=design.max_strength_ratio,
        wanted=wanted,
        again=again,
        seed=design.seed,
        severe=design.severe,
        truths=truths,
        simulated=simulated,
        network=network,
        pool=pool,
        progress=progress,
    )
