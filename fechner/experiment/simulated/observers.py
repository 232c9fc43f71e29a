"""Simulated participants: what they answer, in a world whose truth is declared.

A simulated participant stands where a person does: the same plan, loop and
journal. Its answers follow the crossed variance components that real rating data
show, on a 0..100 scale (Judd, Westfall and Kenny 2012 for the model; the sizes are
those the statistics of fechner were tested with): participant 8, image 8,
participant by condition 3, image by condition 5, residual 13.

    quality = 80 + image_i - slope_p * harm(e_ij) + bias_p + (p x c)_pj + (i x c)_ij + residual
    harm(e) = 70 e / (e + 200)

where e is, in squared 8-bit grey levels, the stimulus' `predicted_impact` in the
world ``map``, its plain `mse` in the world ``null``, and its `centre_error` in the
world ``centre``. In the world ``judge``, and wherever points are given for a stimulus, these
stand in the place of ``80 + image_i - slope_p * harm + (i x c)_ij``: they say how images and
conditions differ. Every draw depends only on the seed and on names (participant, scene, condition,
stimulus, repetition), so answers do not change with trial order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    from fechner.records.stimuli import Stimulus

World = Literal["map", "null", "centre", "judge"]
WORLDS: tuple[str, ...] = get_args(World)

INTACT_QUALITY = 80.0
HARM_MAXIMUM = 70.0
HARM_HALF = 200.0  # squared grey levels at which half of the harm is done
SD_PARTICIPANT = 8.0
SD_IMAGE = 8.0
SD_PARTICIPANT_BY_CONDITION = 3.0
SD_IMAGE_BY_CONDITION = 5.0
SD_RESIDUAL = 13.0
RT_LOG_SD = 0.35
GENERATED_LOSS = 20.0


@dataclass(frozen=True)
class SimulatedObserver:
    """A simulated participant.

    Parameters
    ----------
    participant
        The code; part of the key of every draw.
    bias
        Points on 0..100 added to every rating.
    slope
        How strongly harm lowers the rating; 1 is the average participant.
    inconsistency
        Standard deviation of the residual, in points on 0..100.
    lapse
        Share of trials answered blindly, in [0, 1]; 1 is a spammer.
    world
        What harms: "map", "null" or "centre" (see the module).
    seed
        Shared by all participants of a panel, so that they meet the same images.
    rt_median_ms
        Median of the log-normal reaction times; short, so that windows need not wait.
    judged
        Stimulus -> points (0..100) that the average participant gives it; needed in the world
        ``judge``.
    """

    participant: str
    bias: float = 0.0
    slope: float = 1.0
    inconsistency: float = SD_RESIDUAL
    lapse: float = 0.0
    world: World = "map"
    seed: int = 0
    rt_median_ms: float = 400.0
    judged: Mapping[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Check the world and the lapse share."""
        if self.world not in WORLDS:
            raise InputError(f"no world is called {self.world!r}: {nearest(self.world, WORLDS)}")
        if not 0 <= self.lapse <= 1:
            raise InputError(f"expected a lapse share in [0, 1], got {self.lapse}")

    def quality(self, stimulus: Stimulus, *, repetition: int = 1) -> float:
        """Return the quality that this participant sees now, in points (0..100, unclipped)."""
        condition = (stimulus.region, stimulus.family, str(stimulus.level))
        return (
            self._average(stimulus, condition)
            + self.bias
            + SD_PARTICIPANT_BY_CONDITION
            * _normal(self.seed, "participant", self.participant, *condition)
            + self.inconsistency
            * _normal(self.seed, "trial", self.participant, stimulus.stimulus, repetition)
        )

    def _average(self, stimulus: Stimulus, condition: tuple[str, ...]) -> float:
        """Return what the average participant sees, in points, but for the slope of this one."""
        if stimulus.stimulus in self.judged:
            return float(self.judged[stimulus.stimulus])
        return (
            INTACT_QUALITY
            - self.slope * harm_of(error_of(stimulus, self.world))
            + SD_IMAGE * _normal(self.seed, "image", stimulus.scene)
            + SD_IMAGE_BY_CONDITION * _normal(self.seed, "image", stimulus.scene, *condition)
        )

    def looks_real(self, stimulus: Stimulus, *, repetition: int = 1) -> float:
        """Return how real a picture looks to this participant now, in points.

        Its quality; a generated one loses `GENERATED_LOSS`, so that d' is that loss over the
        SD of quality between trials and pictures.
        """
        loss = GENERATED_LOSS if stimulus.truth == "generated" else 0.0
        return self.quality(stimulus, repetition=repetition) - loss

    def lapses(self, name: str, repetition: int = 1) -> bool:
        """Say whether this presentation is answered blindly."""
        return bool(self.generator("lapse", name, repetition).random() < self.lapse)

    def reaction_ms(self, name: str, repetition: int = 1) -> float:
        """Return a log-normal reaction time in milliseconds."""
        log_deviation = RT_LOG_SD * self.generator("reaction", name, repetition).standard_normal()
        return float(self.rt_median_ms * np.exp(log_deviation))

    def record(self) -> dict[str, Any]:
        """Return the observer as the journal's header keeps it."""
        return {name: value for name, value in asdict(self).items() if name != "judged"}

    def generator(self, *key: object) -> np.random.Generator:
        """Return the random numbers of this participant for what `key` names."""
        return _generator(self.seed, self.participant, *key)


