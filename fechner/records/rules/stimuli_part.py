"""What a study compares: degraded regions or coded files, and what catch trials show."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fechner.records.rules.codec_design import CodecDesign
from fechner.records.rules.severe_rule import SevereRule

OF_REGIONS = ("families", "levels", "measure", "regions", "share", "match", "max_strength_ratio")
"""Keys of ``[stimuli]`` that say nothing of coded files."""


class StimuliPart(BaseModel):
    """What is compared: scenes x families x levels x regions.

    scenes
        How many scenes the set shall have. They are taken in the order of the images; one that
        cannot be matched is replaced by the next, so that there should be more images than this.
    families
        Degradations, as ``fechner degrade --help`` lists them.
    levels
        What every region loses, in the unit of `measure`, in growing order.
    measure
        ``mse``, ``ssim`` (1 - SSIM), ``ss2`` (SSIMULACRA2 points below 100), ``bytes``, or ``layer
        distance`` from the intact picture within the network that the set is seen by.
    regions
        Which regions are degraded: ``low``, ``high``, ``donor``, ``middle``, ``random``,
        ``mirrored``, ``centre``, and ``uniform``: the whole picture at the same loss.
    share, match, max_strength_ratio
        Area of a region, what is equal between low and high, and how far apart the strengths of
        two regions may be.
    catch, severe
        What a protocol's catch trials can show: the ``reference`` as the test, and a ``severe``
        picture, which is made as `severe` says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenes: int = Field(default=12, ge=4)
    families: tuple[str, ...] = ("blur",)
    levels: tuple[float, ...] = (60.0,)
    measure: str = "mse"
    regions: tuple[str, ...] = ("low", "high", "donor")
    share: float = Field(default=0.2, gt=0, lt=0.5)
    match: tuple[str, ...] = ("edge_fine", "edge_middle", "eccentricity", "luminance", "chroma")
    max_strength_ratio: float = Field(default=1.5, ge=1)
    catch: tuple[Literal["reference", "severe"], ...] = ("reference",)
    severe: SevereRule = SevereRule()
    kind: Literal["regions", "codecs"] = "regions"
    codecs: CodecDesign = CodecDesign()

    @model_validator(mode="after")
    def _coded_files_have_no_regions(self) -> StimuliPart:
        said = [name for name in OF_REGIONS if name in self.model_fields_set]
        if self.kind == "codecs" and said:
            raise ValueError(
                f'[stimuli] {said[0]} is said of degraded regions, and kind = "codecs" makes coded '
                "files, whose arms, rates and match stand in [stimuli.codecs]; take it out"
            )
        return self

    @model_validator(mode="after")
    def _severe_items_are_asked_for(self) -> StimuliPart:
        if "severe" in self.model_fields_set and "severe" not in self.catch:
            raise ValueError(
                '[stimuli.severe] says how severe catch items are made, and none are; add "severe" '
                "to [stimuli] catch"
            )
        return self

    @property
    def severe_rule(self) -> SevereRule | None:
        """How severe catch items are made; None where there are none."""
        return self.severe if "severe" in self.catch else None
