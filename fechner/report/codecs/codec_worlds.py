"""In which world SIMULATED participants of a codec study live, said wherever they are told of."""

from __future__ import annotations

from fechner.report.artefacts import Artefacts

WORLDS = {
    "judge": "a coded picture has the quality that MDSI gives it, a metric that no encoder of the "
    "set knows",
    "map": "everybody looks only at the quarter of a picture that its map marks and judges it by "
    "the similarity of gradient magnitudes, a metric that no encoder of the set knows: an encoder "
    "that spends its bytes there is better by construction",
    "null": "all arms of a rate have the same quality, so that the claim is false by construction",
    "centre": "errors weigh by their distance from the centre of the picture",
}
"""What SIMULATED participants care about where coded files are compared."""


def simulated_world(study: Artefacts) -> str:
    """Return in which world simulated participants live; empty where nobody is or none is known."""
    if not study.simulated_participants or study.world not in WORLDS:
        return ""
    return f"In their world {WORLDS[study.world]}."
