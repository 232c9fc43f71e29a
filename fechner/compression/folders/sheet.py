"""The page of a run: every input, and crops of the pictures that lost most.

One self-contained HTML file that reads on a telephone as on a wide screen: tiles wrap, and the
table's rows become cards where there is no room for its columns.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from fechner.compression.folders.panels import ERROR_GAIN, TILES, tiles_of
from fechner.compression.folders.summary import STATUSES, SummaryRow, totals

MOST_SHOWN = 60
"""Pictures shown with crops; those whose worst place scores lowest are taken."""


def sheet_html(rows: Sequence[SummaryRow], panels: Mapping[str, Path], *, about: str) -> str:
    """Return the page of a run.

    Parameters
    ----------
    rows
        One an input.
    panels
        Name of a picture and the file of its strip (`fechner.compression.folders.panels`).
    about
        One sentence: what was done.
    """
    from jinja2 import Environment

    good = [row for row in rows if row.status == "compressed" and row.image in panels]
    worst = sorted(good, key=_lowest)
    shown = [(row, _groups(panels[row.image])) for row in worst if panels[row.image].is_file()]
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)
    return page.render(
        rows=sorted(rows, key=lambda row: STATUSES.index(row.status)),
        shown=shown[:MOST_SHOWN],
        left_out=len(shown) - len(shown[:MOST_SHOWN]),
        sums=totals(rows),
        about=about,
        gain=ERROR_GAIN,
        brightest=255 // ERROR_GAIN,
    )


def _lowest(row: SummaryRow) -> float:
    known = (row.ss2_worst_tile, row.ss2_background, 0.0)
    return next(value for value in known if value is not None)


def _groups(strip: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each group's title and its tiles: label and base64 of a PNG."""
    tiles = (base64.b64encode(tile).decode() for tile in tiles_of(strip.read_bytes()))
    return [(title, [(label, next(tiles)) for label in labels]) for title, labels in TILES]


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Compressed pictures</title>
<style>
 body { font: 15px/1.45 system-ui, sans-serif; margin: 1.2em; color: #222; }
 h2 { margin: 1.6em 0 .4em; } p { max-width: 46em; }
 .picture { margin: 0 0 1.6em; border-top: 1px solid #ccc; padding-top: .6em; }
 .name, td { overflow-wrap: anywhere; }
 .groups { display: flex; flex-wrap: wrap; gap: .6em 1.8em; margin-top: .4em; }
 .group > div { display: flex; flex-wrap: wrap; gap: 4px; }
 .group h3 { font-size: 1em; font-weight: 600; margin: 0 0 .2em; }
 figure { margin: 0; } figcaption { font-size: 13px; color: #555; }
 img { image-rendering: pixelated; display: block; max-width: 100%; }
 .bar { display: inline-block; width: 8em; height: .8em; vertical-align: baseline;
  background: linear-gradient(90deg,#000004,#420a68,#932667,#dd513a,#fca50a,#fcffa4); }
 table { border-collapse: collapse; }
 td, th { padding: .15em .7em; text-align: right; vertical-align: top; }
 td.text, th.text { text-align: left; } tbody tr:nth-child(even) { background: #f4f4f4; }
 .failed td.status { color: #a00; font-weight: 600; }
 @media (max-width: 899px) {
  thead { display: none; } tr { display: block; padding: .4em; }
  td, td.text { display: inline-block; text-align: left; padding: 0; margin-right: .9em; }
  td:empty { display: none; } td[data-label]::before { content: attr(data-label) " "; color: #666; }
  td:first-child { display: block; font-weight: 600; }
 }
</style></head><body>
<h1>Compressed pictures</h1>
<p>{{ about }}
{% for status, count in sums.counts.items() %}{{ ", " if not loop.first }}{{ count }} {{ status }}
{%- endfor %}: {{ "{:,}".format(sums.bytes_before) }} to {{ "{:,}".format(sums.bytes_after) }}
bytes, {{ "%.1f"|format(sums.saved_percent) }} % saved.</p>
{% if shown %}
<h2>Crops</h2>
<p>Pixel for pixel, the pictures whose worst place scored lowest first: the tile of 96
pixels with the lowest score (of pictures that are searched on a sample, where the error is largest
outside the important quarter). Errors are mean differences of
the three channels, {{ gain }} times brightened: <span class="bar"></span> 0 to {{ brightest }}
levels of 255. ss2 is SSIMULACRA2 against the source: 90 cannot be told from it, 70 is high
quality; "important" is the most important quarter, "rest" the other three.</p>
{% for row, groups in shown %}
<section class="picture"><div class="name"><b>{{ row.image }}</b>
{{ "{:,}".format(row.bytes_before) }} to {{ "{:,}".format(row.bytes_after) }} bytes
({{ "%.1f"|format(row.saved_percent) }} % saved), ss2 important
{{ "%.1f"|format(row.ss2_important) }}, rest {{ "%.1f"|format(row.ss2_background) }}
{%- if row.ss2_worst_tile is not none %}, worst tile
{{ "%.1f"|format(row.ss2_worst_tile) }}{% endif %}
{%- if row.note %} ({{ row.note }}){% endif %}</div>
<div class="groups">{% for title, tiles in groups %}
<div class="group"><h3>{{ title }}</h3><div>{% for label, tile in tiles %}
<figure><img src="data:image/png;base64,{{ tile }}" alt="{{ title }}, {{ label }}: {{ row.image }}">
<figcaption>{{ label }}</figcaption></figure>{% endfor %}</div></div>{% endfor %}
</div></section>
{% endfor %}
{% if left_out %}<p>and {{ left_out }} more, which scored higher; all are in the table.</p>
{% endif %}
{% endif %}
<h2>All inputs</h2>
<table><thead><tr><th class="text">input</th><th class="text">became</th><th>bytes before</th>
<th>after</th><th>saved %</th><th>plain JPEG</th><th>ss2 important</th><th>rest</th>
<th>worst tile</th>
<th class="text">why, and what to know</th></tr></thead><tbody>
{% for row in rows %}
<tr class="{{ row.status }}"><td class="text">{{ row.image }}</td>
<td class="text status" data-label="became">{{ row.status }}</td>
<td data-label="bytes before">{{ "{:,}".format(row.bytes_before) }}</td>
{% if row.output %}
<td data-label="after">{{ "{:,}".format(row.bytes_after) }}</td>
<td data-label="saved %">{{ "%.1f"|format(row.saved_percent) }}</td>
{% else %}<td></td><td></td>{% endif %}
<td data-label="plain JPEG">{{ "{:,}".format(row.bytes_plain) if row.bytes_plain }}</td>
<td data-label="ss2 important">
{{- "%.1f"|format(row.ss2_important) if row.ss2_important is not none }}</td>
<td data-label="ss2 rest">
{{- "%.1f"|format(row.ss2_background) if row.ss2_background is not none }}</td>
<td data-label="ss2 worst tile">
{{- "%.1f"|format(row.ss2_worst_tile) if row.ss2_worst_tile is not none }}</td>
<td class="text" {{ 'data-label=note' if row.note }}>{{ row.note }}</td></tr>
{% endfor %}
</tbody></table>
</body></html>
"""
