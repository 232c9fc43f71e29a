"""``study.toml``: everything a study was told, as data.

The file names the rated images, the network, how channels are chosen, how stimuli
are made and how participants rate them. Unknown keys are refused with the nearest
known one, because a misspelt option that is silently ignored changes a study.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fechner.errors import InputError, nearest
from fechner.provenance import read_toml, write_text
from fechner.records.rules.claim_rule import ClaimRule
from fechner.records.rules.screening_rule import ScreeningRule
from fechner.records.rules.stimuli_part import StimuliPart as StimuliPart
from fechner.records.scales import Scale
from fechner.records.stimulus.row import INTACT

STUDY_FILE = "study.toml"
LEVELS = 4
"""How many folders above a table are searched for the study file that names it."""


class Part(BaseModel):
    """A table of the study file: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ImagesPart(Part):
    """Which images the study is about.

    ``table`` names rated images, which the network learns to agree with. ``photographs`` names a
    folder instead, of photographs that nobody rated, a scene each: no channels are chosen, and
    the maps are those of the layer distance.
    """

    table: str = "images/rated.csv"
    photographs: str | None = None
    ratings: str | None = None
    dimension: str = "quality"
    scales: dict[str, Scale] | None = None

    @model_validator(mode="after")
    def _rated_or_not(self) -> ImagesPart:
        given = self.model_fields_set & {"table", "ratings"}
        if self.photographs is not None and given:
            raise ValueError(f"photographs stand in place of rated images; leave out {min(given)}")
        return self


class NetworkPart(Part):
    """Which network, which of its layers in which pooling, and the side of its input in px.

    Layers are written as for ``fechner channels select --layer``; the last convolution where
    none is named.
    """

    name: str = "efficientnet_lite0"
    weights: str | None = None
    layers: tuple[str, ...] = ()
    pools: tuple[str, ...] = ("space",)
    size: int = Field(default=224, ge=32, le=1024)


class ChannelsPart(Part):
    """How channels are chosen, and how often the choice is repeated under shuffled ratings."""

    strategies: tuple[str, ...] = ("negative", "greedy", "readout")
    select: str = "evidence"
    similarity: str = "cosine"
    kernel: str = "absolute"
    fit: str = "spearman"
    partial_out: str | None = None
    held_out: float = Field(default=1 / 3, gt=0, lt=1)
    shuffles: int = Field(default=20, ge=2)


class MapsPart(Part):
    """How importance is projected onto the image.

    ``removal``: what the predicted rating loses, place by place, when detail is removed;
    needs a selection that predicts ratings. ``distance``: damage, where a layer of the network
    sees the difference between an image and its degraded version; needs no ratings.
    ``distance_per_error``: the same over the squared error of the place. ``contribution``: where
    the kept channels respond. ``auto``: removal where the study's selection predicts the ratings
    of unseen scenes, else distance.

    ``strength`` is that of the stimuli's family. Left out, maps by distance degrade each image
    until it loses everywhere what the stimuli's regions lose (the middle level / share), and maps
    by removal blur it.

    ``rivals`` names folders of pictures that the maps have to predict better than (fixations, a
    segmentation): one an image, named as it and of its size, 0 or more.
    """

    method: Literal["auto", "removal", "distance", "distance_per_error", "contribution"] = "auto"
    strength: float | None = Field(default=None, gt=0)
    rivals: dict[str, str] = {}


class SessionPart(Part):
    """Which protocol the participants follow, in which language, and how many are planned."""

    protocol: str = "slider"
    language: str = "en"
    participants: int = Field(default=30, ge=2)


class SimulatePart(Part):
    """SIMULATED participants in a declared world, for demonstrations and dry runs."""

    world: Literal["map", "null", "centre", "judge"] = "map"
    participants: int = Field(default=13, ge=2)
    in_window: int = Field(default=1, ge=0)


