"""``fechner report``: write the report of a study from what its folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    study: Annotated[Path, typer.Argument(help="Folder of the study.")] = Path(),
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print report.pdf too; needs Chromium, Chrome or Edge.")
    ] = False,
) -> None:
    """Write report.html of a study, finished or not, from its artefacts alone.

    Beside it lie manuscript.md (methods and results in words) and tables/ (every table as CSV).

    Example: fechner report my-study --pdf
    """
    from fechner.cli.console import console
    from fechner.report.page import write_report

    page = write_report(study)
    console.print(f"wrote {page}", soft_wrap=True)
    if pdf:
        from fechner.report.pdf import write_pdf

        console.print(f"wrote {write_pdf(page, page.with_suffix('.pdf'))}", soft_wrap=True)
