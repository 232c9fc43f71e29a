"""``fechner layers plot``: the page of a finished layer study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    folder: Annotated[Path, typer.Argument(help="What fechner layers run wrote (--out).")],
    readout: Annotated[
        str | None,
        typer.Option(
            "--readout",
            "-r",
            help="Read-out of the charts with one line a network; euclid by default.",
        ),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print it as PDF too; needs Chromium, Chrome or Edge.")
    ] = False,
) -> None:
    """Write layers.html: the figures, the table, and what they leave open.

    Example: fechner layers plot study
    """
    from fechner.cli.console import console
    from fechner.report.layers.layer_page import write_layer_page

    page = write_layer_page(folder, readout=readout)
    console.print(f"wrote {page}", soft_wrap=True)
    if pdf:
        from fechner.report.pdf import write_pdf

        console.print(f"wrote {write_pdf(page, page.with_suffix('.pdf'))}", soft_wrap=True)