def error_of(stimulus: Stimulus, world: World) -> float:
    """Return the error that harms in `world`, in squared 8-bit grey levels."""
    if world == "judge":
        raise InputError(
            f"the world 'judge' needs the points of {stimulus.stimulus!r}; give them, or take the "
            "world map, null or centre"
        )
    errors = {
        "map": stimulus.predicted_impact,
        "null": stimulus.mse,
        "centre": stimulus.centre_error,
    }
    return float(errors[world])


def harm_of(error: float) -> float:
    """Return the points lost to `error` (squared grey levels): 70 e / (e + 200)."""
    return HARM_MAXIMUM * error / (error + HARM_HALF)


def simulated_panel(
    n: int,
    world: World = "map",
    seed: int = 0,
    *,
    spammers: int = 0,
    judged: Mapping[str, float] | None = None,
) -> dict[str, SimulatedObserver]:
    """Return `n` different simulated participants of one world, by code ``S01``, ``S02``, ...

    Bias has SD 8, the logarithm of slope SD 0.1, residual SDs scatter about 13 by a
    factor of 1.25, lapses are up to 2 %.

    Parameters
    ----------
    n
        How many.
    world
        What harms: "map", "null", "centre" or "judge".
    seed
        Of every draw; the same panel for the same seed.
    spammers
        How many of them, the last ones, answer blindly.
    judged
        Stimulus -> points that the average participant gives it.

    Returns
    -------
    dict
        Code to participant.

    Raises
    ------
    InputError
        If `n` is below 1, or there are more spammers than participants.
    """
    if n < 1 or not 0 <= spammers <= n:
        raise InputError(
            f"expected 1 or more participants and 0 to n spammers, got {n}, {spammers}"
        )
    members = [_member(k, world, seed, spammer=k > n - spammers) for k in range(1, n + 1)]
    return {one.participant: replace(one, judged=judged or {}) for one in members}


def _member(number: int, world: World, seed: int, *, spammer: bool) -> SimulatedObserver:
    code = f"S{number:02d}"
    draw = _generator(seed, "panel", code)
    bias = SD_PARTICIPANT * draw.standard_normal()
    slope = np.exp(0.1 * draw.standard_normal())
    inconsistency = SD_RESIDUAL * np.exp(np.log(1.25) * draw.standard_normal())
    lapse = 0.02 * draw.random()
    return SimulatedObserver(
        participant=code,
        bias=float(bias),
        slope=float(slope),
        inconsistency=float(inconsistency),
        lapse=1.0 if spammer else float(lapse),
        world=world,
        seed=seed,
    )


def _generator(*key: object) -> np.random.Generator:
    """Return a generator that depends on the words of `key` and on nothing else."""
    words = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return np.random.default_rng(np.frombuffer(words, dtype=np.uint32))


def _normal(*key: object) -> float:
    return float(_generator(*key).standard_normal())
