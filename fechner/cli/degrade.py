"""``fechner degrade``: one picture, degraded inside a region, at a stated loss."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fechner.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from fechner.compression.degrading.degrade import Family
    from fechner.compression.degrading.matching import Matched


class Region(str, Enum):
    """Where a picture can be degraded."""

    low = "low"
    high = "high"
    middle = "middle"
    random = "random"
    centre = "centre"
    everywhere = "everywhere"


def degrade(
    image: Annotated[Path, typer.Argument(help="The picture.")],
    family: Annotated[
        str,
        typer.Option(help="blur, noise, jpeg, downsample, contrast, colour, levels or phase."),
    ] = "blur",
    target: Annotated[
        str | None,
        typer.Option(
            help="What is lost over the whole picture: mse=, ssim= (1 - SSIM), ss2= (points below "
            "100) or bytes= (of a JPEG)."
        ),
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="Strength in the family's unit instead of a target.")
    ] = None,
    cutoff: Annotated[
        float | None,
        typer.Option(help="For blur: cycles per degree at which contrast is halved."),
    ] = None,
    pixels_per_degree: Annotated[
        float | None, typer.Option(help="Of the display; needed with --cutoff.")
    ] = None,
    region: Annotated[Region, typer.Option(help="Where.")] = Region.low,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="Importance map (grey PNG of the picture's size)."),
    ] = None,
    share: Annotated[float, typer.Option(help="Area of the region, share of the picture.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Of noise, phases and random regions.")] = 0,
    max_strength_ratio: Annotated[
        float, typer.Option(help="Refuse if low and high need strengths further apart.")
    ] = 1.5,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The degraded PNG; IMAGE_FAMILY_REGION.png otherwise."),
    ] = None,
    picture: Annotated[bool, typer.Option(help="Also draw before, mask and after.")] = True,
) -> None:
    """Degrade a region of one picture; outside it nothing changes, bit for bit.

    Example: fechner degrade cat.png --map maps/cat.png --family blur --target mse=25 --region low
    """
    from fechner.cli.console import console
    from fechner.compression.degrading.degrade import family_named
    from fechner.records.images.files import read_image, write_png

    out = out or image.with_name(f"{image.stem}_{family}_{region.value}.png")
    if out.suffix.lower() != ".png":
        raise InputError(f"--out expects a .png, which loses nothing more, got {out}")
    kind = family_named(family)
    strength = _strength(kind, target, strength, cutoff, pixels_per_degree)
    pixels = read_image(image)
    masks = _masks(pixels, map_file, region, share, seed)
    made = _degraded(pixels, masks, kind, target, strength, max_strength_ratio, seed, region)
    write_png(out, made.image)
    console.print(_summary(pixels, made, kind, masks[region.value], out))
    if picture:
        sheet = out.with_name(f"{out.stem}_sheet.png")
        write_png(sheet, _before_and_after(pixels, made, masks[region.value], map_file))
        console.print(f"before, mask and after: {sheet}")


def _strength(
    kind: Family,
    target: str | None,
    strength: float | None,
    cutoff: float | None,
    pixels_per_degree: float | None,
) -> float | None:
    """Return the strength that was asked for; None where a target was."""
    from fechner.compression.degrading.degrade import sigma_for_cutoff

    if sum(value is not None for value in (target, strength, cutoff)) != 1:
        raise InputError(
            "say how much is degraded in one way: --target mse=25, --strength NUMBER, or "
            "--cutoff CYCLES with --pixels-per-degree"
        )
    if cutoff is None:
        return strength
    if kind.name != "blur":
        raise InputError(f"--cutoff is a strength of blur, not of {kind.name}; use --strength")
    if pixels_per_degree is None or pixels_per_degree <= 0 or cutoff <= 0:
        raise InputError("--cutoff expects cycles per degree above 0 and --pixels-per-degree")
    return sigma_for_cutoff(cutoff, pixels_per_degree)


def _masks(
    pixels: np.ndarray, map_file: Path | None, region: Region, share: float, seed: int
) -> dict[str, np.ndarray]:
    """Return the soft mask of the wanted region; of low and high, both, so that they compare."""
    import numpy as np

    from fechner.compression.regions import controls
    from fechner.compression.regions import matched as regions
    from fechner.compression.regions.blocks import BlockGrid
    from fechner.records.images.files import read_map_png

    options = regions.RegionOptions(share=share)
    height, width = pixels.shape[:2]
    if region is Region.everywhere:
        return {region.value: np.ones((height, width), np.float32)}
    grid = BlockGrid.fitting(height, width)
    count = options.patches(grid)
    if region is Region.random:
        rng = np.random.default_rng(seed)
        chosen = controls.random_region(grid, patches=count, side=options.patch, rng=rng)
    elif region is Region.centre:
        chosen = controls.centre_region(grid, count * options.patch**2)
    else:
        if map_file is None:
            raise InputError(f"--region {region.value} needs an importance map; give --map")
        importance = read_map_png(map_file)
        if region is Region.middle:
            importance = controls.middle_map(importance)
        found = regions.matched_regions(pixels, importance, options=options)
        if region is Region.middle:
            return {region.value: found.soft["high"]}
        return dict(found.soft)
    return {region.value: regions.feather(chosen, options.feather * grid.block)}


def _degraded(
    pixels: np.ndarray,
    masks: dict[str, np.ndarray],
    kind: Family,
    target: str | None,
    strength: float | None,
    max_strength_ratio: float,
    seed: int,
    region: Region,
) -> Matched:
    from fechner.compression.degrading.degrade import degrade as degraded
    from fechner.compression.degrading.matching import Matched, match_strengths, parse_loss
    from fechner.compression.metrics.quality import mse

    if strength is not None:
        image = degraded(pixels, kind.name, strength, mask=masks[region.value], seed=seed)
        return Matched(strength, mse(pixels, image), image)
    matched = match_strengths(
        pixels,
        masks,
        kind.name,
        parse_loss(target or ""),
        max_strength_ratio=max_strength_ratio,
        seed=seed,
    )
    return matched[region.value]


def _summary(pixels: np.ndarray, made: Matched, kind: Family, mask: np.ndarray, out: Path) -> str:
    from fechner.compression.metrics.quality import mse, ssim

    return (
        f"{kind.name} {made.strength:.4g} {kind.unit} on {100 * mask.mean():.1f} % of the picture: "
        f"mse {mse(pixels, made.image):.2f}, 1 - SSIM {1 - ssim(pixels, made.image):.4f}; {out}"
    )


def _before_and_after(
    pixels: np.ndarray, made: Matched, mask: np.ndarray, map_file: Path | None
) -> np.ndarray:
    import numpy as np

    from fechner.records.images.files import read_map_png
    from fechner.stimuli.overlays import coloured_map
    from fechner.stimuli.sheets import sheet_of

    grey = np.repeat(np.rint(mask * 255).astype(np.uint8)[..., None], 3, axis=2)
    row = [("before", pixels), ("mask", grey), ("after", made.image)]
    if map_file is not None:
        row.insert(1, ("importance", coloured_map(read_map_png(map_file))))
    return sheet_of([row], width=360)
