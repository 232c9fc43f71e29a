"""Sets of coded files: equal in what was asked for, kept with their files, and built once."""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stimuli_pictures
from PIL import Image
from pydantic import ValidationError

from fechner.compression.jpeg.targets import DEFAULT_TRUST
from fechner.compression.metrics.ssimulacra2 import Ss2Reference
from fechner.errors import InputError, MissingPartError, RefusedError
from fechner.records.images.files import read_image
from fechner.records.rules.codec_design import CODEC_ARMS, CodecDesign
from fechner.records.stimuli import INTACT, read_stimulus_set, verify
from fechner.stimuli.checks import problems_of
from fechner.stimuli.coded import arms, others
from fechner.stimuli.coded.build import build_coded_stimuli
from fechner.stimuli.coded.matching import nearest_file

OWN = ("plain", "map", "donor", "centre", "uniform")
"""Arms that need nothing beside fechner's own dependencies."""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    found = stimuli_pictures.written(tmp_path_factory.mktemp("scenes"))
    return {name: found[name] for name in ("cat", "cup")}


@pytest.fixture(scope="module")
def built(scenes, tmp_path_factory):
    design = CodecDesign(arms=OWN, rates=(40, 75))
    return build_coded_stimuli(scenes, tmp_path_factory.mktemp("set"), design=design)


def coded(built):
    return [one for one in built.stimuli if one.region != INTACT]


def test_every_arm_of_a_rate_takes_the_bytes_of_the_plain_jpeg(built):
    sizes = {(one.scene, one.level, one.region): one.bytes for one in coded(built)}
    assert len(sizes) == 2 * 2 * len(OWN)
    for (scene, level, _), size in sizes.items():
        assert size == pytest.approx(sizes[scene, level, "plain"], rel=0.03)


def test_the_plain_arm_is_what_pillow_writes_at_that_quality(built, scenes, tmp_path):
    with Image.open(scenes["cat"][0]) as picture:
        picture.save(tmp_path / "cat.jpg", quality=40, optimize=True, subsampling="4:2:0")
    there = built.folder / built.named("cat_codec1_plain").coded
    assert there.read_bytes() == (tmp_path / "cat.jpg").read_bytes()


def test_every_picture_is_what_its_coded_file_decodes_to(built):
    for one in coded(built):
        with Image.open(built.folder / one.coded) as picture:
            decoded = np.asarray(picture.convert("RGB"))
        assert (built.folder / one.coded).stat().st_size == one.bytes
        assert np.array_equal(decoded, read_image(built.image_path(one)))


def test_arms_of_other_maps_are_other_files(built):
    level = [one for one in coded(built) if one.scene == "cat" and one.level == 1]
    assert len({one.coded_sha256 for one in level}) == len(OWN)


def test_what_is_read_back_is_what_was_built(built):
    assert read_stimulus_set(built.folder).stimuli == built.stimuli
    assert {"coded", "coded_sha256"} <= set(built.table.columns)


def test_a_changed_coded_file_is_named(built):
    path = built.folder / coded(built)[0].coded
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    try:
        with pytest.raises(RefusedError, match=path.name):
            verify(built.folder)
    finally:
        path.write_bytes(content)
    verify(built.folder)


def test_a_second_build_encodes_nothing_and_a_lost_file_only_its_scene(built, scenes, monkeypatch):
    calls = []
    encode = arms.encode_jpeg
    monkeypatch.setattr(arms, "encode_jpeg", lambda *a, **k: calls.append(1) or encode(*a, **k))
    design = CodecDesign(arms=OWN, rates=(40, 75))
    again = build_coded_stimuli(scenes, built.folder, design=design)
    assert again.sha256 == built.sha256 and not calls
    (built.folder / built.named("cat_codec1_map").coded).unlink()
    assert build_coded_stimuli(scenes, built.folder, design=design).sha256 == built.sha256
    assert calls


