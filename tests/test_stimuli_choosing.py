"""Which scenes of a pool become stimuli, and when a folder may be built in again."""

from pathlib import Path

import numpy as np
import pytest
from small_stimuli import picture

from fechner import __version__
from fechner.errors import InputError, RefusedError
from fechner.progress import silent
from fechner.provenance import provenance, write_json
from fechner.stimuli import choosing
from fechner.stimuli.build import build_stimuli, check_pool
from fechner.stimuli.choosing import choose_scenes
from fechner.stimuli.design import Design, Scene
from fechner.stimuli.kept import Built, SceneTask, open_folder

STRENGTHS = {"blur mse=60": {"low": 1.0, "high": 1.0}}


def tasks_of(names, arms):
    return [SceneTask(Scene(n, Path(n), Path(n)), Path("set"), Design(arms=arms)) for n in names]


def own_arms(task, seen=None):
    """A scene whose name begins with ``bad`` is refused; its pixels are its last letter."""
    name = task.scene.name
    if name.startswith("bad"):
        return Built(name, (), {}, refused="no matched pair")
    intact = picture(f"{name}_intact", name, "intact", 0.0)
    object.__setattr__(intact, "sha256", name[-1])
    return Built(name, (intact,), {"strengths": STRENGTHS}, error=((1.0, 2.0), (3.0, 4.0)))


def donor_arm(task, seen=None):
    """A scene whose name begins with ``alone`` finds no comparable donor."""
    strength = 9.0 if task.scene.name.startswith("alone") else 1.0
    return Built(task.scene.name, (), {"strengths": {"blur mse=60": {"donor": strength}}})


@pytest.fixture
def chosen_of(monkeypatch):
    """Return what is chosen of named scenes without any picture."""
    monkeypatch.setattr(choosing, "make_own_arms", own_arms)
    monkeypatch.setattr(choosing, "make_donor_arm", donor_arm)
    monkeypatch.setattr(choosing, "_blocks", lambda task: np.eye(2, dtype=bool))

    def choose(*names, wanted, arms=("low", "high")):
        tasks = tasks_of(names, arms)
        return choose_scenes(tasks, wanted=wanted, fewest=8, pool=None, progress=silent)

    return choose


def test_a_refused_scene_is_replaced_by_the_next_of_the_pool(chosen_of):
    chosen = chosen_of("a", "bad1", "b", "bad2", "c", "d", wanted=3)
    assert chosen.kept == ["a", "b", "c"]
    assert set(chosen.refused) == {"bad1", "bad2"}
    assert "d" not in chosen.own


def test_a_scene_without_a_comparable_donor_is_replaced_too(chosen_of):
    chosen = chosen_of("a", "alone1", "b", "c", wanted=3, arms=("low", "high", "donor"))
    assert chosen.kept == ["a", "b", "c"]
    assert "9.00 times apart" in chosen.refused["alone1"]
    assert set(chosen.gifts) == {"a", "b", "c"}
    assert [built.scene for built in chosen.left_out] == ["alone1"]


def test_of_two_scenes_with_the_same_pixels_the_second_is_replaced(chosen_of):
    chosen = chosen_of("first_x", "second_x", "y", "z", wanted=3)
    assert chosen.kept == ["first_x", "y", "z"]
    assert chosen.refused["second_x"] == "it shows the same pixels as scene 'first_x'"


def test_an_exhausted_pool_names_every_reason(chosen_of):
    with pytest.raises(RefusedError, match=r"only 1 of 3 .* bad1: no matched pair; bad2: no"):
        chosen_of("a", "bad1", "bad2", wanted=3)


def test_a_pool_that_is_too_small_says_how_many_there_are():
    with pytest.raises(InputError, match="12 scenes are wanted and the pool holds 9"):
        check_pool(12, 9)


def test_every_missing_map_is_counted_before_anything_is_built(tmp_path):
    scenes = {name: (tmp_path / f"{name}.png", tmp_path / f"{name}_map.png") for name in "ab"}
    with pytest.raises(InputError, match=r"a_map\.png for 'a' and 1 more; make it with"):
        build_stimuli(scenes, tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.fixture
def finished(tmp_path):
    """A folder whose record says that a set of one picture was built there."""
    made = provenance(parameters={"targets": [60.0]}, inputs={"cat image": "1"})
    write_json(tmp_path / "stimuli.json", {"provenance": made})
    write_json(tmp_path / ".scenes" / "cat_own.json", {"key": ""})
    return tmp_path


def test_a_finished_set_of_the_same_design_is_opened_as_it_is(finished):
    open_folder(finished, {"targets": [60.0]}, {"cat image": "1", "dog image": "2"}, again=False)
    assert (finished / ".scenes" / "cat_own.json").exists()


@pytest.mark.parametrize(
    ("design", "inputs", "said"),
    [
        ({"targets": [30.0]}, {"cat image": "1"}, r"targets \[60.0\] instead of \[30.0\]"),
        ({"targets": [60.0]}, {"cat image": "2"}, "another cat image"),
        ({"targets": [60.0]}, {}, "another cat image"),
    ],
)
def test_another_set_is_replaced_on_request_only(finished, design, inputs, said):
    with pytest.raises(RefusedError, match=f"{said}.*--again"):
        open_folder(finished, design, inputs, again=False)
    open_folder(finished, design, inputs, again=True)
    assert not list((finished / ".scenes").iterdir())


def test_a_set_of_another_version_is_refused(finished, monkeypatch):
    monkeypatch.setattr("fechner.stimuli.kept.__version__", "0.0.0")
    with pytest.raises(RefusedError, match=f"built by fechner {__version__}, this is 0.0.0"):
        open_folder(finished, {"targets": [60.0]}, {"cat image": "1"}, again=False)
