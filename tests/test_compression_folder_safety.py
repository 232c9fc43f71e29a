"""What is not ours is never replaced, what is replaced is kept, and nothing becomes larger."""

import csv
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner

import fechner
from fechner.cli.compress import app
from fechner.compression.folders.batch import compress_all
from fechner.compression.folders.jobs import plan, result_name
from fechner.compression.folders.summary import totals
from fechner.compression.formats.compress import Settings
from fechner.compression.formats.jpeg_parts import beside_the_picture, end_of_image
from fechner.errors import InputError, RefusedError

PICTURE = Image.fromarray(astronaut()[:96, 100:228])
FAST = Settings()
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(1, 255)) * 8


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    PICTURE.save(folder / "a.jpg", quality=97)
    return folder


def invoke(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def rows_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "summary.csv").open() as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def test_a_foreign_file_in_the_output_folder_is_refused_and_named_when_overwritten(photos):
    out = photos.parent / "out"
    out.mkdir()
    (out / "a.jpg").write_bytes(b"somebody's own")
    words = (photos, "-o", out, "--centre", "--jobs", 1)
    assert "stands in the way" in str(invoke(*words).exception)
    assert (out / "a.jpg").read_bytes() == b"somebody's own"
    assert rows_of(out)["a.jpg"]["status"] == "failed"
    again = invoke(*words, "--overwrite", "--quiet")
    assert again.exit_code == 0
    assert f"replaced {out / 'a.jpg'}, which was not ours" in again.stderr.replace("\n", "")
    assert invoke(*words).exit_code == 0  # now it is ours


def test_a_result_that_was_changed_by_hand_is_no_longer_ours(photos):
    out = photos.parent / "out"
    (row,) = compress_all(plan([photos], out, FAST))
    Path(row.output).write_bytes(b"retouched")
    (row,) = compress_all(plan([photos], out, FAST))
    assert row.status == "failed"
    assert "was changed" in row.note
    assert (out / "a.jpg").read_bytes() == b"retouched"


def test_a_result_that_an_interrupted_run_left_without_its_record_is_still_ours(photos):
    out = photos.parent / "out"
    compress_all(plan([photos], out, FAST))
    (out / ".compress" / "pictures" / "a.jpg.json").unlink()
    (row,) = compress_all(plan([photos], out, FAST))
    assert row.status == "compressed"


def test_another_picture_of_the_same_name_does_not_replace_the_first_ones_result(photos):
    out, other = photos.parent / "out", photos.parent / "other"
    (first,) = compress_all(plan([photos], out, FAST))
    shutil.copytree(photos, other)
    PICTURE.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(other / "a.jpg", quality=97)
    before = Path(first.output).read_bytes()
    (row,) = compress_all(plan([other], out, FAST))
    assert "is the result of" in row.note
    assert Path(first.output).read_bytes() == before
    shutil.rmtree(photos)  # the first source is gone: its place may be taken
    (row,) = compress_all(plan([other], out, FAST))
    assert row.status == "compressed"


@pytest.mark.parametrize("name", ["summary.csv", "sheet.html"])
def test_a_foreign_summary_or_sheet_is_refused_before_any_work(photos, name):
    out = photos.parent / "out"
    out.mkdir()
    (out / name).write_text("mine")
    result = invoke(photos, "-o", out, "--centre", "--jobs", 1)
    assert isinstance(result.exception, RefusedError)
    assert (out / name).read_text() == "mine"
    assert [path.name for path in out.iterdir()] == [name]
    replaced = invoke(photos, "-o", out, "--centre", "--jobs", 1, "--overwrite")
    assert f"replaced {out / name}, which was not ours" in replaced.stderr.replace("\n", "")


def test_a_link_or_a_folder_in_the_way_is_not_written_through(photos):
    out, outside = photos.parent / "out", photos.parent / "outside.jpg"
    out.mkdir()
    outside.write_bytes(b"elsewhere")
    (out / "a.jpg").symlink_to(outside)
    (row,) = compress_all(plan([photos], out, FAST))
    assert row.status == "failed"
    (row,) = compress_all(plan([photos], out, FAST, overwrite=True))
    assert row.status == "compressed"
    assert outside.read_bytes() == b"elsewhere"
    shutil.rmtree(out)
    (out / "a.jpg").mkdir(parents=True)
    (row,) = compress_all(plan([photos], out, FAST, overwrite=True))
    assert "is a folder" in row.note


