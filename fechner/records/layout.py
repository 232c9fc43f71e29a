"""Where everything lies in a study's folder: one place that knows, for all that read or write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fechner.records.simulated import marked_name
from fechner.records.study import STUDY_FILE, Study, read_study


@dataclass(frozen=True)
class StudyFolder:
    """A study's folder and what its file says.

    Attributes
    ----------
    folder
        Holds ``study.toml`` and everything that the study makes.
    study
        What the file declares.
    """

    folder: Path
    study: Study

    @property
    def simulated(self) -> bool:
        """Whether the study's participants are SIMULATED."""
        return self.study.simulate is not None

    @property
    def table(self) -> Path:
        """The table of rated images."""
        return self.folder / self.study.images.table

    @property
    def photographs(self) -> Path | None:
        """The folder of photographs that nobody rated; None where images are rated."""
        name = self.study.images.photographs
        return None if name is None else self.folder / name

    @property
    def individual_ratings(self) -> Path | None:
        """The long table of the ratings behind the rated images; None where there is none."""
        name = self.study.images.ratings
        return None if name is None else self.folder / name

    @property
    def network_weights(self) -> Path | None:
        """The checkpoint of the network; None for its own weights."""
        name = self.study.network.weights
        return None if name is None else self.folder / name

    @property
    def channels(self) -> Path:
        """The folder of the chosen channels, their tables and figures."""
        return self.folder / "channels"

    @property
    def selection(self) -> Path:
        """The channels that were chosen (SelectionStudy, JSON)."""
        return self.channels / "selection.json"

    @property
    def maps(self) -> Path:
        """The folder of importance maps."""
        return self.folder / "maps"

    @property
    def rival_maps(self) -> Path:
        """The folder of the rivals of these maps that need a network."""
        return self.maps / "rivals"

    @property
    def given_rivals(self) -> dict[str, Path]:
        """The folders of pictures that the user brings as rivals of the maps, by name."""
        return {name: self.folder / path for name, path in self.study.maps.rivals.items()}

    @property
    def stimuli(self) -> Path:
        """The folder of the StimulusSet."""
        return self.folder / "stimuli"

    @property
    def protocol(self) -> str:
        """The name of a shipped protocol, or the path of one beside the study file."""
        name = self.study.session.protocol
        return str(self.folder / name) if name.endswith(".toml") else name

    @property
    def sessions(self) -> Path:
        """The folder of the journals."""
        return self.folder / "sessions"

    @property
    def journals(self) -> list[Path]:
        """The journals that count: SIMULATED ones only where the study declares them."""
        pattern = marked_name("sub-*.jsonl", simulated=self.simulated)
        return sorted(self.sessions.glob(pattern))

    @property
    def ratings(self) -> Path:
        """The long table of collected ratings; SIMULATED stands in its name where they are."""
        name = marked_name("ratings.csv", simulated=self.simulated)
        return self.folder / "ratings" / name

    @property
    def attention(self) -> Path:
        """The attention checks and repeated trials of the participants, beside the ratings."""
        name = marked_name("attention.csv", simulated=self.simulated)
        return self.folder / "ratings" / name

    @property
    def marks(self) -> Path:
        """The folder of what participants marked, where the protocol asks for marks."""
        return self.folder / "marks"

    @property
    def people_maps(self) -> Path:
        """The maps of people, made of their marks; SIMULATED stands in its name where they are."""
        return self.marks / marked_name("maps", simulated=self.simulated)

    @property
    def scene_maps(self) -> Path:
        """The maps of people on the degraded images of each scene together."""
        return self.marks / marked_name("scene_maps", simulated=self.simulated)

    @property
    def marks_compared(self) -> Path:
        """The study's maps against its participants' marks (JSON)."""
        return self.marks / marked_name("compared.json", simulated=self.simulated)

    @property
    def claim(self) -> Path:
        """The tested claim (JSON)."""
        return self.folder / "statistics" / "claim.json"

    @property
    def frozen_plan(self) -> Path:
        """The plan that was frozen before the first participant (JSON)."""
        return self.folder / "frozen_plan.json"

    @property
    def plan_check(self) -> Path:
        """What was run beside what was frozen, line by line (JSON)."""
        return self.folder / "statistics" / "plan.json"

    @property
    def prediction(self) -> Path:
        """Predicted against observed harm (JSON)."""
        return self.folder / "statistics" / "prediction.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.folder / "report.html"

    @property
    def manuscript(self) -> Path:
        """Methods and results in words, to paste into a paper (Markdown)."""
        return self.folder / "manuscript.md"

    @property
    def tables(self) -> Path:
        """The folder of every table with all its digits."""
        return self.folder / "tables"

    @property
    def cache(self) -> Path:
        """Activations; may be deleted at any time."""
        return self.folder / "cache"

    @property
    def finished(self) -> Path:
        """The folder that records which step was done with which inputs."""
        return self.folder / "steps"


def read_study_folder(path: Path) -> StudyFolder:
    """Return the folder of a study, from its study file or from the folder itself.

    Raises
    ------
    InputError
        If there is no study file, or it is wrong.
    """
    path = Path(path)
    file = path / STUDY_FILE if path.is_dir() or not path.suffix else path
    return StudyFolder(file.parent, read_study(file))
