"""What a study's file says of its stimuli, as the design from which they are built."""

from __future__ import annotations

from fechner.compression.regions.options import RegionOptions
from fechner.records.study import Study
from fechner.stimuli.design import Design


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
    )