def test_results_beside_their_sources_replace_nothing(photos):
    PICTURE.save(photos / "a.png")
    PICTURE.resize((4, 4)).save(photos / "tiny.png")
    (photos / "a.png.jpg").write_bytes(b"somebody's own")
    before = {path: path.read_bytes() for path in photos.iterdir()}
    rows = compress_all(plan([photos / "a.png", photos / "tiny.png"], photos, FAST))
    assert [row.status for row in rows] == ["failed", "kept"]
    assert "stands in the way" in rows[0].note
    assert {path: path.read_bytes() for path in before} == before
    (photos / "a.png.jpg").unlink()
    rows = compress_all(plan([photos / "a.png"], photos, FAST))
    assert rows[0].output == (photos / "a.png.jpg").as_posix()


def test_names_of_results_depend_on_their_source_alone(photos):
    out = photos.parent / "out"
    PICTURE.save(photos / "a.png")
    alone = plan([photos / "a.png"], out, FAST)[0].destination
    PICTURE.save(photos / "a.tif")
    names = {job.name: job.destination for job in plan([photos], out, FAST)}
    assert names["a.png"] == alone
    assert len(set(names.values())) == 3
    assert result_name("A.JPEG", "jpeg", "jpeg") == "A.JPEG"
    assert result_name("a.png", "jpeg", "jpeg") == "a.png.jpg"


def test_two_names_that_would_meet_are_both_left_alone(photos):
    out = photos.parent / "out"
    PICTURE.save(photos / "a.png")
    PICTURE.save(photos / "a.png.jpg")
    rows = {row.image: row for row in compress_all(plan([photos], out, FAST))}
    assert rows["a.jpg"].status == "compressed"
    for name in ("a.png", "a.png.jpg"):
        assert "would become one file" in rows[name].note
        assert not (out / name).exists()


def test_what_would_become_larger_is_copied_and_counts(photos, tmp_path):
    flat = Image.new("RGB", (200, 200), (200, 30, 30))
    flat.quantize(2).save(photos / "flat.png", optimize=True)
    smallest = fechner.compress(np.asarray(PICTURE), quality=30, strength=0, effort="max")
    smallest.write(photos / "coarse.jpg")
    out = tmp_path / "out"
    rows = {row.image: row for row in compress_all(plan([photos], out, FAST))}
    for name in ("flat.png", "coarse.jpg"):
        assert rows[name].status == "copied"
        assert "not smaller" in rows[name].note
        assert (out / name).stat().st_size <= (photos / name).stat().st_size
        with Image.open(out / name) as copy, Image.open(photos / name) as source:
            assert np.array_equal(copy, source)
    assert not (out / "flat.png.jpg").exists()
    sums = totals(list(rows.values()))
    assert sums.bytes_before == sum(path.stat().st_size for path in photos.iterdir())
    assert sums.bytes_after == sum(Path(row.output).stat().st_size for row in rows.values())


def test_in_place_keeps_times_rights_and_a_way_back(photos):
    path, out = photos / "a.jpg", photos.parent / "out"
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    PICTURE.save(path, quality=97, exif=exif)
    path.chmod(0o640)
    os.utime(path, (1e9, 1e9))
    original = path.read_bytes()
    result = invoke(photos, "-o", out, "--centre", "--in-place", "--jobs", 1)
    assert result.exit_code == 0
    assert path.stat().st_size < len(original)
    assert (path.stat().st_mtime, path.stat().st_mode & 0o777) == (1e9, 0o640)
    with Image.open(path) as image:
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    kept = out / "originals" / "a.jpg"
    assert kept.read_bytes() == original
    assert kept.stat().st_mtime == 1e9
    assert f"cp -a {out / 'originals'}/. {photos}" in result.output.replace("\n", " ")
    # Put back, changed, and replaced again: the first original stays.
    shutil.copy2(kept, path)
    PICTURE.transpose(Image.Transpose.ROTATE_180).save(path, quality=97)
    second = path.read_bytes()
    assert invoke(photos, "-o", out, "--centre", "--in-place", "--jobs", 1).exit_code == 0
    assert kept.read_bytes() == original
    assert (out / "originals-2" / "a.jpg").read_bytes() == second


def test_without_backup_nothing_is_kept(photos):
    out = photos.parent / "out"
    words = (photos, "-o", out, "--centre", "--in-place", "--no-backup", "--jobs", 1)
    assert invoke(*words).exit_code == 0
    assert not (out / "originals").exists()


def test_originals_that_lie_within_the_folder_are_not_compressed_themselves(photos):
    words = (photos, "-o", photos, "--centre", "--in-place", "--jobs", 1)
    original = (photos / "a.jpg").read_bytes()
    for _ in range(2):
        assert invoke(*words).exit_code == 0
        assert (photos / "originals" / "a.jpg").read_bytes() == original
    assert set(rows_of(photos)) <= {"a.jpg", "summary.csv", "sheet.html"}


