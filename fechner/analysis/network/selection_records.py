"""Which channels a selection kept, how they weigh, and the evidence for it.

The record that passes from channel analysis to importance maps, stimuli and the
report. Every way of choosing channels (pruning by alignment, a read-out, ...) gives
the same `ChannelSelection`; a `SelectionStudy` holds all candidates and the one that
drives the maps. Nothing here imports more than pydantic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fechner.errors import InputError, nearest
from fechner.provenance import read_json, write_json


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gain(_Record):
    """Alignment with all channels and with the kept ones, on one set of images."""

    before: float | None
    after: float | None
    interval: tuple[float, float] | None = None
    """Bootstrap 95 % interval of `after` over images."""


class ShuffledControl(_Record):
    """`Gain.after` when the whole selection is repeated under shuffled ratings.

    One number a shuffle; the held-out ratings are never shuffled.
    """

    selection: list[float] = Field(default_factory=list)
    held_out: list[float] = Field(default_factory=list)


class ReadoutEvidence(_Record):
    """How well the read-out predicts the ratings of held-out images (Spearman)."""

    held_out_spearman: float
    interval: tuple[float, float] | None = None
    shuffled: list[float] = Field(default_factory=list)
    alpha: float | None = None


class ChannelSelection(_Record):
    """The channels of one layer that one method kept, and what they are worth.

    `weights` is the signed relevance that an importance map uses, 0 where a channel is
    not kept. For a read-out, ``sum_c weights[c] * mean(A_c)`` is the predicted rating up
    to a constant, with ``A_c`` the raw activation map of channel ``c``.
    """

    network: str
    layer: str
    weights_sha256: str
    preprocessing: str
    pool: str | None
    dimension: str
    method: str
    n_channels: int
    kept: list[bool]
    weights: list[float]
    impact: list[float]
    fit: str = "spearman"
    kernel: str = "absolute"
    similarity: str = "cosine"
    alignment_selection: Gain
    alignment_held_out: Gain
    alignment_shuffled: ShuffledControl = Field(default_factory=ShuffledControl)
    readout: ReadoutEvidence | None = None
    scenes_selection: list[str]
    scenes_held_out: list[str]
    provenance: dict[str, Any]

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> ChannelSelection:
        for name in ("kept", "weights", "impact"):
            count = len(getattr(self, name))
            if count != self.n_channels:
                raise ValueError(f"{name} has {count} numbers for {self.n_channels} channels")
        return self

    @property
    def n_kept(self) -> int:
        """How many channels are kept."""
        return sum(self.kept)

    @property
    def evidence(self) -> float | None:
        """The held-out number that this selection is judged by."""
        if self.readout is not None:
            return self.readout.held_out_spearman
        return self.alignment_held_out.after

    @property
    def shuffled_evidence(self) -> list[float]:
        """The same number under shuffled ratings, one a shuffle."""
        if self.readout is not None:
            return self.readout.shuffled
        return self.alignment_shuffled.held_out


class SelectionStudy(_Record):
    """All selections tried for one dimension, and the one that drives the maps."""

    dimension: str
    candidates: list[ChannelSelection]
    chosen: str
    reason: str
    noise_ceiling: tuple[float, float] | None = None
    """Lower and upper bound of alignment that the ratings' reliability allows."""

    @model_validator(mode="after")
    def _chosen_is_a_candidate(self) -> SelectionStudy:
        methods = [candidate.method for candidate in self.candidates]
        if self.chosen not in methods:
            raise ValueError(f"chosen is {self.chosen!r}, candidates are {', '.join(methods)}")
        return self

    @property
    def choice(self) -> ChannelSelection:
        """The selection that drives the maps."""
        return self.by_method(self.chosen)

    def by_method(self, method: str) -> ChannelSelection:
        """Return the candidate that `method` made.

        Raises
        ------
        InputError
            If no candidate was made by `method`.
        """
        for candidate in self.candidates:
            if candidate.method == method:
                return candidate
        methods = [candidate.method for candidate in self.candidates]
        raise InputError(f"no selection by {method!r} in this study; {nearest(method, methods)}")

    def write(self, path: Path) -> None:
        """Write the study as JSON, whole or not at all."""
        write_json(path, self.model_dump(mode="json"))


def read_selection(path: Path) -> SelectionStudy:
    """Read a study written by `SelectionStudy.write`.

    Raises
    ------
    InputError
        If the file is missing, is not JSON or does not hold a selection study.
    """
    content = read_json(path)
    try:
        return SelectionStudy.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the record"
        raise InputError(
            f"{path} is not a channel selection: {where}: {first['msg']}; "
            "make it anew with fechner channels select"
        ) from error
