"""A small study folder for tests of the report: every artefact as the steps write it."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from journals import header_of, trial
from ratings_worlds import rate
from scipy.ndimage import gaussian_filter

from fechner.analysis.ratings.claims.tested_claim import claim
from fechner.analysis.ratings.prediction.rivals import pixel_predictions
from fechner.analysis.ratings.prediction.tracking import predicted_against_observed
from fechner.experiment.journal.journal import Journal
from fechner.provenance import provenance, sha256_file
from fechner.records.images.files import write_map_png, write_png
from fechner.records.journal import journal_name
from fechner.records.maps import write_maps
from fechner.records.rated_images import RatedImages, write_rated_images
from fechner.records.ratings import ratings_from_table, write_ratings
from fechner.records.scales import Scale
from fechner.records.selection import (
    ChannelSelection,
    ColumnAlone,
    Gain,
    ReadoutEvidence,
    SelectionStudy,
    ShuffledControl,
)
from fechner.records.stimuli import Stimulus, write_stimulus_set

SCENES = ("0801", "null", "NA", "1e5", "True", "2024-01-02", "-1", "a,b", "sea & sky")
"""Names that a table reader takes for numbers, dates, booleans or nothing, and marks of HTML."""


def noise_picture(rng, shape=(160, 200)):
    layers = [gaussian_filter(rng.normal(size=shape), s) * s for s in (2, 5, 12) for _ in range(3)]
    channels = [sum(layers[k::3]) for k in range(3)]
    picture = np.stack([(c - c.min()) / np.ptp(c) for c in channels], axis=-1)
    return (picture * 255).astype(np.uint8)


def candidate(method, rng, scenes, *, gain, readout=None, simulated):
    impact = rng.normal(0.0001, 0.0004, 96)
    kept = impact > 0 if method != "all" else np.ones(96, bool)
    return ChannelSelection(
        network="efficientnet_lite0",
        layer="blocks.6.0",
        widths=[96],
        size=224,
        weights_sha256="a" * 64,
        preprocessing="squashed to 224 x 224",
        pool=None,
        dimension="quality",
        method=method,
        n_channels=96,
        kept=kept.tolist(),
        weights=np.where(kept, impact, 0).tolist(),
        impact=impact.tolist(),
        alignment_selection=Gain(before=0.04, after=0.04 + gain[0]),
        alignment_held_out=Gain(
            before=0.03, after=0.03 + gain[1], interval=(gain[1] - 0.03, gain[1] + 0.09)
        ),
        alignment_shuffled=ShuffledControl(
            selection=rng.normal(0.04 + gain[0] * 0.8, 0.02, 10).tolist(),
            held_out=rng.normal(0.0, 0.02, 10).tolist(),
        ),
        readout=readout,
        scenes_selection=scenes[:6],
        scenes_held_out=scenes[6:],
        provenance=provenance(parameters={"shuffles": 10}, seed=1, simulated=simulated),
    )


def write_selection(folder, scenes, rng, *, simulated):
    evidence = ReadoutEvidence(
        held_out_spearman=0.46, interval=(0.31, 0.6), shuffled=rng.normal(0, 0.08, 10).tolist()
    )
    candidates = [
        candidate("all", rng, scenes, gain=(0, 0), simulated=simulated),
        candidate("negative", rng, scenes, gain=(0.09, 0.02), simulated=simulated),
        candidate("greedy", rng, scenes, gain=(0.25, 0.03), simulated=simulated),
        candidate("readout", rng, scenes, gain=(0.1, 0.05), readout=evidence, simulated=simulated),
    ]
    study = SelectionStudy(
        dimension="quality",
        candidates=candidates,
        chosen="readout",
        reason="The read-out drives the maps: on held-out scenes it lies furthest above chance.",
        noise_ceiling=(0.55, 0.68),
        columns=[
            column("generator", 0.665, 0.215, (0.121, 0.302)),
            column("camera & lens", 0.46, 0.01, (-0.137, 0.113)),
        ],
    )
    study.write(folder / "channels" / "selection.json")


def column(name, prediction, lead, interval):
    """What a column predicts beside channels that predict at .45."""
    return ColumnAlone(
        column=name,
        levels=6,
        prediction=prediction,
        low=prediction - 0.08,
        high=prediction + 0.08,
        channels="the channels of 'readout'",
        channels_prediction=0.45,
        lead=lead,
        lead_low=interval[0],
        lead_high=interval[1],
    )


def write_images(folder, scenes, rng):
    raw, stimuli, pictures = {}, [], {}
    for scene in scenes:
        pictures[scene] = noise_picture(rng)
        raw[scene] = gaussian_filter(rng.normal(size=(160, 200)), 18)
    write_maps(
        folder / "maps",
        raw,
        about={name: {"method": "readout", "image": f"{name}.png"} for name in raw},
        set_record={"provenance": provenance(parameters={}, seed=1)},
    )
    (folder / "stimuli" / "masks").mkdir(parents=True)
    for k, scene in enumerate(scenes):
        picture, importance = pictures[scene], raw[scene]
        write_png(folder / "stimuli" / f"{scene}_intact.png", picture)
        stimuli.append(stimulus(folder, scene, "intact", 0.0, 0.0))
        other = raw[scenes[(k + 1) % len(scenes)]]
        masks = {
            "low": importance < np.quantile(importance, 0.2),
            "high": importance > np.quantile(importance, 0.8),
            "donor": other > np.quantile(other, 0.8),
        }
        blurred = np.stack([gaussian_filter(picture[..., c], 3.0) for c in range(3)], axis=-1)
        weights = np.exp(3 * (importance - importance.min()) / np.ptp(importance))
        for arm, mask in masks.items():
            shown = np.where(mask[..., None], blurred, picture)
            error = ((shown.astype(float) - picture) ** 2).mean(axis=2)
            impact = float((weights / weights.mean() * error).mean()) + rng.uniform(0, 20)
            write_png(folder / "stimuli" / f"{scene}_{arm}.png", shown)
            write_map_png(folder / "stimuli" / "masks" / f"{scene}_{arm}.png", mask.astype(float))
            stimuli.append(stimulus(folder, scene, arm, impact, float(error.mean())))
    refused = {"hubble": "no regions within 2 % in edge energy: the constraint edge_fine binds"}
    record = {"refused": refused, "provenance": provenance(parameters={"family": "blur"}, seed=1)}
    return write_stimulus_set(folder / "stimuli", stimuli, record)


def stimulus(folder, scene, arm, impact, mse):
    intact, file = arm == "intact", f"{scene}_{arm}.png"
    picture = folder / "stimuli" / file
    return Stimulus(
        stimulus=f"{scene}_{arm}",
        file=file,
        scene=scene,
        region=arm,
        family="none" if intact else "blur",
        level=0 if intact else 1,
        strength=0.0 if intact else 3.0,
        strength_unit="px",
        mask_area=0.0 if intact else 0.2,
        bytes=picture.stat().st_size,
        mse=mse,
        ssim=1.0 if intact else 0.93,
        predicted_impact=impact,
        centre_error=mse * 1.1,
        layer_distance=impact / 1000 + (len(scene) + len(arm)) / 500,
        sha256=sha256_file(picture),
        covariates={"edge_fine": 0.12, "luminance": 110.0},
    )


def write_sessions(folder, ratings, *, simulated):
    model = {"world": "map"} if simulated else None
    for participant, rows in ratings.groupby("participant"):
        header = header_of(participant=participant, stimuli_sha256="b" * 64, model=model)
        name = journal_name(participant, 1, simulated=simulated)
        with Journal.create(folder / "sessions" / name, header) as journal:
            for number, row in enumerate(rows.itertuples(), start=1):
                journal.append(
                    trial(
                        number,
                        stimulus=row.image,
                        rt_ms=900 + number,
                        pixel_difference=0 if participant == "P00" else None,
                    )
                )
            journal.append({"event": "end"})


def write_study(folder, *, simulated=True, people=True, statistics=True):
    """Write a study folder; `people` and `statistics` say how far it went."""
    return Path(
        shutil.copytree(_written(simulated, people, statistics), folder, dirs_exist_ok=True)
    )


@cache
def _written(simulated, people, statistics):
    """Make each such study once a process, in a folder that goes with the process."""
    place = tempfile.TemporaryDirectory()
    atexit.register(place.cleanup)
    return _made(Path(place.name) / "study", simulated, people, statistics)


def _made(folder, simulated, people, statistics):
    rng = np.random.default_rng(5)
    prefix = "SIMULATED_" if simulated else ""
    (folder / "images").mkdir(parents=True)
    (folder / "study.toml").write_text(
        f'title = "Blur on noise"\n[images]\ntable = "images/{prefix}rated.csv"\n'
        + ('[simulate]\nworld = "map"\n' if simulated else "")
    )
    scales = {"quality": Scale(0, 100)}
    table = pd.DataFrame({"image": [f"{s}.png" for s in SCENES], "scene": SCENES, "quality": 50.0})
    rated = RatedImages(table, folder / "images", scales, simulated)
    write_rated_images(
        rated,
        folder / "images" / f"{prefix}rated.csv",
        provenance(parameters={}, simulated=simulated),
    )
    write_selection(folder, list(SCENES), rng, simulated=simulated)
    stimuli = write_images(folder, SCENES, rng)
    if not people:
        return folder
    table = rate(stimuli.table, column="predicted_impact", participants=13, slope=0.06)
    ratings = ratings_from_table(table, scales=scales, simulated=simulated)
    write_sessions(folder, ratings.table, simulated=simulated)
    write_ratings(ratings, folder / "ratings" / f"{prefix}ratings.csv")
    if statistics:
        claim(ratings, stimuli).write(folder / "statistics" / "claim.json")
        pixels = pixel_predictions(stimuli, folder / "maps")
        predicted_against_observed(
            ratings, stimuli, cross=pixels.cross, rivals=pixels.rivals
        ).write(folder / "statistics" / "prediction.json")
    return folder
