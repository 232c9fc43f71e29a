"""One frame for every page: contents that stay in view, charts to take along, dark, print.

`rendered` fills a template that extends ``frame.html.j2``. What a page consists of (headings,
charts, tables, pictures) are the macros of ``parts.html.j2``; a heading enters the contents.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from fechner import __version__
from fechner.report.charts.chart import Chart
from fechner.report.manuscript.exact_table import ExactTable
from fechner.report.manuscript.written import as_html
from fechner.report.style import ARM_NAMES

MOST_CARRIED = 200_000
"""Characters of a table above which the page names its file instead of carrying it."""


def rendered(
    template: str,
    *,
    charts: Mapping[str, Chart],
    exact: Mapping[str, ExactTable],
    tables_folder: str,
    **parts: Any,
) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    template
        Its template, which extends the frame.
    charts
        The charts of the page by name.
    exact
        The tables with all their digits that the page carries or names.
    tables_folder
        Where these lie beside the page: ``tables/``, or nothing for the page's own folder.
    parts
        What else the template shows.

    Returns
    -------
    str
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fechner.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"italics": as_html, "base64": _base64}
    shared = {"arm_names": ARM_NAMES, "most_carried": MOST_CARRIED, "version": __version__}
    return environment.get_template(template).render(
        charts=charts, exact=exact, tables_folder=tables_folder, contents=[], **shared, **parts
    )


def _base64(text: str) -> str:
    return b64encode(text.encode("utf-8")).decode()
