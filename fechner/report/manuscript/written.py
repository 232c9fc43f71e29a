"""The manuscript as a file and as a part of the page: headings, paragraphs, references.

The text is Markdown with asterisks around italics and nothing else; the page turns these into
``<em>``.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from fechner.provenance import write_text
from fechner.report.artefacts import Artefacts
from fechner.report.manuscript.methods import methods
from fechner.report.manuscript.references import cited
from fechner.report.manuscript.results import results

Paragraphs = list[tuple[str, str]]


@dataclass(frozen=True)
class Manuscript:
    """Methods, results (heading and text of each paragraph) and the references that they cite."""

    methods: Paragraphs
    results: Paragraphs
    references: list[str]


def manuscript(study: Artefacts) -> Manuscript:
    """Return what the study gives to a paper."""
    found, told = methods(study), results(study)
    return Manuscript(found, told, cited(text for _, text in [*found, *told]))


def write_manuscript(study: Artefacts, title: str, found: Manuscript) -> None:
    """Write the manuscript as Markdown beside the report.

    Parameters
    ----------
    study
        Beside whose report it goes.
    title
        The first heading; it says SIMULATED where anything is.
    found
        What the study gives to a paper.
    """
    lines = [f"# {title}", ""]
    for heading, paragraphs in (("Method", found.methods), ("Results", found.results)):
        if paragraphs:
            lines += [f"## {heading}", ""]
            lines += [part for name, text in paragraphs for part in (f"### {name}", "", text, "")]
    if found.references:
        lines += ["## References", ""]
        lines += [part for entry in found.references for part in (entry, "")]
    write_text(study.layout.manuscript, "\n".join(lines))


def as_html(text: str) -> str:
    """Return a paragraph as HTML: everything escaped, ``*x*`` in italics.

    >>> as_html("*t*(3) < 2 & *p* = .04")
    '<em>t</em>(3) &lt; 2 &amp; <em>p</em> = .04'
    """
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", html.escape(text, quote=False))
