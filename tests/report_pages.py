"""What a page of any study must be, whoever reads it: contents, charts to take along, Chromium."""

import base64
import io
import json
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from fechner.report import pdf
from fechner.report.style import NARROW, WIDTH

BROWSER = pdf.browser()
WIDTHS = (390, 768, 1280)


def decoded(uri):
    return base64.b64decode(uri.partition(",")[2])


def taken(page):
    """Every link to a file in the page, by the name of the file."""
    return dict(re.findall(r'download="([^"]+)" href="(data:[^"]+)"', page))


def charts_of(page):
    return re.findall(r'<figure class="chart">(.*?)</figure>', page, re.S)


def check_contents(page):
    """Both lists of contents name every heading of the page that has an id, and lead to it."""
    listed = re.findall(r'<li(?: class="sub")?><a href="#([^"]+)">([^<]+)</a></li>', page)
    headings = re.findall(r'<h[23] id="([^"]+)">([^<]+)</h[23]>', page)
    half = len(listed) // 2
    assert listed[:half] == listed[half:]
    verdict = [("verdict", "Verdict")] if 'id="verdict"' in page else []
    assert listed[:half] == verdict + headings
    assert len(re.findall(r"<h2[ >]", page)) == len(re.findall(r"<h2 id=", page)) > 2


def check_charts(page):
    """Every chart has two widths, ids of its own, and leaves as SVG, PNG and CSV."""
    for one in charts_of(page):
        wide, narrow = (
            float(found) for found in re.findall(r'<svg role="img"[^>]*? width="([\d.]+)pt"', one)
        )
        assert (wide, narrow) == pytest.approx((72 * WIDTH, 72 * NARROW), abs=0.01)
        assert one.count(">SIMULATED<") == 2
        own = taken(one)
        assert [name.rpartition(".")[2] for name in own][:3] == ["svg", "png", "csv"]
        assert all(name.startswith("SIMULATED_") for name in own)
        for name, uri in own.items():
            if name.endswith(".svg"):
                text = decoded(uri).decode("utf-8")
                ET.fromstring(text)
                assert "var(--" not in text and "SIMULATED" in text
            elif name.endswith(".png"):
                with Image.open(io.BytesIO(decoded(uri))) as picture:
                    assert picture.width >= 700
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    meant = set(re.findall(r'(?:url\(#|xlink:href="#|href="#)([^")]+)', page))
    assert meant <= set(ids)


MEASURE = """<body>%s<pre id="out"></pre><script>
window.onload = () => setTimeout(() => {
  const out = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, seen = one => one.getClientRects().length > 0;
    const shown = one => page.defaultView.getComputedStyle(page.querySelector(one)).display;
    const text = [...page.querySelectorAll(".chart svg text")].filter(seen).map(one => {
      const svg = one.ownerSVGElement;
      return parseFloat(page.defaultView.getComputedStyle(one).fontSize)
        * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    });
    return {
      width: page.documentElement.clientWidth, needs: page.documentElement.scrollWidth,
      contents: shown(".contents"), menu: shown(".menu"), smallest: Math.min(...text),
      background: page.defaultView.getComputedStyle(page.documentElement).backgroundColor,
    };
  });
  document.getElementById("out").textContent = JSON.stringify(out);
}, 200);
</script></body>"""


def measured(page, folder, *options):
    """What the page is like at `WIDTHS`, in frames of one window."""
    frames = "".join(
        f'<iframe src="{page.as_uri()}" width="{w}" height="900"></iframe>' for w in WIDTHS
    )
    (folder / "frames.html").write_text(MEASURE % frames, "utf-8")
    said = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}", *options,
         "--virtual-time-budget=20000", "--dump-dom", (folder / "frames.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    return json.loads(re.search(r'<pre id="out">(.*?)</pre>', said, re.S)[1])


def check_in_browser(page, folder):
    """Nothing is wider than its screen, charts can be read, contents stay in view or fold."""
    telephone, tablet, desk = measured(page, folder)
    for found, width in zip((telephone, tablet, desk), WIDTHS, strict=True):
        assert found["needs"] == found["width"] == pytest.approx(width, abs=4)
        assert found["smallest"] >= 8
    assert (desk["contents"], desk["menu"]) == ("block", "none")
    assert (telephone["contents"], telephone["menu"]) == ("none", "block")
