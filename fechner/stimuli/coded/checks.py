"""Is a set of coded pictures what it says: sizes, decoded pixels, and what was matched.

All is measured again on the files that lie in the folder; what the record declares (what was
wanted, and how far from it a file may be) is what they are held against.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fechner.compression.formats import beyond_jpeg
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.errors import InputError, nearest
from fechner.records.images.files import read_image
from fechner.records.rules.codec_design import CodecDesign
from fechner.records.stimuli import INTACT, RECORD, SEVERE, Stimulus, StimulusSet

ROUNDING = 2
"""Grey levels by which decoders may differ that round or interpolate colour in other ways."""

FORM_OF = {ending: form for form, ending in beyond_jpeg.FORMATS.items()}
"""Suffix of a coded file -> its format."""


def decoded(content: bytes, suffix: str) -> np.ndarray:
    """Return what a coded file decodes to, uint8 (h, w, 3).

    Raises
    ------
    InputError
        If no coded file has that suffix.
    MissingPartError
        If the decoder is not installed.
    """
    if suffix not in FORM_OF:
        raise InputError(f"no coded file is called *{suffix}; {nearest(suffix, FORM_OF)}")
    return beyond_jpeg.decode(content, FORM_OF[suffix])


def problems_of_coded(found: StimulusSet, scene: str, mine: Sequence[Stimulus]) -> Iterator[str]:
    """Yield what is wrong with the coded pictures of a scene, one line each.

    Parameters
    ----------
    found
        The set.
    scene
        Name of the scene.
    mine
        Its pictures, those left out whose files are broken.
    """
    design, wanted = _declared(found, scene)
    reference = None
    if design.match == "ss2":
        intact = next((one for one in mine if one.region == INTACT), None)
        if intact is None:
            return
        reference = Ss2Reference(read_image(found.image_path(intact)))
    for one in mine:
        if not one.coded:
            continue
        content = (found.folder / one.coded).read_bytes()
        picture = read_image(found.image_path(one))
        yield from _of_file(one, content, picture)
        value = len(content) if reference is None else reference.score(picture)
        yield from _off(one, float(value), wanted[str(one.level)], design)


def _declared(found: StimulusSet, scene: str) -> tuple[CodecDesign, dict[str, float]]:
    """Return the design of a set, and what the files of each rate of a scene were matched to."""
    try:
        said = dict(found.record["provenance"]["parameters"])
        for name in ("wanted", SEVERE):
            said.pop(name, None)
        design = CodecDesign.model_validate(said)
        rates = found.record["scenes"][scene]["rates"]
        return design, {level: float(said["wanted"]) for level, said in rates.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{found.folder / RECORD} does not say what coded files were matched to; restore it"
        ) from error


def _of_file(one: Stimulus, content: bytes, picture: np.ndarray) -> Iterator[str]:
    if len(content) != one.bytes:
        yield f"{one.coded}: {len(content)} bytes, the table says {one.bytes}"
    pixels = decoded(content, "." + one.coded.rpartition(".")[2])
    if pixels.shape != picture.shape:
        yield f"{one.file}: another size than {one.coded}"
    elif np.abs(pixels.astype(np.int16) - picture).max() > ROUNDING:
        yield f"{one.file}: not what {one.coded} decodes to"


def _off(one: Stimulus, value: float, wanted: float, design: CodecDesign) -> Iterator[str]:
    if abs(value - wanted) > design.tolerance * wanted * (1 + 1e-9):
        unit = "points of ss2" if design.match == "ss2" else "bytes"
        within = f"{100 * design.tolerance:.1f} %"
        yield f"{one.coded}: {value:.6g} {unit}, not {wanted:g} within {within}"
