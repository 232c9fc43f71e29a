"""What importance-driven compression saves, and whom it serves: against Pillow, mozjpeg, jpegli.

    python benchmarks/compression.py [--quick] [--set kodak] [--effort high] [--cache DIR]
        [--mozjpeg FOLDER] [--trust 0.25 0.5 0.75 1] [--without PART]
        [--formats] [--rivals] [--only NAME ...] [--no-times] [--jobs]

On the photographs that scikit-image, scikit-learn, matplotlib and PsychoPy bring, or on Kodak
(../shared/data/kodak, or FECHNER_TEST_DATA), on which parameters were chosen; each in a process of
its own. The map is what `fechner map` draws by default. The last line is one JSON object; savings
are shares of bytes, means of photographs, at equal SSIMULACRA2 (ss2) in the most important quarter
of the map, where ours looks as Pillow's JPEG of quality 85:

- `saving_vs_pillow`, `saving_vs_mozjpeg`, `saving_vs_jpegli`: at full trust; `nomap_vs_jpegli`: our
  encoder without a map; `default_saving_vs_jpegli`: at the default trust; `*_by_butteraugli`: at
  equal 3-norm of Butteraugli in that quarter, which our encoder never sees;
- `judge_drop_vs_jpegli`: ss2 that jpegli has more at equal bytes, at the default trust, in the
  quarters that other maps call important, mean of the judges; `drop_*` one judge;
- `worst_tile`, `full_worst_tile`: lowest ss2 of any tile of 96 pixels;
- `q85_source_saving`: of a JPEG of libjpeg quality 85, at the default trust (`full_*`: at full);
- `deadzone_time_ratio`, `trellis_time_ratio`: CPU time of encoding, map to file, over Pillow's
  optimised encoder; `mp12_s`, `mp12_gb`: CPU seconds and peak memory of one photograph of 12
  megapixels, read, searched, encoded and written; `jobs_scaling`: pictures a second with two jobs
  over those with one (on a quiet machine; `--jobs` measures this alone); `jobs_cpu_ratio`: CPU of
  two jobs over that of one; `jobs_own_share`: of it, what the process that shares the work out
  spends.

With --trust the frontier is printed instead. With --formats the other formats are measured instead:
`saving_avif_vs_own` (full trust; `default_*`: the default) against the format's uniform encoder,
`avif_rest`, `avif_worst_tile` and `avif_own_*` of both, `avif_bytes_over_jpeg` over our JPEG, and
`saving_444_vs_420` of our JPEG (`saving_chroma_chosen`: the smaller of both, for each photograph).
With --rivals other maps in the same encoder are measured instead: `over_MAP_by_JUDGE`, points of
ss2 that the default map has more at equal bytes.
`--only` names the photographs. `--without` leaves a part of the encoder out. mozjpeg needs Node and
a folder in which `npm install @jsquash/jpeg` was run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import compression_formats
import compression_parts
import compression_peers as peers
import compression_rivals
import compression_times as times
import cv2
import numpy as np

from fechner.compression.jpeg.encoder import reference_encoder
from fechner.compression.jpeg.source import from_jpeg, from_pixels
from fechner.compression.jpeg.targets import DEFAULT_TRUST, Target, reach
from fechner.compression.ramp import most_important
from fechner.records.images.files import read_image

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FECHNER_TEST_DATA", ROOT.parent / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three photographs")
    parser.add_argument("--set", default="packages", choices=["packages", "kodak"])
    parser.add_argument("--effort", default="high", choices=["fast", "high"])
    parser.add_argument("--cache", type=Path, help="folder that keeps the maps")
    parser.add_argument("--mozjpeg", type=Path, help="folder of npm install @jsquash/jpeg")
    parser.add_argument("--trust", nargs="+", type=float, help="draw the frontier at these")
    parser.add_argument("--without", choices=compression_parts.PARTS, help="part to leave out")
    parser.add_argument("--formats", action="store_true", help="measure the other formats instead")
    parser.add_argument("--rivals", action="store_true", help="measure other maps instead")
    parser.add_argument("--only", nargs="+", help="names of photographs")
    parser.add_argument("--no-times", action="store_true")
    parser.add_argument("--jobs", action="store_true", help="measure two jobs alone")
    parser.add_argument("--photograph", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.photograph:
        print(json.dumps(measured(options.photograph, options)))
        return
    if options.jobs:
        print(json.dumps(times.scaling(list(peers.reporting_photographs().values())[:8])))
        return
    names = list(kodak() if options.set == "kodak" else peers.reporting_photographs())
    names = names[:: max(1, len(names) // 3)][:3] if options.quick else names
    names = options.only or names
    with tempfile.TemporaryDirectory() as scratch:
        options.cache = options.cache or Path(scratch)
        rows = [in_own_process(name, options) for name in names]
        skipped = options.no_times or options.trust or options.formats or options.rivals
        figures = {} if skipped else times.figures(Path(scratch))
    print(json.dumps(means(rows) | figures))


def kodak() -> dict[str, Path]:
    found = {path.stem: path for path in sorted((DATA / "kodak").glob("*.png"))}
    if not found:
        sys.exit(f"no Kodak photographs in {DATA / 'kodak'}; set FECHNER_TEST_DATA")
    return found


def in_own_process(name: str, options) -> dict[str, float]:
    """Measure one photograph in a process of its own; print its line."""
    words = [sys.executable, __file__, *sys.argv[1:], "--photograph", name]
    words += ["--cache", str(options.cache)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    row = json.loads(said.splitlines()[-1])
    print(name, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return row


def means(rows) -> dict[str, float]:
    """Return the means over photographs, and the lowest and highest of what is bounded."""
    found = {key: round(float(np.nanmean([row.get(key, np.nan) for row in rows])), 4)
             for key in rows[0]}  # fmt: skip
    found["photographs"] = len(rows)
    if "judge_drop_vs_jpegli" in found:
        found["worst_tile_of_all"] = round(min(row["full_worst_tile"] for row in rows), 2)
        found["judge_drop_largest"] = round(max(row["judge_drop_vs_jpegli"] for row in rows), 2)
        found["saving_vs_jpegli_least"] = round(min(row["saving_vs_jpegli"] for row in rows), 3)
    return found


def importance_of(name: str, picture, cache: Path) -> np.ndarray:
    """Return the default map of a photograph, made anew or from the cache."""
    file = cache / f"{name}.npy"
    if not file.is_file():
        import fechner

        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, fechner.heatmap(picture).values.astype(np.float32))
    return np.load(file)


def measured(name: str, options) -> dict[str, float]:
    """Return the figures of one photograph."""
    if options.set == "kodak":
        picture = read_image(kodak()[name])
    else:
        picture = peers.reporting_photographs()[name]
    importance = importance_of(name, picture, options.cache)
    inside = most_important(importance, picture.shape[:2])
    if options.formats:
        judged = peers.Judged(picture, {"important": inside, "rest": 1 - inside})
        return compression_formats.figures(judged, importance, options.effort)
    weights = sorted((DATA / "weights" / "alexnet").glob("*.pth"))
    seen = peers.judges(picture, weights[0] if weights else None)
    judged = peers.Judged(picture, {"important": inside, "rest": 1 - inside, **seen})
    compression_parts.leave_out(options.without)
    if options.rivals:
        return compression_rivals.figures(judged, importance, options.effort)
    if options.trust:
        return frontier(judged, importance, list(seen), options)
    files = peers.peer_files(picture, options.mozjpeg)
    curves = {peer: judged.curve(some) for peer, some in files.items()}
    ours = {
        trust: reach(from_pixels(picture), importance, Target(trust=trust), effort=options.effort)
        for trust in (0.0, DEFAULT_TRUST, 1.0)
    }
    row = savings(judged, curves, {trust: found.content for trust, found in ours.items()})
    row |= judge_drops(judged, curves["jpegli"], ours[DEFAULT_TRUST].content, list(seen))
    if options.without is None:
        row |= by_butteraugli(judged, files, ours[1.0].content, ours[DEFAULT_TRUST].content)
        row |= stored_source(picture, importance, options.effort)
    row["rounds"] = ours[1.0].rounds
    return row


def savings(judged, curves, ours) -> dict[str, float]:
    """Return savings at equal ss2 in the important part, and the worst tiles."""
    scores = {trust: judged.scores(content) for trust, content in ours.items()}

    def saving(trust: float, peer: str) -> float:
        theirs = peers.bytes_at(curves[peer], "important", scores[trust]["important"])
        return 1 - len(ours[trust]) / theirs

    row = {f"saving_vs_{peer}": saving(1.0, peer) for peer in curves}
    row["nomap_vs_jpegli"] = saving(0.0, "jpegli")
    row |= {f"default_saving_vs_{peer}": saving(DEFAULT_TRUST, peer) for peer in curves}
    row["worst_tile"] = scores[DEFAULT_TRUST]["worst tile"]
    row["full_worst_tile"] = scores[1.0]["worst tile"]
    row["rest"], row["full_rest"] = scores[DEFAULT_TRUST]["rest"], scores[1.0]["rest"]
    return row


def judge_drops(judged, curve, content: bytes, names) -> dict[str, float]:
    """Return ss2 that jpegli has more at equal bytes, by judge, mean, and over the whole."""
    ours = judged.scores(content)
    drops = {name: peers.score_at(curve, name, len(content)) - ours[name] for name in names}
    whole = peers.score_at(curve, "whole", len(content)) - ours["whole"]
    row = {f"drop_{name.replace(' ', '_')}": drop for name, drop in drops.items()}
    return row | {"judge_drop_vs_jpegli": float(np.mean(list(drops.values()))), "drop_whole": whole}


def by_butteraugli(judged, files, full: bytes, default: bytes) -> dict[str, float]:
    """Return savings against jpegli at equal 3-norm of Butteraugli in the important part."""
    part = judged.parts["important"]
    theirs = [(len(f), {"b": -peers.butteraugli(judged.picture, f, part)})
              for f in files["jpegli"]]  # fmt: skip
    row = {}
    for name, content in (("saving", full), ("default_saving", default)):
        size = peers.bytes_at(theirs, "b", -peers.butteraugli(judged.picture, content, part))
        row[f"{name}_vs_jpegli_by_butteraugli"] = 1 - len(content) / size
    return row


def stored_source(picture, importance, effort) -> dict[str, float]:
    """Return what is saved of JPEGs of libjpeg quality 85, and of others at the default trust."""
    row = {}
    for quality in (70, 85, 95):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "source.jpg"
            path.write_bytes(reference_encoder(picture, quality, "4:2:0"))
            source = from_jpeg(path)
            size = path.stat().st_size
        found = reach(source, importance, Target(), effort=effort)
        row[f"q{quality}_source_saving"] = 1 - len(found.content) / size
        if quality == 85:
            found = reach(source, importance, Target(trust=1.0), effort=effort)
            row["full_q85_source_saving"] = 1 - len(found.content) / size
    return row


def frontier(judged, importance, names, options) -> dict[str, float]:
    """Return, for each trust, saving, worst tile and drop by judge."""
    curve = judged.curve(peers.peer_files(judged.picture, None)["jpegli"])
    row = {}
    for trust in options.trust:
        target = Target(trust=trust)
        content = reach(
            from_pixels(judged.picture), importance, target, effort=options.effort
        ).content
        scores = judged.scores(content)
        size = peers.bytes_at(curve, "important", scores["important"])
        drops = judge_drops(judged, curve, content, names)
        found = {"saving": 1 - len(content) / size, "worst_tile": scores["worst tile"], **drops}
        row |= {f"{key} at {trust:g}": value for key, value in found.items()}
    return row


if __name__ == "__main__":
    main()