def test_two_processes_give_the_same_bytes(scenes, tmp_path):
    from fechner.executors import executor

    design = CodecDesign(arms=("plain", "map"), rates=(50,))
    alone = build_coded_stimuli(scenes, tmp_path / "one", design=design)
    with executor(2) as pool:
        together = build_coded_stimuli(scenes, tmp_path / "two", design=design, pool=pool)
    assert alone.sha256 == together.sha256


def test_arms_can_be_made_equal_in_ss2_instead(scenes, tmp_path):
    design = CodecDesign(arms=("plain", "map"), match="ss2", rates=(60,), tolerance=0.05)
    built = build_coded_stimuli({"cat": scenes["cat"]}, tmp_path, design=design)
    reference = Ss2Reference(read_image(scenes["cat"][0]))
    for one in coded(built):
        assert reference.score(read_image(built.image_path(one))) == pytest.approx(60, abs=3)


def test_jpegli_and_avif_are_arms_like_others(scenes, tmp_path):
    pytest.importorskip("ajpegli")
    design = CodecDesign(arms=("plain", "jpegli", "avif", "avif-map"), rates=(60,), tolerance=0.1)
    built = build_coded_stimuli({"cat": scenes["cat"]}, tmp_path, design=design)
    sizes = [one.bytes for one in coded(built)]
    assert max(sizes) <= 1.1 / 0.9 * min(sizes)
    assert built.record["encoders"]["jpegli"].startswith("ajpegli ")


def test_jpeg_xl_is_an_arm_plain_and_with_the_map(scenes, tmp_path):
    pytest.importorskip("pylibjxl")
    if shutil.which("cjxl") is None:
        pytest.skip("libjxl's cjxl is not installed")
    design = CodecDesign(arms=("plain", "jxl", "jxl-map"), rates=(60,), tolerance=0.05)
    built = build_coded_stimuli({"cat": scenes["cat"]}, tmp_path, design=design)
    sizes = [one.bytes for one in coded(built)]
    assert max(sizes) <= 1.05 / 0.95 * min(sizes)
    assert {Path(one.coded).suffix for one in coded(built)} == {".jpg", ".jxl"}
    assert {one.region: one.strength_unit for one in coded(built)}["jxl"] == "distance"
    assert built.record["encoders"]["jxl"].startswith("cjxl ")
    assert not problems_of(read_stimulus_set(tmp_path))
    about = built.record["scenes"]["cat"]["rates"]["1"]["arms"]
    assert about["jxl"]["ss2"] > about["plain"]["ss2"]


def test_our_jpeg_xl_unpacks_to_our_jpeg():
    pylibjxl = pytest.importorskip("pylibjxl")
    picture = stimuli_pictures.photographs()["cat"]
    drawn = stimuli_pictures.smooth_map(1, *picture.shape[:2])
    packed = arms.encoder("jxl-map", picture, importance=drawn).encode(50)
    jpeg = arms.encoder("map", picture, importance=drawn).encode(50)
    assert pylibjxl.jxl_to_jpeg(packed) == jpeg and len(packed) < len(jpeg)


def test_mozjpeg_makes_smaller_progressive_files_at_the_same_number_of_quality():
    picture = stimuli_pictures.photographs()["cat"]
    reference = Ss2Reference(picture)
    moz, plain = (arms.encoder(a, picture, importance=drawn_flat()) for a in ("mozjpeg", "plain"))
    score, sizes = {}, {}
    for quality in (40, 60):
        made = moz.encode(quality)
        assert b"\xff\xc2" in made  # the marker of a progressive frame
        score[quality], sizes[quality] = reference.score(moz.decode(made)), len(made)
    equal = plain.encode(40)
    assert sizes[40] < len(equal)
    assert score[40] < score[60] and sizes[40] < sizes[60]
    assert "mozjpeg 4.0.3" in arms.versions(("mozjpeg",))["mozjpeg"]


def drawn_flat():
    return np.ones((144, 216), np.float32)


