"""A stimulus set that leaves: one zip for a public archive, or the folder that BIDS names.

Both hold only pictures whose bytes are those that were built.
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from fechner.errors import InputError
from fechner.provenance import atomic_path, sha256_bytes, write_json, write_text
from fechner.records.cells import is_missing
from fechner.records.stimuli import CATCH_TABLE, INTACT, RECORD, TABLE, StimulusSet
from fechner.stimuli.kept import mask_path

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a zip: the same set gives the same bytes on every day."""

COLUMNS = {
    "stimulus": "name of the picture",
    "file": "the picture, relative to this table",
    "scene": "photograph that it comes from",
    "region": "where it is degraded; intact: nowhere",
    "family": "kind of degradation",
    "level": "step of its strength, from 1",
    "strength": "strength of the degradation, in strength_unit",
    "strength_unit": "unit of strength",
    "mask_area": "share of the picture inside the region",
    "bytes": "size of the PNG",
    "mse": "mean squared error against the intact picture, squared 8-bit grey levels",
    "ssim": "structural similarity with the intact picture",
    "predicted_impact": "squared error weighted by the importance map, squared grey levels",
    "centre_error": "squared error weighted by nearness to the centre, squared grey levels",
    "sha256": "digest of the PNG",
    "layer_distance": "distance from the intact picture within a network",
    "truth": "real or generated",
    "coded": "the coded file that the picture was decoded from, relative to this table",
    "coded_sha256": "digest of the coded file",
}

CODED_COLUMNS = {
    "region": "how it is coded; intact: not at all",
    "level": "number of the rate, from 1",
    "strength": "setting of the encoder, in strength_unit",
    "bytes": "size of the coded file; of the PNG where intact",
}
"""What columns hold in a set of coded pictures, where it is something else."""

README = """\
# Stimuli{simulated}

{stimuli} pictures of {scenes} scenes ({regions}), made with fechner {version}.

- `stimuli.csv`: one row a picture; `stimuli.json`: how the set was made, what was left out.
{catch}{pictures}
- `sha256sums.txt`: digests of every file; check them with `sha256sum -c sha256sums.txt`.
- `LICENCES.md`: whose photographs these are.

`fechner stimuli verify FOLDER` measures the pictures again. Set {sha256}.

| column | content |
|---|---|
{columns}
"""


MASKS = "- `masks/SCENE_REGION.png`: where a picture was degraded (255), before the soft border."
CATCH = "- `catch.csv`: in the same columns, pictures that only catch trials show.\n"
CODED = (
    "- `NAME.png`: what the coded file of that name (column `coded`) decodes to; `bytes` is the "
    "coded file's."
)


def export_zip(found: StimulusSet, path: Path, *, licence: str) -> Path:
    """Write a set as one zip with a README, licence notes and digests.

    Parameters
    ----------
    found
        The set.
    path
        The zip; it must not exist yet.
    licence
        Whose photographs these are and under which licence they may be passed on.

    Returns
    -------
    pathlib.Path
        `path`. The same set and licence give the same bytes.

    Raises
    ------
    InputError
        If `path` exists, or no licence is named.
    RefusedError
        If a picture is not the one that was built.
    """
    if Path(path).exists():
        raise InputError(f"{path} exists already; give another name")
    if not licence.strip():
        raise InputError("a set that leaves names its photographs' licence; give --licence")
    files = {name: file.read_bytes() for name, file in _files(found).items()}
    files["README.md"] = _readme(found).encode()
    files["LICENCES.md"] = _licences(found, licence).encode()
    sums = "".join(f"{sha256_bytes(files[name])}  {name}\n" for name in sorted(files))
    files["sha256sums.txt"] = sums.encode()
    with atomic_path(Path(path)) as part, zipfile.ZipFile(part, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"stimuli/{name}", EARLIEST), files[name])
    return Path(path)


def export_bids(found: StimulusSet, folder: Path) -> Path:
    """Write the pictures, their table and what its columns mean into ``FOLDER/stimuli``.

    The names are those that ``fechner session export`` gives as ``stim_file``.

    Raises
    ------
    InputError
        If ``FOLDER/stimuli`` exists already.
    RefusedError
        If a picture is not the one that was built.
    """
    out = Path(folder) / "stimuli"
    if out.exists():
        raise InputError(f"{out} exists already; give another folder")
    paths = [found.unchanged_path(one) for one in found.pictures]
    out.mkdir(parents=True)
    coded = [found.folder / one.coded for one in found.stimuli if one.coded]
    for path in (*paths, *coded):
        shutil.copyfile(path, out / path.name)
    whole = replace(found, stimuli=found.pictures, catch_items=())
    table = whole.table.rename(columns={"stimulus": "stimulus_id", "file": "stim_file"})
    rows = [
        ["n/a" if is_missing(cell) or cell == "" else str(cell) for cell in row]
        for row in table.itertuples(index=False)
    ]
    text = "\n".join("\t".join(row) for row in [list(table.columns), *rows]) + "\n"
    write_text(out / "stimuli.tsv", text)
    columns = _columns(found)
    said = {"stimulus_id": columns["stimulus"], "stim_file": columns["file"], **columns}
    unknown = "mean of a covariate under the region's soft mask"
    about = {name: {"Description": said.get(name, unknown)} for name in table.columns}
    if found.simulated:
        about["stim_file"]["Description"] += "; the maps behind it rest on SIMULATED ratings"
    write_json(out / "stimuli.json", about)
    return out


def _files(found: StimulusSet) -> dict[str, Path]:
    """Return what a set consists of, by its name in the set."""
    files = {TABLE: found.folder / TABLE, RECORD: found.folder / RECORD}
    if found.catch_items:
        files[CATCH_TABLE] = found.folder / CATCH_TABLE
    for one in found.pictures:
        files[one.file] = found.unchanged_path(one)
        if one.coded:
            files[one.coded] = found.folder / one.coded
        mask = mask_path(found.folder, one.scene, one.region)
        if one.region != INTACT and mask.is_file():
            files[f"masks/{mask.name}"] = mask
    return files


def _columns(found: StimulusSet) -> dict[str, str]:
    return COLUMNS | CODED_COLUMNS if found.has_coded_files else COLUMNS


def _readme(found: StimulusSet) -> str:
    said, coded = _columns(found), found.has_coded_files
    rows = [f"| `{name}` | {said[name]} |" for name in found.table.columns if name in said]
    if not coded:
        rows.append("| `cov_NAME` | mean of a covariate under the region's soft mask |")
    return README.format(
        simulated=" (SIMULATED: the maps rest on SIMULATED ratings)" if found.simulated else "",
        stimuli=len(found.stimuli),
        scenes=len(found.scenes),
        regions=", ".join(dict.fromkeys(one.region for one in found.stimuli)),
        version=found.record.get("provenance", {}).get("fechner", "?"),
        sha256=found.sha256,
        pictures=CODED if coded else MASKS,
        catch=CATCH if found.catch_items else "",
        columns="\n".join(rows),
    )


def _licences(found: StimulusSet, licence: str) -> str:
    inputs = found.record.get("provenance", {}).get("inputs", {})
    scenes = "\n".join(
        f"| {scene} | {inputs.get(f'{scene} image', 'not recorded')} |" for scene in found.scenes
    )
    head = "| scene | sha256 of the photograph's file |\n|---|---|"
    return f"# Licences\n\n{licence.strip()}\n\n{head}\n{scenes}\n"
