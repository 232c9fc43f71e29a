"""What a stimulus set consists of: families x levels x regions, for every scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fechner.compression.degrading.degrade import family_named
from fechner.compression.degrading.matching import MAX_STRENGTH_RATIO, Loss
from fechner.compression.regions.options import RegionOptions
from fechner.errors import InputError, nearest
from fechner.records.rules.severe_rule import SevereRule

ARMS = {
    "low": "the region of low importance",
    "high": "the region of high importance, matched to it",
    "donor": "the high region of another scene: area, shape and centre prior without this map",
    "middle": "a region of middling importance",
    "random": "patches at random places",
    "mirrored": "the high region reflected left to right",
    "centre": "the blocks nearest the centre",
    "uniform": "the whole picture, more weakly: the same loss spread evenly",
}
"""The regions that can be degraded."""

FAR = 4.0
"""How many times as much as any stimulus a severe catch item loses, at least."""

UNIFORM = "uniform"
"""The arm that is no region: neither its area nor its strength is that of the others."""


def check_severe(rule: SevereRule | None, largest: float) -> None:
    """Check that a rule names a family and lies far beyond the `largest` mse under test.

    Raises
    ------
    InputError
        If it does not; nothing is checked where there is no rule.
    """
    if rule is None:
        return
    family_named(rule.family)
    if rule.mse < FAR * largest:
        raise InputError(
            f"a severe catch item loses at least {FAR:g} times what the strongest stimulus loses "
            f"({largest:.4g} squared grey levels), got {rule.mse:g}; set [stimuli.severe] mse to "
            f"{math.ceil(FAR * largest)} or more"
        )


@dataclass(frozen=True)
class Scene:
    """One photograph and its importance map, as files."""

    name: str
    image: Path
    map: Path


@dataclass(frozen=True)
class Design:
    """What is made of every scene.

    Attributes
    ----------
    families
        Keys of `fechner.compression.degrading.degrade.FAMILIES`.
    targets
        What each arm loses, one a level, in growing order.
    measure
        What targets are stated in: a key of `fechner.compression.degrading.matching.MEASURES`.
    arms
        Keys of `ARMS`; low and high are always there.
    regions
        How low and high are matched.
    max_strength_ratio
        Largest ratio of strengths between arms; scenes beyond are refused.
    seed
        Of noise, phases and random regions.
    severe
        How a severe catch item of every scene is made; none where None.
    """

    families: tuple[str, ...] = ("blur",)
    targets: tuple[float, ...] = (60.0,)
    measure: str = "mse"
    arms: tuple[str, ...] = ("low", "high", "donor")
    regions: RegionOptions = field(default_factory=RegionOptions)
    max_strength_ratio: float = MAX_STRENGTH_RATIO
    seed: int = 0
    severe: SevereRule | None = None

    def __post_init__(self) -> None:
        for family in self.families:
            family_named(family)
        for arm in self.arms:
            if arm not in ARMS:
                raise InputError(f"unknown region {arm!r}; {nearest(arm, ARMS)}")
        for name, given in (("families", self.families), ("regions", self.arms)):
            if len(set(given)) < len(given):
                raise InputError(f"{name} expects each name once, got {', '.join(given)}")
        for arm in ("low", "high"):
            if arm not in self.arms:
                raise InputError(f"a stimulus set needs the region {arm!r}; add it")
        if not self.families or not self.targets:
            raise InputError("a stimulus set needs a family and a target; give one of each")
        if sorted(set(self.targets)) != list(self.targets):
            raise InputError(f"targets expect growing numbers, got {self.targets}; sort them")
        for value in self.targets:
            Loss(self.measure, value)
        check_severe(self.severe, self.targets[-1] if self.measure == "mse" else 0.0)

    def conditions(self) -> list[tuple[str, int, str]]:
        """Return family, level and arm of every degraded stimulus that a scene gives."""
        return [
            (family, level, arm)
            for family in self.families
            for level, _ in self.levels()
            for arm in self.arms
        ]

    def levels(self) -> list[tuple[int, Loss]]:
        """Return number and target of each level, from 1."""
        return [(n, Loss(self.measure, value)) for n, value in enumerate(self.targets, start=1)]

    def stimulus(self, scene: str, family: str, level: int, arm: str) -> str:
        """Return the name of a stimulus; the level is named only where there are several.

        Families and arms hold no ``_``, so that two stimuli never share a name, whatever their
        scenes are called.

        Parameters
        ----------
        scene
            Any name that `fechner.records.file_names.check_file_names` allows.
        family, level, arm
            A key of `FAMILIES`, the number of the level from 1, and a key of `ARMS`.

        Returns
        -------
        str
            Such as ``cat_blur2_high``.
        """
        step = str(level) if len(self.targets) > 1 else ""
        return f"{scene}_{family}{step}_{arm}"

    def as_record(self) -> dict[str, Any]:
        """Return the design as a JSON-able dictionary."""
        return {
            "families": list(self.families),
            "targets": list(self.targets),
            "measure": self.measure,
            "arms": list(self.arms),
            "regions": self.regions.as_record(),
            "max_strength_ratio": self.max_strength_ratio,
            "seed": self.seed,
            # Sets without severe items are of the same design as before there were any.
            **({"severe": self.severe.model_dump(mode="json")} if self.severe else {}),
        }
