"""Colour plates: seen by everybody but those who lack the cone that the plate asks for."""

from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest

from fechner.compression.light import to_codes, to_light
from fechner.experiment.vision import confusion
from fechner.experiment.vision.codes import codes_of, light_of
from fechner.experiment.vision.confusion import CONES, chromaticity, moved
from fechner.experiment.vision.plates import (
    DIRECTIONS,
    LUMINANCES,
    OUTER,
    RIM,
    SPACE,
    Plate,
    dots,
    in_ring,
)
from fechner.protocols.vision import FARTHEST_UV

VIENOT_LMS_OF_RGB = np.array(
    [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
)
"""Vienot, Brettel and Mollon (1999), Color Research and Application 24, 243-252, equation 3."""

MACHADO = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
"""Machado, Oliveira and Fernandes (2009), severity 1, on linear sRGB. Their tritan matrix is an
approximation of another kind, as they say, and is left out."""

JUST_SEEN = 0.01
"""Share by which the ratio of two cones must differ to be seen: about what normal eyes need."""

SIDE, DISTANCE = 200, 0.05
AXES = (*CONES, "control")


@lru_cache(maxsize=64)
def picture(axis, gap, seed):
    return to_light(np.asarray(Plate(axis, gap, DISTANCE, seed, SIDE).draw())).astype(float)


def rings():
    """Return where the ring would be for each direction of its gap, and which pixels are dots."""
    places = (np.arange(SIDE) + 0.5 - SIDE / 2) / (SIDE / 2 - RIM)
    return {
        gap: np.array([[in_ring(x, y, gap) for x in places] for y in places]) for gap in DIRECTIONS
    }


RINGS = rings()


def dotted(light):
    """Return which pixels of a plate belong to dots."""
    places = np.arange(SIDE) + 0.5 - SIDE / 2
    return (light.max(axis=-1) > 0.05) & (np.hypot(*np.meshgrid(places, places)) < SIDE / 2 - 5)


def cones_of(light, lacking=None):
    """Return what the cones of somebody catch, ``(height, width)`` each; 1 of white light."""
    lms = light @ (VIENOT_LMS_OF_RGB / VIENOT_LMS_OF_RGB.sum(axis=1, keepdims=True)).T
    return {axis: np.maximum(lms[..., k], 1e-4) for k, axis in enumerate(CONES) if axis != lacking}


def contrast(cones, lit, ring):
    """Return how far ring and ground differ, in steps that are just seen.

    Colour is the ratio of two cones. Brightness, of L and M, is drowned by that of the dots, so
    that there a step is its scatter.
    """

    def apart(values):
        return abs(values[lit & ring].mean() - values[lit & ~ring].mean())

    colours = [np.log(one / other) for one, other in combinations(cones.values(), 2)]
    light = np.log(sum(cones[axis] for axis in ("protan", "deutan") if axis in cones))
    return max(
        [apart(colour) / JUST_SEEN for colour in colours] + [apart(light) / light[lit].std()]
    )


def answer(light, cones):
    """Return where somebody sees the gap; None where nothing is seen."""
    lit = dotted(light)
    seen = {gap: contrast(cones, lit, RINGS[gap]) for gap in DIRECTIONS}
    best = max(seen, key=lambda gap: seen[gap])
    return best if seen[best] > 1 else None


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("gap", DIRECTIONS)
def test_normal_vision_sees_every_gap(axis, gap):
    for seed in (1, 2):
        light = picture(axis, gap, seed)
        assert answer(light, cones_of(light)) == gap


@pytest.mark.parametrize("lacking", CONES)
def test_who_lacks_a_cone_sees_no_ring_on_its_plates(lacking):
    for seed, gap in enumerate(DIRECTIONS):
        light = picture(lacking, gap, seed)
        assert answer(light, cones_of(light, lacking)) is None


@pytest.mark.parametrize("kind", MACHADO)
def test_another_model_of_dichromacy_leaves_little_of_the_contrast(kind):
    for seed, gap in enumerate(DIRECTIONS):
        light = picture(kind, gap, seed)
        simulated = np.clip(light @ np.array(MACHADO[kind]).T, 0, 1)
        lit, ring = dotted(light), RINGS[gap]
        left = contrast(cones_of(simulated), lit, ring) / contrast(cones_of(light), lit, ring)
        assert left < 1 / 8


@pytest.mark.parametrize("lacking", CONES)
@pytest.mark.parametrize("axis", AXES)
def test_who_lacks_a_cone_sees_all_other_plates(lacking, axis):
    if lacking != axis:
        light = picture(axis, "up", 1)
        assert answer(light, cones_of(light, lacking)) == "up"


def test_confusion_lines_meet_where_published():
    """Wyszecki and Stiles (1982), Color Science, section 8.2.6, give the points of dichromats."""
    published = {"protan": (0.747, 0.253), "deutan": (1.400, -0.400), "tritan": (0.171, 0.000)}
    for place, axis in enumerate(CONES):
        alone = np.linalg.inv(confusion.CONES_OF_XYZ)[:, place]
        assert alone[:2] / alone.sum() == pytest.approx(published[axis], abs=0.005)


@pytest.mark.parametrize("axis", CONES)
def test_a_moved_colour_lies_as_far_as_asked_and_within_the_screen(axis):
    for distance in (0.02, DISTANCE, FARTHEST_UV):
        light = moved(axis, distance)
        xyz = confusion.XYZ_OF_RGB @ light
        apart = chromaticity(xyz) - chromaticity(confusion.WHITE)
        assert np.hypot(*apart) == pytest.approx(distance, rel=1e-9)
        assert (light >= 0).all()
        assert (light * max(LUMINANCES) <= 1).all()


def test_a_plate_is_the_same_again_and_another_with_another_seed():
    first, again, other = (Plate("deutan", "up", DISTANCE, seed, 160).draw() for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_the_place_of_dots_says_nothing_of_the_gap():
    assert dots(3) == dots(3)
    shapes = [np.asarray(Plate("protan", gap, 0.0, 3, 120).draw()) for gap in DIRECTIONS]
    assert all((shape == shapes[0]).all() for shape in shapes)


def test_no_dot_touches_another_or_leaves_the_disc():
    found = dots(5)
    assert len(found) > 200
    assert all(np.hypot(dot.x, dot.y) + dot.radius <= 1 - SPACE / 2 for dot in found)
    for one, other in combinations(found, 2):
        apart = np.hypot(one.x - other.x, one.y - other.y) - one.radius - other.radius
        assert apart >= SPACE


def test_the_gap_is_a_fifth_of_the_rings_diameter():
    places = np.linspace(-1, 1, 2001)
    middle = OUTER - 0.2 * OUTER
    closed = [in_ring(middle, y, "right") for y in places if abs(y) < 0.3]
    width = sum(not one for one in closed) * (places[1] - places[0])
    assert width == pytest.approx(2 * OUTER / 5, abs=0.002)
    assert in_ring(-middle, 0, "right")
    assert not in_ring(middle, 0, "right")
    assert not in_ring(0, -middle, "up")
    assert in_ring(0, middle, "up")


def test_codes_are_the_nearest_to_the_light_that_they_stand_for():
    assert codes_of(np.array([light_of(code) for code in range(256)])).tolist() == [*range(256)]
    light = np.random.default_rng(0).random(20_000).astype(np.float32)
    nearest = np.rint(to_codes(light[None, :, None])[0, :, 0])
    assert (codes_of(light.astype(float)) != nearest).sum() <= 2  # powers rounded by the processor
    assert codes_of(np.array([-0.5, 1.5])).tolist() == [0, 255]
