"""Thresholds of degradation strength by QUEST+, one staircase a region.

QUEST+ (Watson 2017, Journal of Vision 17(3):10, doi:10.1167/17.3.10; package
questplus) shows the strength that promises the smallest posterior entropy. The
psychometric function is a Weibull on x = log10(strength),

    p(x) = 1 - delta - (1 - gamma - delta) exp(-10^(beta (x - t))),

with threshold t, slope beta, guessing rate gamma and lapse rate delta. Nothing of a
staircase is stored: it is rebuilt from the journal's answers, so an interrupted
session goes on exactly where it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fechner.errors import InputError, MissingPartError
from fechner.experiment.plan.conditions import INTACT

if TYPE_CHECKING:
    from fechner.experiment.plan.plan import Trial
    from fechner.protocols.parts import Quest
    from fechner.records.journal.lines import TrialLine
    from fechner.records.stimuli import Stimulus, StimulusSet

COUNTED = ("main", "repeat")
"""Kinds of trial that move a staircase."""


@dataclass(frozen=True)
class Threshold:
    """The strength at which a region's degradation is found with a given probability.

    `strength` is in the stimuli's own unit, `log10_sd` the posterior standard deviation
    of its logarithm, `slope` the posterior mean of beta, `trials` how many it rests on.
    """

    region: str
    strength: float
    log10_sd: float
    slope: float
    trials: int


class Staircases:
    """The staircases of one session.

    Parameters
    ----------
    quest
        The protocol's QUEST+ options.
    stimuli
        The stimulus set; every region needs at least two strengths.

    Raises
    ------
    InputError
        If a region has a single strength or strengths that are not positive.
    MissingPartError
        If questplus is not installed.
    """

    def __init__(self, quest: Quest, stimuli: StimulusSet) -> None:
        self._quest = quest
        self._by_place: dict[tuple[str, str], list[Stimulus]] = {}
        for stimulus in stimuli.stimuli:
            if stimulus.region != INTACT:
                place = (stimulus.scene, stimulus.region)
                self._by_place.setdefault(place, []).append(stimulus)
        self._strength = {s.stimulus: float(s.strength) for s in stimuli.stimuli}
        regions = sorted({region for _, region in self._by_place})
        self._grids = {region: self._grid(region) for region in regions}
        self._procedures = {region: self._procedure(self._grids[region]) for region in regions}
        self._trials = dict.fromkeys(regions, 0)
        self._wanted: dict[str, float] = {}

    def _grid(self, region: str) -> np.ndarray:
        """Return the log10 strengths of a region's staircase, shape (strengths,)."""
        found = [s for (_, r), those in self._by_place.items() if r == region for s in those]
        strengths = {float(s.strength) for s in found}
        low, high = min(strengths), max(strengths)
        if low <= 0 or low == high:
            raise InputError(
                f"a threshold needs stimuli of several positive strengths, and region {region!r} "
                f"has {low:g} to {high:g}; build the stimulus set at several levels"
            )
        return np.round(np.linspace(np.log10(low), np.log10(high), self._quest.strengths), 9)

    def _procedure(self, grid: np.ndarray) -> Any:
        try:
            from questplus import QuestPlusWeibull
        except ImportError as error:
            raise MissingPartError(
                "thresholds need the package questplus; "
                "install it with: pip install 'fechner[experiment]'"
            ) from error
        return QuestPlusWeibull(
            intensities=grid,
            thresholds=grid,
            slopes=list(self._quest.slopes),
            lower_asymptotes=[self._quest.guess],
            lapse_rates=list(self._quest.lapses),
            responses=("right", "wrong"),
            stim_scale="log10",
        )

    def fill(self, trial: Trial) -> Trial:
        """Return `trial` with the stimulus that its staircase wants to show next.

        The strength nearest to the wanted one among those of the trial's scene; a
        practice trial shows the strongest.

        Raises
        ------
        InputError
            If the scene has no stimulus of the region.
        """
        there = self._by_place.get((trial.scene, trial.region), [])
        if not there:
            raise InputError(f"scene {trial.scene!r} has no stimulus of region {trial.region!r}")
        if trial.kind not in COUNTED:
            return replace(trial, stimulus=max(there, key=lambda s: float(s.strength)).stimulus)
        if trial.region not in self._wanted:
            self._wanted[trial.region] = float(self._procedures[trial.region].next_intensity)
        wanted = self._wanted[trial.region]
        nearest = min(there, key=lambda s: abs(np.log10(float(s.strength)) - wanted))
        return replace(trial, stimulus=nearest.stimulus)

    def strength(self, stimulus: str) -> float:
        """Return the strength of a stimulus."""
        return self._strength[stimulus]

    def answer(self, trial: TrialLine) -> None:
        """Take a journalled trial into account: its region, strength and rating (1 right)."""
        if trial.kind not in COUNTED or trial.strength is None:
            return
        region = trial.region
        grid = self._grids[region]
        shown = grid[int(np.abs(grid - np.log10(trial.strength)).argmin())]
        outcome = "right" if trial.rating == 1 else "wrong"
        self._procedures[region].update(intensity=float(shown), response=outcome)
        self._trials[region] += 1
        self._wanted.pop(region, None)

    def replay(self, trials: Iterable[TrialLine]) -> None:
        """Take all journalled trials into account, in their order."""
        for trial in trials:
            self.answer(trial)

    def thresholds(self) -> tuple[Threshold, ...]:
        """Return the threshold of every region that has answers."""
        return tuple(self._threshold(region) for region, n in self._trials.items() if n)

    def _threshold(self, region: str) -> Threshold:
        procedure, quest = self._procedures[region], self._quest
        estimate = procedure.param_estimate
        posterior = np.asarray(procedure.marginal_posterior["threshold"], float)
        mean = float(estimate["threshold"])
        spread = float(np.sqrt(np.sum(posterior * (self._grids[region] - mean) ** 2)))
        slope, lapse = float(estimate["slope"]), float(estimate["lapse_rate"])
        tail = (1 - lapse - quest.threshold_at) / (1 - quest.guess - lapse)
        shift = np.log10(-np.log(tail)) / slope
        strength = float(10 ** (mean + shift))
        return Threshold(region, strength, spread, slope, self._trials[region])
