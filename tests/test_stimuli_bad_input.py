"""What cannot be built ends in one line, and leaves nothing that looks like a set."""

import pytest
import stimuli_pictures
from typer.testing import CliRunner

from fechner.cli.main import app
from fechner.errors import RefusedError
from fechner.provenance import write_text
from fechner.records.rules.codec_design import CodecDesign
from fechner.stimuli.build import build_stimuli
from fechner.stimuli.choosing import first_reasons
from fechner.stimuli.coded.build import build_coded_stimuli


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four photographs in `images` and their maps in `maps`."""
    made = tmp_path_factory.mktemp("pool")
    stimuli_pictures.written(made)
    return made


def scenes_of(folder):
    names = sorted(path.stem for path in (folder / "images").glob("*.png"))
    return {name: (folder / f"images/{name}.png", folder / f"maps/{name}.png") for name in names}


def said_by(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 2, result.output
    assert len(result.output.strip().splitlines()) <= 3
    return " ".join(result.output.split())


def build(folder, out, scenes=4, arm="map"):
    text = stimuli_pictures.codec_study("images", scenes=scenes, arm=arm)
    write_text(folder / "study.toml", text)
    words = ["stimuli", "build", folder / "images", "--maps", folder / "maps", "--out", out]
    return [*words, "--study", folder / "study.toml", "--jobs", "1"]


def test_a_study_that_wants_more_scenes_than_there_are_photographs_is_refused(folder, tmp_path):
    said = said_by(*build(folder, tmp_path / "set", scenes=9))
    assert "9 scenes are wanted and the pool holds 4" in said


def test_a_misspelt_arm_is_told_without_the_table_around_it(folder, tmp_path):
    said = said_by(*build(folder, tmp_path / "set", arm="jpegly"))
    assert "'stimuli.codecs': no codec arm is called 'jpegly'; did you mean 'jpegli'" in said
    assert "{" not in said


def test_refused_scenes_leave_no_picture(folder, tmp_path):
    scenes = dict(list(scenes_of(folder).items())[:2])
    with pytest.raises(RefusedError, match=r"cat: .* it reaches 0 to .*; crew: .*"):
        build_stimuli(scenes, tmp_path / "regions", target_mse=9000, regions=stimuli_pictures.QUICK)
    assert not list((tmp_path / "regions").rglob("*.png"))
    design = CodecDesign(arms=("plain", "map"), rates=(1,))
    with pytest.raises(RefusedError, match=r"map comes to .* bytes where .* are wanted"):
        build_coded_stimuli(scenes, tmp_path / "coded", design=design)
    assert {path.suffix for path in (tmp_path / "coded").rglob("*.*")} <= {".json", ".scenes", ""}


def test_the_first_reasons_stand_for_all():
    refused = {f"s{number}": "too smooth" for number in range(9)}
    assert first_reasons(refused) == ("s0: too smooth; s1: too smooth; s2: too smooth; and 6 more")
    assert first_reasons({"a": "x"}) == "a: x"


def test_a_build_that_was_stopped_is_told_from_a_folder_of_pictures(folder, tmp_path):
    half = tmp_path / "half"
    (half / ".scenes").mkdir(parents=True)
    (half / "cat_intact.png").write_bytes((folder / "images/cat.png").read_bytes())
    for words in (["verify", half], ["sheet", half], ["balance", half]):
        assert "not built to the end; go on with the same fechner" in said_by("stimuli", *words)
    run = ["session", "run", "--participant", "P1", "--stimuli", half, "--no-window"]
    assert "not built to the end" in said_by(*run, "--simulate", "null")
    result = CliRunner().invoke(app, ["status", str(half)])
    assert "A stimulus set whose build was not finished." in result.output
    write_text(half / "stimuli.csv", "stimulus\n")
    assert "has stimuli.csv and no stimuli.json; restore it" in said_by("stimuli", "verify", half)


def test_a_folder_of_another_design_is_told_by_the_options_that_differ_alone():
    from fechner.stimuli.kept import _told_apart

    made = {"wanted": 8, "regions": {"share": 0.2, "match": ["chroma"]}}
    wanted = {"wanted": 8, "regions": {"share": 0.3, "match": ["chroma"]}}
    assert _told_apart(made, wanted) == ["share 0.2 instead of 0.3"]
    assert _told_apart(made, made) == []
