"""``fechner stimuli``: build, verify and look at stimulus sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.cli.options.running import Cluster, Jobs

if TYPE_CHECKING:
    from fechner.records.rules.severe_rule import SevereRule
    from fechner.records.stimuli import StimulusSet
    from fechner.records.study import Study

app = typer.Typer(no_args_is_help=True, help="Stimulus sets: build, verify, look.")


@app.command()
def build(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Photographs: files or folders.")],
    maps: Annotated[Path, typer.Option(help="Folder of importance maps, NAME.png each.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the stimulus set.")],
    family: Annotated[
        list[str] | None, typer.Option(help="Degradation; repeat for several.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Loss such as mse=60; repeat for several levels.")
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="low, high, donor, middle, random, mirrored, centre, uniform; repeat."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(help="Study file that says the design, coded files among them."),
    ] = None,
    share: Annotated[float, typer.Option(help="Area of a region, share of the picture.")] = 0.2,
    tolerance: Annotated[float, typer.Option(help="Of every matched covariate.")] = 0.02,
    leave_unmatched: Annotated[
        list[str] | None, typer.Option(help="A covariate that is not matched; repeat.")
    ] = None,
    max_strength_ratio: Annotated[
        float, typer.Option(help="Refuse scenes whose arms need strengths further apart.")
    ] = 1.5,
    truth: Annotated[
        Path | None,
        typer.Option(help="CSV with scene and truth (real or generated), for authenticity."),
    ] = None,
    wanted: Annotated[
        int | None,
        typer.Option(min=2, help="Scenes wanted of these photographs; refused ones are replaced."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Replace another set that lies in --out.")
    ] = False,
    severe: Annotated[
        str | None,
        typer.Option(help="Also a ruined catch item a scene: FAMILY=MSE such as noise=2000."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of noise, phases and random regions.")] = 0,
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Build intact and degraded pictures of every photograph, matched and controlled.

    Example: fechner stimuli build photos --maps maps --out stimuli --family blur --target mse=60
    Coded files: fechner stimuli build photos --maps maps --out stimuli --study study.toml
    """
    from fechner.cli.console import bar, console
    from fechner.cli.paths import by_name, image_paths
    from fechner.compression.regions.options import RegionOptions
    from fechner.executors import executor
    from fechner.stimuli.build import build_stimuli
    from fechner.study.design import build_declared

    declared = None if study is None else _declared(context, study)
    measure, values = _levels(target or ["mse=60"])
    named = by_name(image_paths(images))
    scenes = {name: (path, maps / f"{name}.png") for name, path in named.items()}
    truths = None if truth is None else _truths(truth)
    options = RegionOptions(share=share, tolerance=tolerance)
    with executor(jobs, cluster) as pool, bar("Stimuli") as progress:
        if declared is not None:
            made = build_declared(
                declared,
                scenes,
                out,
                wanted=_wanted(declared, wanted),
                again=again,
                truths=truths,
                pool=pool,
                progress=progress,
            )
        else:
            made = build_stimuli(
                scenes,
                out,
                family=family or ["blur"],
                target_mse=values,
                measure=measure,
                arms=region or ["low", "high", "donor"],
                regions=options.without(*(leave_unmatched or [])),
                max_strength_ratio=max_strength_ratio,
                wanted=wanted,
                again=again,
                seed=seed,
                severe=None if severe is None else _severe(severe),
                truths=truths,
                pool=pool,
                progress=progress,
            )
    console.print(_counted(made, out), markup=False, soft_wrap=True)
    for scene, reason in made.record["refused"].items():
        console.print(f"left out {scene}: {reason}", markup=False)


SAID_BY_STUDY = (
    "family", "target", "region", "share", "tolerance", "leave_unmatched", "max_strength_ratio",
    "severe", "seed",
)  # fmt: skip
"""Options that a study file says itself."""


def _declared(context: typer.Context, file: Path) -> Study:
    """Return a study whose file says the design, and whether anything said it beside the file."""
    from fechner.errors import InputError
    from fechner.records.study import read_study

    for name in SAID_BY_STUDY:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise InputError(f"the design is that of {file}; leave {option} out or change the file")
    return read_study(file)


