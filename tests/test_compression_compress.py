"""Folders of pictures: structure kept, originals safe, runs resumed, faults told."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner

from fechner.cli.compress import app
from fechner.compression.folders import batch
from fechner.compression.folders.batch import compress_all
from fechner.compression.folders.jobs import plan
from fechner.compression.formats.compress import Settings
from fechner.compression.jpeg.targets import Target
from fechner.compression.ramp import centre_map
from fechner.errors import InputError
from fechner.records.done import VERSIONS
from fechner.records.images.files import read_image, write_map_png


@pytest.fixture
def folder(tmp_path) -> Path:
    source = tmp_path / "photos"
    (source / "deep").mkdir(parents=True)
    picture = Image.fromarray(astronaut()[:200, 100:340])
    picture.save(source / "a.png")
    picture.save(source / "deep" / "b.jpg", quality=95)
    return source


def invoke(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_is_compressed_with_its_structure_and_originals_stay(folder, tmp_path):
    before = snapshot(folder)
    out = tmp_path / "out"
    result = invoke(folder, "--out", out, "--centre", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert snapshot(folder) == before
    for name in ("a.png.jpg", "deep/b.jpg"):
        with Image.open(out / name) as image:
            assert image.size == (240, 200)
    with (out / "summary.csv").open() as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"a.png", "deep/b.jpg"}
    for row in rows.values():
        assert int(row["bytes_after"]) == Path(row["output"]).stat().st_size
        assert int(row["bytes_after"]) < int(row["bytes_plain"])
        assert float(row["ss2_background"]) >= 70
    page = (out / "sheet.html").read_text()
    assert page.count("data:image/png;base64,") == 2 * 8
    assert '="http' not in page
    assert "saved" in result.output


def test_a_second_run_does_nothing_and_a_changed_picture_is_done_again(folder, tmp_path):
    jobs = plan([folder], tmp_path / "out", Settings())
    first = compress_all(jobs)
    stamps = [job.destination.stat().st_mtime_ns for job in jobs]
    assert compress_all(jobs) == first
    assert [job.destination.stat().st_mtime_ns for job in jobs] == stamps
    Image.fromarray(astronaut()[200:400, 100:340]).save(folder / "a.png")
    again = compress_all(jobs)
    assert again[0].bytes_after != first[0].bytes_after
    assert again[1] == first[1]


def test_a_new_version_compresses_again_but_never_what_it_replaced(folder, tmp_path, monkeypatch):
    copied = plan([folder / "a.png"], tmp_path / "out", Settings())
    replaced = plan([folder / "deep" / "b.jpg"], tmp_path / "out", Settings(), in_place=True)
    compress_all([*copied, *replaced])
    once = (folder / "deep" / "b.jpg").read_bytes()
    calls = []
    real = batch.compress_source

    def counted(source, importance, settings):
        calls.append(source)
        return real(source, importance, settings)

    monkeypatch.setattr(batch, "compress_source", counted)
    compress_all([*copied, *replaced])
    assert calls == []
    monkeypatch.setitem(VERSIONS, "compressed", VERSIONS["compressed"] + 1)
    compress_all([*copied, *replaced])
    assert len(calls) == 1
    coarser = Settings(Target(quality=50))
    compress_all(plan([folder / "deep" / "b.jpg"], tmp_path / "out", coarser, in_place=True))
    assert (folder / "deep" / "b.jpg").read_bytes() == once


def test_a_changed_map_or_result_is_compressed_again(folder, tmp_path):
    maps = tmp_path / "maps"
    left = np.linspace(1, 0, 240)[None, :].repeat(200, axis=0)
    write_map_png(maps / "a.png", left)
    jobs = plan([folder / "a.png"], tmp_path / "out", Settings(), maps=maps)
    compress_all(jobs)
    first = jobs[0].destination.read_bytes()
    write_map_png(maps / "a.png", left[:, ::-1])
    compress_all(jobs)
    assert jobs[0].destination.read_bytes() != first
    write_map_png(maps / "a.png", left)
    jobs[0].destination.unlink()
    compress_all(jobs)
    assert jobs[0].destination.read_bytes() == first


def test_what_an_interrupted_run_finished_stays(folder, tmp_path, monkeypatch):
    jobs = plan([folder], tmp_path / "out", Settings())
    real = batch.compress_source
    calls = []

    def stopped(source, importance, settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(source, importance, settings)

    monkeypatch.setattr(batch, "compress_source", stopped)
    with pytest.raises(KeyboardInterrupt):
        compress_all(jobs)
    assert jobs[0].destination.is_file()
    assert not jobs[1].destination.exists()
    monkeypatch.setattr(batch, "compress_source", real)
    stamp = jobs[0].destination.stat().st_mtime_ns
    rows = compress_all(jobs)
    assert jobs[0].destination.stat().st_mtime_ns == stamp
    assert all(row.status == "compressed" for row in rows)


def test_in_place_replaces_jpegs_once_and_never_twice(folder, tmp_path):
    path = folder / "deep" / "b.jpg"
    size = path.stat().st_size
    words = (folder / "deep", "--out", tmp_path / "out", "--centre", "--in-place", "--jobs", 1)
    assert invoke(*words).exit_code == 0
    once = path.read_bytes()
    assert len(once) < size
    assert invoke(*words).exit_code == 0
    assert path.read_bytes() == once


def test_a_replaced_picture_stays_the_same_under_another_name_or_path(folder, tmp_path):
    path = folder / "deep" / "b.jpg"
    words = ("--out", tmp_path / "out", "--centre", "--in-place", "--jobs", 1)
    assert invoke(path, *words).exit_code == 0
    once = path.read_bytes()
    moved = path.rename(folder / "moved.jpg")
    assert invoke(moved, *words).exit_code == 0
    assert moved.read_bytes() == once


def test_in_place_keeps_the_rights_of_a_file_and_follows_its_link(folder, tmp_path):
    path, link = folder / "deep" / "b.jpg", folder / "link.jpg"
    path.chmod(0o600)
    link.symlink_to(path)
    size = path.stat().st_size
    (row,) = compress_all(plan([link], tmp_path / "out", Settings(), in_place=True))
    assert row.status == "compressed"
    assert link.is_symlink()
    assert path.stat().st_size < size
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_replacement_that_was_stopped_before_the_file_leaves_the_original(
    folder, tmp_path, monkeypatch
):
    path = folder / "deep" / "b.jpg"
    before = path.read_bytes()
    jobs = plan([path], tmp_path / "out", Settings(), in_place=True)

    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batch, "write_done", stop)
        compress_all(jobs)
    assert path.read_bytes() == before
    assert compress_all(jobs)[0].status == "compressed"


def test_a_jpeg_damaged_in_the_middle_is_refused_not_patched_over(folder, tmp_path):
    path = folder / "deep" / "b.jpg"
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : third + 300] = bytes(i * 7 & 0x7F for i in range(300))
    path.write_bytes(content)
    (row,) = compress_all(plan([path], tmp_path / "out", Settings(), in_place=True))
    assert row.status == "failed"
    assert "damaged" in row.note
    assert path.read_bytes() == content


def test_a_jpeg_that_holds_further_pictures_is_not_replaced(folder, tmp_path):
    path = folder / "deep" / "two.jpg"
    frames = [Image.fromarray(astronaut()[:100, :100]) for _ in range(2)]
    frames[0].save(path, "MPO", save_all=True, append_images=frames[1:])
    before = path.read_bytes()
    (row,) = compress_all(plan([path], tmp_path / "out", Settings(), in_place=True))
    assert "further pictures" in row.note
    assert path.read_bytes() == before
    (copy,) = compress_all(plan([path], tmp_path / "out", Settings()))
    assert copy.status == "compressed"


def test_in_place_leaves_other_formats_alone(folder, tmp_path):
    before = (folder / "a.png").read_bytes()
    rows = compress_all(plan([folder], tmp_path / "out", Settings(), in_place=True))
    assert [row.status for row in rows] == ["skipped", "compressed"]
    assert "only JPEGs" in rows[0].note
    assert (folder / "a.png").read_bytes() == before
    with pytest.raises(InputError, match="leave out --format"):
        plan([folder], tmp_path / "out", Settings(form="webp"), in_place=True)


def test_an_original_is_never_the_output(folder):
    with pytest.raises(InputError, match="would be overwritten"):
        plan([folder / "deep"], folder / "deep", Settings())
    with pytest.raises(InputError, match="would be overwritten"):
        plan([folder / "deep" / "b.jpg"], folder / "deep", Settings())


def test_two_pictures_of_one_name_get_two_files(folder, tmp_path):
    Image.open(folder / "a.png").save(folder / "a.tif")
    jobs = plan([folder], tmp_path / "out", Settings())
    assert len({job.destination for job in jobs}) == 3


def test_two_folders_with_a_picture_of_one_name_are_refused(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.open(folder / "a.png").save(other / "a.png")
    with pytest.raises(InputError, match="would become one file"):
        plan([folder, other], tmp_path / "out", Settings())


def test_results_inside_the_source_folder_are_not_taken_for_sources(folder):
    out = folder / "smaller"
    compress_all(plan([folder], out, Settings(Target(strength=1))))
    assert len(plan([folder], out, Settings())) == 2


def test_a_picture_that_cannot_be_read_is_told_and_stops_no_other(folder, tmp_path):
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:2000])
    Image.new("RGBA", (40, 40), (255, 0, 0, 90)).save(folder / "glass.png")
    frames = [Image.new("RGB", (40, 40), c) for c in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "empty.jpg").touch()
    result = invoke(folder, "--out", tmp_path / "out", "--centre", "--jobs", 1)
    assert isinstance(result.exception, InputError)
    assert "2 of 6 inputs failed" in str(result.exception)
    with (tmp_path / "out" / "summary.csv").open() as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert rows["a.png"]["status"] == rows["deep/b.jpg"]["status"] == "compressed"
    assert "truncated" in rows["broken.png"]["note"]
    assert rows["empty.jpg"]["note"].endswith("it is an empty file")
    for name, why in (("glass.png", "transparent"), ("moving.gif", "2 frames")):
        assert rows[name]["status"] == "copied"
        assert why in rows[name]["note"]
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes()
    assert "2 frames" in rows["moving.gif"]["note"]
    assert rows["empty.jpg"]["note"]


@pytest.mark.parametrize("kind", ["palette", "sixteen", "grey", "opaque"])
def test_unusual_pngs_come_out_right(tmp_path, kind):
    picture = astronaut()[:200, 100:340]
    path = tmp_path / "in" / "p.png"
    path.parent.mkdir()
    if kind == "palette":
        Image.fromarray(picture).quantize(64).save(path)
    elif kind == "sixteen":
        Image.fromarray(picture[..., 0].astype(np.uint16) * 257).save(path)
    elif kind == "grey":
        Image.fromarray(picture[..., 0]).save(path)
    else:
        Image.fromarray(picture).convert("RGBA").save(path)
    (job,) = plan([path], tmp_path / "out", Settings(Target(quality=95, strength=0)))
    (row,) = compress_all([job])
    assert row.status == "compressed", row.note
    with Image.open(path) as before, Image.open(job.destination) as after:
        if kind == "sixteen":
            expected = picture[..., 0].astype(float)
        else:
            expected = np.asarray(before.convert("RGB"))[..., 0].astype(float)
        got = np.asarray(after.convert("RGB"))[..., 0].astype(float)
    assert np.abs(expected - got).mean() < 3


def test_a_map_decides_where_and_one_that_does_not_fit_is_refused(folder, tmp_path):
    maps = tmp_path / "maps"
    left = np.linspace(1, 0, 240)[None, :].repeat(200, axis=0)
    write_map_png(maps / "a.png", left)
    write_map_png(maps / "deep" / "b.png", centre_map((200, 300)))
    jobs = plan([folder], tmp_path / "out", Settings(Target(trust=1)), maps=maps)
    rows = compress_all(jobs)
    error = np.abs(
        np.asarray(Image.open(jobs[0].destination)).astype(float) - Image.open(folder / "a.png")
    ).mean(axis=(0, 2))
    assert error[:60].mean() < 0.8 * error[-60:].mean()
    assert rows[1].status == "failed"
    assert "does not fit" in rows[1].note


def test_a_missing_map_names_what_was_expected(folder, tmp_path):
    (tmp_path / "maps").mkdir()
    write_map_png(tmp_path / "maps" / "b.png", centre_map((200, 240)))
    rows = compress_all(plan([folder], tmp_path / "out", Settings(), maps=tmp_path / "maps"))
    assert [row.status for row in rows] == ["failed", "compressed"]
    assert "holds no map of a.png: expected a.png" in rows[0].note


def test_a_jpeg_that_cannot_shrink_is_kept_as_it_is(tmp_path):
    path = tmp_path / "in" / "flat.jpg"
    path.parent.mkdir()
    Image.new("RGB", (16, 16), (90, 120, 90)).save(path, quality=20, optimize=True)
    (row,) = compress_all(plan([path], tmp_path / "out", Settings(Target(strength=0))))
    if row.status == "kept":
        assert Path(row.output).read_bytes() == path.read_bytes()
    assert row.bytes_after <= row.bytes_before


def test_a_folder_that_cannot_be_written_is_told_and_leaves_nothing(folder, tmp_path):
    out = tmp_path / "out"
    out.write_text("a file stands where the folder should be")
    (row, _) = compress_all(plan([folder], out, Settings()))
    assert row.status == "failed"
    assert "cannot write" in row.note
    assert out.read_text().startswith("a file")


def test_a_folder_that_cannot_be_written_is_told_before_the_work(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.write_text("a file stands where the folder should be")
    monkeypatch.setattr(batch, "compress_job", lambda job: pytest.fail("work began"))
    result = invoke(folder, "--out", out, "--centre", "--jobs", 1)
    assert "cannot write" in str(result.exception)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_leaves_the_old_file(folder, tmp_path, monkeypatch):
    (job,) = plan([folder / "a.png"], tmp_path / "out", Settings())
    compress_all([job])
    old = job.destination.read_bytes()

    def full(file: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("fechner.provenance.os.fsync", full)
    Image.fromarray(astronaut()[200:400, 100:340]).save(folder / "a.png")
    (row,) = compress_all([job])
    assert row.status == "failed"
    assert "No space left" in row.note
    assert job.destination.read_bytes() == old
    assert not [p for p in (tmp_path / "out").rglob("*") if p.name.startswith(".a-")]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--map", "uniform", "--selection", "x"], "one source of importance"),
        (["--centre", "--map", "x"], "one source of importance"),
        (["--map", "absent"], "no folder absent"),
        (["--centre", "--effort", "hihg"], "did you mean 'high'"),
        (["--centre", "--format", "jpg"], "did you mean 'jpeg'"),
        (["--centre", "--quality", "0"], "1 to 100"),
        (["--centre", "--keep-metadata", "al"], "did you mean 'all'"),
        (["--centre", "--background", "whit"], "did you mean"),
        (["--centre", "--bytes", "9", "--bpp", "1"], "leave one out"),
    ],
)
def test_options_that_make_no_sense_end_in_one_line(folder, tmp_path, words, reason):
    result = invoke(folder, "--out", tmp_path / "out", "--jobs", 1, *words)
    assert isinstance(result.exception, InputError)
    assert reason in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_size_that_cannot_be_reached_states_the_range(folder, tmp_path):
    words = (folder / "a.png", "--out", tmp_path / "out", "--centre", "--jobs", 1, "--bytes")
    assert "this picture takes" in str(invoke(*words, 50).exception)
    ok = invoke(*words, 8000)
    assert ok.exit_code == 0
    assert 7500 < (tmp_path / "out" / "a.png.jpg").stat().st_size <= 8000


@pytest.fixture(scope="module")
def lite0():
    from fechner.analysis.network.layers.networks import load_network

    return load_network("efficientnet_lite0")


def equal_weights(network, readout=None, **changed):
    """A selection of all 1280 channels of the default network with equal weights."""
    from fechner.records.selection import ChannelSelection, Gain

    nothing = Gain(before=None, after=None)
    about = {
        "network": network.name,
        "layer": network.default_layer,
        "widths": [1280],
        "size": 224,
        "weights_sha256": network.weights_sha256,
        "preprocessing": "",
        "pool": "mean",
        "dimension": "quality",
        "method": "all",
        "n_channels": 1280,
        "kept": [True] * 1280,
        "weights": [1.0] * 1280,
        "impact": [0.0] * 1280,
        "alignment_selection": nothing,
        "alignment_held_out": nothing,
        "scenes_selection": [],
        "scenes_held_out": [],
        "provenance": {},
    }
    return ChannelSelection(**(about | {"readout": readout} | changed))


def written(selection, path):
    from fechner.records.selection import SelectionStudy

    SelectionStudy(
        dimension=selection.dimension, candidates=[selection], chosen="all", reason="for the test"
    ).write(path)
    return path


def test_a_selection_draws_the_maps_once_and_for_all(folder, tmp_path, monkeypatch, lite0):
    from fechner.analysis.network.maps import importance
    from fechner.records.images.files import read_map_png

    selection = written(equal_weights(lite0), tmp_path / "selection.json")
    words = (folder / "a.png", "--out", tmp_path / "out", "--selection", selection)
    result = invoke(*words, "--jobs", 1)
    assert result.exit_code == 0, result.output
    (drawn,) = (tmp_path / "out" / ".compress" / "maps").rglob("*.png")
    values = read_map_png(drawn)
    raw = np.abs(
        importance.contribution_map(lite0, read_image(folder / "a.png"), equal_weights(lite0))
    )
    assert np.allclose(values, raw / raw.max(), atol=1e-4)

    def again(*_: object, **__: object) -> None:
        raise AssertionError("the map was drawn again")

    monkeypatch.setattr(importance, "contribution_map", again)
    assert invoke(*words, "--jobs", 1).exit_code == 0


def test_a_run_whose_maps_are_drawn_loads_no_network(folder, tmp_path, monkeypatch):
    from fechner.analysis.network.layers import networks

    words = (folder / "a.png", "--out", tmp_path / "out", "--jobs", 1, "--quiet")
    assert invoke(*words).exit_code == 0
    loaded = []
    load = networks.load_network
    monkeypatch.setattr(networks, "load_network", lambda *a, **k: loaded.append(a) or load(*a, **k))
    assert invoke(*words).exit_code == 0
    assert not loaded
    (drawn,) = (tmp_path / "out" / ".compress" / "maps").rglob("*.png")
    drawn.unlink()
    assert invoke(*words).exit_code == 0
    assert len(loaded) == 1
    assert drawn.is_file()


def test_a_selection_that_predicts_ratings_draws_what_the_prediction_would_lose(
    folder, tmp_path, lite0
):
    from fechner.analysis.network.maps.removal import removal_map
    from fechner.records.images.files import read_map_png
    from fechner.records.selection import ReadoutEvidence

    chosen = equal_weights(lite0, ReadoutEvidence(held_out_spearman=0.4))
    selection = written(chosen, tmp_path / "selection.json")
    result = invoke(folder / "a.png", "--out", tmp_path / "out", "--selection", selection)
    assert result.exit_code == 0, result.output
    (drawn,) = (tmp_path / "out" / ".compress" / "maps").rglob("*.png")
    lost = np.maximum(removal_map(lite0, read_image(folder / "a.png"), chosen), 0)
    assert np.allclose(read_map_png(drawn), lost / lost.max(), atol=1e-4)


def test_a_selection_of_other_weights_is_refused(folder, tmp_path, lite0):
    other = written(equal_weights(lite0, weights_sha256="0" * 64), tmp_path / "selection.json")
    result = invoke(folder / "a.png", "--out", tmp_path / "out", "--selection", other)
    assert isinstance(result.exception, InputError)
    assert "other weights of efficientnet_lite0" in str(result.exception)
    assert "give the same weight file" in str(result.exception)


def test_without_a_word_the_maps_are_where_a_network_sees_damage(folder, tmp_path):
    import fechner
    from fechner.records.images.files import read_map_png

    result = invoke(folder / "a.png", "-o", tmp_path / "out", "--quiet", "--jobs", 1)
    assert (result.exit_code, result.output) == (0, "")
    (drawn,) = (tmp_path / "out" / ".compress" / "maps").rglob("*.png")
    expected = fechner.heatmap(folder / "a.png").importance
    assert np.allclose(read_map_png(drawn), expected, atol=1e-4)


def test_a_uniform_map_takes_nothing_from_anywhere(folder, tmp_path):
    words = (folder / "a.png", "--jobs", 1, "--quiet")
    found = {}
    for name in ("uniform", "centre"):
        assert invoke(*words, "-o", tmp_path / name, "--map", name).exit_code == 0
        with (tmp_path / name / "summary.csv").open() as file:
            (found[name],) = csv.DictReader(file)
    assert float(found["uniform"]["strength"]) == 0 < float(found["centre"]["strength"])
    assert int(found["uniform"]["bytes_after"]) > int(found["centre"]["bytes_after"])


def test_help_without_a_command_shows_every_option():
    shown = invoke("--help").output
    for option in ("--map", "--effort", "--in-place", "--quiet", "-o"):
        assert option in shown


def test_a_floor_that_the_quality_does_not_reach_is_told(folder, tmp_path):
    jobs = plan([folder / "a.png"], tmp_path / "out", Settings(Target(background_floor=99.0)))
    (row,) = compress_all(jobs)
    assert row.status == "compressed"
    assert "below the floor of 99" in row.note


def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(
        "import os, time\n"
        "from fechner.executors import executor\n"
        "if __name__ == '__main__':\n"
        "    with executor(2) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert int(parent.stdout.readline()) != parent.pid
    parent.kill()
    parent.communicate(timeout=20)  # ends when no worker holds the output open any more
