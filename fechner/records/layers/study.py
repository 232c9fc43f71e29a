"""The file of a layer study: which sets, networks, layers, read-outs, weights and yardsticks.

A layer study compares distances from a reference, inside networks and by known metrics, with
what people said. Unknown keys are refused with the nearest known one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fechner.errors import InputError, nearest
from fechner.provenance import read_toml
from fechner.records.complaints import one_line

USUAL: Literal["usual"] = "usual"
"""The layers of a network that `fechner networks` names, and its input."""
ALL = "all"
"""Every layer of a network that can be read, and its input."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreColumn(_Part):
    """A column of the table that holds somebody's metric, and which end of it is good."""

    column: str
    good: Literal["low", "high"] = "low"


class PairsTable(_Part):
    """A set: a table of rated images with their references (a path, relative to the file)."""

    table: Path
    name: str = ""
    """What the set is called; the table's file name without ending where left out."""
    dimension: str | None = None
    """The rated dimension; the only one of the table where left out."""
    reference_rating: float | None = None
    scores: tuple[ScoreColumn, ...] = ()
    ratings: Path | None = None
    """Long table of single ratings of the images, for the noise ceiling."""

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_table(cls, told: Any) -> Any:
        if isinstance(told, dict) and told.get("table") and not told.get("name"):
            told = {**told, "name": Path(told["table"]).stem}
        if isinstance(told, dict) and "scores" in told:
            told = {**told, "scores": [_column(one) for one in told["scores"]]}
        return told


class StudiedNetwork(_Part):
    """A network, a checkpoint of the user's own (or ``random``), and its layers."""

    name: str
    weights: Path | None = None
    layers: Literal["usual", "all"] | tuple[str, ...] = USUAL
    """``usual``, ``all``, or names; ``A+B`` joins layers."""


class WeightsFile(_Part):
    """Channel weights: a selection.json, and what the table calls them."""

    file: Path
    name: str
    method: str | None = None
    """A candidate of the selection instead of the chosen one."""


class LayerStudy(_Part):
    """One layer study, as its file or the command line declares it."""

    sets: Annotated[tuple[PairsTable, ...], Field(min_length=1)]
    networks: tuple[StudiedNetwork, ...] = ()
    readouts: tuple[str, ...] = ()
    """Every read-out where left out."""
    channel_weights: tuple[WeightsFile, ...] = ()
    """Beside all channels alike, which are always there."""
    yardsticks: bool | tuple[str, ...] = False
    """Every known metric, none, or some by name."""
    heads: Path | None = None
    """Folder with the heads of LPIPS and DISTS."""
    trunks: dict[str, Path] = Field(default_factory=dict)
    """Weight files of the networks inside LPIPS and DISTS, beside those of `networks`."""
    seed: int = 0
    resamples: Annotated[int, Field(ge=0)] = 1000

    @model_validator(mode="before")
    @classmethod
    def _weights_are_named(cls, told: Any) -> Any:
        if isinstance(told, dict) and "channel_weights" in told:
            named = [weights_file(one) for one in told["channel_weights"]]
            told = {**told, "channel_weights": named}
        return told

    @model_validator(mode="after")
    def _something_to_do_once(self) -> LayerStudy:
        for what, names in (
            ("sets", [one.name for one in self.sets]),
            ("channel weights", [one.name for one in self.channel_weights]),
        ):
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"two {what} are called {twice[0]!r}; give each a name of its own")
        if not (self.networks or self.yardsticks or any(one.scores for one in self.sets)):
            raise ValueError("nothing to measure: name a network, yardsticks or a column of scores")
        return self


def score_column(word: str) -> ScoreColumn:
    """Return the column that ``COLUMN``, ``COLUMN:low`` or ``COLUMN:high`` names.

    Raises
    ------
    InputError
        If the good end is neither.
    """
    column, colon, good = word.partition(":")
    if colon and good not in ("low", "high"):
        raise InputError(
            f"scores {word!r}: expected COLUMN:low or COLUMN:high, by which end is good; "
            f"{nearest(good, ('low', 'high'))}"
        )
    return ScoreColumn(column=column, good="high" if good == "high" else "low")


def weights_file(one: Any) -> Any:
    """Return what ``[NAME=]FILE`` says of channel weights; anything but text as it is."""
    if not isinstance(one, str | Path):
        return one
    name, equals, file = str(one).partition("=")
    if not equals:
        name, file = Path(name).stem, name
    return {"file": Path(file), "name": name}


def _column(one: Any) -> Any:
    return score_column(one) if isinstance(one, str) else one


def checked_layer_study(content: dict[str, Any], source: str) -> LayerStudy:
    """Return the study that `content` declares; `source` is what messages call it.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value is not what was expected.
    """
    try:
        return LayerStudy.model_validate(content)
    except ValidationError as error:
        raise InputError(one_line(error, LayerStudy, source)) from error


def read_layer_study(path: Path) -> LayerStudy:
    """Read and check the file of a layer study; its paths become relative to the caller.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, or holds a key or value that is not known.
    """
    path = Path(path)
    content = read_toml(path)
    return _from_its_folder(checked_layer_study(content, str(path)), path.parent)


def _from_its_folder(study: LayerStudy, folder: Path) -> LayerStudy:
    def beside(file: Path | None) -> Path | None:
        return file if file is None or str(file) == "random" else folder / file.expanduser()

    return study.model_copy(
        update={
            "sets": tuple(
                one.model_copy(update={"table": beside(one.table), "ratings": beside(one.ratings)})
                for one in study.sets
            ),
            "networks": tuple(
                one.model_copy(update={"weights": beside(one.weights)}) for one in study.networks
            ),
            "channel_weights": tuple(
                one.model_copy(update={"file": beside(one.file)}) for one in study.channel_weights
            ),
            "heads": beside(study.heads),
            "trunks": {name: folder / file.expanduser() for name, file in study.trunks.items()},
        }
    )