def with_video(path: Path) -> None:
    PICTURE.save(path, quality=97)
    path.write_bytes(path.read_bytes() + VIDEO)


def with_gain_map(path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
    PICTURE.save(path, quality=97, xmp=xmp)


def with_second_picture(path: Path) -> None:
    # Behind 300 kB of other segments, so that reading the beginning of the file is not enough.
    PICTURE.save(path, "MPO", save_all=True, append_images=[PICTURE], quality=97)
    content = path.read_bytes()
    comment = b"\xff\xfe\xff\xff" + bytes(65533)
    path.write_bytes(content[:2] + comment * 5 + content[2:])


def read_only(path: Path) -> None:
    PICTURE.save(path, quality=97)
    path.chmod(0o444)


def linked_out(path: Path) -> None:
    outside = path.parent.parent / "outside.jpg"
    PICTURE.save(outside, quality=97)
    path.symlink_to(outside)


def two_names(path: Path) -> None:
    PICTURE.save(path, quality=97)
    os.link(path, path.with_name("other-name.jpg"))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (with_video, "bytes of a video behind its end"),
        (with_gain_map, "a gain map"),
        (with_second_picture, "further pictures"),
        (read_only, "read-only"),
        (linked_out, "outside the folder"),
        (two_names, "2 names"),
    ],
)
def test_in_place_leaves_alone_what_replacing_would_harm(photos, make, why):
    path = photos / "odd.jpg"
    make(path)
    before = path.read_bytes()
    rows = {
        row.image: row
        for row in compress_all(plan([photos], photos.parent / "out", FAST, in_place=True))
    }
    assert rows["odd.jpg"].status == "skipped"
    assert why in rows["odd.jpg"].note
    assert path.read_bytes() == before
    assert rows["a.jpg"].status == "compressed"


def test_what_a_copy_does_not_carry_along_is_said(photos):
    with_video(photos / "a.jpg")
    (row,) = compress_all(plan([photos], photos.parent / "out", FAST))
    assert row.status == "compressed"
    assert "not carried along: " in row.note
    assert beside_the_picture(Path(row.output).read_bytes()) == []


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_the_end_of_an_image_is_found_behind_scans_thumbnails_and_restarts(tmp_path, options):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x010E] = "\xff\xd9 not the end"
    PICTURE.save(path, exif=exif, **options)
    content = path.read_bytes()
    assert end_of_image(content) == len(content)
    assert end_of_image(content + VIDEO) == len(content)
    assert beside_the_picture(content + bytes(40)) == []  # padding


def test_a_dry_run_lists_everything_and_writes_nothing(photos):
    out = photos.parent / "out"
    (photos / "notes.txt").write_text("hello")
    result = invoke(photos, "-o", out, "--dry-run")
    assert result.exit_code == 0
    assert "compress  a.jpg" in result.output
    assert "skipped   notes.txt: not a picture" in result.output
    assert "1 compress, 1 skipped" in result.output
    assert not out.exists()


def test_a_process_that_dies_costs_its_picture_alone(photos, monkeypatch):
    from fechner.compression.folders import batch
    from fechner.executors import executor

    PICTURE.save(photos / "deadly.jpg", quality=97)
    jobs = plan([photos], photos.parent / "out", FAST)
    with executor(2) as pool:
        pool.submit(os.getpid).result()
        monkeypatch.setattr(batch, "compress_job", _dies_on_deadly)
        rows = {row.image: row for row in compress_all(jobs, pool=pool)}
    assert rows["deadly.jpg"].status == "failed"
    assert "ended the process" in rows["deadly.jpg"].note
    assert rows["a.jpg"].status == "compressed"


def _dies_on_deadly(job):
    from fechner.compression.folders.summary import unchanged_row

    if job.name == "deadly.jpg":
        time.sleep(0.2)
        os._exit(9)
    return unchanged_row(job, "compressed")


def test_two_folders_of_results_are_not_compressed_again(photos):
    invoke(photos, "-o", photos / "first", "--centre", "--jobs", 1)
    jobs = {job.name: job for job in plan([photos], photos / "second", FAST)}
    assert jobs["first"].left == "skipped"
    assert "results of an earlier" in jobs["first"].remark


def test_originals_are_never_the_results(photos):
    with pytest.raises(InputError, match="would be overwritten"):
        plan([photos / "a.jpg"], photos, FAST)
