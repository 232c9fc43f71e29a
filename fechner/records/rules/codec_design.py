"""What a codec study compares: which coded files, at which rates, equal in what."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fechner.errors import nearest

CODEC_ARMS = {
    "plain": "JPEG by Pillow, optimised Huffman tables",
    "mozjpeg": "JPEG by mozjpeg",
    "jpegli": "JPEG by jpegli",
    "map": "our JPEG with the image's own map",
    "donor": "our JPEG with the map of another image",
    "centre": "our JPEG with a map of the centre",
    "uniform": "our JPEG without a map",
    "avif": "AVIF by Pillow (libaom)",
    "avif-map": "AVIF behind the blur that the image's own map steers",
    "jxl": "JPEG XL by libjxl's cjxl",
    "jxl-map": "our JPEG with the image's own map, packed losslessly as JPEG XL",
}
"""Every arm of a codec study, beside the intact picture, and what it is."""

MATCHED = ("bytes", "bpp", "ss2")
"""In what the arms of one rate can be made equal."""


class CodecDesign(BaseModel):
    """Which coded versions of every scene are made.

    Attributes
    ----------
    arms
        Keys of `CODEC_ARMS`, two or more; the intact picture is always there.
    match
        ``bytes``: every arm takes the bytes that Pillow's JPEG takes at the qualities `rates`;
        ``bpp``: it takes `rates` bits per pixel; ``ss2``: it has `rates` points of SSIMULACRA2,
        over the whole picture.
    rates
        One a level, in growing order.
    trust
        How far the maps are followed, [0, 1]: 0 loses the same everywhere. By default as far as
        ``fechner compress`` does.
    tolerance
        Largest difference from what is wanted, as a share of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arms: tuple[str, ...] = ("plain", "jpegli", "map", "donor", "uniform")
    match: Literal["bytes", "bpp", "ss2"] = "bytes"
    rates: tuple[float, ...] = (30.0, 50.0, 75.0)
    trust: float = Field(default=0.75, ge=0, le=1)
    tolerance: float = Field(default=0.03, gt=0, lt=0.5)

    @model_validator(mode="after")
    def _known(self) -> CodecDesign:
        for arm in self.arms:
            if arm not in CODEC_ARMS:
                raise ValueError(f"no codec arm is called {arm!r}; {nearest(arm, CODEC_ARMS)}")
        if len(set(self.arms)) < max(2, len(self.arms)):
            raise ValueError(
                f"a codec study compares two or more different arms, got {', '.join(self.arms)}"
            )
        if not self.rates or sorted(set(self.rates)) != list(self.rates):
            raise ValueError(f"rates expect growing numbers, got {self.rates}; sort them")
        most = 100.0 if self.match != "bpp" else 24.0
        if not 0 < self.rates[0] <= self.rates[-1] <= most:
            raise ValueError(f"rates in {self.match} lie above 0 and to {most:g}, got {self.rates}")
        if self.match == "bytes" and any(rate != round(rate) for rate in self.rates):
            raise ValueError(f"Pillow's qualities are whole numbers, got {self.rates}")
        return self