class Study(Part):
    """One study, as its file declares it."""

    title: str
    seed: int = 1
    images: ImagesPart = ImagesPart()
    network: NetworkPart = NetworkPart()
    channels: ChannelsPart = ChannelsPart()
    maps: MapsPart = MapsPart()
    stimuli: StimuliPart = StimuliPart()
    session: SessionPart = SessionPart()
    screening: ScreeningRule = ScreeningRule()
    claim: ClaimRule = ClaimRule()
    simulate: SimulatePart | None = None

    @model_validator(mode="after")
    def _claimed_regions_are_made(self) -> Study:
        if self.compares_codecs:
            return self
        for region in (self.claim.low, self.claim.high, *self.claim.controls):
            if region not in self.stimuli.regions:
                raise ValueError(
                    f"[claim] names the region '{region}', which [stimuli] regions does not make; "
                    f"{nearest(region, self.stimuli.regions)}, or add it there"
                )
        return self

    @property
    def compares_codecs(self) -> bool:
        """Whether coded files are compared, and no regions."""
        return self.stimuli.kind == "codecs"

    @model_validator(mode="after")
    def _claim_fits_the_stimuli(self) -> Study:
        if self.compares_codecs != (self.claim.kind == "codec"):
            raise ValueError(
                'a claim of kind "codec" needs [stimuli] kind = "codecs", and the other way round; '
                "set both or neither"
            )
        if self.compares_codecs and self.maps.rivals:
            raise ValueError(
                "[maps] rivals predict what regions cost, and this study compares coded files; "
                "leave them out"
            )
        if self.compares_codecs:
            made = self.stimuli.codecs.arms
            for arm in (self.claim.codec.better, *self.claim.codec.than):
                if arm not in (*made, INTACT):
                    raise ValueError(
                        f"[claim.codec] names the arm {arm!r}, which [stimuli.codecs] does not "
                        f"make; {nearest(arm, made)}"
                    )
        return self


FORMER = {
    ("stimuli", "family"): 'families = ["{}"]',
    ("stimuli", "target_mse"): "levels = [{}]",
}
"""Keys of former versions, and how the same is said now."""


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema of study files, for editors that check TOML."""
    schema = Study.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, or holds a key or value that is not known.
    """
    path = Path(path)
    if path.is_dir():
        path = path / STUDY_FILE
    if not path.is_file():
        folder = path.parent if path.suffix == ".toml" else path
        raise InputError(f"no study file at {path}; make one with: fechner study init {folder}")
    content = read_toml(path)
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_complaint(error)}") from error


def study_scales(csv: Path) -> tuple[Path | None, dict[str, Scale]]:
    """Return the study file that a table belongs to and the scales it declares, if there is one.

    A table belongs to a study whose ``[images]`` name it, in one of the `LEVELS` folders above.
    Other study files, damaged ones too, say nothing of this table and are passed over.

    Raises
    ------
    InputError
        If the study file names the table but holds a key or value that is not known.
    """
    for folder in list(Path(csv).absolute().parents)[:LEVELS]:
        path = folder / STUDY_FILE
        if path.is_file() and Path(csv).resolve() in _tables_of(path):
            return path, dict(read_study(path).images.scales or {})
    return None, {}


def _tables_of(path: Path) -> list[Path]:
    """Return the tables that a study file names, as far as it can be understood."""
    try:
        named = read_toml(path).get("images", {})
        names = [named.get("table", ImagesPart().table), named.get("ratings")]
        return [(path.parent / name).resolve() for name in names if name]
    except (InputError, OSError, TypeError, AttributeError):
        return []


