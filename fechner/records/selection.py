"""Which channels a selection kept, how they weigh, and the evidence for it.

The record that passes from channel analysis to importance maps, stimuli and the
report. Every way of choosing channels (pruning by alignment, a read-out, ...) gives
the same `ChannelSelection`; a `SelectionStudy` holds all candidates and the one that
drives the maps. Nothing here imports more than pydantic.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class ColumnAlone(_Record):
    """What the mean ratings of a column's levels predict on scenes that did not make them."""

    column: str
    levels: int
    prediction: float
    """Spearman with the ratings of held-out images."""
    low: float
    high: float
    """Its 95 % interval over scenes."""
    channels: str
    """Which channels predict best, in words."""
    channels_prediction: float
    """Spearman of their prediction with the ratings of the same images."""
    lead: float
    """`prediction` less `channels_prediction`: above 0 where the column does better."""
    lead_low: float
    lead_high: float
    """The 95 % interval of that difference; both sides meet the same resampled scenes."""


class ChannelSelection(_Record):
    """The channels of one set that one method kept, and what they are worth.

    `weights` is the signed relevance that an importance map uses, 0 where a channel is
    not kept. For a read-out, ``sum_c weights[c] * pool(A_c)`` is the predicted rating up
    to a constant, with ``A_c`` the raw activation map of channel ``c`` and the mean for
    `pool` where the channels are not pooled.
    """

    network: str
    layer: str
    """One layer, or several joined by ``+``."""
    target: str | None = None
    """The fully connected layer that judged the channels."""
    widths: list[int]
    """How many of the channels come from each layer; means and SDs of a pool both count."""
    size: int | None
    """Side in pixels of the square that the network saw; None for images at native size."""
    weights_sha256: str
    preprocessing: str
    pool: str | None
    dimension: str
    """One rating dimension, or several joined by ``+``."""
    partial_out: str | None = None
    """The dimensions that were held constant."""
    method: str
    n_channels: int
    kept: list[bool]
    weights: list[float]
    impact: list[float]
    """Impact on alignment; for a read-out, contribution to held-out predictions."""
    stability: list[float] | None = None
    """Of a read-out: how far folds agree on the sign of each weight, 0 to 1."""
    fit: str = "spearman"
    kernel: str = "absolute"
    similarity: str = "cosine"
    distance: str | None = None
    """Where pairs of reference and distorted image judged: the read-out whose agreement with DMOS
    is meant wherever this record says alignment. `kernel` and `similarity` then mean nothing."""
    alignment_selection: Gain
    alignment_held_out: Gain
    alignment_shuffled: ShuffledControl = Field(default_factory=ShuffledControl)
    alignment_random: list[float] = Field(default_factory=list)
    """Held-out alignment of as many channels drawn at random, one number a draw."""
    readout: ReadoutEvidence | None = None
    scenes_selection: list[str]
    scenes_held_out: list[str]
    families_selection: list[str] = Field(default_factory=list)
    families_held_out: list[str] = Field(default_factory=list)
    """Of reference pairs, the distortion types that chose and those that judged."""
    provenance: dict[str, Any]

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> ChannelSelection:
        for name in ("kept", "weights", "impact"):
            count = len(getattr(self, name))
            if count != self.n_channels:
                raise ValueError(f"{name} has {count} numbers for {self.n_channels} channels")
        if sum(self.widths) != self.n_channels or len(self.widths) != len(self.layers):
            raise ValueError(f"widths {self.widths} do not sum to {self.n_channels} channels")
        return self

    @property
    def layers(self) -> list[str]:
        """The layers that the channels come from, in the order of `weights`."""
        return self.layer.split("+")

    @property
    def on_reference_pairs(self) -> bool:
        """Whether pairs of reference and distorted image judged the channels."""
        return self.distance is not None

    @property
    def side(self) -> int:
        """Side in pixels of the square that the network saw.

        Raises
        ------
        InputError
            If it saw images at their native size.
        """
        if self.size is None:
            raise InputError(
                f"{self.method!r} was chosen on images at native size; give a selection made by "
                "fechner channels select without the control 'reference'"
            )
        return self.size

    @property
    def channel_scale(self) -> list[float]:
        """What each channel's squared difference counts in a distance: 0 or 1, or its weight.

        Where channels were weighed (``reweight``) their weights; where they were kept or
        removed, whether they were kept: a map's relevance is no weight of a distance.
        """
        weighed = self.method.partition(":")[0] == "reweight"
        return list(self.weights) if weighed else [float(kept) for kept in self.kept]

    @property
    def channels(self) -> str:
        """The set of channels in words."""
        return in_words(self.layer, self.target, self.pool)

    def channel_names(self) -> list[str]:
        """Return what each channel is called: ``bn2 17``, or ``bn2 17 SD``."""
        kinds = (" mean", " SD") if self.pool == "mean_sd" else ("",)
        return [
            f"{layer} {channel}{kind}"
            for layer, width in zip(self.layers, self.widths, strict=True)
            for kind in kinds
            for channel in range(width // len(kinds))
        ]

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
    columns: list[ColumnAlone] = Field(default_factory=list)
    """What each column of few levels in the table predicts alone on the held-out images."""

    @model_validator(mode="after")
    def _chosen_is_a_candidate(self) -> SelectionStudy:
        if self.chosen not in self.by_name:
            raise ValueError(f"chosen is {self.chosen!r}, candidates are {', '.join(self.by_name)}")
        return self

    @property
    def by_name(self) -> dict[str, ChannelSelection]:
        """The candidates by `candidate_names`."""
        names = candidate_names([(one.method, one.channels) for one in self.candidates])
        return dict(zip(names, self.candidates, strict=True))

    @property
    def choice(self) -> ChannelSelection:
        """The selection that drives the maps."""
        return self.by_method(self.chosen)

    def by_method(self, method: str) -> ChannelSelection:
        """Return the candidate that `method` made, given by its name in `by_name`.

        Raises
        ------
        InputError
            If no candidate was made by `method`.
        """
        candidates = self.by_name
        if method in candidates:
            return candidates[method]
        raise InputError(f"no selection by {method!r} in this study; {nearest(method, candidates)}")

    def write(self, path: Path) -> None:
        """Write the study as JSON, whole or not at all."""
        write_json(path, self.model_dump(mode="json"))


def candidate_names(made: Sequence[tuple[str, str]]) -> list[str]:
    """Return what candidates of (method, channels) are called: METHOD, or METHOD of CHANNELS."""
    several = len({channels for _, channels in made}) > 1
    return [f"{method} of {channels}" if several else method for method, channels in made]


def in_words(layer: str, target: str | None, pool: str | None) -> str:
    """Return a set of channels in words, as ``bn2, mean`` or ``features.12:penultimate``."""
    judged = layer if target is None else f"{layer}:{target}"
    return judged if pool is None else f"{judged}, {pool}"


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
