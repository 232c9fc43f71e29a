"""``fechner report``: write the report of a study from what its folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    study: Annotated[Path, typer.Argument(help="Folder of the study.")] = Path(),
) -> None:
    """Write report.html of a study, finished or not, from its artefacts alone.

    Example: fechner report my-study
    """
    from fechner.cli.console import console
    from fechner.report.page import write_report

    console.print(f"wrote {write_report(study)}", soft_wrap=True)