def _first_complaint(error: ValidationError) -> str:
    # A misspelt key also makes the right one missing: the misspelling is the better line.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "value_error":
        # Our own sentences name the key and the remedy; what came may be a whole table.
        said = str(first["msg"]).removeprefix("Value error, ")
        return f"'{where}': {said}" if where else said
    if first["type"] == "extra_forbidden" and first["loc"] in FORMER:
        now = FORMER[first["loc"]].format(first.get("input"))
        return f"'{where}' is written {now} now; change that line"
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        return f"unknown key '{where}'; {nearest(key, _keys_at(first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"the key '{where}' is missing; add it"
    return f"'{where}' got {first.get('input')!r}: {first['msg'].lower()}; correct it"


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    model: Any = Study
    for part in place:
        annotation = model.model_fields[str(part)].annotation
        options = getattr(annotation, "__args__", (annotation,))
        models = [o for o in options if isinstance(o, type) and issubclass(o, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


TEMPLATE = """\
# A fechner study: from rated images to a tested claim.
# Run it with:  fechner study run {name}
title = "{title}"
seed = 1                    # every random draw follows from it

[images]
table = "images/rated.csv"  # columns: image, scene, [reference], quality, [quality_sd, quality_n]
# ratings = "images/ratings.csv"   # individual ratings: participant, image, dimension, rating
# photographs = "photographs"      # instead of table: a folder that nobody rated; no channels then
dimension = "quality"       # the column that the analysis follows

[images.scales.quality]     # the scale is declared, never guessed
minimum = 1
maximum = 5
good = "high"               # which end is good: "high" or "low"

[network]
name = "efficientnet_lite0" # fechner networks  lists them all
# weights = "checkpoint.pth"       # your own weights for that architecture
# layers = ["blocks.2+blocks.4+bn2", "bn2"]   # the last convolution when left out
# pools = ["mean_sd"]       # over space: "space" (none), "mean", "max", "mean_sd"
size = 224                  # px, side of the square that the network sees

[channels]
strategies = ["negative", "greedy", "readout"]
select = "evidence"         # or "best held-out", or one of the strategies, or "all"
held_out = 0.33             # share of scenes kept for reporting
shuffles = 20               # repetitions of the whole selection under shuffled ratings
# fit = "spearman"          # what drives pruning; also similarity, kernel
# partial_out = "..."       # a dimension that is held constant

[maps]
method = "auto"             # "removal" where the selection predicts ratings, else "distance"
# strength = 4.0            # of the stimuli's family; see fechner degrade --help
# rivals = {{fixations = "fixations"}}   # folders of pictures that should not predict as well

[stimuli]
scenes = 12                 # wanted; scenes that cannot be matched are replaced by the next
families = ["blur"]         # fechner degrade --help  lists them; several are crossed
levels = [60.0]             # what every region loses, over the whole image; several are crossed
measure = "mse"             # of the levels: "mse", "ssim", "ss2", "bytes", "layer distance"
regions = ["low", "high", "donor"]  # also middle, random, mirrored, centre, uniform
share = 0.2                 # area of each degraded region, share of the image
match = ["edge_fine", "edge_middle", "eccentricity", "luminance", "chroma"]
max_strength_ratio = 1.5    # scenes whose arms need more different strengths are refused
# catch = ["reference", "severe"]   # catch items; severe: ruined as [stimuli.severe] says

[session]
protocol = "slider"         # fechner protocol list; "slider_marks" also asks where images suffer
language = "en"
participants = 30           # planned; 15 is the least that ITU-R BT.500 accepts

[screening]                 # who is left out; the verdict of the other rule is shown beside
rule = "blind"              # checks that cannot see the contrast; or "everybody" is kept

[claim]                     # fixed before the first participant: fechner study freeze
low = "low"
high = "high"
controls = ["donor"]        # arms that must be rated above high too
level = 0.95
# margin = 5.0              # smallest difference in points that would matter (equivalence)
"""


def write_template(folder: Path) -> Path:
    """Write a commented study file into `folder` and return its path.

    Raises
    ------
    InputError
        If the folder already holds a study.
    """
    path = Path(folder) / STUDY_FILE
    if path.exists():
        raise InputError(f"{path} exists already; edit it, or choose another folder")
    write_text(path, TEMPLATE.format(name=path, title=path.resolve().parent.name))
    return path