def _wanted(study: Study, asked: int | None) -> int | None:
    """Return how many scenes are asked for, by the option or by the study file."""
    said = "scenes" in study.stimuli.model_fields_set
    return study.stimuli.scenes if asked is None and said else asked


def _severe(text: str) -> SevereRule:
    """Return how severe catch items are made, from text such as ``noise=2000``."""
    from fechner.errors import InputError
    from fechner.records.rules.severe_rule import SevereRule

    family, _, loss = text.partition("=")
    try:
        return SevereRule(family=family.strip(), mse=float(loss))
    except ValueError as error:
        raise InputError(
            f"--severe is written FAMILY=MSE, with MSE above 0, such as noise=2000, got {text!r}"
        ) from error


def _counted(made: StimulusSet, out: Path) -> str:
    return f"{_pictures(made)} in {out}"


def _pictures(found: StimulusSet) -> str:
    severe = f", {len(found.catch_items)} severe catch items" if found.catch_items else ""
    return f"{len(found.stimuli)} stimuli of {len(found.scenes)} scenes{severe}"


def _truths(table: Path) -> dict[str, str]:
    """Return what a table says of each scene: real or generated."""
    from fechner.records.cells import read_cells, require_columns, require_distinct

    cells = read_cells(table)
    require_columns(cells, ("scene", "truth"), table)
    require_distinct(cells, ["scene"], table)
    return {str(s): str(t) for s, t in zip(cells["scene"], cells["truth"], strict=True) if t}


def _levels(targets: list[str]) -> tuple[str, list[float]]:
    """Return the measure and the levels of targets such as ``mse=30``, in growing order."""
    from fechner.compression.degrading.matching import parse_loss
    from fechner.errors import InputError

    parsed = [parse_loss(text) for text in targets]
    measures = {target.measure for target in parsed}
    if len(measures) > 1:
        raise InputError(f"levels share one measure, got {sorted(measures)}; build a set for each")
    return measures.pop(), sorted(target.value for target in parsed)


@app.command()
def verify(folder: Annotated[Path, typer.Argument(help="Folder of a stimulus set.")]) -> None:
    """Check every file, area, mask, loss and matched covariate of a stimulus set.

    Example: fechner stimuli verify stimuli
    """
    from fechner.cli.console import console
    from fechner.errors import RefusedError
    from fechner.records.stimuli import read_stimulus_set
    from fechner.stimuli.balance import OUT_OF_BALANCE, standardised_differences
    from fechner.stimuli.checks import problems_of

    found = read_stimulus_set(folder)
    problems = problems_of(found)
    for line in problems[:-1]:
        console.print(line, markup=False, soft_wrap=True)
    if problems:
        more = f" (and {len(problems) - 1} above)" if problems[1:] else ""
        raise RefusedError(
            f"{problems[-1]}{more}; the set is not as it was built, restore it or build it again"
        )
    for row in standardised_differences(found).to_dict("records"):
        kind = "matched" if row["matched"] else "not matched"
        remark = ", out of balance" if abs(row["d"]) > OUT_OF_BALANCE else ""
        console.print(
            f"high - low, {row['covariate']} ({kind}): d {row['d']:+.2f} [{row['low']:+.2f}, "
            f"{row['high']:+.2f}]{remark}",
            markup=False,
        )
    console.print(f"{_pictures(found)} are as they were built; set {found.sha256[:12]}")


