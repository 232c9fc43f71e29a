"""Whether the pictures of a stimulus set are those that a session showed, pixel by pixel.

A journal holds the digest of the pixels of every image shown; the set's files give the
digests that they should have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fechner.errors import RefusedError
from fechner.experiment.display import load_pixels, pixels_sha256
from fechner.records.stimuli import changed_pictures

if TYPE_CHECKING:
    from fechner.records.journal import JournalRecord
    from fechner.records.journal.lines import TrialLine
    from fechner.records.stimuli import StimulusSet


class ShownPixels:
    """The pixels of a stimulus set, each file decoded once, against those of journals."""

    def __init__(self, stimuli: StimulusSet) -> None:
        self.stimuli = stimuli
        self._names = {stimulus.stimulus for stimulus in stimuli.pictures}
        self._digests: dict[str, str] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def differing(self, journal: JournalRecord) -> list[TrialLine]:
        """Return the trials that showed other pixels than the set's file of that name holds."""
        return [
            trial
            for trial in journal.answers
            if trial.shown_sha256 is not None and self._digest(trial.stimulus) != trial.shown_sha256
        ]

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height of a stimulus in pixels; zeros where the set has none of it."""
        self._digest(name)
        return self._sizes.get(name, (0, 0))

    def _digest(self, name: str) -> str:
        """Return the digest of a stimulus's pixels; empty where the set has none of that name."""
        if name not in self._digests:
            self._digests[name] = ""
            if name in self._names:
                image = load_pixels(self.stimuli.image_path(self.stimuli.named(name)))
                self._digests[name], self._sizes[name] = pixels_sha256(image), image.size
        return self._digests[name]


def check_shown(journals: Sequence[JournalRecord], stimuli: StimulusSet) -> None:
    """Refuse a stimulus set whose pictures are not those that the journals' sessions showed.

    Raises
    ------
    RefusedError
        If a picture changed since the set was built, if the set is another one than a
        journal names, or if a picture has other pixels than were shown; names the files.
    """
    changed = changed_pictures(stimuli)
    if changed:
        raise RefusedError(
            f"the pictures of {stimuli.folder} changed since the set was built: {few(changed)}; "
            "restore them"
        )
    pixels = ShownPixels(stimuli)
    others = [j.path.name for j in journals if j.header.stimuli_sha256 != stimuli.sha256]
    names = {trial.stimulus for journal in journals for trial in pixels.differing(journal)}
    if names:
        raise RefusedError(
            f"the pictures of {stimuli.folder} are not those that were shown: "
            f"{few(sorted(names))}; give the stimulus set that the sessions were run with"
        )
    if others:
        raise RefusedError(
            f"{stimuli.folder} is not the stimulus set that was shown in {few(others)}; give the "
            "set that the sessions were run with"
        )


def few(names: Sequence[object]) -> str:
    """Return the first five of several things in words, and how many more there are."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(str, names[:5])) + more