@pytest.mark.skipif(os.name == "nt", reason="a program of two lines is a file of its own there")
def test_a_cjpeg_that_is_not_mozjpegs_is_refused_by_name(monkeypatch, tmp_path):
    program = tmp_path / "cjpeg"
    program.write_text("#!/bin/sh\necho 'libjpeg-turbo version 2.1.5 (build 20230203)'\n")
    program.chmod(0o755)
    for path, said in ((program, "libjpeg-turbo version"), (tmp_path / "nothing", "No such")):
        monkeypatch.setenv(others.CJPEG, str(path))
        with pytest.raises(MissingPartError, match=f"mozjpeg's cjpeg .*{said}.*unset"):
            arms.require("mozjpeg")


@pytest.mark.proof
@pytest.mark.skipif("MOZJPEG_CJPEG" not in os.environ, reason="MOZJPEG_CJPEG names no program")
def test_the_mozjpeg_inside_jpeglib_makes_files_of_the_sizes_of_mozjpegs_program(monkeypatch):
    picture = stimuli_pictures.photographs()["cat"]
    inside = [len(others.mozjpeg(picture, q, "4:2:0")) for q in (30, 60, 85)]
    monkeypatch.setenv(others.CJPEG, os.environ["MOZJPEG_CJPEG"])
    assert "mozjpeg version" in others.mozjpeg_version()
    assert inside == [len(others.mozjpeg(picture, q, "4:2:0")) for q in (30, 60, 85)]


def test_a_missing_cjxl_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(others.CJXL, str(tmp_path / "nothing"))
    with pytest.raises(MissingPartError, match="needs libjxl's cjxl"):
        arms.require("jxl")


def test_a_missing_jpegli_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ajpegli", None)
    with pytest.raises(MissingPartError, match=r"fechner\[codecs\]"):
        arms.require("jpegli")


def test_a_size_out_of_reach_names_the_arm_and_what_it_reaches():
    picture = stimuli_pictures.photographs()["cat"]
    plain = arms.encoder("plain", picture, importance=np.ones((144, 216)))
    with pytest.raises(RefusedError, match=r"plain comes to .* 200 are wanted.*it reaches"):
        nearest_file("plain", plain, 200)


def test_a_set_in_which_no_scene_can_be_coded_is_refused_with_the_reason(scenes, tmp_path):
    design = CodecDesign(arms=("plain", "map"), match="bpp", rates=(0.01,))
    with pytest.raises(RefusedError, match=r"0 of 2 scenes.*plain comes to"):
        build_coded_stimuli(scenes, tmp_path, design=design)


def test_a_donor_needs_a_second_scene(scenes, tmp_path):
    with pytest.raises(InputError, match="two scenes"):
        build_coded_stimuli({"cat": scenes["cat"]}, tmp_path, design=CodecDesign(arms=OWN))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"arms": ("plain", "jpegly")}, "did you mean"),
        ({"arms": ("plain",)}, "two or more"),
        ({"rates": (50, 30)}, "growing"),
        ({"rates": (30.5,)}, "whole"),
        ({"rates": (130,)}, "100"),
    ],
)
def test_a_design_that_cannot_be_is_refused(said, message):
    with pytest.raises(ValidationError, match=message):
        CodecDesign(**said)


def test_maps_are_trusted_as_far_as_where_pictures_are_compressed():
    assert CodecDesign().trust == DEFAULT_TRUST


def test_an_arm_that_no_other_room_spells_holds_no_underscore():
    assert not [arm for arm in CODEC_ARMS if "_" in arm]


def test_a_file_name_that_leaves_the_folder_is_refused(built):
    table = built.folder / "stimuli.csv"
    text = table.read_text()
    name = coded(built)[0].coded
    table.write_text(text.replace(name, f"../{name}"))
    try:
        with pytest.raises(InputError, match="coded expects the name"):
            read_stimulus_set(built.folder)
    finally:
        table.write_text(text)
    assert replace(built, folder=built.folder).sha256 == read_stimulus_set(built.folder).sha256