@app.command("import")
def import_set(
    table: Annotated[Path, typer.Argument(help="CSV: file, scene, region, ... of each picture.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the stimulus set; new or empty.")
    ],
    masks: Annotated[
        Path | None, typer.Option(help="Folder of regions, SCENE_REGION.png each.")
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(help="Folder of importance maps, SCENE.png each.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Loss of a level such as mse=60; repeat for several.")
    ] = None,
    jobs: Jobs = 0,
    cluster: Cluster = None,
) -> None:
    """Take in a finished stimulus set from elsewhere, with the checks of verify.

    Example: fechner stimuli import theirs/pictures.csv --out stimuli --target mse=60
    """
    from fechner.cli.console import console
    from fechner.compression.degrading.matching import Loss
    from fechner.executors import executor
    from fechner.stimuli.exchange.importing import import_stimuli

    measure, values = _levels(target) if target else ("mse", [])
    with executor(jobs, cluster) as pool:
        made = import_stimuli(
            table,
            out,
            masks=masks,
            maps=maps,
            targets=[Loss(measure, value) for value in values],
            pool=pool,
        )
    console.print(_counted(made, out), markup=False, soft_wrap=True)
    if maps is None:
        console.print("no importance maps: predicted_impact equals mse")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a stimulus set.")],
    zip_file: Annotated[
        Path | None, typer.Option("--zip", help="Write one zip for a public archive.")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Whose photographs these are, and their licence (for --zip).")
    ] = "",
    bids: Annotated[
        Path | None, typer.Option(help="Write FOLDER/stimuli with a table, as BIDS has it.")
    ] = None,
) -> None:
    """Write a stimulus set for others: a zip with README, licences and digests, or BIDS.

    Example: fechner stimuli export stimuli --zip stimuli.zip --licence "Kodak, free to use"
    """
    from fechner.cli.console import console
    from fechner.errors import InputError
    from fechner.records.stimuli import read_stimulus_set
    from fechner.stimuli.exchange.leaving import export_bids, export_zip

    found = read_stimulus_set(folder)
    if zip_file is None and bids is None:
        raise InputError("say where the set goes: --zip FILE or --bids FOLDER")
    if zip_file is not None:
        console.print(f"{export_zip(found, zip_file, licence=licence)}", soft_wrap=True)
    if bids is not None:
        console.print(f"{export_bids(found, bids)}", soft_wrap=True)


@app.command()
def sheet(
    folder: Annotated[Path, typer.Argument(help="Folder of a stimulus set.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="A page (.html) or one picture (.png); FOLDER/sheet.html otherwise."
        ),
    ] = None,
    maps: Annotated[Path | None, typer.Option(help="Folder of the importance maps.")] = None,
    scene: Annotated[list[str] | None, typer.Option(help="Only this scene; repeat.")] = None,
) -> None:
    """Show every scene: picture, map, regions, arms, what changed, numbers, and who was left out.

    Coded pictures are shown at native resolution where the arms differ most.

    Example: fechner stimuli sheet stimuli --maps maps
    """
    from fechner.cli.console import console
    from fechner.errors import InputError, nearest
    from fechner.records.stimuli import read_stimulus_set
    from fechner.stimuli.coded.sheet import coded_section, coded_sheet
    from fechner.stimuli.sheet_page import write_sheet_page
    from fechner.stimuli.sheets import contact_sheet

    found = read_stimulus_set(folder)
    coded = found.has_coded_files
    for name in scene or []:
        if name not in found.scenes:
            raise InputError(f"no scene {name!r} in {folder}; {nearest(name, found.scenes)}")
    out = out or folder / "sheet.html"
    scenes = scene or ()
    if out.suffix == ".png":
        draw = coded_sheet if coded else contact_sheet
        made = draw(found, out, maps=maps, scenes=scenes)
    else:
        section = coded_section if coded else None
        made = write_sheet_page(found, out, maps=maps, scenes=scenes, section=section)
    console.print(f"{made}", soft_wrap=True)


@app.command()
def balance(
    folder: Annotated[Path, typer.Argument(help="Folder of a stimulus set.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Also write every scene's differences as CSV."),
    ] = None,
) -> None:
    """Show how alike the arms are: what was matched and what was left over.

    Example: fechner stimuli balance stimuli --out balance.csv
    """
    from rich.table import Table

    from fechner.cli.console import console
    from fechner.errors import InputError
    from fechner.provenance import write_text
    from fechner.records.cells import csv_text
    from fechner.records.stimuli import read_stimulus_set
    from fechner.stimuli import balance as balances

    stimuli = read_stimulus_set(folder)
    if stimuli.has_coded_files:
        raise InputError(
            f"{folder} holds coded pictures, which have no matched regions; see fechner stimuli "
            "verify and sheet"
        )
    found = balances.balance_table(stimuli)
    shown = balances.balance_summary(found)
    table = Table("relative difference", title=f"{found['scene'].nunique()} scenes")
    for column in shown.columns:
        table.add_column("\n".join(column), justify="right")
    for name, row in shown.iterrows():
        table.add_row(str(name).removeprefix("cov_"), *(f"{value:+.1%}" for value in row))
    console.print(table)
    if out is not None:
        write_text(out, csv_text(found, out))
